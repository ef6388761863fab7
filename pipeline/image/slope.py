"""One slope common to all baselines: the lean of a page, fitted to where its letters stand."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import Components
from pipeline.image.lines import Floats, find_peaks, rest_points, single_letters

_REACHES_PX = (2.5, 1.75, 1.25)
"""How far from its line a letter may stand, round by round."""

_LEAST_ON_LINE = 4
_GAP = 2.5
"""A line is parted where no letter stands for so many letter heights: columns and cells side by side have
baselines of their own (a two-column page 0.077 deg off in one piece, 0.001 so)."""

_TOUCHING = 150
"""Up to so many letters are looked at in ink. A leaning letter's box ends at a corner of it, by as much as
its breadth; among thousands that cancels (prose 0.001 deg), among twenty it does not (99 short pages: mean
0.064 deg and worst 0.63 by boxes, 0.012 and 0.047 by ink)."""


_EDGE_LEVEL = 150.0
"""Grey at which ink ends, between its last pixel and the next: halfway from paper (255) to faint print. On
185 short grey pages the worst error falls from 0.110 to 0.079 deg by it (rows of a page that hardly leans all
round the same way)."""

_ROUNDING_PX2 = 1 / 12
"""Variance of a height known to a pixel: no row of letters is surer than this, however well they agree."""


@dataclass(frozen=True, slots=True)
class Slope:
    """A fitted lean; `error_deg` is its standard error, `resting` the share of letters on common lines."""

    skew_deg: float
    error_deg: float
    resting: float


def fit_slope(components: Components, skew_deg: float) -> Slope | None:
    """Refine the lean: least squares over all lines, outliers cut in three rounds.

    Pages of many letters give the bottoms of their boxes; pages of few give the lowest and the highest
    ink of every letter, as the page leans. None where no letters share a line.
    """
    if len(components.boxes) > _TOUCHING:
        return _fit([rest_points(components)], components.median_height_px, skew_deg)
    letters = single_letters(components)
    if len(letters) == 0:
        return None
    feet = _find_touching(components, letters, skew_deg, side=1)
    heads = _find_touching(components, letters, skew_deg, side=-1)
    return _fit([feet, heads], components.median_height_px, skew_deg)


def _fit(rows: list[tuple[Floats, Floats]], median_px: float, skew_deg: float) -> Slope | None:
    """Fit points `(x, y)`, each entry of `rows` (feet; heads) with lines of its own."""
    fitted: Slope | None = None
    for reach_px in _REACHES_PX:
        pieces, lever, height, resting = 0, [], [], 0
        for x, y in rows:
            points, piece = _find_pieces(x, y + x * np.tan(np.radians(skew_deg)), median_px, reach_px)
            if len(points) == 0:
                continue
            pieces += int(piece[-1]) + 1
            lever.append(_centre(x[points], piece))
            height.append(_centre(y[points], piece))
            resting = max(resting, len(points))
        if not lever:
            return None
        x_all, y_all = np.concatenate(lever), np.concatenate(height)
        spread = float(x_all @ x_all)
        if spread == 0:
            return None
        slope = float(x_all @ y_all) / spread
        left = y_all - slope * x_all
        variance_px2 = max(_ROUNDING_PX2, float(left @ left) / max(1, len(left) - pieces - 1))
        error = float(np.sqrt(variance_px2 / spread))
        skew_deg = float(np.degrees(np.arctan(-slope)))
        fitted = Slope(skew_deg, float(np.degrees(error)), resting / len(rows[0][0]))
    return fitted


def _find_pieces(
    x: Floats, v: Floats, median_px: float, reach_px: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Indices of points on common lines, and the number (ascending) of the piece of line each is in."""
    heights = find_peaks(v, 0.5 * median_px, least=_LEAST_ON_LINE)
    if len(heights) == 0:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    line = np.searchsorted((heights[1:] + heights[:-1]) / 2, v)
    points = np.flatnonzero(np.abs(v - heights[line]) <= reach_px)
    points = points[np.lexsort((x[points], line[points]))]
    parted = (np.diff(line[points]) != 0) | (np.diff(x[points]) > _GAP * median_px)
    return points, np.concatenate(([0], np.cumsum(parted)))[: len(points)].astype(np.intp)


def _centre(values: Floats, piece: NDArray[np.intp]) -> Floats:
    return np.asarray(values - (np.bincount(piece, values) / np.bincount(piece))[piece], dtype=np.float64)


def _find_touching(
    components: Components, boxes: NDArray[np.int32], skew_deg: float, *, side: int
) -> tuple[Floats, Floats]:
    """For each box where a line of this lean touches ink first from below (`side` 1) or above (-1): `(x, y)`,
    `y` to a part of a pixel."""
    ink = components.ink
    down, along = np.arange(boxes[:, 3].max()), np.arange(boxes[:, 2].max())
    y, x = boxes[:, 1, None] + down, boxes[:, 0, None] + along
    rows, columns = np.minimum(y, ink.shape[0] - 1), np.minimum(x, ink.shape[1] - 1)
    inside = (down < boxes[:, 3, None])[:, :, None] & (along < boxes[:, 2, None])[:, None, :]
    inside &= ink[rows[:, :, None], columns[:, None, :]] > 0
    v = side * (y[:, :, None] + x[:, None, :] * np.tan(np.radians(skew_deg)))
    first = np.where(inside, v, -np.inf).reshape(len(boxes), -1).argmax(axis=1)
    row, column = np.divmod(first, len(along))
    each = np.arange(len(boxes))
    at_x, at_y = x[each, column], y[each, row]
    beyond = np.clip(at_y + side, 0, ink.shape[0] - 1)
    last = components.grey[at_y, at_x].astype(np.float64)
    rise = np.maximum(1.0, components.grey[beyond, at_x] - last)
    return at_x.astype(np.float64), at_y + side * np.clip((_EDGE_LEVEL - last) / rise, -1.0, 1.0)
