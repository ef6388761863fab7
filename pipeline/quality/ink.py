"""Ink and paper of a page: a small working picture, the paper under the ink, text-like components.

Everything is measured at 150 dpi on the source as scanned, never on the prepared image: cleaning
makes blurred and covered regions look empty (facts/image-and-ocr.md, "telling unreadable pages").
"""

import math
from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.shapes import count_levels, label_shapes, mark_shapes
from schemas.page import Pixels, UprightPage

WORKING_DPI = 150.0
"""Twice the pixels cost twice the time and gained 0.016 AUC (facts: 1170 against 1600 px)."""
WORKING_PIXELS = 2_400_000
"""A4 at 150 dpi has 2.2 million; larger sheets are measured coarser instead of slower."""
WHOLE_FACTOR = 0.02
"""How far the working resolution may stray (147 to 153 dpi) to shrink by a whole factor."""
CELL_PX = 8
"""Side of one coverage cell in working pixels (1.4 mm): about a third of a printed line's height."""
PAPER_STEP = 8
"""Working pixels per paper pixel: under any printed stroke, still 4 samples a centimetre."""
FAINTEST_INK = 0.014
"""Contrast under which nothing counts as ink: pages washed out to 0.03 still read with CER 0."""
HIGHEST_FLOOR = 0.25
"""Paper noise never claims more than this: blur mixes so much ink into the paper between dense lines."""
INK_OF_TEXT = 0.2
"""Share of the page's own ink contrast that counts as ink: a blurred half keeps 0.3, bleed-through less."""
INK_OF_BLUR = 0.55
"""The same where more than half of the ink hangs together in blobs higher than any line."""
DOT_IN = 0.046
"""Inches: dots of leaders and specks are up to 0.043 across, letters of 8 pt 0.05 and more."""
TEXT_HEIGHT_PX = (4, 64)
"""Working pixels: 4 is a comma-sized lower-case letter of 6 pt, 64 a merged, blurred heading."""

Floats: TypeAlias = NDArray[np.float32]
Mask: TypeAlias = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Sheet:
    """The working picture. `contrast` is 0 (paper) to 255 (black) relative to the paper around it.

    `grey` is `rgb` without its colour, `paper` the RGB paper colour at an eighth of the working size, `scale`
    working px per page px, `dpi` the working resolution (150 or what the scan has).
    """

    rgb: Pixels
    grey: Pixels
    contrast: Pixels
    paper: Pixels
    scale: float
    dpi: float


@dataclass(frozen=True, slots=True)
class Ink:
    """Text-like ink. `boxes` are left, top, width, height, area of each component (working px).

    `other_share` is how much of all ink is not text-like, `dot_count` the number of dots (specks, leaders),
    `inked_tile_share` how many 32 px tiles (the outermost, where scanners leave shadows, apart) hold ink of
    any kind.
    """

    soft: Pixels
    mask: Pixels
    boxes: NDArray[np.int32]
    contrast: float
    noise: float
    threshold: float
    other_share: float
    inked_tile_share: float
    dot_count: int


def measure_sheet(page: UprightPage) -> Sheet:
    """Shrink the page to the working picture and divide by its paper."""
    height, width = page.pixels.shape[:2]
    scale = min(1.0, WORKING_DPI / max(page.dpi, 1.0), math.sqrt(WORKING_PIXELS / max(1, height * width)))
    if abs(round(1 / scale) * scale - 1) < WHOLE_FACTOR:
        scale = 1 / round(1 / scale)
    small = _shrink(page.pixels, scale)
    rgb = _as_pixels(small if small.ndim == 3 else cv2.cvtColor(small, cv2.COLOR_GRAY2RGB))
    paper = cv2.dilate(_shrink(rgb, 1 / PAPER_STEP), np.ones((5, 5), np.uint8))
    paper = _as_pixels(cv2.medianBlur(paper, 7))
    grey = _as_pixels(cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY))
    level = cv2.resize(cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY), (rgb.shape[1], rgb.shape[0]))
    ratio = cv2.divide(_lift_seals(rgb, grey), np.maximum(level, 1), scale=255.0)
    dpi = min(WORKING_DPI, max(page.dpi, 1.0) * scale)
    return Sheet(rgb, grey, _as_pixels(cv2.bitwise_not(ratio)), paper, scale, dpi)


def _as_pixels(image: object) -> Pixels:
    """OpenCV's answer as the uint8 array it is."""
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8))


