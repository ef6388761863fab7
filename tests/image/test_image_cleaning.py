"""Specks go; dots, marks and everything else that is print stays."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import draw_page, needs_font

from pipeline.image.cleaning import remove_specks
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
