"""Pixels per inch: what a file says, whether that can be true, and a guess where it says nothing."""

import math
from dataclasses import dataclass

import cv2

from schemas.page import Pixels

MIN_DPI, MAX_DPI = 50.0, 2400.0
"""Outside this range a tag is junk (contract of intake)."""

MAX_PAPER_IN = 24.0
"""A2 is 23.4 in long. Papers of this trade are A5..A3, so a tag that makes the page larger is a
placeholder: cameras write 72 dpi into every 12-megapixel photo."""

MAX_ASPECT = 2.5
"""Fax "standard" is 204 x 98 dpi (ITU-T T.4), ratio 2.08; more is junk."""

_SQUARE_WITHIN = 0.02
_A4_SQUARE_IN = 8.27 * 11.69


@dataclass(frozen=True, slots=True)
class Resolution:
    """Across and down, in dpi; `known` is false where it was estimated."""

    x_dpi: float
    y_dpi: float
    known: bool

    @property
    def square(self) -> bool:
        """Whether pixels are as high as wide."""
        return abs(self.x_dpi / self.y_dpi - 1) <= _SQUARE_WITHIN

    @property
    def mean_dpi(self) -> float:
        """One figure for pixels that are square."""
        return (self.x_dpi + self.y_dpi) / 2


def settle_resolution(said: tuple[float, float] | None, width_px: int, height_px: int) -> Resolution:
    """Take what the file says if it can be true, else assume the page is A4."""
    if said is not None:
        x, y = said
        sane = all(math.isfinite(dpi) and MIN_DPI <= dpi <= MAX_DPI for dpi in (x, y))
        if sane and max(x / y, y / x) <= MAX_ASPECT and max(width_px / x, height_px / y) <= MAX_PAPER_IN:
            return Resolution(x, y, known=True)
    guess = min(max(math.sqrt(width_px * height_px / _A4_SQUARE_IN), MIN_DPI), MAX_DPI)
    return Resolution(guess, guess, known=False)


def square_pixels(pixels: Pixels, resolution: Resolution, *, bilevel: bool) -> tuple[Pixels, float]:
    """Stretch the coarser axis so that pixels are square (fax: 204 x 98 dpi); returns pixels and dpi."""
    if resolution.square:
        return pixels, resolution.mean_dpi
    dpi = max(resolution.x_dpi, resolution.y_dpi)
    height, width = pixels.shape[:2]
    size = (round(width * dpi / resolution.x_dpi), round(height * dpi / resolution.y_dpi))
    way = cv2.INTER_NEAREST if bilevel else cv2.INTER_LINEAR
    return cv2.resize(pixels, size, interpolation=way), dpi  # type: ignore[return-value]
