"""A scan turned upright and straight, and the grey picture of it that the engine reads."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.cleaning import remove_specks
from pipeline.image.components import (
    Components,
    find_components,
    turn_components,
    turn_pixels,
    working_factor,
)
from pipeline.image.deskew import measure_skew
from pipeline.image.flatten import Flattening, flatten_small, plan_flattening
from pipeline.image.leaders import erase_leaders
from pipeline.image.levelling import level_colours, level_grey
from pipeline.image.light import normalise_background, shrink, to_reading_grey
from pipeline.image.orientation import find_orientation
from pipeline.image.paper import guess_longer_mm
from schemas.page import Pixels, QuarterTurn, ReadingImage, ScanPage, UprightPage

LEAST_SKEW_DEG = 0.1
"""A smaller lean is left: resampling costs more sharpness than it mends (facts, deskew)."""

READING_DPI = 300.0
"""OCR is capped here (facts); more pixels cost time and read no better."""

FAX_READING_DPI = 240.0
FAX_SPREAD_PX = 1.3
"""Black and white pages are softened by this much (at 300 dpi) and read a little smaller: the engine
learned from grey. Words found on a real G4 letter / 6 sample pages: 0.904 / - with hard edges, 0.913 /
0.972 in grey at 300 dpi, 0.946 / 0.973 softened, 0.960 / 0.974 so; 1.6 px is worse again."""

MANY_SPECKS = 1e-4
"""Share of the working image's pixels that are dark on their own: two pages each of 22 clean kinds of the
bench have 0 (folds 0.3e-4), specked faxes and scans 1.5e-4 to 8.7e-4."""

_LEAST_X_HEIGHT_PX = 15.0
"""Below, Tesseract wants the page enlarged (facts)."""

_AIMED_X_HEIGHT_PX = 24.0
"""13 pt at 300 dpi; what enlarging aims at where the file does not tell its resolution."""

_LETTER_OVER_X_HEIGHT = 1.15
"""Median letter component (14 px at 150 dpi on real scans) over the x-height of 13 pt type (12 px)."""

_GREATEST_ENLARGEMENT = 3.0

_BORDER_SHARE = 0.01
"""Paper colour at the border is the median of this share of each side, its darker half left out."""


@dataclass(frozen=True, slots=True)
class _View:
    """A scan as its working image shows it, a photo already flat.

    `found` are the components of the working image `pixels`; the flat page has `width_px` x `height_px`.
    """

    pixels: Pixels
    found: Components
    width_px: int
    height_px: int
    dpi: float
    flattening: Flattening | None


@dataclass(frozen=True, slots=True)
class Straightened:
    """An upright, straight page; `found`: its components where it kept the pixels of the scan, else None."""

    page: UprightPage
    found: Components | None


def straighten(scan: ScanPage, plausibility: Callable[[Pixels, float], float] | None) -> UprightPage:
    """The page of `straighten_and_survey`."""
    return straighten_and_survey(scan, plausibility).page


def straighten_and_survey(
    scan: ScanPage, plausibility: Callable[[Pixels, float], float] | None
) -> Straightened:
    """Flatten, turn and level a scan; colours as scanned, corners never cut, at most one resampling.

    `plausibility(grey, dpi)` tells how much a strip of a few lines reads like text (0..1) and is asked
    only where the cheap cues are weak. A page that needs only a quarter turn, or nothing, keeps its
    pixels exactly. A levelled bilevel page comes out in grey: whoever stores it cuts it at the middle.
    A photo of a sheet on a table is cut to the sheet.
    """
    view = _view(scan)
    orientation = find_orientation(view.pixels, view.found, plausibility)
    turn = orientation.quarter_turn
    skew = measure_skew(turn_components(view.found, turn))
    matrix = _quarter_matrix(view.width_px, view.height_px, turn)
    size = (view.width_px, view.height_px) if turn % 180 == 0 else (view.height_px, view.width_px)
    leaning = skew.certain and abs(skew.skew_deg) >= LEAST_SKEW_DEG
    if leaning:
        level, size = _level_matrix(*size, skew.skew_deg)
        matrix = level @ matrix
    flattening = view.flattening
    if flattening is not None:
        pixels = _cut_out(scan.pixels, matrix @ flattening.matrix, size, _outline(view, matrix))
    elif leaning:
        pixels = _warp(scan.pixels, matrix[:2], size, bilevel=scan.bilevel)
    else:
        pixels = turn_pixels(scan.pixels, turn)
    a, b, c, d, e, f = (float(entry) for entry in matrix[:2].reshape(-1))
    upright = UprightPage(
        number=scan.number,
        pixels=pixels,
        dpi=view.dpi,
        dpi_known=scan.dpi_known and flattening is None,
        bilevel=scan.bilevel,
        orientation=orientation,
        skew=skew,
        matrix=(a, b, c, d, e, f),
        flattening=flattening.as_tuple() if flattening is not None else None,
    )
    return Straightened(upright, view.found if pixels is scan.pixels else None)


def _view(scan: ScanPage) -> _View:
    """Colour is averaged down first, so that only the small image is made grey."""
    height_px, width_px = scan.pixels.shape[:2]
    small, factor = _shrink_to_working(scan.pixels, scan.dpi)
    flattening = None if scan.bilevel else plan_flattening(small, factor, width_px, height_px)
    if flattening is None:
        found = find_components(to_reading_grey(small), scan.dpi / factor)
        found = replace(found, scale=found.scale / factor)
        return _View(scan.pixels, found, width_px, height_px, scan.dpi, None)
    flat, dpi = flatten_small(small, factor, flattening)
    found = find_components(to_reading_grey(flat), dpi)
    width_px, height_px = flattening.width_px, flattening.height_px
    longer_mm = guess_longer_mm(width_px / height_px, found.median_height_px / max(flat.shape[:2]))
    dpi = flattening.longer_px / longer_mm * 25.4
    return _View(flat, found, width_px, height_px, dpi, flattening)


def prepare_for_reading(page: UprightPage) -> ReadingImage:
    """Seal-aware grey on even white paper, never binarised, at a resolution that suits the engine.

    Dotted leaders, and lone specks where there are many, are left out.
    """
    if page.bilevel:
        return _soften_bilevel(page)
    scale = _reading_scale(page)
    pixels = _resize(page.pixels, scale) if scale < 1 else page.pixels
    grey = _clear_print(to_reading_grey(pixels), page.dpi * min(scale, 1.0), even=False)
    if scale > 1:
        grey = _resize(grey, scale)
    return ReadingImage(grey=grey, dpi=page.dpi * scale, scale=scale)


def _clear_print(grey: Pixels, dpi: float, *, even: bool) -> Pixels:
    """`grey` on white paper (`even` says it lies on it already) without what is no print."""
    if not even:
        grey = normalise_background(grey)
    return erase_leaders(remove_specks(grey, dpi), dpi)


def _soften_bilevel(page: UprightPage) -> ReadingImage:
    scale = min(_reading_scale(page), FAX_READING_DPI / page.dpi)
    spread_px = FAX_SPREAD_PX * page.dpi / READING_DPI
    grey = _clear_print(to_reading_grey(page.pixels), page.dpi, even=True)
    soft = cv2.GaussianBlur(grey, (0, 0), spread_px)
    return ReadingImage(
        grey=_resize(np.asarray(soft, dtype=np.uint8), scale), dpi=page.dpi * scale, scale=scale
    )


def _shrink_to_working(pixels: Pixels, dpi: float) -> tuple[Pixels, int]:
    factor = working_factor(dpi)
    small = shrink(pixels, factor)
    return small, 1 if small is pixels else factor


def find_print(page: UprightPage, found: Components | None = None) -> Components:
    """Components of the upright, straight page; found anew unless given, since levelling moved every one.

    Where the page is specked they are found on the cleared picture that `prepare_for_reading` makes too.
    """
    found = found or _survey(page)
    if found.speck_share < MANY_SPECKS:
        return found
    return _survey(
        replace(page, pixels=_clear_print(to_reading_grey(page.pixels), page.dpi, even=page.bilevel))
    )


def _survey(page: UprightPage) -> Components:
    small, factor = _shrink_to_working(page.pixels, page.dpi)
    found = find_components(to_reading_grey(small), page.dpi / factor)
    return replace(found, scale=found.scale / factor)


def _reading_scale(page: UprightPage) -> float:
    if page.dpi_known and page.dpi >= READING_DPI:
        return READING_DPI / page.dpi
    letter_px = 0.0
    found = _survey(page)
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


def _quarter_matrix(width_px: int, height_px: int, quarter_turn: QuarterTurn) -> NDArray[np.float64]:
    """Pixel centres of the scan to those of the turned page (`3 x 3`)."""
    last_row, last_column = height_px - 1, width_px - 1
    rows: dict[int, list[list[float]]] = {
        0: [[1, 0, 0], [0, 1, 0]],
        90: [[0, -1, last_row], [1, 0, 0]],
        180: [[-1, 0, last_column], [0, -1, last_row]],
        270: [[0, 1, 0], [-1, 0, last_column]],
    }
    return np.array([*rows[quarter_turn], [0, 0, 1]], dtype=np.float64)


def _level_matrix(
    width_px: int, height_px: int, skew_deg: float
) -> tuple[NDArray[np.float64], tuple[int, int]]:
    """Turn by `-skew_deg` about the middle onto a canvas that holds all corners (`3 x 3`, and its size)."""
    cosine, sine = np.cos(np.radians(skew_deg)), np.sin(np.radians(skew_deg))
    new_width = int(np.ceil(width_px * cosine + height_px * abs(sine)))
    new_height = int(np.ceil(height_px * cosine + width_px * abs(sine)))
    # Positive skew is counter-clockwise with y pointing down: the page is turned clockwise.
    turn = np.array([[cosine, -sine], [sine, cosine]])
    shift = np.array([new_width - 1, new_height - 1]) / 2 - turn @ np.array([width_px - 1, height_px - 1]) / 2
    return np.vstack((np.column_stack((turn, shift)), (0, 0, 1))), (new_width, new_height)


def _outline(view: _View, matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where the corners of the flat sheet come to lie (`4 x 2`)."""
    right, bottom = view.width_px - 1, view.height_px - 1
    corners = np.array([[0, 0, 1], [right, 0, 1], [right, bottom, 1], [0, bottom, 1]])
    return np.asarray((matrix @ corners.T)[:2].T, dtype=np.float64)


