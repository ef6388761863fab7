"""The same page twice: which pages of a dossier are scans of one sheet.

Print tells it by its words, and by the figures and names that forms of one kind differ in; only pages with
next to no print are compared by their picture, which forms of one kind share. The figures beside the
thresholds are of `python -m scripts.bench.duplicates`: 80 printed sheets scanned three ways each.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from pipeline.quality.sketch import (
    PICTURE_BYTES,
    WORD_BYTES,
    difference,
    likeness,
    likeness_of_few,
    unpack,
)
from schemas.findings import PageTrace

ENOUGH_WORDS = 8
"""Pairs of sure words: the shortest notes (10 words) have 12 with their title, handwriting 4 at most."""
SAME_WORDS = 0.8
"""All 240 pairs of scans of one sheet were at 0.82 and above, one in twenty below 0.94."""
SAME_PARTICULARS = 0.75
"""238 of these 240 were at 0.75 and above. Of 28,440 pairs of two sheets 384 have such words, and of those
the likest, two contracts that differ in one figure of six on that page, were at 0.71."""
SAME_PICTURE = 0.15
"""Handwriting scanned again lies at 0.01 to 0.13 where it was turned alike (once at 0.27); the likest two of
210 pairs of other pages without print at 0.39."""


def find_duplicates(traces: Sequence[PageTrace | None]) -> Iterator[tuple[int, ...]]:
    """Groups of two and more places in `traces` that are one page, each in order. A blank page is no other's
    duplicate. About n * n / 2 comparisons of 0.2 kB, 0.1 s for 1,000 pages."""
    known = [(place, trace) for place, trace in enumerate(traces) if trace is not None and not trace.blank]
    pages = _Pages([trace for _, trace in known])
    taken: set[int] = set()
    for index, (place, _) in enumerate(known):
        if index not in taken:
            same = [other for other in pages.find_like(index) if other not in taken]
            taken.update(same)
            if same:
                yield (place, *(known[other][0] for other in same))


class _Pages:
    """The traces, what is compared at once as columns."""

    def __init__(self, traces: Sequence[PageTrace]) -> None:
        self._traces = traces
        self._printed = np.array([trace.sure_words >= ENOUGH_WORDS for trace in traces], bool)
        self._empty = np.array([trace.sure_words == 0 for trace in traces], bool)
        self._words = unpack((trace.words for trace in traces), WORD_BYTES)
        self._pictures = unpack((trace.picture for trace in traces), PICTURE_BYTES)

    def find_like(self, index: int) -> Iterator[int]:
        """The pages after `index` that are the same."""
        later = slice(index + 1, None)
        same_words = likeness(self._words[index], self._words[later]) >= SAME_WORDS
        if self._printed[index]:
            alike = self._printed[later] & same_words
        elif self._empty[index]:
            alike = self._empty[later] & self._look_alike(index, later)
        else:
            short = ~self._printed[later] & ~self._empty[later]
            alike = short & same_words & self._look_alike(index, later)
        for other in (index + 1 + np.flatnonzero(alike)).tolist():
            if self._empty[index] or self._share_particulars(index, other):
                yield other

    def _look_alike(self, index: int, later: slice) -> NDArray[np.bool_]:
        return difference(self._pictures[index], self._pictures[later]) <= SAME_PICTURE

    def _share_particulars(self, index: int, other: int) -> bool:
        one, another = self._traces[index].particulars, self._traces[other].particulars
        return likeness_of_few(one, another) >= SAME_PARTICULARS
