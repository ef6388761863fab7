"""An upright page is never turned, however badly it was scanned."""

import random

import cv2
import numpy as np
import pytest
from image_pages import SENTENCES, draw_page, needs_font, scan_of

from pipeline.image.prepare import straighten
from schemas.page import Pixels


def blurred_small_print() -> Pixels:
    """10.5 pt at 300 dpi, out of focus: tone marks melt into their letters, descenders do not."""
    shuffled = random.Random(1).choices(
        [line for line in SENTENCES if line.islower() or len(line) > 60], k=48
    )
    page = draw_page(tuple(shuffled), 300, 10.5)
    return np.asarray(cv2.GaussianBlur(page, (0, 0), 2.4), dtype=np.uint8)


@needs_font
def test_what_blur_leaves_of_the_marks_turns_no_page() -> None:
    upright = straighten(scan_of(blurred_small_print(), 300), None)
    assert upright.orientation.quarter_turn == 0
    assert not upright.orientation.certain


@needs_font
@pytest.mark.parametrize("turn", [0, 180])
def test_a_blurred_page_is_settled_by_reading(turn: int) -> None:
    pytest.importorskip("tesserocr")
    from pipeline.reading.open import open_engine
    from pipeline.reading.strip import weigh_strip

    engine = open_engine("tesserocr")
    lying = np.ascontiguousarray(np.rot90(blurred_small_print(), k=turn // 90))
    upright = straighten(scan_of(lying, 300), lambda grey, dpi: weigh_strip(engine.read_strip(grey, dpi=dpi)))
    engine.close()
    assert (upright.orientation.quarter_turn, upright.orientation.certain) == (turn, True)


@needs_font
def test_a_page_is_turned_over_only_when_reading_says_so_too() -> None:
    lying = scan_of(np.ascontiguousarray(draw_page()[::-1, ::-1]))
    assert straighten(lying, lambda grey, dpi: 0.0).orientation.certain is False
    assert straighten(lying, None).orientation.quarter_turn == 180
