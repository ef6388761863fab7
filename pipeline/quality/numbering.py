"""Printed page numbers in the order of the pages: is one missing, does one stand in the wrong place?

Readings are few and fallible: first pages and annexes bear no number, a figure may be misread, annexes
begin again at 1. Only what no such reading explains is reported.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from schemas.findings import PrintedNumber

LONE_GAP = 3
"""Pages that may be missing by the word of one number alone; a larger jump is more likely a misread figure,
unless a second number bears it out."""


@dataclass(frozen=True, slots=True)
class Gap:
    """Pages are missing between or beside those at `places`; no `numbers` if it cannot be told which."""

    places: tuple[int, ...]
    numbers: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Disorder:
    """The page at the second of `places` bears a number that does not come after the first one's."""

    places: tuple[int, int]
    numbers: tuple[int, int]


def follow_numbers(printed: Sequence[PrintedNumber | None]) -> tuple[Gap | Disorder, ...]:
    """What is wrong with the printed numbers of a paper's pages in order (None: none was read).

    Blank sides are to be left out, for they bear no number. Places count from 0.
    """
    return tuple(
        finding
        for start, end in _split_parts([page.number if page else None for page in printed])
        for finding in _follow_part(_read_part(printed, start, end))
    )


@dataclass(frozen=True, slots=True)
class _Read:
    place: int
    number: int

    @property
    def offset(self) -> int:
        return self.number - self.place


@dataclass(frozen=True, slots=True)
class _Part:
    """A run of pages numbered on its own, such as an annex; `total` where its pages agree on one."""

    start: int
    end: int
    reads: tuple[_Read, ...]
    total: int | None

    def unread(self, after: int, before: int) -> int:
        """How many pages between two places told no number."""
        return before - after - 1 - sum(after < read.place < before for read in self.reads)

    def is_borne_out(self, read: _Read) -> bool:
        return self.total is not None or sum(other.offset == read.offset for other in self.reads) > 1


def _split_parts(numbers: Sequence[int | None]) -> Iterator[tuple[int, int]]:
    """A part begins where numbers begin again: at a 1, or at a page without number before a 2. A part that
    lacks its own beginning goes on, for it may have been scanned from the back."""
    start = 0
    for place in range(1, len(numbers)):
        unnumbered = numbers[place] is None and place + 1 < len(numbers) and numbers[place + 1] == 2
        if (numbers[place] == 1 or unnumbered) and any(numbers[start:place]) and numbers[start] in {None, 1}:
            yield start, place
            start = place
    yield start, len(numbers)


def _read_part(printed: Sequence[PrintedNumber | None], start: int, end: int) -> _Part:
    """Without the figures that were misread: the pages before and after such a one agree without it."""
    told = [(place, page) for place, page in enumerate(printed[start:end], start) if page is not None]
    reads = [_Read(place, page.number) for place, page in told]
    kept = [
        read
        for before, read, after in zip([None, *reads], reads, [*reads[1:], None], strict=False)
        if before is None or after is None or before.offset != after.offset or read.offset == before.offset
    ]
    totals = {page.total for _, page in told if page.total is not None}
    return _Part(start, end, tuple(kept), totals.pop() if len(totals) == 1 else None)


def _follow_part(part: _Part) -> Iterator[Gap | Disorder]:
    if not part.reads:
        return
    first, last = part.reads[0], max(part.reads, key=lambda read: read.number)
    starts_unnumbered = first.place == part.start + 1
    if part.is_borne_out(first) or (starts_unnumbered and first.number - 2 <= LONE_GAP):
        yield from _find_gap(part, range(1, first.number), (part.start - 1, first.place))
    for before, after in pairwise(part.reads):
        if after.number <= before.number:
            yield Disorder((before.place, after.place), (before.number, after.number))
        elif part.is_borne_out(after) or after.offset - before.offset <= LONE_GAP:
            yield from _find_gap(part, range(before.number + 1, after.number), (before.place, after.place))
    if part.total is not None:
        yield from _find_gap(part, range(last.number + 1, part.total + 1), (last.place, part.end))


def _find_gap(part: _Part, expected: range, between: tuple[int, int]) -> Iterator[Gap]:
    """Numbers that no page between two places can bear, nor any other page bears."""
    known = {read.number for read in part.reads}
    absent = tuple(number for number in expected if number not in known)
    unread = part.unread(*between)
    if len(absent) > unread:
        places = tuple(place for place in between if part.start <= place < part.end)
        yield Gap(places, absent if unread == 0 else ())
