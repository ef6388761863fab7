"""A scan turned upright and straight, and the grey picture of it that the engine reads."""

from collections.abc import Callable
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import (
    Components,
    find_components,
    turn_components,
    turn_pixels,
    working_factor,
)
from pipeline.image.deskew import measure_skew
from pipeline.image.light import normalise_background, shrink, to_reading_grey
from pipeline.image.orientation import find_orientation
from schemas.page import Pixels, QuarterTurn, ReadingImage, ScanPage, UprightPage

LEAST_SKEW_DEG = 0.1
"""A smaller lean is left: resampling costs more sharpness than it mends (facts, deskew)."""

READING_DPI = 300.0
"""OCR is capped here (facts); more pixels cost time and read no better."""

_LEAST_X_HEIGHT_PX = 15.0
"""Below, Tesseract wants the page enlarged (facts)."""

_AIMED_X_HEIGHT_PX = 24.0
"""13 pt at 300 dpi; what enlarging aims at where the file does not tell its resolution."""

_LETTER_OVER_X_HEIGHT = 1.15
"""Median letter component (14 px at 150 dpi on real scans) over the x-height of 13 pt type (12 px)."""

_GREATEST_ENLARGEMENT = 3.0

_BORDER_SHARE = 0.01
"""Paper colour at the border is the median of this share of each side, its darker half left out."""


def straighten(scan: ScanPage, plausibility: Callable[[Pixels, float], float] | None) -> UprightPage:
    """Turn and level a scan; colours as scanned, corners never cut, at most one resampling.

    `plausibility(grey, dpi)` tells how much a strip of a few lines reads like text (0..1) and is asked
    only where the cheap cues are weak. A page that needs only a quarter turn, or nothing, keeps its
    pixels exactly. Bilevel pages stay bilevel.
    """
    found = _survey(scan.pixels, scan.dpi)
    orientation = find_orientation(scan.pixels, found, plausibility)
    skew = measure_skew(turn_components(found, orientation.quarter_turn))
    pixels = turn_pixels(scan.pixels, orientation.quarter_turn)
    matrix = _quarter_matrix(scan.pixels, orientation.quarter_turn)
    if skew.certain and abs(skew.skew_deg) >= LEAST_SKEW_DEG:
        level, size = _level_matrix(pixels, skew.skew_deg)
        pixels = _warp(pixels, level, size, bilevel=scan.bilevel)
        matrix = level @ np.vstack((matrix, (0.0, 0.0, 1.0)))
    a, b, c, d, e, f = (float(entry) for entry in matrix.reshape(-1))
    return UprightPage(
        number=scan.number,
        pixels=pixels,
        dpi=scan.dpi,
        dpi_known=scan.dpi_known,
        bilevel=scan.bilevel,
        orientation=orientation,
        skew=skew,
        matrix=(a, b, c, d, e, f),
    )


def prepare_for_reading(page: UprightPage) -> ReadingImage:
    """Seal-aware grey on even white paper, never binarised, at a resolution that suits the engine."""
    scale = _reading_scale(page)
    pixels = _resize(page.pixels, scale) if scale < 1 else page.pixels
    grey = to_reading_grey(pixels)
    if not page.bilevel:
        grey = normalise_background(grey)
    if scale > 1:
        grey = _resize(grey, scale)
    return ReadingImage(grey=grey, dpi=page.dpi * scale, scale=scale)


def find_print(page: UprightPage) -> Components:
    """Components of the upright, straight page; found anew, since levelling moved every one of them."""
    return _survey(page.pixels, page.dpi)


def _survey(pixels: Pixels, dpi: float) -> Components:
    """Components of a page; colour is averaged down first, so that only the small image is made grey."""
    small = shrink(pixels, working_factor(dpi))
    shrunk = 1.0 if small is pixels else 1.0 / working_factor(dpi)
    found = find_components(to_reading_grey(small), dpi * shrunk)
    return replace(found, scale=found.scale * shrunk)


def _reading_scale(page: UprightPage) -> float:
    if page.dpi_known and page.dpi >= READING_DPI:
        return READING_DPI / page.dpi
    letter_px = 0.0
    found = _survey(page.pixels, page.dpi)
    if len(found.boxes):
        letter_px = found.median_height_px / found.scale
    x_height_px = letter_px / _LETTER_OVER_X_HEIGHT
    if 0 < x_height_px < _LEAST_X_HEIGHT_PX:
        wanted = READING_DPI / page.dpi if page.dpi_known else _AIMED_X_HEIGHT_PX / x_height_px
        return float(np.clip(wanted, 1.0, _GREATEST_ENLARGEMENT))
    return min(1.0, READING_DPI / page.dpi)


def _resize(pixels: Pixels, scale: float) -> Pixels:
    height_px, width_px = pixels.shape[:2]
    size = max(1, round(width_px * scale)), max(1, round(height_px * scale))
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(pixels, size, interpolation=way), dtype=np.uint8)


def _quarter_matrix(pixels: Pixels, quarter_turn: QuarterTurn) -> NDArray[np.float64]:
    """Pixel centres of the scan to those of the turned page (`2 x 3`)."""
    last_row, last_column = pixels.shape[0] - 1, pixels.shape[1] - 1
    rows: dict[int, list[list[float]]] = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, -1, last_row], [1, 0, 0]],
        180: [[-1, 0, last_column], [0, -1, last_row]],
        270: [[0, 1, 0], [-1, 0, last_column]],
    }
    return np.array(rows[quarter_turn], dtype=np.float64)


def _level_matrix(pixels: Pixels, skew_deg: float) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Turn by `-skew_deg` about the middle onto a canvas that holds all corners."""
    height_px, width_px = pixels.shape[:2]
    cosine, sine = np.cos(np.radians(skew_deg)), np.sin(np.radians(skew_deg))
    new_width = int(np.ceil(width_px * cosine + height_px * abs(sine)))
    new_height = int(np.ceil(height_px * cosine + width_px * abs(sine)))
    # Positive skew is counter-clockwise with y pointing down: the page is turned clockwise.
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array([new_width - 1, new_height - 1]) / 2 - turn @ np.array([width_px - 1, height_px - 1]) / 2
    return np.column_stack((turn, shift)), (new_width, new_height)


def _warp(pixels: Pixels, matrix: NDArray[np.float64], size: tuple[int, int], *, bilevel: bool) -> Pixels:
    paper = (255.0, 255.0, 255.0) if bilevel else _border_colour(pixels)
    warped = cv2.warpAffine(
        pixels, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=paper
    )
    if bilevel:
        _, warped = cv2.threshold(warped, 127, 255, cv2.THRESH_BINARY)
    return np.asarray(warped, dtype=np.uint8)


def _border_colour(pixels: Pixels) -> tuple[float, ...]:
    """The paper's own colour along the four sides; a black scanner border does not count as paper."""
    deep = max(1, round(_BORDER_SHARE * min(pixels.shape[:2])))
    sides = (pixels[:deep], pixels[-deep:], pixels[:, :deep], pixels[:, -deep:])
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    border = np.concatenate([side.reshape(-1, channels)[::7] for side in sides])
    brightness = border.sum(axis=1, dtype=np.int32)
    lighter = border[brightness >= np.median(brightness)]
    return tuple(float(level) for level in np.median(lighter, axis=0))
