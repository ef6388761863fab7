"""Sheets printed together know their order: which are missing, which lie where they should not."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.separation.elements import Element
from schemas.covers import Sheet


@dataclass(frozen=True, slots=True)
class SheetOrder:
    """What the sheets of a stack tell of each other.

    `present`: indexes of each run that came. `misplaced`: pages of sheets that break the order of their
    run, or lie within another run. `absent`: `run.index` of those that did not come.
    """

    present: dict[str, frozenset[int]]
    misplaced: frozenset[int]
    absent: tuple[str, ...]


def find_order(elements: Sequence[Element]) -> SheetOrder:
    """Compare the sheets that were read whole, run by run."""
    runs: dict[str, list[tuple[int, Sheet]]] = defaultdict(list)
    for element in elements:
        if element.mark is not None and element.mark.sheet is not None:
            runs[element.mark.sheet.run].append((element.page, element.mark.sheet))
    misplaced: set[int] = set()
    for sheets in runs.values():
        certain = find_unmoved([sheet.index for _, sheet in sheets])
        misplaced |= {page for at, (page, _) in enumerate(sheets) if at not in certain}
    misplaced |= _find_interleaved(runs)
    present = {run: frozenset(sheet.index for _, sheet in sheets) for run, sheets in runs.items()}
    absent = tuple(
        f"{run}.{index}"
        for run, sheets in sorted(runs.items())
        for index in range(1, max(sheet.total for _, sheet in sheets) + 1)
        if index not in present[run]
    )
    return SheetOrder(present, frozenset(misplaced), absent)


def find_unmoved(indexes: Sequence[int]) -> frozenset[int]:
    """Positions that belong to every longest rising row: right, whichever of the others was moved."""
    count = len(indexes)
    up, down = [1] * count, [1] * count
    for at in range(count):
        up[at] += max((up[b] for b in range(at) if indexes[b] < indexes[at]), default=0)
    for at in reversed(range(count)):
        down[at] += max((down[a] for a in range(at + 1, count) if indexes[a] > indexes[at]), default=0)
    longest = max(up, default=0)
    levels: dict[int, list[int]] = defaultdict(list)
    for at in range(count):
        if up[at] + down[at] - 1 == longest:
            levels[up[at]].append(at)
    return frozenset(found[0] for found in levels.values() if len(found) == 1)


def _find_interleaved(runs: dict[str, list[tuple[int, Sheet]]]) -> set[int]:
    """Sheets of a run that lie between two of another run: a cover that strayed in, as far as is known."""
    spans = {run: (sheets[0][0], sheets[-1][0]) for run, sheets in runs.items()}
    return {
        page
        for run, sheets in runs.items()
        for page, _ in sheets
        for other, (first, last) in spans.items()
        if other != run and first < page < last
    }
