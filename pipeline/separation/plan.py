"""A stack becomes dossiers, or waits: the plan, from what each page shows.

A dossier goes on only if its end is proven: every page that its cover sheet declares is there and no more,
or its end sheet came. Whatever is not certain waits with the reason; no page is in two places or in none.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Literal

from pipeline.separation.elements import EMPTY_INK, Element, line_up
from pipeline.separation.order import SheetOrder, find_order
from pipeline.separation.papers import Parted, part_papers
from schemas.covers import (
    AsidePage,
    PageSight,
    PlannedDossier,
    Proof,
    Said,
    SheetKind,
    SheetMark,
    StackPlan,
    Stop,
    StopCode,
    WaitingStretch,
)
from schemas.stack_settings import StackRules

_INTRINSIC = frozenset(StopCode) - {StopCode.NEIGHBOUR_UNSURE, StopCode.FOREIGN_RECORD_CODE}
"""Reasons that cast doubt on the next dossier, too."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """From one cover sheet to the next; `cover` is None before the first.

    `body`: the dossier's own pages and sheets. `rest`: from the first element on that is not its own.
    `closed`: its end sheet came.
    """

    cover: Element | None
    body: tuple[Element, ...]
    rest: tuple[Element, ...]
    closed: bool
    end: Element | None

    @property
    def elements(self) -> tuple[Element, ...]:
        """All of it in order."""
        own = (self.cover,) if self.cover else ()
        return tuple(sorted({*own, *self.body, *self.rest, *self._end()}, key=lambda e: e.page))

    @property
    def sheets(self) -> tuple[Element, ...]:
        """The dossier's own sheets."""
        own = (self.cover,) if self.cover else ()
        return (*own, *(element for element in self.body if element.mark), *self._end())

    def _end(self) -> tuple[Element, ...]:
        return (self.end,) if self.end else ()


def plan_stack(
    sights: Sequence[PageSight],
    rules: StackRules,
    said: Mapping[int, Said] | None = None,
    accepted: frozenset[str] = frozenset(),
) -> StackPlan:
    """Part a stack. `sights` are its pages in order, numbered from 1.

    `said`: what the operator says of single pages; `accepted`: records whose dossier the operator has
    looked at and lets go on as it is (never two of one record). Raises `ValueError` for pages that are not
    numbered 1, 2, 3 ...
    """
    if [sight.number for sight in sights] != list(range(1, len(sights) + 1)):
        raise ValueError("the pages of a stack are numbered from 1 without a gap")
    row = line_up(sights, said or {}, rules.sides)
    order = find_order(row.elements)
    dossiers: list[PlannedDossier] = []
    waiting: list[WaitingStretch] = []
    aside = list(row.aside)
    doubted, runs = False, set[str]()
    stretches = list(_cut(row.elements, rules.receipts))
    times = Counter(map(_record_of, stretches))
    for stretch, following in zip_longest(stretches, stretches[1:]):
        parted = _part(stretch, two_sided=row.two_sided)
        stops = [] if parted is None else _judge(stretch, parted, order, rules)
        if parted is not None and (missing := _find_missing(stretch, following, order)):
            stops.append(
                Stop(code=StopCode.SHEET_MISSING, pages=_pages_of(stretch.sheets[:1]), numbers=missing)
            )
        if parted is not None and doubted and _run_of(stretch) not in runs - {""}:
            stops.append(Stop(code=StopCode.NEIGHBOUR_UNSURE, pages=(stretch.elements[0].page,)))
        record = _record_of(stretch)
        if parted is not None and times[record] > 1:
            pages = _pages_of(stretch.sheets or stretch.body[:1])
            stops.append(Stop(code=StopCode.RECORD_TWICE, record_codes=(record,), pages=pages))
        forgiven = record in accepted and times[record] == 1 and parted is not None and bool(parted.papers)
        doubted = any(stop.code in _INTRINSIC for stop in stops) and not forgiven
        runs.add(_run_of(stretch))
        if parted is None or (stops and not forgiven):
            waiting += _wait(stretch.elements, [*stops, *_tell_rest(stretch)])
            continue
        proof = _prove(stretch, parted)
        dossiers.append(PlannedDossier(record_code=record, proof=proof or "operator", papers=parted.papers))
        aside += [AsidePage(page=sheet.page, what="sheet", record_code=record) for sheet in stretch.sheets]
        if stretch.closed and all(e.is_page and e.ink < EMPTY_INK for e in stretch.rest):
            aside += [AsidePage(page=e.page, what="back_of_sheet", record_code=record) for e in stretch.rest]
        else:
            waiting += _wait(stretch.rest, list(_tell_rest(stretch)))
    return StackPlan(
        pages=len(sights),
        two_sided=row.two_sided,
        dossiers=tuple(dossiers),
        waiting=tuple(waiting),
        aside=tuple(sorted(aside, key=lambda found: found.page)),
        absent=order.absent,
    )


