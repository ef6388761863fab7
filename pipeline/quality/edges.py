"""Print at the edges of the scan: letters that the edge cuts, and lines that come too near to it."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.quality.ink import Ink, Mask, Sheet
from schemas.page import UprightPage

BORDER_PX = 2
"""Working pixels from the sheet's edge within which a letter counts as cut."""
LETTER_SHARE = 0.6
"""Of the text height: what stands beside a cut letter is itself a letter; edge shadows had 0.5 at most."""
LINE_GAP = 2.0
"""Of the text height: letters of one line stand closer, words of justified print too."""
NO_MARGIN_MM = 99.0
"""Margin of a page without lines of print."""
NEAR_MM = 6.0
"""Within so much of an edge letters are asked whether they are of this side of the paper."""
DARK_LETTER = 0.5
"""Of the page's contrast. A choice, not finely measured: print of the back with a third of the ink is left
out, print of this side is not (a test of both)."""
FEW_LETTERS = 3
"""A margin is measured to the third letter: specks and shadows come alone."""


@dataclass(frozen=True, slots=True)
class Edges:
    """Text-like components that touch each edge, and how far the print nearest to any edge stays from it."""

    cut_left: int
    cut_right: int
    cut_top: int
    cut_bottom: int
    margin_mm: float


def measure_edges(page: UprightPage, sheet: Sheet, ink: Ink, text_height_px: float) -> Edges:
    """`text_height_px` is the median height of the text-like components in working pixels."""
    tall = ink.boxes[ink.boxes[:, 3] >= 0.4 * text_height_px] if len(ink.boxes) else ink.boxes
    if not len(tall):
        return Edges(0, 0, 0, 0, NO_MARGIN_MM)
    distances = _edge_distances(tall, ink.mask.shape, page.matrix)
    asked = np.min(distances, axis=0) < NEAR_MM / 25.4 * sheet.dpi
    ours = ~asked
    ours[asked] = [_is_dark(ink, box) for box in tall[asked]]
    tall, distances = tall[ours], [distance[ours] for distance in distances]
    if not len(tall):
        return Edges(0, 0, 0, 0, NO_MARGIN_MM)
    near = [distance <= BORDER_PX for distance in distances]
    in_line = _stand_in_line(tall, text_height_px, near[0] | near[1] | near[2] | near[3])
    left, right, top, bottom = (int((side & in_line).sum()) for side in near)
    margin_px = min(_margin_px(tall, text_height_px, distance) for distance in distances)
    return Edges(left, right, top, bottom, min(NO_MARGIN_MM, margin_px / sheet.dpi * 25.4))


def _is_dark(ink: Ink, box: NDArray[np.int32]) -> bool:
    left, top, width, height = box[:4]
    return bool(ink.soft[top : top + height, left : left + width].max() >= 255 * DARK_LETTER * ink.contrast)


def _edge_distances(
    tall: NDArray[np.int32], shape: tuple[int, ...], matrix: tuple[float, float, float, float, float, float]
) -> list[NDArray[np.float64]]:
    """Of each component from the left, right, top, bottom edge of the scan, in working pixels.

    The straightened page is the turned scan inside its bounding box: its edges slope by the skew.
    """
    height, width = shape
    x0, y0 = tall[:, 0].astype(np.float64), tall[:, 1].astype(np.float64)
    x1, y1 = x0 + tall[:, 2], y0 + tall[:, 3]
    slope = math.tan(math.radians(_turned_deg(matrix)))
    cx, cy, lean = (x0 + x1) / 2, (y0 + y1) / 2, abs(slope)
    return [
        x0 - _edge_offset(cy, height, slope, lean),
        width - x1 - _edge_offset(height - cy, height, slope, lean),
        y0 - _edge_offset(width - cx, width, slope, lean),
        height - y1 - _edge_offset(cx, width, slope, lean),
    ]


def _margin_px(tall: NDArray[np.int32], text_height_px: float, distance: NDArray[np.float64]) -> float:
    """Distance of the third nearest letter that stands in a line; infinite where there are fewer."""
    if len(tall) < 2 * FEW_LETTERS:
        return math.inf
    nearest = float(np.partition(distance, 2 * FEW_LETTERS - 1)[2 * FEW_LETTERS - 1])
    in_line = _stand_in_line(tall, text_height_px, distance <= nearest + BORDER_PX)
    found = np.sort(distance[in_line])
    return max(0.0, float(found[FEW_LETTERS - 1])) if len(found) >= FEW_LETTERS else math.inf


def _stand_in_line(tall: NDArray[np.int32], text_height: float, asked: Mask) -> Mask:
    """Which of the `asked` components have a letter beside them: shadows along a paper's edge have none."""
    letters = tall[tall[:, 3] >= LETTER_SHARE * text_height].astype(np.float64)
    in_line = np.zeros(len(tall), np.bool_)
    for number in np.flatnonzero(asked):
        x, y, width, height = (float(side) for side in tall[number, :4])
        overlap = np.minimum(letters[:, 1] + letters[:, 3], y + height) - np.maximum(letters[:, 1], y)
        apart = np.maximum(letters[:, 0] - x - width, x - letters[:, 0] - letters[:, 2])
        beside = (apart > -0.5 * width) & (apart < LINE_GAP * text_height)
        in_line[number] = bool((beside & (overlap >= 0.5 * np.minimum(letters[:, 3], height))).any())
    return in_line


def _turned_deg(matrix: tuple[float, float, float, float, float, float]) -> float:
    """Degrees between the scan's edges and the page's, -45..45, from the affine matrix."""
    angle = math.degrees(math.atan2(matrix[3], matrix[0]))
    return (angle + 45.0) % 90.0 - 45.0


def _edge_offset(
    along: NDArray[np.float64], length: float, slope: float, lean: float
) -> NDArray[np.float64] | float:
    """Distance of the scan's sloping edge from the page's edge at `along` of `length`."""
    if lean < 1e-3:
        return 0.0
    return lean * (length - along if slope > 0 else along)
