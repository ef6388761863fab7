"""Counting shapes and levels: the quick ways give what the plain ones do."""

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.image.levelling import level_colours
from pipeline.image.shapes import count_levels, label_shapes, mark_shapes


@pytest.mark.parametrize("share", [0.0, 0.02, 0.4])
def test_shapes_are_those_of_the_plain_labelling(share: float) -> None:
    random = np.random.default_rng(1)
    mask = (random.random((211, 173)) < share).astype(np.uint8) * np.uint8(255)
    _, expected, stats, _ = cv2.connectedComponentsWithStats(mask, connectivity=8)
    labels, found = label_shapes(mask)
    assert len(found) == len(stats)
    assert sorted(map(tuple, found[1:])) == sorted(map(tuple, stats[1:]))
    assert np.array_equal(labels > 0, expected > 0)


def test_more_specks_than_16_bits_number_are_all_found() -> None:
    mask = np.zeros((600, 600), np.uint8)
    mask[::2, ::2] = 255
    labels, stats = label_shapes(mask)
    assert len(stats) == 90_001
    assert int(labels.max()) == 90_000


def test_a_sheet_full_of_dirt_is_counted_however_many_numbers_are_given_out_on_the_way() -> None:
    grain = np.random.default_rng(0).random((3548, 2536)).astype(np.float32)
    blobs = cv2.GaussianBlur(grain, (0, 0), 2)
    mask = (blobs < np.quantile(blobs[::8, ::8], 0.4)).astype(np.uint8) * np.uint8(255)
    for rows in (2600, 2700, 2800, 2900, 3548):  # 16 bits are too few somewhere here, and starts still many
        _, stats = label_shapes(mask[:rows])
        assert len(stats) == cv2.connectedComponents(mask[:rows], connectivity=8)[0]


@pytest.mark.parametrize("side", [60, 600])
def test_marks_are_the_chosen_shapes_alone(side: int) -> None:
    mask = np.zeros((side, side), np.uint8)
    mask[::2, ::2] = 1
    labels, stats = label_shapes(mask)
    chosen = stats[:, cv2.CC_STAT_LEFT] >= 10
    chosen[0] = False
    expected = mask.copy()
    expected[:, :10] = 0
    assert np.array_equal(mark_shapes(labels, chosen), expected)


@given(st.integers(0, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_every_level_is_counted_once(height: int, width: int, seed: int) -> None:
    grey = np.random.default_rng(seed).integers(0, 256, (height, width)).astype(np.uint8)
    assert np.array_equal(count_levels(grey), np.bincount(grey.reshape(-1), minlength=256))


@pytest.mark.parametrize("degrees", [2.0, 88.0, 181.5, 271.0])
def test_levelled_colours_are_those_of_one_whole_resampling(degrees: float) -> None:
    page = cv2.blur(np.random.default_rng(2).integers(0, 256, (700, 500, 3)).astype(np.uint8), (9, 9))
    matrix = cv2.getRotationMatrix2D((250, 350), degrees, 1.0)
    levelled = level_colours(np.asarray(page, np.uint8), matrix, (640, 640), (250.0, 240.0, 230.0))
    whole = cv2.warpAffine(
        page,
        matrix,
        (640, 640),
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(250, 240, 230),
    )
    off = np.abs(levelled.astype(np.int16) - whole)
    assert off.max() <= 2
    assert np.mean(off > 0) < 0.02
