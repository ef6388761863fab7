"""What faulty scanners and feeders do: stripes without light, rows drawn out or shifted."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.quality.ink import Floats, Ink, Sheet, halve
from schemas.page import Pixels

DIP = 0.93
"""Brightest spot of a row against its neighbours': stripes without light have 0.9 and less, folds more."""
STRIPE_PX = 51
"""Half working pixels (17 mm): stripes are narrower than half of this, shadows of lids and folds wider."""
SEGMENTS = 6
"""Parts of a page's length (5 cm of A4): leaning by 0.3 degrees a stripe moves 0.25 mm in each."""
LEAST_SIDE_PX = 60
"""A centimetre: too little to tell stripes in."""
STILL = 0.12
"""Change from row to row over change along the row: print has 0.4 and more, rows drawn out nearly none."""


@dataclass(frozen=True, slots=True)
class Stripes:
    """Shares 0..1. `dark_share` of rows or columns (the worse) have lost their light, `still_share` of those
    with print are drawn out. `jitter` is the change across rows over the change along them in the print:
    about 1, more where rows are shifted against each other."""

    dark_share: float
    still_share: float
    jitter: float


def find_stripes(sheet: Sheet, ink: Ink) -> Stripes:
    """Measure both directions; pure, 5 ms for A4."""
    height, width = ink.mask.shape
    if min(height, width) < LEAST_SIDE_PX:
        return Stripes(0.0, 0.0, 1.0)
    grey = halve(sheet.grey, 1)
    soft, mask = sheet.contrast, ink.mask
    across = np.asarray(cv2.absdiff(soft[:, 1:], soft[:, :-1]) * mask[:, 1:], np.uint8)
    down = np.asarray(cv2.absdiff(soft[1:], soft[:-1]) * mask[1:], np.uint8)
    total_across, total_down = float(cv2.sumElems(across)[0]), float(cv2.sumElems(down)[0])
    return Stripes(
        dark_share=max(_dark_share(grey, 1), _dark_share(grey, 0)),
        still_share=max(_still_share(across[1:], down, 1), _still_share(down[:, 1:], across, 0)),
        jitter=total_down / total_across if total_across else 1.0,
    )


def _dark_share(grey: Pixels, axis: int) -> float:
    """Mean over `SEGMENTS` of the page: stripes lean with it, and no whole row lies in one."""
    return float(np.mean([_dips(_brightest(part, axis)) for part in np.array_split(grey, SEGMENTS, axis)]))


def _still_share(along: Pixels, across: Pixels, axis: int) -> float:
    parts = zip(np.array_split(along, SEGMENTS, axis), np.array_split(across, SEGMENTS, axis), strict=True)
    return float(np.mean([_still(_sums(one, axis), _sums(other, axis)) for one, other in parts]))


def _sums(image: Pixels, axis: int) -> Floats:
    return np.asarray(cv2.reduce(image, axis, cv2.REDUCE_SUM, dtype=cv2.CV_32F), np.float32).ravel()


def _brightest(grey: Pixels, axis: int) -> Floats:
    """Of each row (axis 1) or column (axis 0), leaving out single bright pixels."""
    small = cv2.blur(grey if axis == 0 else cv2.transpose(grey), (1, 3))  # OpenCV reduces columns faster
    return np.asarray(cv2.reduce(small, 0, cv2.REDUCE_MAX), np.float32).ravel()


def _dips(brightest: Floats) -> float:
    """Share of rows that are darker than the rows around, the outermost twentieth apart."""
    edge = len(brightest) // 20
    inner = np.ascontiguousarray(brightest[edge : len(brightest) - edge])
    if len(inner) < STRIPE_PX:
        return 0.0
    around = cv2.dilate(inner[None], np.ones((1, STRIPE_PX), np.uint8))[0]
    return float(np.mean(inner < DIP * around))


def _still(along: Floats, across: Floats) -> float:
    """Share of rows with print that repeat the row before."""
    length = min(len(along), len(across))
    printed = along[:length] > 0.25 * max(1.0, float(np.percentile(along, 90)))
    if printed.sum() < 20:
        return 0.0
    return float(np.mean(across[:length][printed] < STILL * along[:length][printed]))
