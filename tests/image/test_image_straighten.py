"""Pages come out upright and straight, with the true pixels wherever nothing had to move."""

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import PAPER, SENTENCES, dim, draw_page, fade, lean, needs_font, scan_of, shade, stamp

from pipeline.image.prepare import find_print, straighten, straighten_and_survey
from schemas.page import Pixels, UprightPage

pytestmark = needs_font
TURNS = (0, 90, 180, 270)


@functools.cache
def page() -> Pixels:
    return draw_page()


def turned_back(pixels: Pixels, quarter_turn: int) -> Pixels:
    """The page as it lies when `quarter_turn` degrees clockwise would make it upright."""
    return np.ascontiguousarray(np.rot90(pixels, k=quarter_turn // 90))


def take(upright: UprightPage, x: float, y: float) -> tuple[float, float]:
    a, b, c, d, e, f = upright.matrix
    return a * x + b * y + c, d * x + e * y + f


@pytest.mark.parametrize("turn", TURNS)
@pytest.mark.parametrize(
    "damage", [lambda p: p, dim, shade, fade, stamp], ids=["clean", "dim", "shade", "fade", "seal"]
)
def test_every_quarter_is_found_and_undone_exactly(turn: int, damage) -> None:
    damaged = damage(page())
    upright = straighten(scan_of(turned_back(damaged, turn)), None)
    assert upright.orientation.quarter_turn == turn
    assert upright.orientation.certain
    assert np.array_equal(upright.pixels, damaged)


@settings(max_examples=25, deadline=None)
@given(skew_deg=st.floats(-14.5, 14.5), turn=st.sampled_from(TURNS))
def test_a_leaning_page_is_levelled_to_a_tenth_of_a_degree(skew_deg: float, turn: int) -> None:
    upright = straighten(scan_of(turned_back(lean(page(), skew_deg), turn)), None)
    assert upright.orientation.quarter_turn == turn
    assert upright.skew.skew_deg == pytest.approx(skew_deg, abs=0.1)
    again = straighten(scan_of(upright.pixels), None)
    assert again.orientation.quarter_turn == 0
    assert abs(again.skew.skew_deg) < 0.15


@settings(max_examples=15, deadline=None)
@given(
    skew_deg=st.floats(-14, 14), turn=st.sampled_from(TURNS), x=st.integers(60, 1590), y=st.integers(60, 2270)
)
def test_the_matrix_leads_to_where_the_pixels_went(skew_deg: float, turn: int, x: int, y: int) -> None:
    marked = lean(page(), skew_deg)
    marked[y - 4 : y + 5, x - 4 : x + 5] = (255, 0, 255)
    scan = scan_of(turned_back(marked, turn))
    upright = straighten(scan, None)
    seen = np.argwhere((scan.pixels == (255, 0, 255)).all(axis=2)).mean(axis=0)
    r, g, b = (upright.pixels[..., channel].astype(int) for channel in range(3))
    landed = np.argwhere((r > 200) & (b > 200) & (g < 60)).mean(axis=0)
    assert take(upright, seen[1], seen[0]) == pytest.approx((landed[1], landed[0]), abs=0.7)


@settings(max_examples=10, deadline=None)
@given(skew_deg=st.floats(-14, 14))
def test_no_corner_is_cut_and_the_new_corners_are_paper(skew_deg: float) -> None:
    leaning = lean(page(), skew_deg)
    upright = straighten(scan_of(leaning), None)
    height_px, width_px = leaning.shape[:2]
    for x, y in ((0, 0), (width_px - 1, 0), (0, height_px - 1), (width_px - 1, height_px - 1)):
        left, top = take(upright, x, y)
        assert -0.6 <= left <= upright.width_px - 0.4
        assert -0.6 <= top <= upright.height_px - 0.4
    corners = upright.pixels[[0, 0, -1, -1], [0, -1, 0, -1]]
    assert np.abs(corners.astype(int) - (PAPER, PAPER, PAPER - 2)).max() <= 2


@pytest.mark.parametrize("turn", TURNS)
def test_a_bilevel_page_keeps_its_kind_and_its_new_corners_are_white(turn: int) -> None:
    grey = cv2.cvtColor(lean(page(), 2.5), cv2.COLOR_RGB2GRAY)
    bilevel = np.where(grey > 128, 255, 0).astype(np.uint8)
    upright = straighten(scan_of(turned_back(bilevel, turn), bilevel=True), None)
    assert upright.bilevel
    assert upright.orientation.quarter_turn == turn
    assert upright.skew.skew_deg == pytest.approx(2.5, abs=0.1)
    assert (upright.pixels[[0, 0, -1, -1], [0, -1, 0, -1]] == 255).all()


def test_a_lean_below_a_tenth_of_a_degree_is_left_alone() -> None:
    leaning = lean(page(), 0.06)
    assert straighten(scan_of(leaning), None).pixels is not None
    assert np.array_equal(straighten(scan_of(leaning), None).pixels, leaning)


@settings(max_examples=20, deadline=None)
@given(
    height_px=st.integers(1, 400),
    width_px=st.integers(1, 400),
    level=st.integers(0, 255),
    noise=st.floats(0, 6),
    colour=st.booleans(),
    dpi=st.sampled_from((72.0, 150.0, 300.0, 600.0)),
)
def test_a_blank_page_stays_as_it_is_and_says_so(
    height_px: int, width_px: int, level: int, noise: float, colour: bool, dpi: float
) -> None:
    shape = (height_px, width_px, 3) if colour else (height_px, width_px)
    blank = np.clip(np.random.default_rng(level).normal(level, noise, shape), 0, 255).astype(np.uint8)
    upright = straighten(scan_of(blank, dpi), None)
    assert np.array_equal(upright.pixels, blank)
    assert upright.orientation.quarter_turn == 0
    assert not upright.orientation.certain
    assert not upright.skew.certain
    assert upright.matrix == (1, 0, 0, 0, 1, 0)


def test_a_few_words_are_never_straightened() -> None:
    upright = straighten(scan_of(lean(draw_page(("Lưu hồ sơ",)), 3)), None)
    assert upright.skew == type(upright.skew)(0.0, certain=False)


@pytest.mark.parametrize("turn", TURNS)
def test_a_ten_word_page_is_settled_by_reading_both_ways(turn: int) -> None:
    tesserocr = pytest.importorskip("tesserocr")
    from pipeline.reading.syllables import plausibility
    from pipeline.reading.tessdata import find_tessdata

    few = draw_page(SENTENCES[5:6])
    with tesserocr.PyTessBaseAPI(path=str(find_tessdata("vie", lambda: None)), lang="vie", psm=6) as api:

        def read(grey: Pixels, dpi: float) -> float:
            height_px, width_px = grey.shape
            api.SetImageBytes(np.ascontiguousarray(grey).tobytes(), width_px, height_px, 1, width_px)
            api.SetSourceResolution(round(dpi))
            return plausibility(api.GetUTF8Text())

        upright = straighten(scan_of(turned_back(few, turn)), read)
    assert upright.orientation.quarter_turn == turn
    assert upright.orientation.certain


def test_a_reader_is_not_asked_where_the_page_is_plain() -> None:
    def refuse(grey: Pixels, dpi: float) -> float:
        raise AssertionError("read although the cues were plain")

    assert straighten(scan_of(page()), refuse).orientation.certain


def test_an_upright_page_is_not_turned_when_the_reader_makes_nothing_of_it() -> None:
    few = draw_page(SENTENCES[5:7])
    upright = straighten(scan_of(few), lambda grey, dpi: 0.0)
    assert upright.orientation.quarter_turn == 0
    assert np.array_equal(upright.pixels, few)


def test_a_page_left_as_it_was_is_surveyed_once() -> None:
    straight = straighten_and_survey(scan_of(page()), None)
    assert straight.found is not None
    given, anew = find_print(straight.page, straight.found), find_print(straight.page)
    assert np.array_equal(given.boxes, anew.boxes) and np.array_equal(given.grey, anew.grey)
    assert given.scale == anew.scale and given.dpi == anew.dpi
    assert straighten_and_survey(scan_of(lean(page(), 2)), None).found is None
    assert straighten_and_survey(scan_of(turned_back(page(), 90)), None).found is None
