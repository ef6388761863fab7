"""One resampling of a page: turned and levelled by an affine matrix, bare paper where the scan ends."""

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Pixels

Matrix = NDArray[np.float64]

_BAND_PX = 256
"""Rows levelled at a time. OpenCV samples four channels at once but three one by one: 34 CPU ms an A4 page
at 300 dpi against 66 (64 to 1,024 rows: 34 to 43); a band at a time, the fourth costs next to no memory."""


def level_grey(pixels: Pixels, matrix: Matrix, size: tuple[int, int], paper: tuple[float, ...]) -> Pixels:
    """`pixels` (`H x W`) through `matrix` (`2 x 3`) onto a canvas of `size` (width, height)."""
    levelled = cv2.warpAffine(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=paper
    )
    return np.asarray(levelled, dtype=np.uint8)


def level_colours(pixels: Pixels, matrix: Matrix, size: tuple[int, int], paper: tuple[float, ...]) -> Pixels:
    """The same for RGB (`H x W x 3`); one level in 5,000 is off by one from OpenCV's three channels."""
    width_px, height_px = size
    levelled = np.empty((height_px, width_px, 3), np.uint8)
    for top in range(0, height_px, _BAND_PX):
        band = levelled[top : top + _BAND_PX]
        rows, columns = _find_seen(matrix, width_px, top, len(band), pixels.shape)
        if rows.start >= rows.stop or columns.start >= columns.stop:
            band[:] = np.round(paper)
            continue
        onto_band = matrix.copy()
        onto_band[:, 2] += matrix @ (columns.start, rows.start, 0)
        onto_band[1, 2] -= top
        four = np.asarray(cv2.cvtColor(pixels[rows, columns], cv2.COLOR_RGB2RGBA), dtype=np.uint8)
        sampled = level_grey(four, onto_band, (width_px, len(band)), (*paper, 0.0))
        band[:] = cv2.cvtColor(sampled, cv2.COLOR_RGBA2RGB)
    return levelled


def _find_seen(
    matrix: Matrix, width_px: int, top: int, rows: int, shape: tuple[int, ...]
) -> tuple[slice, slice]:
    """Rows and columns of the scan (`shape`) that a band of the canvas shows: on a page turned by a quarter
    a few columns, a fifth of the work of the whole width. Levelling a turned A4 at 300 dpi takes 89 to 98 CPU
    ms on a loaded machine so, 219 to 243 without."""
    back = cv2.invertAffineTransform(matrix)
    corners = [(x, y, 1) for x in (0, width_px - 1) for y in (top, top + rows - 1)]
    x, y = back @ np.array(corners).T
    return _widen(y, shape[0]), _widen(x, shape[1])


def _widen(seen: NDArray[np.float64], size_px: int) -> slice:
    # A pixel more on either side, since between two both count, and one for rounding.
    return slice(max(0, int(np.floor(seen.min())) - 2), min(size_px, int(np.ceil(seen.max())) + 3))
