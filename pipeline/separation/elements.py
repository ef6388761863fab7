"""A stack as a row of elements: sheets that were read, sheets that were not, pages; backs are taken out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from schemas.covers import (
    AsidePage,
    PageSight,
    Said,
    SheetKind,
    SheetMark,
    Stop,
    StopCode,
)

EMPTY_INK = 0.10
"""Print of less contrast than this is none: the fainest that a person still reads has 0.15."""
BLANK_INK = 0.25
"""Print shining through from the other side has up to 0.2 of the contrast (scripts.samples.damage)."""
_TWO_SIDED_SHARE = 0.75
"""Of the sheets that were read so many must have a blank back for a stack to count as two-sided."""


@dataclass(frozen=True, slots=True)
class Element:
    """One page of the stack that is not set aside.

    A `mark` makes it a sheet that was read (`sure`: by its QR code, or said by the operator); `stop` one that
    was not, or a page nobody can see. Neither: a page.
    """

    page: int
    mark: SheetMark | None = None
    stop: StopCode | None = None
    said: bool = False
    back_printed: bool = False
    record_codes: tuple[str, ...] = ()
    ink: float = 1.0

    @property
    def is_page(self) -> bool:
        """Whether it is no sheet at all."""
        return self.mark is None and self.stop is None

    @property
    def is_cover(self) -> bool:
        """Whether a dossier begins here for certain."""
        return self.mark is not None and self.mark.kind is SheetKind.COVER

    def tell(self) -> Stop:
        """Why it stops the stack. Raises `ValueError` for what does not."""
        if self.stop is None:
            raise ValueError(f"page {self.page} stops nothing")
        return Stop(code=self.stop, pages=(self.page,))


@dataclass(frozen=True, slots=True)
class Row:
    """The elements in order, what was taken out, and whether backs were scanned."""

    elements: tuple[Element, ...]
    aside: tuple[AsidePage, ...]
    two_sided: bool


def line_up(
    sights: Sequence[PageSight], said: Mapping[int, Said], sides: Literal["auto", "one", "two"]
) -> Row:
    """Pages to elements; backs of sheets and sheets drawn in twice are taken out."""
    elements = [_see(sight, said.get(sight.number)) for sight in sights]
    two_sided = _backs_are_scanned(elements, sides)
    backs: dict[int, AsidePage] = {}
    printed: set[int] = set()
    for element in _fronts(elements) if two_sided else ():
        back = elements[_partner(element.page) - 1]
        if _is_back(back, element):
            backs[back.page] = AsidePage(
                page=back.page, what="back_of_sheet", record_code=_record_of(element)
            )
        else:
            printed.add(element.page)
    aside = {
        page: AsidePage(page=page, what="set_aside")
        for page, word in said.items()
        if word.what == "set_aside" and 1 <= page <= len(sights)
    } | backs
    kept = [
        Element(e.page, e.mark, e.stop, e.said, e.page in printed, e.record_codes, e.ink)
        for e in elements
        if e.page not in aside
    ]
    kept, again = _without_repeats(kept)
    return Row(tuple(kept), tuple(sorted((*aside.values(), *again), key=lambda found: found.page)), two_sided)


def _see(sight: PageSight, said: Said | None) -> Element:
    if said is not None:
        return Element(sight.number, said.mark, said=True, ink=sight.ink)
    if sight.failure is not None:
        return Element(sight.number, stop=StopCode.PAGE_DAMAGED)
    if sight.marks:
        codes = {mark.record_code for mark in sight.marks} | set(sight.record_codes)
        if len(sight.marks) > 1 or len(codes) > 1:
            return Element(sight.number, stop=StopCode.CODES_DISAGREE, ink=sight.ink)
        return Element(sight.number, sight.marks[0], ink=sight.ink)
    unread = StopCode.SHEET_UNREADABLE if sight.banded else None
    return Element(sight.number, stop=unread, record_codes=sight.record_codes, ink=sight.ink)


def _partner(page: int) -> int:
    """The other side of the leaf."""
    return page + 1 if page % 2 else page - 1


def _backs_are_scanned(elements: Sequence[Element], sides: Literal["auto", "one", "two"]) -> bool:
    if sides == "one" or len(elements) % 2:
        return False
    if sides == "two":
        return True
    fronts = _fronts(elements)
    backed = sum(_is_back(elements[_partner(front.page) - 1], front) for front in fronts)
    return bool(fronts) and backed >= _TWO_SIDED_SHARE * len(fronts)


def _fronts(elements: Sequence[Element]) -> list[Element]:
    """Sheets that were read, without backs through which the codes of the front were read."""
    pairs = [(element, elements[_partner(element.page) - 1 : _partner(element.page)]) for element in elements]
    return [
        element
        for element, other in pairs
        if element.mark and not (other and other[0].mark == element.mark and other[0].ink > element.ink)
    ]


def _is_back(back: Element, front: Element) -> bool:
    """Empty, or with nothing but the sheet's own print shining through: its bars, even its codes."""
    if back.said or back.stop is StopCode.PAGE_DAMAGED or back.ink >= front.ink:
        return False
    if back.mark is not None or back.stop is not None:
        return back.ink < BLANK_INK and back.mark in {None, front.mark}
    return back.ink < EMPTY_INK


def _record_of(element: Element) -> str:
    return element.mark.record_code if element.mark else ""


def _without_repeats(elements: Sequence[Element]) -> tuple[list[Element], list[AsidePage]]:
    """Without the sheets that the feeder drew in twice: the same sheet with nothing between."""
    kept: list[Element] = []
    again: list[AsidePage] = []
    for element in elements:
        before = kept[-1].mark if kept else None
        if before is not None and element.mark == before and before.sheet is not None:
            again.append(AsidePage(page=element.page, what="sheet_again", record_code=before.record_code))
        else:
            kept.append(element)
    return kept, again
