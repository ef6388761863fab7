"""A crop of a few text lines, level, for a reader that settles which way up they are."""

import cv2
import numpy as np

from pipeline.image.components import Components
from pipeline.image.leaders import erase_leaders
from pipeline.image.light import normalise_background, to_reading_grey
from pipeline.image.lines import lean_heights
from schemas.page import Pixels

MOST_LINES = 3
_MARGIN = 0.5
"""Page content kept around the lines, in letter heights: white margins make Tesseract invent marks."""

_TALLEST = 14.0
"""Letter heights of a strip at most, where rows cannot be told apart."""

_STRIP_LETTER_PX = 25.0
"""Letters are brought to about 300 dpi: median letter height of 13 pt there is 28 px."""


def cut_strip(
    pixels: Pixels, components: Components, skew_deg: float, most_lines: int = MOST_LINES
) -> tuple[Pixels, float] | None:
    """The densest `most_lines` rows of `pixels` (`H x W` or RGB), turned like `components`, with their dpi.

    None where there are no letters.
    """
    rows = _find_rows(components, skew_deg)
    if not rows:
        return None
    best = max(range(len(rows)), key=lambda start: sum(row[2] for row in rows[start : start + most_lines]))
    window = rows[best : best + most_lines]
    median = components.median_height_px
    low, high = window[0][0], min(window[-1][1], window[0][0] + _TALLEST * median)
    boxes = components.boxes
    v = lean_heights(boxes, boxes[:, 1], skew_deg)
    inside = boxes[(v >= low) & (v < high)].astype(np.float64)
    cosine, sine = np.cos(np.radians(skew_deg)), np.sin(np.radians(skew_deg))
    along = (inside[:, 0] + inside[:, 2] / 2) * cosine - (inside[:, 1] + inside[:, 3] / 2) * sine
    half = inside[:, 2:].max(axis=1) / 2
    margin = _MARGIN * median
    left, right = float((along - half).min()) - margin, float((along + half).max()) + margin
    return _level(pixels, components, skew_deg, (left, low * cosine - margin, right, high * cosine + margin))


def _find_rows(components: Components, skew_deg: float) -> list[tuple[float, float, int]]:
    """Runs of heights that letters cover: top, bottom, number of letters; top to bottom."""
    boxes = components.boxes
    if len(boxes) == 0:
        return []
    top = lean_heights(boxes, boxes[:, 1], skew_deg)
    bottom = lean_heights(boxes, boxes[:, 1] + boxes[:, 3], skew_deg)
    start = np.floor(top.min())
    steps = np.zeros(int(bottom.max() - start) + 3, np.int32)
    np.add.at(steps, (top - start).astype(np.intp), 1)
    np.add.at(steps, (bottom - start).astype(np.intp) + 1, -1)
    covered = np.concatenate(([0], (np.cumsum(steps) > 0).astype(np.int8), [0]))
    edges = np.flatnonzero(np.diff(covered)).reshape(-1, 2) + start
    middle = (top + bottom) / 2
    return [
        (float(first), float(last), int(((middle >= first) & (middle <= last)).sum()))
        for first, last in edges
    ]


def _level(
    pixels: Pixels, components: Components, skew_deg: float, window: tuple[float, float, float, float]
) -> tuple[Pixels, float]:
    """Cut `window` (left, top, right, bottom in small pixels of the levelled page) out of the page."""
    left, top, right, bottom = (side / components.scale for side in window)
    page_dpi = components.dpi / components.scale
    zoom = min(3.0, _STRIP_LETTER_PX * components.scale / components.median_height_px)
    cosine, sine = np.cos(np.radians(skew_deg)), np.sin(np.radians(skew_deg))
    level = np.array([[cosine, -sine], [sine, cosine]])
    # The window as it leans on the page; cut first, so that only this is made grey and warped.
    corners = np.array([[left, top], [right, top], [left, bottom], [right, bottom]]) @ level
    height_px, width_px = pixels.shape[:2]
    begin, end = (int(side) for side in np.clip((corners[:, 0].min(), corners[:, 0].max() + 1), 0, width_px))
    over, under = (
        int(side) for side in np.clip((corners[:, 1].min(), corners[:, 1].max() + 1), 0, height_px)
    )
    crop = to_reading_grey(np.ascontiguousarray(pixels[over:under, begin:end]))
    shift = level @ (begin, over) - (left, top)
    size = max(1, round((right - left) * zoom)), max(1, round((bottom - top) * zoom))
    strip = cv2.warpAffine(
        normalise_background(crop),
        zoom * np.column_stack((level, shift)),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )
    # Dots to write on read as rubbish whichever way they lie (a slip: plausible 0.33 with, 0.97 without).
    return erase_leaders(np.asarray(strip, dtype=np.uint8), page_dpi * zoom), page_dpi * zoom
