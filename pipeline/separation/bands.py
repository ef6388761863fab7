"""Finds the bars along a sheet's edges, by which it is known even where none of its codes can be read.

Straight lines across the page are followed; where light and dark alternate in the widths of the bars
(whatever the scale: a skewed scan stretches all of them alike), the line has a hit. A sheet has hits that
lie in a row over centimetres; print, ruled tables and photographs do not.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.separation.form import BARS, PAGE_MM, UNIT_MM
from schemas.page import Pixels

WORKING_DPI = 100.0
"""Bars of 4.7 pixels: enough for their widths, and a page takes a few milliseconds."""
STEP_PX = 2
"""From one line to the next."""
SHEET_MM = 30.0
"""A row of hits this long makes a sheet. See `docs/covers.md` for what ordinary pages reach."""

_UNIT_PX = UNIT_MM / 25.4 * WORKING_DPI
_UNIT_RANGE = (0.62 * _UNIT_PX, 1.45 * _UNIT_PX)
"""Copied or printed smaller or larger, or of unknown resolution."""
_TOLERANCE_UNITS, _TOLERANCE_PX = 0.3, 0.8
_MOST_SKEW_DEG = 17
_ROW_PX = 4
"""Hits of one row lie within so many pixels of a straight line."""
_MOST_GAP_PX = 40
"""Breaks in a row (a fold, a stroke of a pen) up to this do not end it."""
_LOCAL_PX = 61
"""Window of the local paper brightness: three times the widest bar."""
_LEAST_CONTRAST = 7
"""Grey levels between the darkest and the lightest nearby; less is paper and noise."""

_PATTERN = np.array(BARS, np.float32)


@dataclass(frozen=True, slots=True)
class Bands:
    """`length_mm`: of the longest row of hits; `skew_deg` its angle (counter-clockwise positive, modulo
    quarter turns)."""

    length_mm: float
    skew_deg: float

    @property
    def is_sheet(self) -> bool:
        """Whether the page bears a sheet's bars."""
        return self.length_mm >= SHEET_MM


def find_bands(grey: Pixels, dpi: float) -> Bands:
    """Look for bars along rows and columns of a grey page of believable resolution."""
    small = _to_working_size(grey, dpi)
    dark = _binarise(small)
    best = Bands(0.0, 0.0)
    for turned in (False, True):
        view = np.ascontiguousarray(dark.T) if turned else dark
        found = _longest_row(_find_hits(view))
        if found.length_mm > best.length_mm:
            best = Bands(found.length_mm, -found.skew_deg if turned else found.skew_deg)
    return best


def believe_dpi(grey: Pixels, dpi: float) -> float:
    """The resolution; of a page that would then be far from A4, the one that makes it A4."""
    longer_mm = max(grey.shape[:2]) / max(dpi, 1.0) * 25.4
    if 0.6 * PAGE_MM[1] <= longer_mm <= 1.5 * PAGE_MM[1]:
        return dpi
    return float(max(grey.shape[:2]) / PAGE_MM[1] * 25.4)


def _to_working_size(grey: Pixels, dpi: float) -> Pixels:
    scale = WORKING_DPI / dpi
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=way), np.uint8)


def _binarise(grey: Pixels) -> NDArray[np.bool_]:
    """Dark against the middle of what is around: faint bars on stained paper, too."""
    smooth = cv2.GaussianBlur(grey, (3, 3), 0)
    quarter = cv2.resize(smooth, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    kernel = np.ones((_LOCAL_PX // 4, _LOCAL_PX // 4), np.uint8)
    light, deep = cv2.dilate(quarter, kernel), cv2.erode(quarter, kernel)
    middle = cv2.resize((light.astype(np.float32) + deep) / 2, grey.shape[::-1])
    range_ = cv2.resize(light.astype(np.float32) - deep, grey.shape[::-1])
    return np.asarray((smooth < middle) & (range_ > _LEAST_CONTRAST), np.bool_)


def _find_hits(dark: NDArray[np.bool_]) -> NDArray[np.float32]:
    """(line, place across) of each hit; lines run down the columns of `dark`."""
    lines = np.ascontiguousarray(dark[:, ::STEP_PX].T)
    changes = np.diff(lines.view(np.int8), axis=1)
    line, place = np.nonzero(changes)
    if len(line) <= len(BARS):
        return np.empty((0, 2), np.float32)
    begins_dark = changes[line, place] > 0
    count = len(BARS)
    first = np.flatnonzero(begins_dark[: len(line) - count] & (line[:-count] == line[count:]))
    if not len(first):
        return np.empty((0, 2), np.float32)
    edges = place[first[:, None] + np.arange(count + 1)].astype(np.float32)
    widths = np.diff(edges, axis=1)
    unit = widths.sum(axis=1, keepdims=True) / _PATTERN.sum()
    hits = np.zeros(len(first), np.bool_)
    for pattern in (_PATTERN, _PATTERN[::-1]):
        off = np.abs(widths - unit * pattern)
        hits |= (off <= _TOLERANCE_UNITS * unit + _TOLERANCE_PX).all(axis=1)
    hits &= (unit[:, 0] >= _UNIT_RANGE[0]) & (unit[:, 0] <= _UNIT_RANGE[1])
    centre = (edges[hits, 0] + edges[hits, -1]) / 2
    return np.stack([line[first[hits]] * float(STEP_PX), centre], axis=1).astype(np.float32)


def _longest_row(hits: NDArray[np.float32]) -> Bands:
    """The straight row in which hits follow each other for longest."""
    best = Bands(0.0, 0.0)
    if len(hits) < SHEET_MM / 25.4 * WORKING_DPI / STEP_PX / 3:
        return best
    for degrees in range(-_MOST_SKEW_DEG, _MOST_SKEW_DEG + 1):
        offset = hits[:, 1] - hits[:, 0] * math.tan(math.radians(degrees))
        slot = np.round(offset / _ROW_PX).astype(np.int64)
        slot -= slot.min()
        counts = np.bincount(slot)
        fullest = int(np.argmax(counts[:-1] + counts[1:])) if len(counts) > 1 else 0
        chosen = np.unique(hits[(slot == fullest) | (slot == fullest + 1), 0])
        length = _longest_stretch(chosen) * STEP_PX / WORKING_DPI * 25.4
        if length > best.length_mm:
            best = Bands(length, -float(degrees))
    return best


def _longest_stretch(places: NDArray[np.float32]) -> int:
    """Hits in the stretch that has most of them and no gap longer than allowed."""
    if not len(places):
        return 0
    breaks = np.flatnonzero(np.diff(places) > _MOST_GAP_PX)
    bounds = np.concatenate(([0], breaks + 1, [len(places)]))
    return int(np.diff(bounds).max())
