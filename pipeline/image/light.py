"""Light: seals out of the way, uneven and dim lighting evened, before anything is measured or read."""

from collections.abc import Sequence

import cv2
import numpy as np

from pipeline.image.pen import fade_pen
from schemas.page import Pixels

_WORKING_HEIGHT_PX = 877
"""Background is estimated on A4 at 75 dpi (2.9 px a millimetre); full size gains nothing."""

A4_MM = 297.0
"""What the longer side of a page is taken for: resolution is not known here, and the scale matters little."""

_STROKE_PX = 13
"""Closing (4.4 mm at 75 dpi): wider than any printed stroke, so letters vanish into their paper, while the
rims of folds and shadows stay where they are (CER under a hard shadow 0.280 -> 0.062, folds 0.109 -> 0.074,
clean 0.063, against dilation and a median of 10 mm)."""

_MEDIAN_PX = 7
"""Median at half that scale (5 mm): takes away what closing left of rules and bold capitals."""

LEAST_BACKGROUND = 24
"""Paper is never taken to be darker than this: gain stays <= 10.6, black borders stay black."""

_RED_LEAD = 26
"""Red over the stronger of green and blue, in 255ths of the paper's light: seal ink (205, 45, 60) leads
by 145, a faint one (235, 120, 130) by 105. Paper or print mistaken for seal reads well in red too."""

_FAINT_LEAD = 12
_SEAL_SEARCH_PX = 1754
"""Seals are looked for on A4 at 150 dpi, where strokes half as wide as a pixel still lead by half."""

_SEAL_STROKE_PX = 9
_SEAL_MEDIAN_PX = 15
"""3 mm dilated at 75 dpi, median of 10 mm at half that scale."""

_SEAL_REACH_PX = 16
"""Half of the median, half of the blur after it, and a margin of two pixels of the working image."""

_RED_GROWTH_PX = 3
"""Halved colour resolution of JPEG bleeds this far beyond the ink."""

_PURE_PERCENTILE = 70
"""Pixels whose red leads most are seal ink without print below: print darkens red too."""

_DARKEST = 0.03
_STRONGEST_FADING = 0.5
"""Red of a seal is at least the root of its green: darker inks are not seals, and noise would grow."""


def to_reading_grey(pixels: Pixels) -> Pixels:
    """Grey of `pixels` (`H x W x 3` RGB; grey passes through) in which red seals and blue pen strokes
    fade, print stays.

    Luminance, but red light inside the red-hue mask (facts: CER under a seal 0.43 -> 0.001; painting
    white would cost the words below), with the seal's own share of darkness taken out.
    """
    if pixels.ndim == 2:
        return pixels
    grey = np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY), dtype=np.uint8)
    factor = max(1, round(max(grey.shape) / _SEAL_SEARCH_PX))
    small = shrink(pixels, factor)
    clear_seals(grey, pixels, small, factor)
    fade_pen(grey, pixels, small, max(small.shape) / A4_MM * 25.4)
    return grey


def clear_seals(grey: Pixels, pixels: Pixels, small: Pixels, factor: int) -> None:
    """Fade the seals of `pixels` in `grey`, in place; they are looked for on `small`."""
    red, _, lead = _split_red(small)
    bright = _spread_paper(red)
    darkest = max(LEAST_BACKGROUND, cv2.minMaxLoc(bright)[0])
    _, possible = cv2.threshold(lead, int((_FAINT_LEAD - 0.5) * darkest / 255) - 1, 255, cv2.THRESH_BINARY)
    where = cv2.boundingRect(possible)
    if where[2] == 0:
        return
    paper = _see_past_seals(bright, where, red.shape)
    lead = np.asarray(cv2.divide(lead, paper, scale=255.0), dtype=np.uint8)
    _, trace = cv2.threshold(lead, _FAINT_LEAD - 1, 255, cv2.THRESH_BINARY)
    left, top, width, height = (factor * side for side in cv2.boundingRect(trace))
    if width == 0:
        return
    margin = 2 * factor
    rows = slice(max(0, top - margin), top + height + margin)
    columns = slice(max(0, left - margin), left + width + margin)
    paper = _enlarge(paper, factor, grey.shape)[rows, columns]
    _fade_seals(grey[rows, columns], pixels[rows, columns], paper)


def _split_red(pixels: Pixels) -> tuple[Pixels, Pixels, Pixels]:
    """Red, the stronger of green and blue, and how far red leads it."""
    red, green, blue = cv2.split(pixels)
    other = cv2.max(green, blue)
    lead = cv2.subtract(red, other)
    return tuple(np.asarray(plane, dtype=np.uint8) for plane in (red, other, lead))  # type: ignore[return-value]


def _enlarge(small: Pixels, factor: int, shape: tuple[int, ...]) -> Pixels:
    """Back to `shape` (height, width), of which `small` averaged blocks; what the blocks left out repeats."""
    if factor == 1:
        return small
    whole = cv2.resize(small, (small.shape[1] * factor, small.shape[0] * factor))
    below, beside = shape[0] - whole.shape[0], shape[1] - whole.shape[1]
    return np.asarray(cv2.copyMakeBorder(whole, 0, below, 0, beside, cv2.BORDER_REPLICATE), dtype=np.uint8)


