"""Phone photos come out flat, in the shape of their paper; scans are never taken for photos."""

import functools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from image_pages import draw_page, lean, needs_font, scan_of, shade
from image_photos import TABLES, take_photo

from pipeline.image.flatten import plan_flattening
from pipeline.image.paper import guess_longer_mm, known_aspect, measure_aspect
from pipeline.image.perspective import find_sheet
from pipeline.image.prepare import prepare_for_reading, straighten
from schemas.page import Pixels, UprightPage

ISO = 2**0.5


@functools.cache
def page() -> Pixels:
    return draw_page(dpi=150)


def land(upright: UprightPage, points: np.ndarray) -> np.ndarray:
    """Where points of the photo come to lie on the upright page."""
    assert upright.flattening is not None
    flat = np.array(upright.flattening).reshape(3, 3)
    whole = np.vstack((np.array(upright.matrix).reshape(2, 3), (0, 0, 1))) @ flat
    there = whole @ np.column_stack((points, np.ones(len(points)))).T
    return np.asarray((there[:2] / there[2]).T)


def frame_of(upright: UprightPage) -> np.ndarray:
    right, bottom = upright.width_px, upright.height_px
    return np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]]) - 0.5


@needs_font
@pytest.mark.parametrize("table", TABLES)
def test_the_sheet_is_found_to_half_a_percent(table: str) -> None:
    for seed, tilt_deg in ((1, 8.0), (2, 15.0), (3, 25.0)):
        photo = take_photo(page(), seed, table=table, tilt_deg=tilt_deg)
        sheet = find_sheet(photo.pixels)
        assert sheet is not None
        diagonal = np.hypot(*(photo.corners[0] - photo.corners[2]))
        assert np.abs(sheet.corners - photo.corners).max() < 0.005 * diagonal


@needs_font
@pytest.mark.parametrize("turn_deg", [4, 95, 178, 268])
def test_a_photo_comes_out_upright_flat_and_in_the_shape_of_its_paper(turn_deg: float) -> None:
    photo = take_photo(page(), 4, turn_deg=turn_deg, clutter=False)
    upright = straighten(scan_of(photo.pixels, 150, dpi_known=False), None)
    assert upright.flattened
    assert upright.orientation.certain
    assert upright.height_px / upright.width_px == pytest.approx(ISO, abs=0.01)
    assert abs(upright.skew.skew_deg) < 0.2
    assert upright.dpi == pytest.approx(upright.height_px / 11.69, rel=0.01)
    off = np.abs(land(upright, photo.corners) - frame_of(upright)).max()
    assert off < 0.008 * upright.height_px


@needs_font
def test_no_detail_of_the_nearest_side_is_lost() -> None:
    photo = take_photo(page(), 5, tilt_deg=25, turn_deg=0, clutter=False)
    upright = straighten(scan_of(photo.pixels, 150, dpi_known=False), None)
    top, right, bottom, left = np.hypot(*(np.roll(photo.corners, -1, axis=0) - photo.corners).T)
    assert upright.width_px >= 0.99 * max(top, bottom)
    assert upright.height_px >= 0.99 * max(left, right)


@needs_font
def test_no_table_shows_beside_a_flattened_sheet() -> None:
    photo = take_photo(page(), 6, table="dark", clutter=False, shadow=False)
    upright = straighten(scan_of(photo.pixels, 150, dpi_known=False), None)
    rim = np.concatenate([upright.pixels[[0, -1]].reshape(-1, 3), upright.pixels[:, [0, -1]].reshape(-1, 3)])
    assert np.percentile(rim, 1) > 150


@needs_font
def test_a_shadow_across_the_sheet_is_gone_from_the_reading_image() -> None:
    photo = take_photo(page(), 7, clutter=False)
    reading = prepare_for_reading(straighten(scan_of(photo.pixels, 150, dpi_known=False), None))
    assert np.percentile(reading.grey, 20) > 225


def test_an_identity_card_keeps_its_shape() -> None:
    card = np.full((540, 856, 3), (214, 226, 222), np.uint8)
    cv2.putText(card, "CAN CUOC", (200, 120), cv2.FONT_HERSHEY_SIMPLEX, 2, (30, 40, 60), 4)
    photo = take_photo(card, 8, table="wood", turn_deg=3, clutter=False, shadow=False)
    upright = straighten(scan_of(photo.pixels, 150, dpi_known=False), None)
    assert upright.flattened
    assert upright.width_px / upright.height_px == pytest.approx(85.6 / 54, abs=0.02)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), tilt_deg=st.floats(0, 30), turn_deg=st.floats(-20, 20))
