"""Bad light and seals go, print stays, blank paper stays blank; the engine's picture has a fitting size."""

import functools
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from image_pages import SENTENCES, dim, draw_page, fade, lean, needs_font, scan_of, shade, sign, stamp

from pipeline.image.components import find_components, turn_components
from pipeline.image.light import normalise_background, to_reading_grey
from pipeline.image.orientation import LEAST_LETTERS
from pipeline.image.prepare import prepare_for_reading, straighten
from schemas.page import Pixels

TESSDATA = Path("/usr/share/tesseract-ocr/5/tessdata")


@functools.cache
def page() -> Pixels:
    return draw_page()


def luminance(pixels: Pixels) -> Pixels:
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)


def word_recall(grey: Pixels, dpi: float) -> float:
    tesserocr = pytest.importorskip("tesserocr")
    with tesserocr.PyTessBaseAPI(path=str(TESSDATA), lang="vie", psm=3) as api:
        height_px, width_px = grey.shape
        api.SetImageBytes(np.ascontiguousarray(grey).tobytes(), width_px, height_px, 1, width_px)
        api.SetSourceResolution(round(dpi))
        read = api.GetUTF8Text().replace("Ð", "Đ").split()
    words = " ".join(SENTENCES).split()
    return sum(word in read for word in words) / len(words)


@needs_font
@pytest.mark.skipif(not (TESSDATA / "vie.traineddata").exists(), reason="tesseract-ocr-vie is not installed")
@pytest.mark.parametrize(
    "damage",
    [
        lambda p: p,
        dim,
        shade,
        fade,
        stamp,
        lambda p: stamp(p, (150, 20, 35)),
        lambda p: stamp(p, (235, 120, 130)),
        sign,
        lambda p: sign(p, (70, 90, 190)),
        lambda p: dim(sign(p)),
        lambda p: shade(lean(p, -4)),
    ],
    ids=[
        "clean",
        "dim",
        "shade",
        "faint",
        "seal",
        "dark-seal",
        "pale-seal",
        "pen",
        "pale-pen",
        "dim-pen",
        "shade-lean",
    ],
)
def test_damaged_pages_read_like_clean_ones(damage) -> None:
    reading = prepare_for_reading(straighten(scan_of(damage(page())), None))
    assert word_recall(reading.grey, reading.dpi) >= 0.97


@needs_font
def test_seals_fade_and_the_print_below_them_stays_dark() -> None:
    clean, sealed = luminance(page()), to_reading_grey(stamp(page()))
    ink = cv2.erode((clean < 90).astype(np.uint8), np.ones((2, 2), np.uint8)).astype(bool)
    bare = cv2.dilate((clean < 240).astype(np.uint8), np.ones((7, 7), np.uint8)) == 0
    assert np.percentile(sealed[ink], 99) < 130
    assert np.percentile(sealed[bare], 1) > 215


@needs_font
@pytest.mark.skipif(not (TESSDATA / "vie.traineddata").exists(), reason="tesseract-ocr-vie is not installed")
def test_print_under_a_seal_and_a_pen_at_once_is_mostly_read() -> None:
    reading = prepare_for_reading(straighten(scan_of(stamp(sign(page()))), None))
    assert word_recall(reading.grey, reading.dpi) >= 0.93  # 0.82 with the seals alone faded


@needs_font
def test_blue_print_is_no_pen() -> None:
    clean = page()
    blue = np.maximum(clean, np.array((20, 40, 130), np.uint8))
    assert np.array_equal(to_reading_grey(blue), luminance(blue))


@needs_font
def test_uneven_paper_becomes_even_and_ink_keeps_its_share() -> None:
    clean = luminance(page())
    even = normalise_background(luminance(shade(page())))
    bare = cv2.dilate((clean < 240).astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert np.percentile(even[bare], 1) > 200  # the fold took 35 % of the light
    assert np.percentile(even[clean < 40], 90) < 90


def test_grey_passes_through_and_colourless_colour_is_luminance() -> None:
    grey = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert to_reading_grey(grey) is grey
    assert np.array_equal(to_reading_grey(np.dstack([grey] * 3)), grey)


pixels = hnp.arrays(
    np.uint8, hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=80), elements=st.integers(0, 255)
)


@settings(max_examples=60, deadline=None)
@given(grey=pixels)
def test_normalising_keeps_shape_and_never_darkens(grey: Pixels) -> None:
    even = normalise_background(grey)
    assert even.shape == grey.shape
    assert even.dtype == np.uint8
    assert (even >= grey).all()


@settings(max_examples=60, deadline=None)
@given(colour=hnp.arrays(np.uint8, st.tuples(st.integers(1, 60), st.integers(1, 60), st.just(3))))
def test_any_colours_make_a_grey_picture_of_the_same_shape(colour: Pixels) -> None:
    assert to_reading_grey(colour).shape == colour.shape[:2]


@settings(max_examples=30, deadline=None)
@given(
    level=st.integers(8, 255),
    noise=st.floats(0, 4),
    slope=st.floats(0, 0.6),
    dpi=st.sampled_from((150.0, 300.0)),
)
def test_blank_paper_never_becomes_ink(level: int, noise: float, slope: float, dpi: float) -> None:
    light = level * (1 - slope * np.linspace(0, 1, 600))[None, :].repeat(800, axis=0)
    grain = np.random.default_rng(level).normal(0, noise * level / 255, light.shape)
    blank = np.clip(light + grain, 0, 255).astype(np.uint8)
    # Three specks out of two million noisy pixels may pass; nothing turns or straightens a page by them.
    assert len(find_components(blank, dpi).boxes) < LEAST_LETTERS
    reading = prepare_for_reading(straighten(scan_of(blank, dpi), None))
    if level * (1 - slope) >= 24:
        assert np.percentile(reading.grey, 1) > 200


@needs_font
def test_components_turn_with_the_page() -> None:
    grey = luminance(page())
    found = find_components(grey, 200)
    for turn, rows in ((90, 3), (180, 2), (270, 1)):
        afresh = find_components(np.ascontiguousarray(np.rot90(grey, k=rows)), 200)
        turned = turn_components(found, turn)
        assert (turned.height_px, turned.width_px) == (afresh.height_px, afresh.width_px)
        same = set(map(tuple, turned.boxes)) & set(map(tuple, afresh.boxes))
        assert len(same) > 0.97 * len(afresh.boxes)


@needs_font
def test_letters_are_found_whatever_the_light() -> None:
    clean = len(find_components(luminance(page()), 200).boxes)
    for damage in (dim, shade, fade):
        assert len(find_components(luminance(damage(page())), 200).boxes) == pytest.approx(clean, rel=0.1)


@needs_font
@pytest.mark.parametrize(("dpi", "scale"), [(100, 3.0), (200, 1.0), (300, 1.0), (400, 0.75)])
def test_the_engine_sees_about_300_dpi_at_most(dpi: int, scale: float) -> None:
    upright = straighten(scan_of(draw_page(dpi=dpi), dpi), None)
    reading = prepare_for_reading(upright)
    assert reading.scale == pytest.approx(scale)
    assert reading.dpi == pytest.approx(dpi * scale)
    assert reading.grey.shape[0] == pytest.approx(upright.height_px * scale, abs=1)
    assert reading.grey.shape[1] == pytest.approx(upright.width_px * scale, abs=1)
    assert reading.grey.ndim == 2
