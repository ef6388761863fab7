"""Rows of dots to write on go before reading; full stops, ellipses and Vietnamese dots stay."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import SENTENCES, draw_page, needs_font

from pipeline.image.leaders import erase_leaders, find_leaders
from schemas.page import Pixels

FORM = (
    "- Họ và tên: ......................................",
    "- Nơi ở: ................ Điện thoại: ..............",
)
DOTS = sum(line.count(".") for line in FORM)


def grey_of(lines: tuple[str, ...], dpi: float) -> Pixels:
    return np.asarray(cv2.cvtColor(draw_page(lines, dpi=dpi), cv2.COLOR_RGB2GRAY), dtype=np.uint8)


@needs_font
@pytest.mark.parametrize("dpi", [150, 200, 300, 400])
def test_the_dots_of_a_form_go_and_its_letters_stay(dpi: int) -> None:
    form, bare = grey_of(FORM, dpi), grey_of(tuple(line.replace(".", " ") for line in FORM), dpi)
    clean = erase_leaders(form, dpi)
    dots, left = (form < 128).sum() - (bare < 128).sum(), (clean < 128).sum() - (bare < 128).sum()
    assert left <= 0.03 * dots
    labels = np.s_[: form.shape[0], : round(1.2 * dpi)]
    assert np.array_equal(clean[labels], form[labels])


@needs_font
def test_text_without_leaders_keeps_every_pixel() -> None:
    lines = (
        *SENTENCES,
        "Vân vân... và vân vân… (i) (ii) (iii) iiiiiiiiii",
        "1.2.3.4.5.6.7.8.9",
        "ạ ẹ ị ọ ụ ỵ ạ ẹ ị ọ ụ ỵ",
    )
    grey = grey_of(lines, 300)
    assert erase_leaders(grey, 300) is grey


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(2, 60),
    pitch=st.floats(3.5, 12),
    left=st.integers(5, 60),
    foot=st.integers(10, 60),
)
def test_eight_dots_at_one_pitch_are_a_leader_and_fewer_are_none(
    count: int, pitch: float, left: int, foot: int
) -> None:
    grey = np.full((80, 900), 255, np.uint8)
    for number in range(count):
        x = round(left + number * pitch)
        grey[foot - 2 : foot, x : x + 2] = 0
    assert len(find_leaders(grey, 150)) == (count if count >= 8 else 0)
