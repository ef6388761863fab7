"""A page that read badly is read a second way, and the better reading is kept."""

import random

from hypothesis import given
from hypothesis import strategies as st

from pipeline.digitise import digitise_page, open_tools
from pipeline.reading.choice import choose_reading, is_doubtful
from schemas.confidence import count_letters, misread_share
from schemas.page import Block, Box, Line, PageText, ScanPage, Verdict, Word
from schemas.settings import Settings
from scripts.bench.scores import character_error_rate
from scripts.samples import damage
from scripts.samples.page import SamplePage
from scripts.samples.scanning import scan
from scripts.samples.typeset import Style, set_prose, set_slip


def text_of(*words: tuple[str, float]) -> PageText:
    box = Box(0, 0, 9, 9)
    line = Line(tuple(Word(text, confidence, box) for text, confidence in words), box)
    return PageText(100, 100, "engine", "vie", (Block((line,), box),) if words else ())


texts = st.lists(st.tuples(st.text("aăâđêô", min_size=1, max_size=8), st.floats(0, 1)), max_size=30).map(
    lambda words: text_of(*words)
)


@given(texts, texts)
def test_the_second_reading_must_tell_more_or_invent_less(first: PageText, second: PageText) -> None:
    chosen = choose_reading(first, second)
    assert chosen is first or chosen is second
    if chosen is second:
        more = count_letters(second.words)[0] > count_letters(first.words)[0]
        assert more or misread_share(second.words) < misread_share(first.words)
    assert choose_reading(first, first) is first
    assert choose_reading(first, text_of()) is first


@given(st.floats(0, 1), st.floats(0, 1))
def test_a_surer_word_is_never_more_likely_wrong(one: float, other: float) -> None:
    low, high = sorted((one, other))
    assert misread_share(text_of(("thôn", high)).words) <= misread_share(text_of(("thôn", low)).words)


def test_pages_that_read_well_or_not_at_all_are_not_read_again() -> None:
    sure = [("thôn", 0.96)] * 40
    assert not is_doubtful(text_of())
    assert not is_doubtful(text_of(*sure))
    assert not is_doubtful(text_of(*[("ư", 0.2)] * 40))
    assert is_doubtful(text_of(*sure, *[("uơng", 0.3)] * 20))


def test_the_back_of_a_slip_that_shines_through_is_not_taken_for_its_text() -> None:
    rng = random.Random("slip")
    slip = set_slip(rng, (), "Tinos")
    height, width = slip.pixels.shape[:2]
    back = set_prose(rng, (), Style("Tinos", 13)).pixels[:height, :width]
    shining = damage.bleed_through(slip, SamplePage(back, (), ""), 0.9)
    scanned = scan(shining, seed=3, skew_deg=0.0)
    tools = open_tools(Settings())
    page = digitise_page(ScanPage(1, scanned.pixels, 300.0, True, False, "image"), tools)
    tools.engine.close()
    assert character_error_rate(page.text.text, slip.text) < 0.15
    assert page.report.verdict is not Verdict.UNREADABLE
