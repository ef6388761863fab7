"""Ruling lines: found, taken out of the ink, and the table cells they part."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.shapes import label_shapes
from schemas.page import Pixels

_LEAST_HORIZONTAL_MM = 8.0
_LEAST_VERTICAL_MM = 6.0
"""Straight ink this long is a rule: bars of capitals reach 5 mm and stems 4.5 mm at 16 pt; one row of a
table of 12 pt is 7 to 8 mm high."""

_LEAST_LONE_MM = 20.0
"""Upright rules outside tables (between columns) are longer; strokes of signatures are not rules."""

_THICKEST_MM = 1.4
"""Rules are thinner; letters of a 40 pt title are not taken for rules."""

_TABLE_MM = (15.0, 6.0)
"""Least width and height of crossing rules that make a table or frame."""

_LEAST_FRAME_MM2 = 2500.0
"""A single cell is a frame around print when it is this large (50 x 50 mm)."""

_CROSSED_SHARE = 0.25
_CROSSED_PITCH_MM, _CROSSED_REACH_MM = 6.0, 1.0
"""Print runs across a fold or a scanner's streak: of its stretches of a line's height this share has print so
near on both sides. Four folded dev pages have 0.54 to 0.66, 88 rules of 8 pages of tables 0. Taken for rules,
folds parted lines and made cells (CER 0.65 to 0.72)."""

_CELL_MM = 2.0
"""Cells less wide or high hold no print."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Masks (0 or 255) of all rules and of the upright ones, and table cells, in small-image pixels.

    Upright folds and streaks that print runs across are in `mask` only: they part nothing.
    `cells` is `N x 5` int32: left, top, right, bottom, number of the table; `tables` is `M x 4`.
    """

    mask: Pixels
    upright: Pixels
    cells: NDArray[np.int32]
    tables: NDArray[np.int32]


def find_rules(ink: Pixels, dpi: float) -> Rules:
    """Straight level and upright strokes of `ink` (0 or 255) at `dpi`, and the cells between them."""
    px = dpi / 25.4
    level = _open_along(ink, round(_LEAST_HORIZONTAL_MM * px), 1)
    upright = _open_along(ink, 1, round(_LEAST_VERTICAL_MM * px))
    level = _keep_thin(level, px, axis=1)
    upright = _keep_thin(upright, px, axis=0)
    crossed = _find_crossed(ink, level, upright, px)
    upright = np.asarray(cv2.subtract(upright, crossed), dtype=np.uint8)
    cells, tables = _no_boxes(5), _no_boxes(4)
    if upright.any():
        if level.any():
            cells, tables = _find_cells(level, upright, px)
        upright = _keep_table_rules(upright, tables, px)
    mask = np.asarray(level | upright | crossed, dtype=np.uint8)
    return Rules(mask, upright, cells, tables)


def cell_at(rules: Rules, x: float, y: float) -> int:
    """Number of the cell around a point, the innermost one; -1 outside all tables."""
    cells = rules.cells
    if not len(cells):
        return -1
    inside = (cells[:, 0] <= x) & (x < cells[:, 2]) & (cells[:, 1] <= y) & (y < cells[:, 3])
    if not inside.any():
        return -1
    areas = (cells[:, 2] - cells[:, 0]).astype(np.int64) * (cells[:, 3] - cells[:, 1])
    return int(np.flatnonzero(inside)[areas[inside].argmin()])


def _no_boxes(columns: int) -> NDArray[np.int32]:
    return np.zeros((0, columns), np.int32)


def _open_along(ink: Pixels, width: int, height: int) -> Pixels:
    """Opening by a box; what little the first half leaves is dilated alone."""
    kernel = np.ones((max(height, 1), max(width, 1)), np.uint8)
    kept = np.asarray(cv2.erode(ink, kernel), dtype=np.uint8)
    x, y, across, down = cv2.boundingRect(kept)
    if across == 0:
        return kept
    around = np.s_[max(0, y - height) : y + down + height, max(0, x - width) : x + across + width]
    kept[around] = cv2.dilate(kept[around], kernel)
    return kept


def _keep_thin(strokes: Pixels, px: float, axis: int) -> Pixels:
    """Without strokes thicker than a rule (pictures, black borders), and without their rims."""
    if not strokes.any():
        return strokes
    size = round(_THICKEST_MM * px) + 1
    kernel = np.ones((size, 1) if axis == 1 else (1, size), np.uint8)
    thick = cv2.morphologyEx(strokes, cv2.MORPH_OPEN, kernel)
    return np.asarray(cv2.subtract(strokes, thick), dtype=np.uint8)


def _find_crossed(ink: Pixels, level: Pixels, upright: Pixels, px: float) -> Pixels:
    """Mask of the long upright strokes that print runs across."""
    crossed = np.zeros_like(upright)
    long = _open_along(upright, 1, round(_LEAST_LONE_MM * px))
    if not long.any():
        return crossed
    bare = cv2.subtract(ink, cv2.dilate(cv2.bitwise_or(level, upright), np.ones((3, 5), np.uint8)))
    reach = 1 + round(_CROSSED_REACH_MM * px)
    labels, stats = label_shapes(long)
    for number, (left, top, width, height, _) in enumerate(stats[1:], start=1):
        rows = slice(top, top + height)
        before = bare[rows, max(0, left - reach) : left].any(axis=1)
        after = bare[rows, left + width : left + width + reach].any(axis=1)
        stretches = max(1, round(height / (_CROSSED_PITCH_MM * px)))
        both = [
            one.any() and other.any()
            for one, other in zip(
                np.array_split(before, stretches), np.array_split(after, stretches), strict=True
            )
        ]
        if np.mean(both) >= _CROSSED_SHARE:
            crossed[labels == number] = 255
    return crossed


def _keep_table_rules(upright: Pixels, tables: NDArray[np.int32], px: float) -> Pixels:
    kept = _open_along(upright, 1, round(_LEAST_LONE_MM * px))
    for left, top, right, bottom in tables:
        kept[top:bottom, left:right] = upright[top:bottom, left:right]
    return kept


def _find_cells(level: Pixels, upright: Pixels, px: float) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    rows = np.flatnonzero(upright.any(axis=1))
    first, last = max(0, int(rows[0]) - 3), int(rows[-1]) + 4
    joined = cv2.dilate(cv2.bitwise_or(level[first:last], upright[first:last]), np.ones((3, 3), np.uint8))
    _, stats = label_shapes(np.asarray(joined, dtype=np.uint8))
    least_width, least_height = _TABLE_MM[0] * px, _TABLE_MM[1] * px
    tables: list[tuple[int, int, int, int]] = []
    cells = []
    for left, top, width, height, _ in stats[1:]:
        if width < least_width or height < least_height:
            continue
        inside = joined[top : top + height, left : left + width]
        bare = cv2.bitwise_not(inside)
        _, _, found, _ = cv2.connectedComponentsWithStats(bare, connectivity=4, ltype=cv2.CV_32S)
        kept = found[1:][(found[1:, 2] >= _CELL_MM * px) & (found[1:, 3] >= _CELL_MM * px)]
        if len(kept) < 2 and width * height < _LEAST_FRAME_MM2 * px**2:
            continue  # a signature's flourish
        if not len(kept):
            continue
        number = np.full((len(kept), 1), len(tables), np.int32)
        start = kept[:, :2] + np.array((left, first + top))
        cells.append(np.hstack((start, start + kept[:, 2:4], number)))
        tables.append((left, first + top, left + width, first + top + height))
    if not tables:
        return _no_boxes(5), _no_boxes(4)
    return np.vstack(cells).astype(np.int32), np.array(tables, np.int32)
