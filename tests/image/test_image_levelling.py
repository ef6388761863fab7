"""The quick ways give what the plain ones give: shapes, levels, and a page turned by a matrix."""

import cv2
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.image.levelling import level_colours
from pipeline.image.shapes import count_levels, label_shapes
from schemas.page import Pixels

PAPER = (250.0, 240.0, 230.0)


def soft_noise(seed: int, height_px: int, width_px: int) -> Pixels:
    noise = np.random.default_rng(seed).integers(0, 256, (height_px, width_px, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (5, 5), 0), dtype=np.uint8)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 999), st.integers(1, 700), st.integers(1, 400), st.floats(-15, 15), st.floats(-300, 300)
)
def test_bands_of_colour_join_without_a_seam(
    seed: int, height_px: int, width_px: int, turn_deg: float, shift_px: float
) -> None:
    pixels = soft_noise(seed, height_px, width_px)
    matrix = cv2.getRotationMatrix2D((width_px / 2, height_px / 2), turn_deg, 1.0)
    matrix[:, 2] += shift_px
    size = (width_px + 60, height_px + 60)
    levelled = level_colours(pixels, matrix, size, PAPER)
    plain = cv2.warpAffine(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=PAPER
    )
    difference = np.abs(levelled.astype(np.int16) - plain)
    assert levelled.shape == plain.shape
    assert difference.max(initial=0) <= 2
    assert np.count_nonzero(difference) <= 0.01 * difference.size


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 999), st.integers(1, 60), st.integers(1, 60), st.floats(0, 1))
def test_shapes_and_levels_are_those_of_the_plain_count(
    seed: int, height_px: int, width_px: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    mask = (rng.random((height_px, width_px)) < share).astype(np.uint8) * 255
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8, ltype=cv2.CV_32S)
    found_labels, found = label_shapes(mask)
    assert len(found) == count
    assert np.array_equal(found_labels, labels) and np.array_equal(found, stats)
    grey = rng.integers(0, 256, (height_px, width_px), dtype=np.uint8)
    assert np.array_equal(count_levels(grey), np.bincount(grey.reshape(-1), minlength=256))
