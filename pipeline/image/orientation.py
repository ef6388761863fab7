"""Which way up a page is: cheap cues on component boxes first, a reader only where they are weak."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import Components, turn_components
from pipeline.image.lines import FEW_LETTERS, find_baselines, find_lean, lean_heights
from pipeline.image.strip import cut_strip
from schemas.page import Orientation, Pixels, QuarterTurn

ReadStrip = Callable[[Pixels, float], float]
"""`read_strip(grey, dpi)`: how much a few lines read like text the right way up, 0..1."""

LEAST_LETTERS = 12
"""Fewer say nothing of a page's direction by their places (one word has 3 to 6), and must read plainly."""

_LEAST_TO_READ = 5

_QUARTERS: tuple[QuarterTurn, ...] = (0, 90, 180, 270)

_AXIS_RATIO = 1.25
"""Letters must line up this much better along rows than along columns: 12 real scans and 4 English or
Hindi ones have 1.8 to 3.7, the poorest (a short Hindi page) 1.8."""

_AXIS_RATIO_OF_FEW = 4.0
"""... and this much where letters are few and counted pair by pair: 160 short pages have 10.8 and more,
random scatters of 12 to 100 shapes in a square less than 2."""

_SURE_RATIO = 1.3
_SURE_SIGMAS = 6.0
"""Signs of upright over signs of upside down: 12 real scans have ratios 1.5 to 2.6 with 4.6 to 22
sigmas; of 384 drawn pages 282 are surer than this, and the wrong way up none exceeds 2.5 sigmas."""

_GUESS_SIGMAS = 3.0

_LEAST_SIGNS = 0.5
"""Signs over letters: 46 drawn pages of 23 kinds have 0.41 to 2.3 (tables least, prose 0.77 and more). Where
blur has melted marks into letters (2.2 px, 10.5 pt: 0.19 and 0.25) what is left points the wrong way."""

_LEADER_DOTS = 6
_LEADER_GAP = 1.1
_LEADER_BIN_PX = 3.0
"""So many marks in a row, no farther apart than a letter's height, are a dotted line: at most every third
letter of Vietnamese has its mark at one height."""

_PLAUSIBLE = 0.35
_PLAUSIBLE_LEAD = 0.2
"""A strip read the right way up is at least this plausible, and this much more than the other way: on 466
short pages 0.71 and more with a lead of 0.58; no other way round exceeds 0.32. A table of sums and document
numbers has 0.52."""

_PLAIN = 0.6
_PLAIN_LEAD = 0.4
"""... and this much where fewer than 12 letters are all there is: of 35 pages of one to three words and
4 to 11 letters 34 read so the right way up (0.84 and more), none any other way (0.36 at most)."""


@dataclass(frozen=True, slots=True)
class _Signs:
    """Marks and tall letters that stand out of the x-band on the side that upright text has them."""

    upright: int
    upside_down: int

    @property
    def total(self) -> int:
        return self.upright + self.upside_down

    @property
    def sigmas(self) -> float:
        total = self.total
        return float((self.upright - self.upside_down) / np.sqrt(total)) if total else 0.0

    @property
    def sure(self) -> bool:
        most, least = max(self.upright, self.upside_down), min(self.upright, self.upside_down)
        return abs(self.sigmas) >= _SURE_SIGMAS and most >= _SURE_RATIO * least


def find_orientation(
    pixels: Pixels, components: Components, read_strip: ReadStrip | None = None
) -> Orientation:
    """Degrees clockwise that make `pixels` (`H x W` or RGB, whose `components` these are) upright.

    Rows against columns: letters line up along one of them. Up against down: Vietnamese marks and
    tall letters stand above the x-band. Where that is weak, or would turn the page, `read_strip` reads at
    most three lines each way. Too few letters, or no decision, leaves the page as it is, uncertain.
    """
    if len(components.boxes) < LEAST_LETTERS:
        return _read_few(pixels, components, read_strip)
    turned = turn_components(components, 90)
    along, across = find_lean(components), find_lean(turned)
    best, other = max(along.peakedness, across.peakedness), min(along.peakedness, across.peakedness)
    few = len(components.boxes) <= FEW_LETTERS
    axis_sure = best >= (_AXIS_RATIO_OF_FEW if few else _AXIS_RATIO) * other
    first: QuarterTurn = 0 if along.peakedness == best else 90
    signs = _count_signs(turned, across.skew_deg) if first else _count_signs(components, along.skew_deg)
    plain = signs.total >= _LEAST_SIGNS * len(components.boxes)
    cued = _opposite(first) if signs.sigmas < 0 else first
    cues_sure = axis_sure and signs.sure and plain
    if cues_sure and (
        cued == 0 or read_strip is None or _reads_plainly(pixels, components, cued, read_strip)
    ):
        return Orientation(cued, certain=True)
    if read_strip is not None:
        turns = (first, _opposite(first)) if axis_sure else _QUARTERS
        decided, worth, lead = _read_ways(pixels, components, turns, read_strip)
        if worth >= _PLAUSIBLE and lead >= _PLAUSIBLE_LEAD:
            return Orientation(decided, certain=True)
    if not axis_sure:
        return Orientation(0, certain=False)
    upside_down = plain and signs.sigmas <= -_GUESS_SIGMAS
    return Orientation(_opposite(first) if upside_down else first, certain=False)


