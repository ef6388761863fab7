"""From the corners of a sheet on a photo to the sheet as a scanner would see it."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import WORKING_DPI
from pipeline.image.paper import known_aspect, measure_aspect
from pipeline.image.perspective import Sheet, find_sheet
from schemas.page import Homography, Pixels

Floats: TypeAlias = NDArray[np.float64]

_TRIMMED = 0.002
"""Share of each side left out (0.6 mm of A4): paper curls, and what shows beside it is table."""

_WORKING_PX = WORKING_DPI * 297 / 25.4
"""Longer side of the flat working image: an A4 sheet at `WORKING_DPI`."""


@dataclass(frozen=True, slots=True)
class Flattening:
    """`matrix` (3 x 3) takes pixel centres of the photo to those of the flat sheet, which has the size
    `width_px` x `height_px`; its aspect is the paper's."""

    matrix: Floats
    width_px: int
    height_px: int

    @property
    def longer_px(self) -> int:
        """Longer side in pixels."""
        return max(self.width_px, self.height_px)

    def as_tuple(self) -> Homography:
        """`matrix` row by row."""
        a, b, c, d, e, f, g, h, i = (float(entry) for entry in self.matrix.reshape(-1))
        return a, b, c, d, e, f, g, h, i


def plan_flattening(small: Pixels, factor: int, width_px: int, height_px: int) -> Flattening | None:
    """How to flatten a photo of `width_px` x `height_px`, of which `small` is an average of blocks of
    `factor` pixels; None where it shows no sheet on a table (see `find_sheet`)."""
    sheet = find_sheet(small)
    if sheet is None:
        return None
    corners = (sheet.corners + 0.5) * factor - 0.5
    return _plan(Sheet(corners, sheet.support), width_px, height_px)


def _plan(sheet: Sheet, width_px: int, height_px: int) -> Flattening:
    """Nearest sides keep their pixels, so that no detail is lost; the others are enlarged to them."""
    corners = sheet.corners
    aspect = measure_aspect(corners, width_px, height_px)
    aspect = known_aspect(aspect) or aspect
    top, right, bottom, left = np.hypot(*(np.roll(corners, -1, axis=0) - corners).T)
    width = max(top, bottom, max(left, right) * aspect)
    flat_width, flat_height = max(1, round(width)), max(1, round(width / aspect))
    trim_x, trim_y = _TRIMMED * flat_width, _TRIMMED * flat_height
    # Corners of the sheet lie half a pixel outside the centres of its corner pixels.
    near, far_x, far_y = -0.5, flat_width - 0.5, flat_height - 0.5
    goal = np.array(
        [
            [near - trim_x, near - trim_y],
            [far_x + trim_x, near - trim_y],
            [far_x + trim_x, far_y + trim_y],
            [near - trim_x, far_y + trim_y],
        ]
    )
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), goal.astype(np.float32))
    return Flattening(np.asarray(matrix, dtype=np.float64), flat_width, flat_height)


def flatten_small(small: Pixels, factor: int, flattening: Flattening) -> tuple[Pixels, float]:
    """The flat sheet at `WORKING_DPI` or less from the averaged photo, and its dpi, were it A4."""
    scale = min(1.0, _WORKING_PX / flattening.longer_px)
    size = max(1, round(flattening.width_px * scale)), max(1, round(flattening.height_px * scale))
    matrix = _zoom(scale) @ flattening.matrix @ _zoom(factor)
    flat = cv2.warpPerspective(small, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(flat, dtype=np.uint8), WORKING_DPI * max(size) / _WORKING_PX


def _zoom(scale: float) -> Floats:
    """Pixel centres of an image to those of its copy enlarged by `scale`."""
    shift = (scale - 1) / 2
    return np.array([[scale, 0, shift], [0, scale, shift], [0, 0, 1]])
