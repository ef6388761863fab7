"""Connected components on a working image of about 150 dpi: the shared evidence of letters.

Orientation, skew and quality all start from these; they are found once.
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.light import divide_by_paper, estimate_background, shrink
from pipeline.image.shapes import count_levels, label_shapes
from schemas.page import Pixels, QuarterTurn

WORKING_DPI = 150.0
"""Body text (13 pt) has an x-height of 12 px here; finding takes 45 ms (facts, own lines)."""

_NOISE_SIGMAS = 6.0
_LEAST_CONTRAST = 14
"""Ink is at least this much darker than paper (of 255); JPEG and paper grain stay below."""

_LEAST_LEVELS = 3
"""... and at least this many grey levels of the scan: on dim paper (44 of 255) rounding alone makes two."""

_BARE_PAPER = 26
"""Where the background is darker than this on a lighter page, no paper lies there: a scanner's border,
whose noise is not print (the estimate ends at 24, and blurs by a level or two)."""

_INK_SHARE = 0.4
"""Threshold as a share of the way from paper to ink: hairlines averaged to 150 dpi still count."""

_LEAST_HEIGHT_MM = 0.8
_GREATEST_HEIGHT_MM = 10.0
"""Printed letters: x-height of 6 pt is 0.95 mm; capitals of a 40 pt title are 9.4 mm."""

_LETTER_HEIGHTS = (0.45, 3.0)
"""A letter's height over the median height; smaller are marks and dots, taller are large shapes."""

_OUTNUMBERED = 2.2
"""Median height by area over that by number: 1.05 to 1.5 on 62 pages (12 real); a slip on which 500
dots of dotted lines met 120 letters had 4."""

_WIDEST_RATIO = 8.0
"""Width over height: touching letters of one word count, ruling lines do not."""


@dataclass(frozen=True, slots=True)
class Components:
    """Connected components of ink on the small image.

    Boxes are `N x 4` int32: left, top, width, height in small-image pixels. `boxes` and `areas` (ink
    pixels) are the character-like ones; `marks` are smaller (tone marks, dots, specks), `large` are
    bigger (ruling lines, seals, pictures). `scale` is small pixels per page pixel, `dpi` that of the
    small image. `grey` is the small image with its background normalised (paper near 255), `ink` the
    mask the components were found on (0 or 255). `speck_share` of its pixels are dark on their own.
    """

    boxes: NDArray[np.int32]
    areas: NDArray[np.int32]
    marks: NDArray[np.int32]
    large: NDArray[np.int32]
    scale: float
    dpi: float
    grey: Pixels
    ink: Pixels
    speck_share: float = 0.0

    @property
    def height_px(self) -> int:
        """Height of the small image."""
        return int(self.ink.shape[0])

    @property
    def width_px(self) -> int:
        """Width of the small image."""
        return int(self.ink.shape[1])

    @property
    def median_height_px(self) -> float:
        """Median height of the character-like components in small pixels; 0 where there are none."""
        return float(np.median(self.boxes[:, 3])) if len(self.boxes) else 0.0


def find_components(grey: Pixels, dpi: float) -> Components:
    """Character-like connected components of `grey` (`H x W`, any lighting) at `dpi`.

    Finer pages are averaged down to about `WORKING_DPI` (whole factors); coarser ones stay as they are.
    A page without ink has no components, however its contrast is stretched.
    """
    factor = working_factor(dpi)
    small = shrink(grey, factor)
    scale = 1.0 if small is grey else 1.0 / factor
    paper = estimate_background(small)
    even = divide_by_paper(small, paper)
    level, brightest = np.percentile(paper[::16, ::16], (50, 95))
    ink = _find_ink(even, _LEAST_LEVELS * 255 / level)
    if brightest > _BARE_PAPER:
        ink[paper <= _BARE_PAPER] = 0
    _, stats = label_shapes(ink)
    boxes, areas = stats[1:, :4], stats[1:, 4]
    letters, marks, large = sort_by_size(boxes, dpi * scale)
    specks = float(np.count_nonzero(areas == 1)) / ink.size
    return Components(
        boxes[letters], areas[letters], boxes[marks], boxes[large], scale, dpi * scale, even, ink, specks
    )


def working_factor(dpi: float) -> int:
    """How many page pixels make one pixel of the working image, along one side."""
    return max(1, round(dpi / WORKING_DPI))


