"""The pages of one dossier to its papers: by separators, else by the page counts on its cover sheet."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.separation.elements import BLANK_INK, Element
from schemas.covers import PlannedPaper, SheetMark, Stop, StopCode


@dataclass(frozen=True, slots=True)
class Parted:
    """The papers, or why they are not known; `counted` where declared counts prove every one of them."""

    papers: tuple[PlannedPaper, ...]
    stops: tuple[Stop, ...]
    counted: bool


def part_papers(cover: SheetMark, body: Sequence[Element], *, two_sided: bool) -> Parted:
    """`body`: pages and separators of the dossier in order."""
    declared = cover.sheet.page_counts if cover.sheet else ()
    groups, stops = _group(body)
    if stops:
        return Parted((), tuple(stops), False)
    if len(groups) == 1 and len(declared) > 1:
        return _part_by_counts(groups[0][1], declared, two_sided=two_sided)
    papers: list[PlannedPaper] = []
    counted = True
    for ordinal, pages in groups:
        count = declared[ordinal - 1] if ordinal <= len(declared) else 0
        counted &= count > 0
        if not pages:
            stops.append(Stop(code=StopCode.NO_PAGES, numbers=(ordinal,)))
            continue
        if count and count not in _possible_counts(pages, two_sided=two_sided):
            stops.append(
                Stop(
                    code=StopCode.PAGE_COUNT_DIFFERS,
                    pages=tuple(page.page for page in pages),
                    numbers=(count, len(pages)),
                )
            )
        papers.append(PlannedPaper(ordinal=ordinal, pages=tuple(page.page for page in pages)))
    return Parted(tuple(papers) if not stops else (), tuple(stops), counted and not stops)


def _group(body: Sequence[Element]) -> tuple[list[tuple[int, list[Element]]], list[Stop]]:
    """Pages by the separator before them; those before the first one are paper 1."""
    groups: list[tuple[int, list[Element]]] = []
    for element in body:
        if element.mark is None:
            if not groups:
                groups.append((1, []))
            groups[-1][1].append(element)
            continue
        ordinal = element.mark.ordinal or 0
        if groups and ordinal <= groups[-1][0]:
            return [], [Stop(code=StopCode.SHEETS_OUT_OF_ORDER, pages=(element.page,), numbers=(ordinal,))]
        if not groups and ordinal > 1:
            groups.append((1, []))
        groups.append((ordinal, []))
    return groups, []


def _possible_counts(pages: Sequence[Element], *, two_sided: bool) -> set[int]:
    """All sides, or, where backs were scanned, those that are not blank: clerks count either way."""
    counts = {len(pages)}
    if two_sided:
        counts.add(sum(page.ink >= BLANK_INK for page in pages))
    return counts


def _part_by_counts(pages: Sequence[Element], declared: Sequence[int], *, two_sided: bool) -> Parted:
    numbers = tuple(page.page for page in pages)
    if not all(declared):
        return Parted((), (Stop(code=StopCode.PAPERS_UNKNOWN, pages=numbers),), False)
    total = sum(declared)
    if total not in _possible_counts(pages, two_sided=two_sided):
        stop = Stop(code=StopCode.PAGE_COUNT_DIFFERS, pages=numbers, numbers=(total, len(pages)))
        return Parted((), (stop,), False)
    every_side = total == len(pages)
    papers: list[list[int]] = [[]]
    taken = 0
    for page in pages:
        counts = every_side or page.ink >= BLANK_INK
        if counts and taken == declared[len(papers) - 1]:
            papers.append([])
            taken = 0
        papers[-1].append(page.page)
        taken += counts
    planned = tuple(PlannedPaper(ordinal=n, pages=tuple(found)) for n, found in enumerate(papers, 1))
    return Parted(planned, (), True)