def _fade_seals(grey: Pixels, pixels: Pixels, paper: Pixels) -> None:
    """Fade the seals of `pixels` in `grey`, in place; `paper` is the red light of the paper below."""
    red, other, lead = _split_red(pixels)
    lead = np.asarray(cv2.divide(lead, paper, scale=255.0), dtype=np.uint8)
    _, core = cv2.threshold(lead, _RED_LEAD - 1, 255, cv2.THRESH_BINARY)
    if cv2.countNonZero(core) == 0:
        return
    mask = cv2.dilate(core, np.ones((_RED_GROWTH_PX, _RED_GROWTH_PX), np.uint8)).astype(np.bool_)
    grey[mask] = _fade_seal(red[mask], other[mask], paper[mask], lead[mask])


def _fade_seal(red: Pixels, other: Pixels, paper: Pixels, lead: Pixels) -> Pixels:
    """What would be seen without the seal, for masked pixels (`N`).

    Inks multiply: red = print * seal_red^a, other = print * seal_other^a with coverage `a`; solved for
    print with the page's own seal colour.
    """
    light = paper.astype(np.float32)
    log_red = np.log(np.maximum(red / light, _DARKEST))
    log_other = np.log(np.maximum(other / light, _DARKEST))
    pure = lead >= np.percentile(lead, _PURE_PERCENTILE)
    seal_red, seal_other = float(np.median(log_red[pure])), float(np.median(log_other[pure]))
    fading = float(np.clip(-seal_red / max(seal_red - seal_other, 0.05), 0.0, _STRONGEST_FADING))
    below = light * np.exp(log_red + fading * np.maximum(log_red - log_other, 0))
    return np.asarray(np.clip(below, 0, light), dtype=np.uint8)


def _spread_paper(red: Pixels) -> Pixels:
    """Red light of the paper between strokes, at about 37 dpi: nowhere darker than past the seals."""
    factor = max(1, round(max(red.shape) / _WORKING_HEIGHT_PX))
    paper = cv2.dilate(shrink(red, factor), np.ones((_SEAL_STROKE_PX, _SEAL_STROKE_PX), np.uint8))
    return shrink(np.asarray(paper, dtype=np.uint8), 2)


def _see_past_seals(bright: Pixels, where: Sequence[int], shape: tuple[int, ...]) -> Pixels:
    """Red light of the bare paper, `shape` (height, width) large: even a solid seal, which hardly darkens it,
    counts as print there.

    Right in the box `where` (left, top, width, height) and a little around: the median, 6 CPU ms on A4, is
    taken there alone.
    """
    left, top, width, height = where
    across, down = bright.shape[1] / shape[1], bright.shape[0] / shape[0]
    rows = slice(max(0, int(top * down) - _SEAL_REACH_PX), int((top + height) * down) + _SEAL_REACH_PX)
    columns = slice(
        max(0, int(left * across) - _SEAL_REACH_PX), int((left + width) * across) + _SEAL_REACH_PX
    )
    paper = bright.copy()
    paper[rows, columns] = cv2.medianBlur(bright[rows, columns], _SEAL_MEDIAN_PX)
    smooth = np.maximum(cv2.blur(paper, (5, 5)), LEAST_BACKGROUND)
    return np.asarray(cv2.resize(smooth, (shape[1], shape[0])), dtype=np.uint8)


def estimate_background(grey: Pixels) -> Pixels:
    """Brightness of the bare paper under every pixel, `H x W` like `grey` (uint8).

    Closing and median at reduced scale (facts: decides bad pages, CER 0.82 -> 0.009 on a dim one).
    """
    height_px, width_px = grey.shape[:2]
    return np.asarray(
        cv2.resize(_shrink_background(grey), (width_px, height_px), interpolation=cv2.INTER_LINEAR)
    )


def normalise_background(grey: Pixels) -> Pixels:
    """Divide `grey` (`H x W`) by its paper: even white paper, ink keeps its share of the light."""
    return divide_by_paper(grey, estimate_background(grey))


def divide_by_paper(grey: Pixels, paper: Pixels) -> Pixels:
    """`grey` as a share of its paper (both `H x W`), bare paper 255."""
    return np.asarray(cv2.divide(grey, paper, scale=255.0), dtype=np.uint8)


def shrink(pixels: Pixels, factor: int) -> Pixels:
    """Average blocks of `factor x factor` pixels; a remainder at the right and bottom is left out.

    Whole factors are some 8 times faster in OpenCV (24 ms against 3 for A4 in RGB).
    """
    height_px, width_px = pixels.shape[0] // factor, pixels.shape[1] // factor
    if factor == 1 or min(height_px, width_px) == 0:
        return pixels
    whole = pixels[: height_px * factor, : width_px * factor]
    return np.asarray(cv2.resize(whole, (width_px, height_px), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _shrink_background(grey: Pixels) -> Pixels:
    factor = max(1, round(max(grey.shape[:2]) / _WORKING_HEIGHT_PX))
    strokes = np.ones((_STROKE_PX, _STROKE_PX), np.uint8)
    paper = cv2.morphologyEx(shrink(grey, factor), cv2.MORPH_CLOSE, strokes)
    half = shrink(np.asarray(paper, dtype=np.uint8), 2)
    smooth = cv2.medianBlur(half, _MEDIAN_PX)
    return np.asarray(np.maximum(cv2.blur(smooth, (3, 3)), LEAST_BACKGROUND), dtype=np.uint8)