def _cut(elements: Sequence[Element], receipts: Literal["check", "separate", "ignore"]) -> Iterator[_Stretch]:
    """Into stretches; where receipts separate, one begins a dossier as a cover sheet does."""
    bounds = [0]
    current: str | None = None
    opened: dict[int, SheetMark] = {}
    for at, element in enumerate(elements):
        if element.is_cover and element.mark:
            current = element.mark.record_code
            bounds.append(at)
        elif receipts == "separate" and element.is_page and len(element.record_codes) == 1:
            code = element.record_codes[0]
            if code != current:
                current = code
                opened[at] = SheetMark(SheetKind.COVER, code)
                bounds.append(at)
    for start, end in zip(bounds, [*bounds[1:], len(elements)], strict=True):
        if start < end:
            yield _make_stretch(elements[start:end], opened.get(start))


def _make_stretch(elements: Sequence[Element], receipt: SheetMark | None) -> _Stretch:
    first = elements[0]
    if receipt is None and not first.is_cover:
        return _Stretch(None, (), tuple(elements), False, None)
    mark = receipt or first.mark
    inner = elements if receipt else elements[1:]
    body: list[Element] = []
    for at, element in enumerate(inner):
        own = element.mark is not None and mark is not None and _is_own(element.mark, mark)
        if own and element.mark and element.mark.kind is SheetKind.END:
            return _Stretch(_as_cover(first, receipt), tuple(body), tuple(inner[at + 1 :]), True, element)
        if not own and not element.is_page:
            return _Stretch(_as_cover(first, receipt), tuple(body), tuple(inner[at:]), False, None)
        body.append(element)
    return _Stretch(_as_cover(first, receipt), tuple(body), (), False, None)


def _as_cover(first: Element, receipt: SheetMark | None) -> Element | None:
    """The cover sheet; of a receipt, which stays a page, none (its record is on the pages)."""
    return None if receipt else first


def _is_own(mark: SheetMark, cover: SheetMark) -> bool:
    """A separator or end sheet of this dossier, of the same print run where both are read whole."""
    same_run = mark.sheet is None or cover.sheet is None or mark.sheet.run == cover.sheet.run
    return mark.record_code == cover.record_code and same_run


def _mark_of(stretch: _Stretch) -> SheetMark | None:
    if stretch.cover is not None:
        return stretch.cover.mark
    first = stretch.body[0] if stretch.body else None
    return SheetMark(SheetKind.COVER, first.record_codes[0]) if first and first.record_codes else None


def _record_of(stretch: _Stretch) -> str:
    mark = _mark_of(stretch)
    return mark.record_code if mark else ""


def _part(stretch: _Stretch, *, two_sided: bool) -> Parted | None:
    """None where no dossier begins."""
    mark = _mark_of(stretch)
    return None if mark is None else part_papers(mark, stretch.body, two_sided=two_sided)


def _prove(stretch: _Stretch, parted: Parted) -> Proof | None:
    if any(element.said for element in stretch.sheets):
        return "operator"
    return "end_sheet" if stretch.closed else "page_counts" if parted.counted else None


