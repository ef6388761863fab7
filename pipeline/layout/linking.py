"""From letters to runs: neighbours linked along the line, runs on one line joined, marks given to theirs."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from schemas.page import Pixels

Boxes = NDArray[np.int32]
"""`N x 4`: left, top, right, bottom in small-image pixels."""

Numbers = NDArray[np.intp]

REACH = 1.5
"""Gap within a run over letter height; word spaces are 0.5, justified ones up to 1.4."""

_BIG = 2.2
"""Over the median letter height: either type of a title, or letters of two lines grown together."""

_ALIKE = 2.4
"""Greatest ratio of heights in one line: a stacked capital (Ể) over an x-height letter is 2.2."""

_SHARED_HEIGHT = 0.5
"""Least overlap of neighbours in height over the smaller one; letters of tight lines share up to 0.3."""

_SHARED_CORE = 0.45
"""The same for the cores (median top to median bottom) of runs that are one line."""

_STROKE_GAP = 0.8
"""White (over letter height) between a run and the letters caught in a stroke that cross its end."""

_STROKE_REACH = 4.0
"""A stroke swallows two or three letters at an end (over letter height); beyond it is the stroke itself."""

_SLIGHT, _SLIGHT_LETTERS = 0.75, 2
"""Letters lower than this (over the median) make no run of their own in such small number."""

_FEW = 5
"""Letters under which most letters' edges are not known; the median serves."""

_CROWDED = 0.35
"""A run of one or two letters over or under a line (this much of its core away, or less) has no room to
be a line: it is the line's marks grown together."""

_MARKS_AWAY = 0.9
"""... and so have several low shapes: hats of stacked capitals (Ặ, Ằ) in a row."""

_CANDIDATES = 4
_MARK_ABOVE, _MARK_BELOW = 1.25, 0.7
"""How far (over core height) a tone mark stands above, a dot below the core of its line."""

_BELOW_WEIGHT = 1.5
"""Dots stand nearer to their line than tone marks on a circumflex do."""

_MARK_BESIDE = 1.8
"""... and a hyphen or full stop beyond its ends."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Runs of print. `boxes` hold all ink, `cores` (top, bottom) the letters' median edges;
    `letter_run` and `mark_run` give each component's run, -1 for none."""

    boxes: Boxes
    cores: NDArray[np.float64]
    letter_run: Numbers
    mark_run: Numbers


def link_letters(letters: Boxes, height_px: float, upright_rules: Pixels) -> Numbers:
    """Number of the run of each letter (0, 1, ...); -1 for shapes too big for their surroundings."""
    heights = letters[:, 3] - letters[:, 1]
    big = heights > _BIG * height_px
    run = np.full(len(letters), -1, np.intp)
    next_number = 0
    for group in (np.flatnonzero(~big), np.flatnonzero(big)):
        if not len(group):
            continue
        boxes = letters[group]
        scale = height_px if group is not None and not big[group[0]] else float(np.median(heights[group]))
        roots = _chain(_right_neighbours(boxes, scale, upright_rules))
        _, numbers, counts = np.unique(roots, return_inverse=True, return_counts=True)
        numbers = numbers.astype(np.intp)
        run[group] = numbers + next_number
        next_number += len(counts)
    run = _join_runs(letters, run, height_px, upright_rules)
    run = np.where(_are_lone(run, big), -1, run)
    return renumber(_without_slight_runs(letters, run, height_px))