def _find_ink(even: Pixels, least_contrast: float) -> Pixels:
    """Mask of what is clearly darker than paper; empty where noise explains the darkness."""
    counts = count_levels(even)
    cumulated = np.cumsum(counts)
    paper = int(np.searchsorted(cumulated, cumulated[-1] / 2))
    brightness = np.abs(np.arange(256) - paper)
    deviation = np.cumsum(np.bincount(brightness, weights=counts, minlength=256))
    noise = 1.4826 * float(np.searchsorted(deviation, deviation[-1] / 2))
    contrast = max(_NOISE_SIGMAS * noise, _LEAST_CONTRAST, least_contrast)
    dark = cumulated[: max(0, int(paper - contrast))]
    if len(dark) == 0 or dark[-1] == 0:
        return np.zeros_like(even)
    ink_level = int(np.searchsorted(dark, 0.2 * dark[-1]))
    threshold = paper - max(contrast, _INK_SHARE * (paper - ink_level))
    _, ink = cv2.threshold(even, float(np.floor(threshold)), 255, cv2.THRESH_BINARY_INV)
    return np.asarray(ink, dtype=np.uint8)


def sort_by_size(
    boxes: NDArray[np.int32], dpi: float
) -> tuple[NDArray[np.bool_], NDArray[np.bool_], NDArray[np.bool_]]:
    """Which boxes are letters, marks, large shapes; single specks below 2 x 2 px are none of them."""
    width, height = boxes[:, 2], boxes[:, 3]
    # A quarter turn swaps the two, and turned pages must give the same evidence.
    size = np.minimum(width, height), np.maximum(width, height)
    px_per_mm = dpi / 25.4
    possible = (size[1] >= _LEAST_HEIGHT_MM * px_per_mm) & (size[1] <= _GREATEST_HEIGHT_MM * px_per_mm)
    possible &= (size[0] >= 2) & (size[1] <= _WIDEST_RATIO * size[0])
    if not possible.any():
        return possible, np.zeros_like(possible), size[1] > _GREATEST_HEIGHT_MM * px_per_mm
    median = _median_letter(size[1][possible])
    letters = possible & (size[1] >= _LETTER_HEIGHTS[0] * median) & (size[1] <= _LETTER_HEIGHTS[1] * median)
    marks = ~letters & (size[1] < 0.8 * median) & (size[1] >= 2)
    return letters, marks, ~letters & ~marks & (size[1] >= 2)


def _median_letter(heights: NDArray[np.int32]) -> float:
    """Median height, of the larger shapes alone where dots and specks outnumber the letters."""
    ordered = np.sort(heights)
    ink = np.cumsum(ordered.astype(np.float64) ** 2)
    typical = float(ordered[np.searchsorted(ink, ink[-1] / 2)])
    median = float(np.median(ordered))
    if typical <= _OUTNUMBERED * median:
        return median
    return float(np.median(ordered[ordered >= _LETTER_HEIGHTS[0] * typical]))


def turn_components(components: Components, quarter_turn: QuarterTurn) -> Components:
    """The components of the page turned `quarter_turn` degrees clockwise; nothing is found anew."""
    if quarter_turn == 0:
        return components
    height_px, width_px = components.ink.shape[:2]

    def turn(boxes: NDArray[np.int32]) -> NDArray[np.int32]:
        left, top, width, height = boxes.T
        right, bottom = width_px - left - width, height_px - top - height
        turned = {
            90: (bottom, left, height, width),
            180: (right, bottom, width, height),
            270: (top, right, height, width),
        }[quarter_turn]
        return np.stack(turned, axis=1).astype(np.int32)

    return replace(
        components,
        boxes=turn(components.boxes),
        marks=turn(components.marks),
        large=turn(components.large),
        grey=np.rot90(components.grey, -quarter_turn // 90),  # views: most who ask look at boxes alone
        ink=np.rot90(components.ink, -quarter_turn // 90),
    )


_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


def turn_pixels(pixels: Pixels, quarter_turn: QuarterTurn) -> Pixels:
    """Turn clockwise, exactly."""
    if quarter_turn == 0:
        return pixels
    return np.asarray(cv2.rotate(pixels, _ROTATIONS[quarter_turn]), dtype=np.uint8)
