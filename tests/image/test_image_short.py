"""Pages of a few words: turned by what they say, levelled by where their letters stand; never by chance."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import draw_page, lean, needs_font, scan_of

from pipeline.image.components import find_components, turn_components
from pipeline.image.deskew import measure_skew
from pipeline.image.prepare import straighten
from schemas.page import Pixels

SLIPS = (
    ("PHỤ LỤC", "Thực hiện dưới tên của"),
    ("DANH MỤC HỒ SƠ", "Điều 30. Tiếp"),
    ("BẢN SAO", "", "Có ít nhất 03 thẩm định"),
    ("GIẤY XÁC NHẬN", "Việc truy cứu trách nhiệm hình sự"),
)
TURNS = (0, 90, 180, 270)
angles = st.floats(-14.5, 14.5)


def turned_back(pixels: Pixels, quarter_turn: int) -> Pixels:
    return np.ascontiguousarray(np.rot90(pixels, k=quarter_turn // 90))


def scatter(count: int, seed: int, height_px: int, width_px: int) -> Pixels:
    """An A4 page at 150 dpi with dark shapes of a letter's size anywhere inside a rectangle."""
    chance = np.random.default_rng(seed)
    page = np.full((1754, 1240), 246, np.uint8)
    for _ in range(count):
        x, y = chance.integers(0, width_px), chance.integers(0, height_px)
        axes = chance.integers(4, 9), chance.integers(4, 9)
        cv2.ellipse(page, (int(100 + x), int(200 + y)), (int(axes[0]), int(axes[1])), 0, 0, 360, 30, -1)
    return page


@needs_font
@settings(max_examples=25, deadline=None)
@given(slip=st.sampled_from(SLIPS), skew_deg=angles)
def test_a_slip_of_a_few_words_is_levelled_to_a_seventh_of_a_degree(
    slip: tuple[str, ...], skew_deg: float
) -> None:
    upright = straighten(scan_of(lean(draw_page(slip), skew_deg)), None)
    assert upright.orientation.quarter_turn == 0
    assert upright.skew.certain
    assert upright.skew.skew_deg == pytest.approx(skew_deg, abs=0.15)


@needs_font
@settings(max_examples=15, deadline=None)
@given(slip=st.sampled_from(SLIPS), skew_deg=angles, turn=st.sampled_from(TURNS))
def test_the_lean_of_a_slip_does_not_depend_on_how_it_lay(
    slip: tuple[str, ...], skew_deg: float, turn: int
) -> None:
    grey = np.asarray(cv2.cvtColor(lean(draw_page(slip), skew_deg), cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    lying = turn_components(find_components(turned_back(grey, turn), 200), turn)
    assert measure_skew(lying).skew_deg == pytest.approx(
        measure_skew(find_components(grey, 200)).skew_deg, abs=0.05
    )


@needs_font
def test_a_straight_slip_keeps_its_pixels() -> None:
    for slip in SLIPS:
        page = draw_page(slip)
        assert np.array_equal(straighten(scan_of(page), None).pixels, page)


@needs_font
@pytest.mark.parametrize("slip", [*SLIPS, ("Lưu hồ sơ",)])
@pytest.mark.parametrize("turn", TURNS)
def test_a_crooked_slip_is_turned_by_what_it_says(slip: tuple[str, ...], turn: int) -> None:
    pytest.importorskip("tesserocr")
    from pipeline.reading.open import open_engine
    from pipeline.reading.strip import weigh_strip

    engine = open_engine("tesserocr")
    skew_deg = 13.5 if turn % 180 else -12.2
    lying = scan_of(turned_back(lean(draw_page(slip), skew_deg), turn))
    upright = straighten(lying, lambda grey, dpi: weigh_strip(engine.read_strip(grey, dpi=dpi)))
    engine.close()
    assert upright.orientation.quarter_turn == turn
    assert upright.orientation.certain


@settings(max_examples=60, deadline=None)
@given(count=st.integers(5, 100), seed=st.integers(0, 10**6), size=st.sampled_from((1000, 400, 250)))
def test_a_scatter_of_shapes_is_neither_turned_nor_levelled(count: int, seed: int, size: int) -> None:
    page = scatter(count, seed, size, size)
    upright = straighten(scan_of(page, 150), lambda grey, dpi: 0.3)
    assert upright.orientation.quarter_turn == 0
    assert not upright.orientation.certain
    assert not upright.skew.certain
    assert np.array_equal(upright.pixels, page)


@settings(max_examples=40, deadline=None)
@given(count=st.integers(5, 100), seed=st.integers(0, 10**6))
def test_a_band_of_shapes_is_no_line_of_text(count: int, seed: int) -> None:
    assert not measure_skew(find_components(scatter(count, seed, 40, 500), 150)).certain
