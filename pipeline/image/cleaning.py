"""Specks: what is neither paper nor print on the picture that is read."""

import cv2
import numpy as np

from pipeline.image.shapes import label_shapes, mark_shapes
from schemas.page import Pixels

_DARK = 140
"""On even white paper; print averaged to one pixel's width is darker."""

_LONELY_SIDE_PX = 5
_LONELY_INK = 4
_LEAST_SPECKS = 4e-4
"""Share of pixels that are dark with at most 3 others in the 5 x 5 around: clean pages, faxes and 150 dpi
scans have up to 0.9e-4, pages with 1 speck in 1,000 pixels 13e-4 and more."""

_MARK_REACH_MM = 1.2
"""A tone mark over its letter, or a full stop after it."""

_LARGEST_SPECK_MM = 0.27
"""3 px at 300 dpi, 2 px at 200; the dot below a letter of 8 pt has 0.35 mm. CER on 4 pages a kind: light
speckle 0.311 -> 0.065, dense 0.355 -> 0.100, dense fax dots 0.194 -> 0.083, 150 dpi with dots 0.226 -> 0.075;
pages without specks are not touched. A median of 3 x 3 alone left 0.172 of the light speckle, and harmed
clean bilevel pages (0.058 -> 0.070); after this it gained 0.002."""


def remove_specks(grey: Pixels, dpi: float) -> Pixels:
    """`grey` (`H x W`, even white paper) without its lone specks, where it has many; else as it is.

    Only shapes of at most 0.27 mm that touch no print go: dots and tone marks are larger.
    """
    if _speck_share(grey) < _LEAST_SPECKS:
        return grey
    dark = np.asarray(cv2.threshold(grey, _DARK, 255, cv2.THRESH_BINARY_INV)[1], dtype=np.uint8)
    labels, stats = label_shapes(dark)
    largest = max(1, round(_LARGEST_SPECK_MM * dpi / 25.4))
    specks = (stats[:, cv2.CC_STAT_WIDTH] <= largest) & (stats[:, cv2.CC_STAT_HEIGHT] <= largest)
    specks[0] = False
    lone = np.asarray(mark_shapes(labels, specks) * np.uint8(255), dtype=np.uint8)
    print_ = dark - lone
    if _share_on_bare_paper(lone, print_, dpi) < _LEAST_SPECKS:
        return grey
    around = np.ones((3, 3), np.uint8)  # the soft rim of a speck goes with it, that of print stays
    gone = cv2.bitwise_and(cv2.dilate(lone, around), cv2.bitwise_not(cv2.dilate(print_, around)))
    return np.asarray(cv2.bitwise_or(grey, gone), dtype=np.uint8)


def _share_on_bare_paper(lone: Pixels, print_: Pixels, dpi: float) -> float:
    """Specks' share of the paper away from print: tone marks of small print are no larger than specks, but
    never far from their letter."""
    reach = 2 * max(1, round(_MARK_REACH_MM * dpi / 25.4)) + 1
    bare = cv2.bitwise_not(cv2.dilate(print_, np.ones((reach, reach), np.uint8)))
    return cv2.countNonZero(cv2.bitwise_and(lone, bare)) / max(1, cv2.countNonZero(bare))


def _speck_share(grey: Pixels) -> float:
    """Measured on a ninth of the page, in bands of a tenth of its height."""
    height_px = grey.shape[0]
    deep = max(1, height_px // 90)
    bands = [grey[top : top + deep] for top in range(0, height_px, max(1, height_px // 10))]
    dark = np.asarray(np.concatenate(bands) < _DARK, dtype=np.uint8)
    side = (_LONELY_SIDE_PX, _LONELY_SIDE_PX)
    ink = cv2.boxFilter(dark, -1, side, normalize=False, borderType=cv2.BORDER_REPLICATE)
    return float(np.count_nonzero((dark > 0) & (ink <= _LONELY_INK))) / dark.size
