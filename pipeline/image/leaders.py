"""Dotted leaders of forms: rows of dots to write on, which are no text and spoil the text they touch.

Words found on 12 scans of sample forms (application, declaration, contract, receipt; skewed, dim,
black and white): 0.81-0.97 with the dots, 0.96-0.995 without; pages without leaders read the same.
Where the engine finds its own lines (psm 3, six dev pages a kind) CER is 0.523 with the dots and 0.158
without on forms, 0.486 and 0.000 on slips. The road of our own layout knows dots by their boxes
(`layout.linking.find_leaders`): in place of that, these here leave forms at 0.0030 against 0.0008.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.light import shrink
from pipeline.image.shapes import label_shapes
from schemas.page import Pixels

_SEARCH_DPI = 150.0
_DARK = 190
"""Of even paper (255): a dot of 0.4 mm averaged down to 150 dpi is darker."""

_LARGEST_DOT_MM = 0.8
_WIDEST_GAP_MM = 2.3
"""Pitch of a full stop in 13.5 pt type is 1.2 mm; forms set with spaces between have up to 2.2."""

_LEAST_RUN = 8
"""An ellipsis has 3 dots."""

_NEAR_MM = 1.2
_MOST_COMPANY = 0.4
"""Share of a run's length that has other ink so near above, below or between: the dots of `iiiiiiii`
belong to letters (0.51), printed leaders have 0 to 0.27 (17 of them on three sample forms)."""

_ONE_HEIGHT_MM = 0.2
_ONE_PITCH = 0.25
"""Gaps of a run differ from their median by no more than this share, but for one in five (a word between)."""


def erase_leaders(grey: Pixels, dpi: float) -> Pixels:
    """`grey` (`H x W`, even white paper, level) without its rows of leader dots; the same array
    if it has none."""
    factor = max(1, round(dpi / _SEARCH_DPI))
    dots = find_leaders(shrink(grey, factor), dpi / factor)
    if len(dots) == 0:
        return grey
    clean = grey.copy()
    for left, top, width, height in (dots * factor).tolist():
        # one searched pixel more on each side: the soft rim of the dot
        rows = slice(max(0, top - factor), top + height + factor)
        clean[rows, max(0, left - factor) : left + width + factor] = 255
    return clean


def find_leaders(grey: Pixels, dpi: float) -> NDArray[np.int32]:
    """Boxes (`N x 4`: left, top, width, height) of dots that stand at one height and pitch, eight or more."""
    ink = np.asarray(cv2.threshold(grey, _DARK, 255, cv2.THRESH_BINARY_INV)[1], dtype=np.uint8)
    _, stats = label_shapes(ink)
    boxes = np.asarray(stats[1:, :4], dtype=np.int32)
    px_per_mm = dpi / 25.4
    longer, shorter = boxes[:, 2:].max(axis=1, initial=0), boxes[:, 2:].min(axis=1, initial=1 << 30)
    dots = boxes[(longer <= _LARGEST_DOT_MM * px_per_mm) & (longer <= 2 * shorter + 1)]
    foot, middle = dots[:, 1] + dots[:, 3], dots[:, 0] + dots[:, 2] / 2
    by_height = np.argsort(foot, kind="stable")
    breaks = np.diff(foot[by_height]) > max(1, _ONE_HEIGHT_MM * px_per_mm)
    leaders = [np.zeros(0, np.intp)]
    for row in np.split(by_height, np.flatnonzero(breaks) + 1):
        along = row[np.argsort(middle[row], kind="stable")]
        far = np.diff(middle[along]) > _WIDEST_GAP_MM * px_per_mm
        for run in np.split(along, np.flatnonzero(far) + 1):
            if _is_even(middle[run]) and _stands_alone(dots[run], ink, round(_NEAR_MM * px_per_mm)):
                leaders.append(run)
    return np.asarray(dots[np.concatenate(leaders)], dtype=np.int32)


def _is_even(middle: NDArray[np.float64]) -> bool:
    if len(middle) < _LEAST_RUN:
        return False
    gaps = np.diff(middle)
    pitch = float(np.median(gaps))
    return bool((np.abs(gaps - pitch) <= _ONE_PITCH * pitch + 1).mean() >= 0.8)


def _stands_alone(run: NDArray[np.int32], ink: Pixels, near_px: int) -> bool:
    """Whether little but the dots themselves is to be seen along the run."""
    left, right = int(run[0, 0]), int(run[-1, 0] + run[-1, 2])
    top, bottom = int(run[:, 1].min()), int((run[:, 1] + run[:, 3]).max())
    begin = max(0, top - near_px)
    band = ink[begin : bottom + near_px, left:right] > 0
    for x, y, width, height in run.tolist():
        band[y - begin : y - begin + height, x - left : x - left + width] = False
    return float(band.any(axis=0).mean()) <= _MOST_COMPANY
