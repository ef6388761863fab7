"""Pictures of runs for a line recogniser: at its own height, with nothing of the neighbours in them."""

import cv2
import numpy as np

from pipeline.image.components import Components
from pipeline.layout.find import FoundLayout, Print
from pipeline.layout.linking import Boxes
from schemas.page import Pixels, RunImage

NETWORK_PX = 36
"""Height of Tesseract's line network; what has this height is not scaled again."""

_SIDE, _MARGIN = 0.06, 0.18
"""Page content (never white: facts) left and right, above and below, over the ink's height. On 11 pages
CER 0.0096/0.0094/0.0101 for margins of 0.14/0.18/0.22 at 7.9/6.8/5.9 CPU s; a side of 0.2 loses 3 % of
words at the ends."""

_LEAST_HEIGHT = 1.7
"""A run counts at least this much over its core's height, so that `ma` is not blown up to capitals."""

_NARROWED = 0.9
"""Pictures are made this much narrower, which the network's cost is in proportion to: on 8 pages CER
0.0078/0.0078/0.0105/0.0159 for 1/0.9/0.8/0.7."""

_PAPER = 255


def cut_runs(components: Components, found: FoundLayout) -> tuple[RunImage, ...]:
    """One picture for each run of the layout, in its order."""
    own, boxes = _owners(found.print)
    return tuple(
        _cut(components, found, index, number, own, boxes) for index, number in enumerate(found.order)
    )


def _owners(found: Print) -> tuple[np.ndarray, Boxes]:
    """Run of every component that stands in one (leader dots: of none), and their boxes."""
    nobody = np.full(len(found.leaders), -1, np.intp)
    own = np.concatenate((found.runs.letter_run, found.runs.mark_run, nobody))
    boxes = np.vstack((found.letters, found.marks, found.leaders))
    kept = np.concatenate((found.runs.letter_run >= 0, found.runs.mark_run >= 0, nobody < 0))
    return own[kept], boxes[kept]


def _cut(
    components: Components, found: FoundLayout, index: int, number: int, own: np.ndarray, boxes: Boxes
) -> RunImage:
    height_px, width_px = components.ink.shape
    left, top, right, bottom = (int(edge) for edge in found.print.runs.boxes[number])
    core_top, core_bottom = found.print.runs.cores[number]
    height = max(float(bottom - top), _LEAST_HEIGHT * (core_bottom - core_top))
    margin = _MARGIN * height + (height - (bottom - top)) / 2
    side = round(_SIDE * height)
    x0, x1 = max(0, left - side), min(width_px, right + side)
    y0, y1 = max(0, round(top - margin)), min(height_px, round(bottom + margin))
    grey, ink = components.grey[y0:y1, x0:x1], components.ink[y0:y1, x0:x1]
    inside = (boxes[:, 0] < x1) & (boxes[:, 2] > x0) & (boxes[:, 1] < y1) & (boxes[:, 3] > y0)
    corner = (x0, y0, x0, y0)
    foreign = boxes[inside & (own != number)] - corner
    rules = found.print.rules.mask[y0:y1, x0:x1]
    if len(foreign) or rules.any():
        grey, ink = _take_out(grey, ink, rules, foreign, boxes[inside & (own == number)] - corner)
    zoom = NETWORK_PX / max(y1 - y0, 1)
    size = max(1, round((x1 - x0) * zoom * _NARROWED)), max(1, round((y1 - y0) * zoom))
    way = cv2.INTER_AREA if zoom < 1 else cv2.INTER_CUBIC
    run = found.layout.runs[index]
    return RunImage(
        grey=np.asarray(cv2.resize(grey, size, interpolation=way), dtype=np.uint8),
        ink=np.asarray(cv2.resize(ink, size, interpolation=cv2.INTER_NEAREST), dtype=np.uint8),
        left=x0 / components.scale,
        top=y0 / components.scale,
        scale_x=components.scale * size[0] / (x1 - x0),
        scale_y=components.scale * size[1] / (y1 - y0),
        block=run.block,
        row=run.row,
    )


def _take_out(grey: Pixels, ink: Pixels, rules: Pixels, foreign: Boxes, own: Boxes) -> tuple[Pixels, Pixels]:
    """Without rules and without components that lie in a foreign box and in none of the run's own."""
    gone = cv2.dilate(rules, np.ones((3, 3), np.uint8)) if rules.any() else np.zeros_like(ink)
    if len(foreign):
        bare = cv2.subtract(ink, gone)
        _, labels, stats, _ = cv2.connectedComponentsWithStats(bare, connectivity=8, ltype=cv2.CV_32S)
        corners = np.hstack((stats[:, :2], stats[:, :2] + stats[:, 2:4]))
        alien = _within(corners, foreign) & ~_within(corners, own)
        alien[0] = False
        if alien.any():
            gone = cv2.bitwise_or(gone, np.asarray(alien[labels] * np.uint8(255)))
    kept_ink = np.asarray(cv2.subtract(ink, gone), dtype=np.uint8)
    rim = cv2.subtract(
        cv2.dilate(gone, np.ones((3, 3), np.uint8)), cv2.dilate(kept_ink, np.ones((3, 3), np.uint8))
    )
    cleaned = grey.copy()
    cleaned[cv2.bitwise_or(gone, rim) > 0] = _PAPER
    return cleaned, kept_ink


def _within(corners: np.ndarray, boxes: Boxes) -> np.ndarray:
    """Which corner boxes lie inside any of `boxes` (one pixel of tolerance)."""
    if not len(boxes):
        return np.zeros(len(corners), np.bool_)
    inside = corners[:, None, 0] >= boxes[:, 0] - 1
    inside &= corners[:, None, 1] >= boxes[:, 1] - 1
    inside &= corners[:, None, 2] <= boxes[:, 2] + 1
    inside &= corners[:, None, 3] <= boxes[:, 3] + 1
    return np.asarray(inside.any(axis=1))
