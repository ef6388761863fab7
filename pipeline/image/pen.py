"""Blue pen strokes (signatures) that cross print: faded as seals are, the print below them stays.

Blue letters are left alone: a form may be printed, or filled in, in blue. With this, and with runs that meet
in a stroke made one, CER on dev pages 1000-1003 went from 0.0096 to 0.0018 under seals and signatures.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from schemas.page import Pixels

_BLUE_LEAD, _LEAST_LEAD = 30, 14
"""Blue over the stronger of red and green, of 255ths of the paper's light: pens (24, 42, 128) and
(18, 58, 150) lead by 86 and 92; bluish paper leads by up to 20."""

_BROADEST_MM = 1.6
"""Blue areas are no strokes; a felt pen draws 1 mm."""

_TRACE_PX = 3
_STROKE_MM, _STROKE_SHARE = 8.0, 0.5
"""A signature has strokes this long, and they are most of its ink; printed letters end before."""

_RISE_MM = 6.0
"""One of them at least is so high and so wide; a word of 14 pt whose letters touch is 5 mm high."""

_GAP_MM = 1.5
"""Print takes the blue out of a stroke: its pieces on either side of a letter belong together."""

_MOST_PIECES = 40
"""More small blue shapes around large ones are print or handwriting in a frame."""

_PURPLE_LEAD, _DARK_RED = 12, 0.45
"""The weaker of red and blue over green: 12 to 40 where a pen crosses a red seal, up to 6 on print below.
There red is at most this share of the paper's light; seals alone have 0.6 and more."""

_GROWTH_PX = 5
"""Halved colour resolution of JPEG bleeds this far beyond the ink."""

_PURE_PERCENTILE = 70
_DARKEST = 0.03
_STRONGEST_FADING = 1.2
_LEAST_PAPER = 24.0

_STROKE_GROWTH_PX = 7
_REMAINS_DARK, _REMAINS_UNDER = 0.75, 0.95
"""Pieces darker than this share of the paper, of which so much lies under the stroke, are its remains."""
_SLACK = 0.8
"""Print below is as much darker as the pixel is than this share of the pen's own darkest: colour is
smeared over two pixels by JPEG, darkness is not."""


def fade_pen(grey: Pixels, pixels: Pixels, small: Pixels, dpi: float) -> None:
    """Fade the pen strokes of `pixels` (`H x W x 3` RGB) in `grey`, in place.

    `small` is `pixels` averaged down to `dpi`, where strokes are looked for.
    """
    paper = max(float(np.percentile(small[::8, ::8, 2], 80)), _LEAST_PAPER)
    planes = cv2.split(small)
    blue = _find_blue(planes, paper)
    if not cv2.countNonZero(blue):
        return
    purple = _find_purple(planes, paper)
    left, top, width, height = cv2.boundingRect(blue)
    around = np.s_[top : top + height, left : left + width]
    strokes = _find_strokes(cv2.bitwise_or(blue[around], purple[around]), dpi)
    if not cv2.countNonZero(strokes):
        return
    across, along = pixels.shape[1] / small.shape[1], pixels.shape[0] / small.shape[0]
    rows = slice(int(top * along), int((top + height) * along))
    columns = slice(int(left * across), int((left + width) * across))
    window, shown = pixels[rows, columns], grey[rows, columns]
    size = window.shape[1], window.shape[0]
    near = cv2.resize(strokes, size, interpolation=cv2.INTER_NEAREST)
    planes = cv2.split(window)
    inks = _find_blue(planes, paper), _find_purple(planes, paper)
    blue, purple = (np.asarray(cv2.bitwise_and(ink, near), dtype=np.uint8) for ink in inks)
    if not blue.any():
        return
    mask = cv2.dilate(blue, np.ones((_GROWTH_PX, _GROWTH_PX), np.uint8)).astype(np.bool_)
    shown[mask] = _fade(window[mask], shown[mask], paper)
    shown[purple > 0] = paper
    _clear_remains(shown, blue, purple, paper)


