"""Repairs that spelling proves: right ones made, everything else left as read."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.correction import correct
from pipeline.reading.syllables import valid_syllables
from schemas.page import Block, Box, Line, PageText, Word

GAP_PX = 10.0


def _page(*words: str, gap_px: float = GAP_PX) -> PageText:
    """One line of words 100 px wide and 40 px high."""
    placed = tuple(
        Word(word, 0.8, Box(at * (100 + gap_px), 0.0, at * (100 + gap_px) + 100, 40.0))
        for at, word in enumerate(words)
    )
    box = Box(0.0, 0.0, max((word.box.right for word in placed), default=0.0), 40.0)
    return PageText(2000, 100, "test", "vie", (Block((Line(placed, box),), box),))


def _corrected(*words: str) -> list[str]:
    return [word.text for word in correct(_page(*words)).words]


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("câp", "cấp"),
        ("CHÂT,", "CHẤT,"),
        ("(viêc)", "(việc)"),
        ("Quyềt", "Quyết"),
        ("QUYÉT", "QUYẾT"),
        ("KIÉN", "KIẾN"),
        ("sỐ", "số"),
        ("Ðiều", "Điều"),
        ("ðồng", "đồng"),
        ("154/2020/NÐ-CP", "154/2020/NĐ-CP"),
        ("154/2020/ND-CP", "154/2020/NĐ-CP"),
        ("01\u20442024NĐ-CP", "01/2024/NĐ-CP"),
        ("1456/QD-TTg", "1456/QĐ-TTg"),
        ("24/2013/NQ-HDND", "24/2013/NQ-HĐND"),
        ("15/2020/TT-BGDDT", "15/2020/TT-BGDĐT"),
        (unicodedata.normalize("NFD", "tỉnh"), "tỉnh"),
    ],
)
def test_repairs_and_keeps_what_was_read(read: str, meant: str) -> None:
    word = correct(_page(read)).words[0]
    assert (word.text, word.raw) == (meant, read)


@pytest.mark.parametrize(
    "read",
    # two attested tones, foreign words, capitals, codes, an accented place name, right words
    [
        *("thât", "phat", "Internet", "Mac", "it", "client", "UBND", "VT", "TTr", "HD", "VND"),
        *("154/2020/NĐCP", "2024", "l6", "cấp", "hoà", "hòa", "Lắk", "kiêm", "Daniel"),
    ],
)
def test_leaves_alone_what_is_not_proved(read: str) -> None:
    word = correct(_page(read)).words[0]
    assert (word.text, word.raw) == (read, None)


def test_joins_a_document_number_torn_at_its_hyphen() -> None:
    page = correct(_page("số", "15/2020/TT-", "BGDDT,", gap_px=1.0))
    assert [word.text for word in page.words] == ["số", "15/2020/TT-BGDĐT,"]
    joined = page.words[1]
    assert joined.raw == "15/2020/TT- BGDDT,"
    assert (joined.box.left, joined.box.right) == (101.0, 302.0)
    assert _corrected("11/CT-", "TTg") == ["11/CT-", "TTg"]  # a real gap between them


WORDS = st.one_of(
    st.text(min_size=1, max_size=12).filter(lambda text: text.split() == [text]),
    st.sampled_from(sorted(valid_syllables())),
    st.from_regex(r"\d{1,3}[/⁄]\d{4}/?(NÐ|ND|QD|NQ|TT)-(CP|HDND|BGDDT)?", fullmatch=True),
    st.text("câpchtkiênểéÐðQUYÉT-/12", min_size=1, max_size=8),
)


@given(st.lists(WORDS, max_size=5), st.floats(-5, 20))
def test_correction_is_safe(words: list[str], gap_px: float) -> None:
    page = _page(*words, gap_px=gap_px)
    once = correct(page)
    assert correct(once) == once
    before, after = (["".join(c for c in w.text if c.isdigit()) for w in p.words] for p in (page, once))
    assert "".join(after) == unicodedata.normalize("NFC", "".join(before))
    for word in once.words:
        assert unicodedata.is_normalized("NFC", word.text)
    assert all(word.raw is None for word in once.words if word in page.words)


@given(st.sampled_from(sorted(valid_syllables())), st.sampled_from([str.lower, str.upper, str.title]))
def test_valid_syllables_are_never_changed(syllable: str, case: object) -> None:
    word = case(syllable)  # type: ignore[operator]
    assert _corrected(word) == [word]
