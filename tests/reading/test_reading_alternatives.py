"""A second look at doubtful words: asked of Tesseract itself, on pages rendered here."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.page_result import DigitisedPage, pack_page, unpack_page
from pipeline.reading.correction import correct
from schemas.page import (
    Block,
    Box,
    Codec,
    EncodedImage,
    LetterChoice,
    Line,
    PagePicture,
    PageText,
    ReadingImage,
    RunImage,
    Verdict,
    Word,
)
from schemas.report import OcrReport, PageReport, SecondsReport

pytest.importorskip("tesserocr")
from pipeline.reading.alternatives import (
    align,
    crop_from_page,
    crop_from_runs,
    weigh_words,
)
from pipeline.reading.tesserocr_engine import TesserocrEngine

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
PRINTED = ("cơ", "quan", "có", "thẩm", "quyền", "TỈNH")

needs_font = pytest.mark.skipif(not FONT.exists(), reason="fonts-croscore is not installed")


def _print_line() -> tuple[ReadingImage, RunImage, tuple[Box, ...]]:
    font = ImageFont.truetype(str(FONT), 56)
    page = Image.new("L", (1300, 300), 255)
    draw = ImageDraw.Draw(page)
    boxes, x = [], 60.0
    for word in PRINTED:
        draw.text((x, 110), word, font=font, fill=0)
        boxes.append(Box(*draw.textbbox((x, 110), word, font=font)))
        x += draw.textlength(word + " ", font=font)
    return ReadingImage(np.asarray(page), 300.0, 1.0), tuple(boxes)


def _page(texts: tuple[str, ...], boxes: tuple[Box, ...]) -> PageText:
    line = Line(tuple(Word(text, 0.9, box) for text, box in zip(texts, boxes, strict=True)), boxes[0])
    return PageText(1300, 300, "test", "vie", (Block((line,), line.box),))


@needs_font
def test_the_ink_tells_which_letter_was_printed() -> None:
    """Misread without its marks, the word's ink still says what stands there."""
    image, boxes = _print_line()
    read = _page(("cơ", "quan", "có", "thâm", "quyên", "TINH"), boxes)
    engine = TesserocrEngine()
    weighed = weigh_words(engine._api, read, [3, 5], crop_from_page(image, read))
    assert [bool(word.alternatives) for word in weighed.words] == [False, False, False, True, False, True]
    best = ["".join(min(place, key=lambda choice: choice.cost).letter for place in word.alternatives)
            for word in weighed.words if word.alternatives]  # fmt: skip
    assert best == ["thẩm", "TỈNH"]
    assert [word.text for word in correct(weighed).words][3:5] == ["thẩm", "quyền"]
    engine.close()


@needs_font
def test_reading_goes_on_as_before_after_a_second_look() -> None:
    image, boxes = _print_line()
    engine = TesserocrEngine()
    before = engine.read(image, width_px=1300, height_px=300, timeout_s=60)
    read = _page(PRINTED, boxes)
    weigh_words(engine._api, read, range(len(PRINTED)), crop_from_page(image, read))
    assert engine.read(image, width_px=1300, height_px=300, timeout_s=60) == before
    engine.close()


def test_words_are_cut_from_the_run_they_stand_in() -> None:
    upper = np.repeat(np.arange(200, dtype=np.uint8)[None, :], 36, axis=0)
    runs = [
        RunImage(upper, upper, left=100.0, top=50.0, scale_x=0.5, scale_y=0.5, block=0, row=0),
        RunImage(255 - upper, upper, left=100.0, top=200.0, scale_x=0.5, scale_y=0.5, block=0, row=1),
    ]
    page = _page(("một", "hai", "ba"), (Box(140, 60, 200, 110), Box(140, 210, 200, 260), Box(0, 0, 9, 9)))
    crop_of = crop_from_runs(runs, page)
    first, second = crop_of(0), crop_of(1)
    assert first is not None and second is not None
    assert first.shape[0] == 36
    assert (
        first[0, 0] <= 20 and 50 <= first[0, -1] <= 55
    )  # from (140 - 100) / 2 to (200 - 100) / 2, a little more
    assert second[0, 0] >= 235
    assert crop_of(2) is None


def _symbols(*letters: str) -> list[dict[str, float]]:
    return [{letter: 1.0, "#": 30.0} for letter in letters]


def test_symbols_are_aligned_by_their_bare_letters() -> None:
    aligned = align("(thâm,", _symbols(" ", "(", "t", "h", "ẩ", "m", ","))
    assert [place[0].letter if place else "" for place in aligned] == ["", "t", "h", "ẩ", "m", ""]
    assert align("thâm", _symbols("t", "h", "m")) == ()
    assert align("--", _symbols("-", "-")) == ()


def test_alternatives_are_not_stored() -> None:
    image = EncodedImage(Codec.FLATE, b"", 1, 1, 1)
    word = Word(
        "kê", 0.9, Box(0, 0, 1, 1), alternatives=((LetterChoice("k", 1.0),), (LetterChoice("ê", 1.0),))
    )
    text = PageText(1, 1, "test", "vie", (Block((Line((word,), word.box),), word.box),))
    report = PageReport(
        number=1, width_px=1, height_px=1, dpi=300, quarter_turn=0, skew_deg=0.0, flattened=False,
        verdict=Verdict.READABLE, reasons=(), quality={}, text="kê",
        ocr=OcrReport(engine="test", model="vie", mean_confidence=0.9, words=1, syllable_validity=1.0),
    )  # fmt: skip
    seconds = SecondsReport(image=0.0, reading=0.0, binding=0.0, signing=0.0)
    page = DigitisedPage(report, text, PagePicture(image, 1.0, 1.0, (1, 0, 0, 1, 0, 0)), seconds)
    packed = pack_page(page)
    assert b"alternatives" not in packed
    stored = unpack_page(packed)
    assert stored.text.words == (replace(word, alternatives=()),)