def _clear_remains(shown: Pixels, blue: Pixels, purple: Pixels, paper: float) -> None:
    """Take out what is dark only where pen and seal cross: print reaches beyond the stroke."""
    if not purple.any():
        return
    around = np.ones((_STROKE_GROWTH_PX, _STROKE_GROWTH_PX), np.uint8)
    stroke = cv2.dilate(cv2.bitwise_or(blue, purple), around) > 0
    crossing = cv2.dilate(purple, np.ones((3, 3), np.uint8)) > 0
    dark = np.asarray(shown < _REMAINS_DARK * paper, dtype=np.uint8)
    _, piece_at, stats, _ = cv2.connectedComponentsWithStats(dark, connectivity=8, ltype=cv2.CV_32S)
    under = np.bincount(piece_at[stroke], minlength=len(stats))
    remains = under >= _REMAINS_UNDER * stats[:, cv2.CC_STAT_AREA]
    remains &= np.bincount(piece_at[crossing], minlength=len(stats)) > 0
    remains[0] = False
    shown[cv2.dilate(remains[piece_at].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0] = paper


def _find_blue(planes: Sequence[cv2.typing.MatLike], paper: float) -> Pixels:
    """Mask (255) of blue ink, from red, green and blue."""
    red, green, blue = planes
    lead = cv2.subtract(blue, cv2.max(red, green))
    _, is_blue = cv2.threshold(lead, max(_LEAST_LEAD, _BLUE_LEAD * paper / 255) - 1, 255, cv2.THRESH_BINARY)
    return np.asarray(is_blue, np.uint8)


def _find_purple(planes: Sequence[cv2.typing.MatLike], paper: float) -> Pixels:
    """Mask (255) of blue on red."""
    red, green, blue = planes
    _, is_purple = cv2.threshold(
        cv2.subtract(cv2.min(red, blue), green), _PURPLE_LEAD - 1, 255, cv2.THRESH_BINARY
    )
    _, is_dark = cv2.threshold(red, _DARK_RED * paper, 255, cv2.THRESH_BINARY_INV)
    return np.asarray(cv2.bitwise_and(is_purple, is_dark), np.uint8)


def _find_strokes(ink: Pixels | cv2.typing.MatLike, dpi: float) -> Pixels:
    """Mask (255) of where pens have been: around long strokes and their pieces."""
    px_per_mm = dpi / 25.4
    broadest = round(_BROADEST_MM * px_per_mm) + 1
    broad = cv2.morphologyEx(ink, cv2.MORPH_OPEN, np.ones((broadest, broadest), np.uint8))
    around = np.ones((_TRACE_PX, _TRACE_PX), np.uint8)
    trace = cv2.dilate(cv2.subtract(ink, cv2.dilate(broad, around)), around)
    gap = 2 * round(_GAP_MM * px_per_mm / 2) + 1
    joined = cv2.morphologyEx(trace, cv2.MORPH_CLOSE, np.ones((gap, gap), np.uint8))
    _, piece_at, stats, _ = cv2.connectedComponentsWithStats(trace, connectivity=8, ltype=cv2.CV_32S)
    count, group_at = cv2.connectedComponents(joined, connectivity=8, ltype=cv2.CV_32S)
    group = np.zeros(len(stats), np.intp)
    group[piece_at[trace > 0]] = group_at[trace > 0]
    area = stats[:, cv2.CC_STAT_AREA]
    sides = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]] / px_per_mm
    is_long = sides.max(axis=1) >= _STROKE_MM
    rises = is_long & (sides.min(axis=1) >= _RISE_MM)
    is_pen = np.bincount(group, area * is_long, count) >= _STROKE_SHARE * np.bincount(group, area, count)
    is_pen &= np.bincount(group, minlength=count) <= _MOST_PIECES
    is_pen &= np.bincount(group, rises, count) > 0
    is_pen[0] = False
    return np.asarray(is_pen[group_at] * 255, dtype=np.uint8)


def _fade(pixels: Pixels, shown: Pixels, paper: float) -> Pixels:
    """What would be seen without the pen, for masked pixels (`N x 3`, grey `N`); inks multiply."""
    light = np.log(np.maximum(pixels / paper, _DARKEST))
    log_blue, log_other = light[:, 2], light[:, :2].max(axis=1)
    lead = log_blue - log_other
    pure = lead >= np.percentile(lead, _PURE_PERCENTILE)
    pen_blue, pen_other = float(np.median(log_blue[pure])), float(np.median(log_other[pure]))
    fading = float(np.clip(-pen_blue / max(pen_blue - pen_other, 0.05), 0.0, _STRONGEST_FADING))
    below = np.exp(log_blue + fading * np.maximum(lead, 0))
    least = shown / (_SLACK * max(1.0, float(np.median(shown[pure]))))
    return np.asarray(np.clip(paper * np.minimum(below, least), 0, paper), dtype=np.uint8)