def _cut_out(
    photo: Pixels, matrix: NDArray[np.float64], size: tuple[int, int], outline: NDArray[np.float64]
) -> Pixels:
    """The sheet on its own; what a levelled canvas has beside it gets the colour of the sheet's rim."""
    flat = cv2.warpPerspective(photo, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    pixels = np.asarray(flat, dtype=np.uint8)
    beside = np.full(pixels.shape[:2], 255, np.uint8)
    cv2.fillConvexPoly(beside, np.round(outline).astype(np.int32), 0)
    if cv2.countNonZero(beside):
        pixels[beside > 0] = _border_colour(pixels)
    return pixels


def _warp(pixels: Pixels, matrix: NDArray[np.float64], size: tuple[int, int], *, bilevel: bool) -> Pixels:
    paper = (255.0, 255.0, 255.0) if bilevel else _border_colour(pixels)
    return (
        level_colours(pixels, matrix, size, paper)
        if pixels.ndim == 3
        else level_grey(pixels, matrix, size, paper)
    )


def _border_colour(pixels: Pixels) -> tuple[float, ...]:
    """The paper's own colour along the four sides; a black scanner border does not count as paper."""
    deep = max(1, round(_BORDER_SHARE * min(pixels.shape[:2])))
    sides = (pixels[:deep], pixels[-deep:], pixels[:, :deep], pixels[:, -deep:])
    channels = 1 if pixels.ndim == 2 else pixels.shape[2]
    border = np.concatenate([side.reshape(-1, channels)[::7] for side in sides])
    brightness = border.sum(axis=1, dtype=np.int32)
    lighter = border[brightness >= np.median(brightness)]
    return tuple(float(level) for level in np.median(lighter, axis=0))