def _judge(stretch: _Stretch, parted: Parted, order: SheetOrder, rules: StackRules) -> list[Stop]:
    """Every reason for which this dossier is not certain."""
    record = _record_of(stretch)
    sheets = stretch.sheets
    stops = list(parted.stops)
    pages = [element for element in stretch.body if element.is_page]
    if not pages:
        stops = [Stop(code=StopCode.NO_PAGES, pages=tuple(sheet.page for sheet in sheets[:1]))]
    partly = tuple(e.page for e in sheets if not e.said and e.mark and e.mark.sheet is None)
    if partly:
        stops.append(Stop(code=StopCode.SHEET_PARTLY_READ, pages=partly))
    if rules.receipts != "ignore":
        foreign = [page for page in pages if set(page.record_codes) - {record}]
        if foreign:
            codes = sorted({code for page in foreign for code in page.record_codes} - {record})
            stops.append(
                Stop(
                    code=StopCode.FOREIGN_RECORD_CODE,
                    pages=tuple(page.page for page in foreign),
                    record_codes=tuple(codes),
                )
            )
    moved = tuple(sheet.page for sheet in sheets if sheet.page in order.misplaced)
    if moved:
        stops.append(Stop(code=StopCode.SHEETS_OUT_OF_ORDER, pages=moved))
    if printed := tuple(sheet.page for sheet in sheets if sheet.back_printed):
        stops.append(Stop(code=StopCode.BACK_PRINTED, pages=printed))
    if not stops and _prove(stretch, parted) is None:
        stops.append(Stop(code=StopCode.UNPROVEN, pages=tuple(page.page for page in pages)))
    return stops


def _find_missing(stretch: _Stretch, following: _Stretch | None, order: SheetOrder) -> tuple[int, ...]:
    """Indexes of its own sheets that are not in it, or of the next cover where a later one came instead."""
    sheet = stretch.cover.mark.sheet if stretch.cover and stretch.cover.mark else None
    if sheet is None:
        return ()
    here = {element.mark.sheet.index for element in stretch.sheets if element.mark and element.mark.sheet}
    own = tuple(index for index in range(sheet.index, sheet.index + sheet.span) if index not in here)
    next_mark = following.cover.mark if following and following.cover else None
    if own or stretch.closed or any(element.stop for element in stretch.rest):
        return own  # a sheet that cannot be read stands where the next cover would
    if next_mark is not None and next_mark.sheet is None:
        return ()  # the same, read by its bar code or told by the operator
    expected = sheet.index + sheet.span
    present = order.present[sheet.run]
    later = [index for index in present if index > expected]
    return (expected,) if expected not in present and later else ()


def _run_of(stretch: _Stretch) -> str:
    """The print run of its cover sheet. Of one that began further up it is no stray sheet."""
    sheet = stretch.cover.mark.sheet if stretch.cover and stretch.cover.mark else None
    return sheet.run if sheet else ""


def _tell_rest(stretch: _Stretch) -> Iterator[Stop]:
    """What is wrong with what follows the dossier's own pages."""
    unread = [element for element in stretch.rest if element.stop]
    for element in unread:
        yield element.tell()
    foreign = [element for element in stretch.rest if element.mark]
    if foreign:
        codes = sorted({element.mark.record_code for element in foreign if element.mark})
        yield Stop(code=StopCode.FOREIGN_SHEET, pages=_pages_of(foreign), record_codes=tuple(codes))
    if stretch.rest and not unread and not foreign:
        yield Stop(code=StopCode.NO_COVER, pages=_pages_of(stretch.rest))


def _wait(elements: Sequence[Element], stops: Sequence[Stop]) -> list[WaitingStretch]:
    if not elements:
        return []
    codes = tuple(dict.fromkeys(element.mark.record_code for element in elements if element.mark))
    reasons = tuple(dict.fromkeys(stops))
    return [WaitingStretch(pages=_pages_of(elements), stops=reasons, record_codes=codes)]


def _pages_of(elements: Sequence[Element]) -> tuple[int, ...]:
    return tuple(element.page for element in elements)