def _shrink(pixels: Pixels, scale: float) -> Pixels:
    """Area mean. By a whole factor OpenCV is five times faster (300 dpi A4: 6 instead of 35 ms), at the
    price of a last odd row or column."""
    height, width = pixels.shape[:2]
    factor = round(1 / scale)
    if scale == 1.0:
        return pixels
    if factor * scale == 1.0 and min(height, width) >= factor:
        pixels = pixels[: height // factor * factor, : width // factor * factor]
        size = (width // factor, height // factor)
    else:
        size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return _as_pixels(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))


def _lift_seals(rgb: Pixels, grey: Pixels) -> Pixels:
    """Grey, but the red channel where the hue is a seal's red: what is printed under it stays."""
    red, green, blue = cv2.split(rgb)
    seal = cv2.threshold(cv2.subtract(red, cv2.max(green, blue)), 40, 255, cv2.THRESH_BINARY)[1]
    return _as_pixels(cv2.copyTo(red, seal, grey.copy()))


def find_ink(sheet: Sheet) -> Ink:
    """Ink contrast and noise of the page, then its text-like components."""
    soft = cv2.GaussianBlur(sheet.contrast, (0, 0), 1.2).astype(np.uint8)
    noise = _noise(sheet.contrast)
    floor = _ink_floor(soft)
    peaks = _tile_peaks(soft)
    contrast = _ink_contrast(peaks, floor)
    threshold = max(floor, INK_OF_TEXT * contrast)
    boxes, mask, share, dots = _text_components(soft, threshold, sheet.dpi)
    if share > 0.5 and contrast > 0:
        # blur has merged whole paragraphs: a higher cut parts the lines again
        higher = max(floor, INK_OF_BLUR * contrast)
        again, mask_again, share_again, dots_again = _text_components(soft, higher, sheet.dpi)
        if len(again) > len(boxes):
            boxes, mask, share, dots = again, mask_again, share_again, dots_again
            threshold = higher
    inner = peaks[1:-1, 1:-1]
    inked = float(np.mean(inner > threshold * 255)) if inner.size else 0.0
    return Ink(soft, mask, boxes, contrast, noise, threshold, share, inked, dots)


def _ink_floor(soft: Pixels) -> float:
    """Contrast above the paper's own spread, which lies over 0 because the paper estimate is a maximum.

    The 7th and the 30th percentile are paper on any page with margins and lie 0.95 sigma apart; seven
    sigma above the mean is crossed about never in the 2 million pixels of a page.
    """
    histogram = np.cumsum(count_levels(soft.reshape(-1)[::3]))
    low, centre = np.searchsorted(histogram, np.array([0.07, 0.30]) * histogram[-1])
    sigma = float(centre - low) / 0.95
    return min(HIGHEST_FLOOR, max(FAINTEST_INK, (float(centre) + 7.5 * sigma) / 255))


def _tile_peaks(soft: Pixels) -> Pixels:
    """The darkest spot of each 32 px tile."""
    half = soft[::2, ::2]
    rows, columns = half.shape[0] // 16, half.shape[1] // 16
    if not rows or not columns:
        return _as_pixels(half.max(keepdims=True))
    tiles = half[: rows * 16, : columns * 16].reshape(rows, 16, columns, 16)
    return _as_pixels(tiles.max(axis=1).max(axis=2))


def _ink_contrast(peaks: Pixels, floor: float) -> float:
    """Upper fifth of the darkest spots of tiles that hold any ink: the print, where there is print."""
    inked = peaks[peaks > floor * 255]
    return float(np.percentile(inked, 80)) / 255 if inked.size else 0.0


def _noise(contrast: Pixels) -> float:
    """Deviation of the pixel noise (0..1), from the upper quartile of what a 3 x 3 mean takes away."""
    rest = _as_pixels(cv2.absdiff(contrast, cv2.blur(contrast, (3, 3))))
    histogram = np.cumsum(count_levels(rest.reshape(-1)[::3]))
    quartile = np.searchsorted(histogram, 0.75 * histogram[-1])
    # |normal| has its upper quartile at 1.15 sigma; the 3 x 3 mean leaves sqrt(8/9) of the noise;
    # half of the noise of white paper is clipped away by the scanner
    return max(0.0, float(quartile) - 0.5) / 255 / 1.15 / 0.943


def _text_components(
    soft: Pixels, threshold: float, dpi: float
) -> tuple[NDArray[np.int32], Pixels, float, int]:
    """Boxes and mask of components shaped like text (also merged by blur), other ink's share, dots."""
    ink = cv2.threshold(soft, threshold * 255, 1, cv2.THRESH_BINARY)[1].astype(np.uint8, copy=False)
    labels, stats = label_shapes(ink)
    if len(stats) <= 1:
        return np.zeros((0, 5), np.int32), ink, 0.0, 0
    unit = dpi / WORKING_DPI
    width, height, area = stats[:, 2], stats[:, 3], stats[:, 4]
    low, high = TEXT_HEIGHT_PX
    rule = (width > 8 * height) & (height <= 7 * unit)
    solid = (area > 0.85 * width * height) & (np.maximum(width, height) > 24 * unit)
    round_patch = (
        (area > 0.65 * width * height) & (np.minimum(width, height) > 28 * unit) & (width < 2 * height)
    )
    dot = np.maximum(width, height) <= DOT_IN * dpi
    keep = (height >= low * min(1.0, unit)) & (height <= high * unit) & ~rule & ~solid & ~round_patch & ~dot
    keep[0] = False
    mask = mark_shapes(labels, keep)
    other = 1.0 - float(np.count_nonzero(mask)) / max(1.0, float(area[1:].sum()))
    return stats[keep], mask, other, int(dot[1:].sum())


def cell_shares(mask: Pixels) -> Floats:
    """Share of set pixels per cell of `CELL_PX` working pixels, `ceil(H/8) x ceil(W/8)`, 0..1."""
    return halve(mask * np.uint8(255), 3).astype(np.float32) / np.float32(255)


def halve(pixels: Pixels, times: int) -> Pixels:
    """Area mean over squares of `2 ** times` pixels, the last row and column repeated to fill theirs.

    Halves again and again: OpenCV takes 0.1 ms for a grey A4 page at 150 dpi, and 2.5 ms where a side is no
    multiple of the square.
    """
    bottom, right = (-side % 2**times for side in pixels.shape[:2])
    if bottom or right:
        pixels = _as_pixels(cv2.copyMakeBorder(pixels, 0, bottom, 0, right, cv2.BORDER_REPLICATE))
    for _ in range(times):
        size = (pixels.shape[1] // 2, pixels.shape[0] // 2)
        pixels = _as_pixels(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    return pixels
