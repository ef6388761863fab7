"""How far text leans on an upright page."""

from pipeline.image.components import Components
from pipeline.image.lines import FEW_LETTERS, SKEW_RANGE_DEG, find_lean
from pipeline.image.slope import fit_slope
from schemas.page import Skew

LEAST_LETTERS = 12
"""Below, nothing is straightened; nothing says which way up it is either."""

_GREATEST_ERROR_DEG = 0.2
"""Standard error of the slope: 462 short pages of 14 to 60 letters have 0.125 at most, and are off by 0.11
deg at most, 0.014 on average."""

_LEAST_RESTING_OF_FEW = 0.65
"""Share of letters that must rest on common baselines where letters are few: those pages have 0.72 to 1;
2,160 random scatters of 12 to 100 shapes, on a whole page or crowded into a strip of three letter heights,
reach 0.61."""

_LEAST_RESTING = 0.3
_LEAST_PEAKEDNESS = 1.35
"""Where letters are many: 300 random scatters of 100 to 1,000 boxes reach a peakedness of 1.2, and none of
them also rests on common baselines. 12 real scans, leaning up to 12 deg, have 2.1 and more."""


def measure_skew(components: Components) -> Skew:
    """Lean of the text of an upright page, +-15 deg, positive counter-clockwise.

    The lean at which letters line up, then a robust slope common to all lines. Uncertain, and 0, below 12
    letters, where letters line up no better than by chance, where the slope's own error is too large, or
    at the end of the range.
    """
    lean = find_lean(components)
    if lean.letters < LEAST_LETTERS:
        return Skew(0.0, certain=False)
    few = len(components.boxes) <= FEW_LETTERS
    if not few and lean.peakedness < _LEAST_PEAKEDNESS:
        return Skew(0.0, certain=False)
    slope = fit_slope(components, lean.skew_deg)
    if slope is None or abs(slope.skew_deg) > SKEW_RANGE_DEG or slope.error_deg > _GREATEST_ERROR_DEG:
        return Skew(0.0, certain=False)
    if slope.resting < (_LEAST_RESTING_OF_FEW if few else _LEAST_RESTING):
        return Skew(0.0, certain=False)
    return Skew(slope.skew_deg, certain=True)