def _are_lone(run: Numbers, big: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Big shapes in ones and twos are strokes; a Q among capitals has joined their run."""
    count = int(run.max(initial=-1)) + 1
    members = np.bincount(run, minlength=count)
    lone = (members < 3) & (np.bincount(run[big], minlength=count) == members)
    return np.asarray(lone[run])


def _without_slight_runs(letters: Boxes, run: Numbers, height_px: float) -> Numbers:
    """Tone marks and hyphens of large type are as high as small letters, but stand alone or in twos."""
    count = int(run.max(initial=-1)) + 1
    heights = letters[:, 3] - letters[:, 1]
    members = np.bincount(run[run >= 0], minlength=count)
    tall = np.bincount(run[(run >= 0) & (heights >= _SLIGHT * height_px)], minlength=count)
    away = _distance_to_line(letters, run, members)
    few = members <= _SLIGHT_LETTERS
    slight = np.where(tall == 0, few | (away <= _MARKS_AWAY), few & (away <= _CROWDED))
    return np.where((run >= 0) & ~slight[np.maximum(run, 0)], run, -1)


def _distance_to_line(letters: Boxes, run: Numbers, members: Numbers) -> NDArray[np.float64]:
    """How far each run is over or under the nearest line it stands within, over that line's core."""
    boxes, cores = unite(letters, run, len(members)), _cores(letters, run, len(members))
    line = members >= _FEW
    middle_x = (boxes[:, 0] + boxes[:, 2])[:, None] / 2
    within = (middle_x > boxes[line, 0]) & (middle_x < boxes[line, 2])
    away = np.maximum(cores[line, 0] - cores[:, 1][:, None], cores[:, 0][:, None] - cores[line, 1])
    heights = np.maximum(cores[line, 1] - cores[line, 0], 1)
    return np.asarray(np.where(within, away / heights, np.inf).min(axis=1, initial=np.inf))


def gather_runs(letters: Boxes, letter_run: Numbers, marks: Boxes, height_px: float) -> Runs:
    """Boxes and cores of the runs, with every mark given to the line it belongs to."""
    count = int(letter_run.max(initial=-1)) + 1
    cores = _cores(letters, letter_run, count)
    boxes = unite(letters, letter_run, count)
    mark_run = _assign_marks(marks, boxes, cores, height_px)
    both = np.vstack((letters, marks))
    return Runs(unite(both, np.concatenate((letter_run, mark_run)), count), cores, letter_run, mark_run)


def reach_into_strokes(
    runs: Runs, strokes: Boxes, ink: Pixels, height_px: float, upright_rules: Pixels
) -> Runs:
    """Runs made longer by letters that have grown together with a signature or seal at their ends.
    Runs of one line that reach into each other so become one.

    `strokes` are boxes of shapes that are no letters. From an end of the run, ink between the core's
    top and bottom counts as the run's as long as it lies in a stroke's box without a wide gap.
    """
    boxes = runs.boxes.copy()
    for number, (top, bottom) in enumerate(runs.cores):
        left, right = boxes[number, 0], boxes[number, 2]
        gap = round(_STROKE_GAP * max(bottom - top, height_px))
        crossing = strokes[(strokes[:, 1] < bottom) & (strokes[:, 3] > top)]
        for stroke_left, _, stroke_right, _ in crossing:
            if stroke_right < left - gap or stroke_left > right + gap:
                continue
            columns = ink[int(top) : int(bottom), stroke_left:stroke_right].any(axis=0)
            inked = stroke_left + np.flatnonzero(columns)
            farthest = _STROKE_REACH * max(bottom - top, height_px)
            inked = inked[(inked >= left - farthest) & (inked < right + farthest)]
            boxes[number, 0] = min(boxes[number, 0], _follow(inked[inked < left][::-1], left, gap))
            boxes[number, 2] = max(boxes[number, 2], _follow(inked[inked >= right], right - 1, gap) + 1)
    longer = (boxes[:, 0] < runs.boxes[:, 0]) | (boxes[:, 2] > runs.boxes[:, 2])
    runs = replace(runs, boxes=boxes)
    return _join_reaching(runs, longer, upright_rules) if longer.any() else runs


def _join_reaching(runs: Runs, longer: NDArray[np.bool_], upright_rules: Pixels) -> Runs:
    """One run of each two on one line of which a longer made one reaches to the next word."""
    left, right = runs.boxes[:, 0], runs.boxes[:, 2]
    tops, bottoms = runs.cores.T
    shared = np.minimum(bottoms[:, None], bottoms) - np.maximum(tops[:, None], tops)
    heights = bottoms - tops
    joined = shared >= _SHARED_CORE * np.minimum(heights[:, None], heights)
    gap = np.maximum(left[:, None], left) - np.minimum(right[:, None], right)
    joined &= gap <= np.maximum(heights[:, None], heights)
    joined &= longer[:, None] | longer
    label = np.arange(len(heights))
    for one, other in np.argwhere(np.triu(joined, 1)):
        if not _ruled_apart(runs.boxes[one], runs.boxes[other], runs.cores[one], upright_rules):
            label[label == max(label[one], label[other])] = min(label[one], label[other])
    if np.array_equal(label, np.arange(len(label))):
        return runs
    kept, numbers = np.unique(label, return_inverse=True)
    most = [max(np.flatnonzero(label == one), key=lambda run: right[run] - left[run]) for one in kept]
    return Runs(
        unite(runs.boxes, numbers, len(kept)),
        runs.cores[most],
        *(np.where(run >= 0, numbers[run], -1) for run in (runs.letter_run, runs.mark_run)),
    )


def _follow(columns: NDArray[np.intp], start: int, gap: int) -> int:
    """The last of `columns` (ever further from `start`) that is reached without a wider gap."""
    reached = np.concatenate(([start], columns))
    wide = np.flatnonzero(np.abs(np.diff(reached)) > gap)
    return int(reached[wide[0]] if len(wide) else reached[-1])


def find_leaders(marks: Boxes, height_px: float) -> NDArray[np.bool_]:
    """Which marks are dots of a dotted line to write on: five or more alike at one pitch.

    CER on four dev forms / slips: 0.0008 / 0.0007, without 0.0072 / 0.0167. The pixel detector of psm 3 and
    of strips (`image.leaders`, which needs eight dots standing alone) in its place: 0.0030 / 0.0007, and
    0.02 CPU s more: under filled-in words dots are few and have company.
    """
    leader = np.zeros(len(marks), np.bool_)
    size = marks[:, 2:] - marks[:, :2]
    dots = np.flatnonzero(size.max(axis=1, initial=0) <= 0.4 * height_px)
    if len(dots) < 5:
        return leader
    boxes = marks[dots]
    following = _right_neighbours(boxes, 0.7 * height_px, np.zeros((0, 0), np.uint8))
    pitch = np.where(following >= 0, boxes[following, 0] - boxes[:, 0], 0)
    second = np.where(following >= 0, following[following], -1)
    even = (second >= 0) & (np.abs(pitch[following] - pitch) <= 2)
    linked = np.where(even, following, -1)
    last_but_one = even[np.maximum(_previous(following), 0)] & (_previous(following) >= 0)
    linked = np.where(last_but_one, following, linked)
    roots = _chain(linked)
    _, numbers, counts = np.unique(roots, return_inverse=True, return_counts=True)
    leader[dots] = counts[numbers] >= 5
    return leader


def _previous(following: Numbers) -> Numbers:
    previous = np.full(len(following), -1, np.intp)
    linked = np.flatnonzero(following >= 0)
    previous[following[linked]] = linked
    return previous


def _right_neighbours(boxes: Boxes, height_px: float, upright_rules: Pixels) -> Numbers:
    """For each box the nearest one to its right on the same line, -1 where there is none."""
    left, top, right, bottom = (edge.astype(np.float64) for edge in boxes.T)
    middle_x, middle_y, height = (left + right) / 2, (top + bottom) / 2, bottom - top
    band = np.floor(middle_y / max(height_px, 1.0)) + 1
    stride = float(right.max()) + 10.0
    keys = band * stride + left
    order = np.argsort(keys, kind="stable")
    keys = keys[order]
    best = np.full(len(boxes), np.inf)
    neighbour = np.full(len(boxes), -1, np.intp)
    for neighbouring in (-1, 0, 1):
        start = np.searchsorted(keys, (band + neighbouring) * stride + middle_x, side="right")
        for step in range(_CANDIDATES):
            other = order[np.minimum(start + step, len(order) - 1)]
            gap = left[other] - right
            shared = np.minimum(bottom, bottom[other]) - np.maximum(top, top[other])
            smaller, larger = np.minimum(height, height[other]), np.maximum(height, height[other])
            fits = (start + step < len(order)) & (left[other] > middle_x)
            fits &= (gap <= REACH * np.maximum(larger, 0.8 * height_px)) & (larger <= _ALIKE * smaller)
            fits &= shared >= _SHARED_HEIGHT * smaller
            cost = np.where(fits, gap + 0.5 * np.abs(middle_y - middle_y[other]), np.inf)
            better = cost < best
            best, neighbour = np.where(better, cost, best), np.where(better, other, neighbour)
    return _not_across(boxes, neighbour, upright_rules)


def _not_across(boxes: Boxes, neighbour: Numbers, upright_rules: Pixels) -> Numbers:
    """Neighbours beyond an upright rule are none."""
    linked = np.flatnonzero(neighbour >= 0)
    if not len(linked) or not upright_rules.any():
        return neighbour
    passed = np.cumsum(upright_rules > 0, axis=1, dtype=np.int32)
    middle_y = (boxes[linked, 1] + boxes[linked, 3]) // 2
    last = passed.shape[1] - 1
    start = np.minimum(boxes[linked, 0], last)
    end = np.minimum(boxes[neighbour[linked], 0], last)
    crossed = passed[middle_y, end] > passed[middle_y, start]
    neighbour = neighbour.copy()
    neighbour[linked[crossed]] = -1
    return neighbour


def _chain(following: Numbers) -> Numbers:
    """The last member of each one's chain of followers."""
    ends = np.where(following >= 0, following, np.arange(len(following)))
    while True:
        further = ends[ends]
        if np.array_equal(further, ends):
            return ends
        ends = further


def _join_runs(letters: Boxes, run: Numbers, height_px: float, upright_rules: Pixels) -> Numbers:
    """Runs whose cores lie on one line and that overlap or nearly touch become one."""
    count = int(run.max(initial=-1)) + 1
    if count < 2:
        return run
    boxes, cores = unite(letters, run, count).astype(np.float64), _cores(letters, run, count)
    present = np.bincount(run[run >= 0], minlength=count) > 0
    tops, bottoms = cores[:, 0], cores[:, 1]
    shared = np.minimum(bottoms[:, None], bottoms) - np.maximum(tops[:, None], tops)
    heights = bottoms - tops
    smaller = np.minimum(heights[:, None], heights)
    larger = np.maximum(heights[:, None], heights)
    gap = np.maximum(boxes[:, None, 0], boxes[:, 0]) - np.minimum(boxes[:, None, 2], boxes[:, 2])
    joined = (shared >= _SHARED_CORE * smaller) & (gap <= REACH * np.maximum(larger, 0.8 * height_px))
    joined &= (larger <= _ALIKE * smaller) & present[:, None] & present
    np.fill_diagonal(joined, val=False)
    label = np.arange(count)
    for one, other in np.argwhere(np.triu(joined)):
        if _ruled_apart(boxes[one], boxes[other], cores[one], upright_rules):
            continue
        a, b = label[one], label[other]
        label[label == max(a, b)] = min(a, b)
    return np.where(run >= 0, label[run], -1)


def _ruled_apart(
    one: NDArray[np.float64], other: NDArray[np.float64], core: NDArray[np.float64], upright_rules: Pixels
) -> bool:
    start, end = sorted((min(one[2], other[2]), max(one[0], other[0])))
    row = min(int((core[0] + core[1]) / 2), upright_rules.shape[0] - 1)
    return bool(upright_rules.size) and bool(upright_rules[row, int(start) : int(end) + 1].any())


def renumber(run: Numbers) -> Numbers:
    """The same runs counted 0, 1, ... without gaps; -1 stays."""
    numbers = np.unique(run[run >= 0])
    return np.where(run >= 0, np.searchsorted(numbers, run), -1)


def _cores(letters: Boxes, run: Numbers, count: int) -> NDArray[np.float64]:
    """Where most letters' tops and bottoms are: x-height (or capitals) down to the baseline."""
    cores = np.zeros((count, 2))
    order = np.argsort(run, kind="stable")
    starts = np.searchsorted(run[order], np.arange(count + 1))
    for number in range(count):
        members = letters[order[starts[number] : starts[number + 1]]]
        if len(members):
            cores[number] = _usual(members[:, 1]), _usual(members[:, 3])
    return cores


def _usual(edges: NDArray[np.int32]) -> float:
    """The edge (+-1 px) that most letters share; the middle one of few."""
    if len(edges) < _FEW:
        return float(sorted(edges.tolist())[len(edges) // 2])
    first = edges.min()
    counts = np.bincount(edges - first + 1, minlength=3)
    near = 1.5 * counts
    near[1:] += counts[:-1]
    near[:-1] += counts[1:]
    return float(near.argmax() - 1 + first)


def unite(boxes: Boxes, run: Numbers, count: int) -> Boxes:
    """The smallest box around the members of each of `count` runs."""
    united = np.full((count, 4), (2**30, 2**30, -1, -1), np.int32)
    members = run >= 0
    for edge, extend in ((0, np.minimum), (1, np.minimum), (2, np.maximum), (3, np.maximum)):
        extend.at(united[:, edge], run[members], boxes[members, edge])
    return united


def _assign_marks(marks: Boxes, boxes: Boxes, cores: NDArray[np.float64], height_px: float) -> Numbers:
    """The run whose core is nearest in height, among those above, below or beside which a mark may stand."""
    if not len(marks) or not len(boxes):
        return np.full(len(marks), -1, np.intp)
    middle_x = (marks[:, 0] + marks[:, 2])[:, None] / 2
    middle_y = (marks[:, 1] + marks[:, 3])[:, None] / 2
    height = np.maximum(cores[:, 1] - cores[:, 0], 0.6 * height_px)
    beside = (middle_x >= boxes[:, 0] - _MARK_BESIDE * height) & (
        middle_x <= boxes[:, 2] + _MARK_BESIDE * height
    )
    above = np.maximum(cores[:, 0] - middle_y, 0)
    below = np.maximum(middle_y - cores[:, 1], 0)
    away = np.maximum(np.maximum(boxes[:, 0] - middle_x, middle_x - boxes[:, 2]), 0)
    near = beside & (above <= _MARK_ABOVE * height) & (below <= _MARK_BELOW * height)
    distance = np.where(near, above + _BELOW_WEIGHT * below + 0.5 * away, np.inf)
    nearest = distance.argmin(axis=1)
    return np.where(np.isfinite(distance[np.arange(len(marks)), nearest]), nearest, -1)