def test_the_aspect_of_paper_is_recovered_from_its_corners(
    seed: int, tilt_deg: float, turn_deg: float
) -> None:
    blank = np.full((297, 210, 3), 250, np.uint8)
    photo = take_photo(
        blank, seed, size=(160, 120), tilt_deg=tilt_deg, turn_deg=turn_deg, clutter=False, shadow=False
    )
    assert measure_aspect(photo.corners, 160, 120) == pytest.approx(1 / ISO, rel=0.12)


def test_paper_sizes() -> None:
    assert known_aspect(0.70) == pytest.approx(1 / ISO)
    assert known_aspect(1.44) == pytest.approx(ISO)
    assert known_aspect(1.60) == pytest.approx(85.6 / 54)
    assert known_aspect(1.0) is None
    assert guess_longer_mm(1 / ISO, 0.009) == 297
    assert guess_longer_mm(1 / ISO, 0.017) == 210
    assert guess_longer_mm(85.6 / 54, 0.03) == 85.6


def framed(pixels: Pixels) -> Pixels:
    """A printed frame and a large table: straight lines, but paper on both sides."""
    height, width = pixels.shape[:2]
    drawn = pixels.copy()
    cv2.rectangle(
        drawn, (width // 12, height // 14), (width - width // 12, height - height // 14), (30,) * 3, 6
    )
    for row in range(4, 9):
        cv2.line(
            drawn, (width // 12, row * height // 12), (width - width // 12, row * height // 12), (30,) * 3, 3
        )
    return drawn


def bordered(pixels: Pixels, level: int, *, torn: bool = False) -> Pixels:
    """The open scanner's dark, or its lid, round the sheet; a torn corner if asked for."""
    sheet = pixels.copy()
    if torn:
        corner = np.array([[0, 0], [sheet.shape[1] // 9, 0], [0, sheet.shape[0] // 20]], np.int32)
        cv2.fillPoly(sheet, [corner], (level,) * 3)
    around = cv2.copyMakeBorder(sheet, 60, 90, 40, 120, cv2.BORDER_CONSTANT, value=(level,) * 3)
    noise = np.random.default_rng(1).normal(0, 2, around.shape[:2])[..., None]
    return np.clip(around + noise, 0, 255).astype(np.uint8)


@needs_font
@pytest.mark.parametrize(
    "scanned",
    [
        lambda p: p,
        shade,
        framed,
        lambda p: lean(framed(p), 3),
        lambda p: bordered(p, 14),
        lambda p: bordered(p, 14, torn=True),
        lambda p: bordered(p, 205),
        lambda p: lean(bordered(p, 14), -6),
        lambda p: bordered(framed(p), 60),
    ],
    ids=["plain", "shade", "frame", "frame-lean", "dark", "torn", "lid", "dark-lean", "frame-dark"],
)
def test_scans_are_not_flattened(scanned) -> None:
    pixels = scanned(page())
    upright = straighten(scan_of(pixels, 150), None)
    assert not upright.flattened
    if upright.skew.skew_deg == 0 or abs(upright.skew.skew_deg) < 0.1:
        assert np.array_equal(upright.pixels, pixels)


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 1000),
    height_px=st.integers(1, 700),
    width_px=st.integers(1, 700),
    spread=st.floats(0, 80),
    level=st.integers(0, 255),
)
def test_blank_and_noise_are_never_flattened(
    seed: int, height_px: int, width_px: int, spread: float, level: int
) -> None:
    noise = np.random.default_rng(seed).normal(level, spread, (height_px, width_px, 3))
    picture = np.clip(noise, 0, 255).astype(np.uint8)
    assert plan_flattening(picture, 1, width_px, height_px) is None


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_a_sheet_is_left_alone(table: str) -> None:
    speck = take_photo(np.full((30, 21, 3), 250, np.uint8), 9, table=table, clutter=False)
    beside = speck.pixels[:, : int(speck.corners[:, 0].min()) - 8]
    assert find_sheet(np.ascontiguousarray(np.hstack((beside, beside[:, ::-1])))) is None
