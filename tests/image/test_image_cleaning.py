"""Specks and the dark beside the paper go; dots, marks and everything else that is print stays."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import draw_page, lean, needs_font, scan_of

from pipeline.image.cleaning import find_dark_border, remove_specks
from pipeline.image.prepare import prepare_for_reading, straighten
from schemas.page import Pixels

pytestmark = needs_font


def grey_page(dpi: int, size_pt: float = 13) -> Pixels:
    return np.asarray(cv2.cvtColor(draw_page(dpi=dpi, size_pt=size_pt), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def sprinkle(pixels: Pixels, share: float, side_px: int, seed: int) -> Pixels:
    """Dark dots of `side_px` on so large a share of the pixels, none on print."""
    drawn = pixels.copy()
    rng = np.random.default_rng(seed)
    clear = cv2.erode((pixels > 200).astype(np.uint8), np.ones((11, 11), np.uint8))
    height_px, width_px = pixels.shape
    for y, x in rng.integers(8, (height_px - 8, width_px - 8), (int(share * pixels.size), 2)):
        if clear[y, x]:
            drawn[y : y + side_px, x : x + side_px] = 20
    return drawn


@pytest.mark.parametrize(("dpi", "size_pt"), [(300, 13), (200, 13), (200, 8), (150, 10)])
def test_a_page_without_specks_keeps_every_dot(dpi: int, size_pt: float) -> None:
    page = grey_page(dpi, size_pt)
    assert np.array_equal(remove_specks(page, dpi), page)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 99), share=st.floats(0.001, 0.004), side_px=st.integers(1, 2))
def test_specks_go_and_print_stays(seed: int, share: float, side_px: int) -> None:
    page = grey_page(200)
    cleaned = remove_specks(sprinkle(page, share, side_px, seed), 200)
    print_ = page < 140
    assert np.mean(np.abs(cleaned[print_].astype(int) - page[print_]) > 8) < 0.002
    beside = cv2.dilate((page < 200).astype(np.uint8), np.ones((13, 13), np.uint8)) == 0
    assert np.mean(cleaned[beside] < 140) < 0.1 * share * side_px**2


def test_the_dark_beside_the_paper_is_white_to_the_reader_and_stays_in_the_picture() -> None:
    sheet = lean(draw_page(dpi=150), 0)
    scan = cv2.copyMakeBorder(sheet, 40, 60, 0, 90, cv2.BORDER_CONSTANT, value=(16, 16, 18)).astype(np.uint8)
    upright = straighten(scan_of(scan, 150), None)
    assert np.array_equal(upright.pixels, scan)
    reading = prepare_for_reading(upright)
    high, wide = (round(side * reading.scale) for side in (40, 90))
    assert reading.grey[:high].min() > 240
    assert reading.grey[:, -wide:].min() > 240
    inside = reading.grey[2 * high : -3 * high, : -2 * wide]
    assert np.mean(inside < 128) == pytest.approx(np.mean(grey_page(150) < 128), rel=0.35)


def test_print_that_reaches_the_rim_is_no_border() -> None:
    page = grey_page(200)
    assert find_dark_border(page) is None
    cut = page[:, 200:]
    border = find_dark_border(np.ascontiguousarray(cut))
    assert border is None or cv2.countNonZero(border) == 0