def _read_few(pixels: Pixels, components: Components, read_strip: ReadStrip | None) -> Orientation:
    """Of too few letters to tell by their places: what plainly reads one way only."""
    if read_strip is not None and len(components.boxes) >= _LEAST_TO_READ:
        decided, worth, lead = _read_ways(pixels, components, _QUARTERS, read_strip)
        if worth >= _PLAIN and lead >= _PLAIN_LEAD:
            return Orientation(decided, certain=True)
    return Orientation(0, certain=False)


def _reads_plainly(pixels: Pixels, components: Components, turn: QuarterTurn, read_strip: ReadStrip) -> bool:
    """Whether one line says by itself that the page must be turned so."""
    turned = turn_components(components, turn)
    upright = np.rot90(pixels, k=-turn // 90)
    strip = cut_strip(upright, turned, find_lean(turned).skew_deg, most_lines=1)
    return strip is not None and read_strip(*strip) >= _PLAIN


def _opposite(turn: QuarterTurn) -> QuarterTurn:
    opposites: dict[QuarterTurn, QuarterTurn] = {0: 180, 90: 270, 180: 0, 270: 90}
    return opposites[turn]


def _read_ways(
    pixels: Pixels, components: Components, turns: tuple[QuarterTurn, ...], read_strip: ReadStrip
) -> tuple[QuarterTurn, float, float]:
    """The turn whose strip reads best, how well it reads, and its lead over the next."""
    worth: list[tuple[float, QuarterTurn]] = []
    for turn in turns:
        turned = turn_components(components, turn)
        strip = cut_strip(np.rot90(pixels, k=-turn // 90), turned, find_lean(turned).skew_deg)
        worth.append((read_strip(*strip) if strip else 0.0, turn))
    worth.sort(reverse=True)
    (best, turn), (second, _) = worth[:2]
    return turn, best, best - second


def _count_signs(components: Components, skew_deg: float) -> _Signs:
    """Signs counted as the page stands and upside down, so that any bias of counting cancels."""
    above, below = _count_standing_out(components, skew_deg)
    above_turned, below_turned = _count_standing_out(turn_components(components, 180), skew_deg)
    return _Signs(above + below_turned, below + above_turned)


def _count_standing_out(components: Components, skew_deg: float) -> tuple[int, int]:
    """Tall letters and marks above and below the x-bands of all lines."""
    boxes, marks = components.boxes, _drop_leaders(components, skew_deg)
    top = lean_heights(boxes, boxes[:, 1], skew_deg)
    bottom = lean_heights(boxes, boxes[:, 1] + boxes[:, 3], skew_deg)
    mark = lean_heights(marks, marks[:, 1], skew_deg) + marks[:, 3] / 2
    middles = top + bottom
    order = np.argsort(middles)
    by_middle, tops, bottoms, marks_at = middles[order], top[order], bottom[order], np.sort(mark)
    above = below = 0
    for line in find_baselines(components, skew_deg):
        x_line, baseline = float(np.median(top[line.members])), line.v
        band = baseline - x_line
        ends = (2 * x_line - 0.6 * band, 2 * baseline + 0.6 * band)
        near = slice(
            np.searchsorted(by_middle, ends[0], "right"), np.searchsorted(by_middle, ends[1], "left")
        )
        high, low = tops[near], bottoms[near]
        above += int(np.count_nonzero((low > x_line + 0.5 * band) & (high < x_line - 0.25 * band)))
        below += int(np.count_nonzero((high < baseline - 0.5 * band) & (low > baseline + 0.25 * band)))
        above += _count_between(marks_at, x_line - 0.7 * band, x_line - 0.05 * band)
        below += _count_between(marks_at, baseline + 0.05 * band, baseline + 0.7 * band)
    return above, below


def _count_between(ascending: NDArray[np.float64], low: float, high: float) -> int:
    return max(0, int(np.searchsorted(ascending, high, "left") - np.searchsorted(ascending, low, "right")))


def _drop_leaders(components: Components, skew_deg: float) -> NDArray[np.int32]:
    """The marks without dotted lines, whose dots stand below the x-band and would outvote tone marks."""
    marks = components.marks
    apart = _LEADER_GAP * components.median_height_px
    middle = lean_heights(marks, marks[:, 1], skew_deg) + marks[:, 3] / 2
    leader = np.zeros(len(marks), dtype=np.bool_)
    for shift in (0.0, 0.5):  # a row that lies across two bins is whole in the other binning
        row = np.floor(middle / _LEADER_BIN_PX + shift)
        order = np.lexsort((marks[:, 0], row))
        follows = (np.diff(row[order]) == 0) & (np.diff(marks[order, 0]) <= apart)
        run = np.cumsum(np.concatenate(([True], ~follows))) if len(order) else np.zeros(0, np.intp)
        leader[order] |= np.bincount(run)[run] >= _LEADER_DOTS
    return marks[~leader]
