"""Do the papers of a dossier agree with each other? What comparing their pages' traces finds.

Every finding is a question to a person; none stops or drops anything. A page that left no trace (it could
not be decoded) keeps its place in the order and is compared with nothing.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from pipeline.quality.duplicates import find_duplicates
from pipeline.quality.numbering import Disorder, follow_numbers
from schemas.findings import DossierFinding, FindingCode, PagePlace, PaperTraces

_CODE_PARTS = re.compile(r"(?P<agency>[A-Z0-9.]+)(?P<rest>-\d{6}-\d{4,})", re.ASCII)


def check_dossier(papers: Sequence[PaperTraces], record_code: str | None) -> tuple[DossierFinding, ...]:
    """All findings, paper by paper, then between papers. `record_code` is None where no record is known:
    a page's code is then compared with the other pages' alone."""
    duplicates = tuple(_check_duplicates(papers))
    within = [finding for paper in papers for finding in check_paper(paper)]
    return (
        *(finding for finding in within if not _is_explained(finding, duplicates)),
        *duplicates,
        *_check_record_codes(papers, record_code),
    )


def check_paper(paper: PaperTraces) -> tuple[DossierFinding, ...]:
    """What one paper shows by itself, but for duplicates: its length, page numbers, orientation."""
    return (*_check_length(paper), *_check_numbers(paper), *_check_orientation(paper))


def _check_length(paper: PaperTraces) -> Iterator[DossierFinding]:
    """Counted are sides with something on them, and all sides: either may be what was declared."""
    sides = len(paper.pages)
    printed = sum(page is None or not page.blank for page in paper.pages)
    declared = paper.declared_pages
    if declared is not None and declared not in {sides, printed}:
        yield DossierFinding(
            code=FindingCode.PAGE_COUNT_DIFFERS, papers=(paper.ordinal,), numbers=(declared, sides)
        )


def _check_numbers(paper: PaperTraces) -> Iterator[DossierFinding]:
    printed = [(number, page) for number, page in enumerate(paper.pages, 1) if page is None or not page.blank]
    for wrong in follow_numbers([page.printed if page else None for _, page in printed]):
        yield DossierFinding(
            code=(
                FindingCode.PAGE_NUMBER_OUT_OF_ORDER
                if isinstance(wrong, Disorder)
                else FindingCode.PAGE_NUMBER_MISSING
            ),
            papers=(paper.ordinal,),
            pages=tuple(PagePlace(paper=paper.ordinal, page=printed[place][0]) for place in wrong.places),
            numbers=wrong.numbers,
        )


def _check_orientation(paper: PaperTraces) -> Iterator[DossierFinding]:
    """Pages of one shape that lay otherwise than the most of that shape (of as many: than the first).

    A page printed across in an upright paper is turned otherwise by right, and so is its like; hence only
    pages that are upright in the same shape are compared, and only those whose turn is certain.
    """
    for aspect in ("portrait", "landscape"):
        turns = {
            number: page.quarter_turn
            for number, page in enumerate(paper.pages, 1)
            if page and not page.blank and page.aspect == aspect and page.quarter_turn is not None
        }
        if len(set(turns.values())) < 2:
            continue
        usual = Counter(turns.values()).most_common(1)[0][0]
        others = (number for number, turn in turns.items() if turn != usual)
        yield DossierFinding(
            code=FindingCode.MIXED_ORIENTATION,
            papers=(paper.ordinal,),
            pages=tuple(PagePlace(paper=paper.ordinal, page=number) for number in others),
        )


def _check_duplicates(papers: Sequence[PaperTraces]) -> Iterator[DossierFinding]:
    places = [(paper.ordinal, number) for paper in papers for number in range(1, len(paper.pages) + 1)]
    traces = [page for paper in papers for page in paper.pages]
    for same in find_duplicates(traces):
        yield DossierFinding(
            code=FindingCode.DUPLICATE_PAGE,
            papers=tuple(dict.fromkeys(places[index][0] for index in same)),
            pages=tuple(PagePlace(paper=places[index][0], page=places[index][1]) for index in same),
        )


def _is_explained(finding: DossierFinding, duplicates: Sequence[DossierFinding]) -> bool:
    """A number comes twice because its page does."""
    return finding.code is FindingCode.PAGE_NUMBER_OUT_OF_ORDER and any(
        set(finding.pages) <= set(duplicate.pages) for duplicate in duplicates
    )


def _check_record_codes(papers: Sequence[PaperTraces], record_code: str | None) -> Iterator[DossierFinding]:
    """Pages that say they belong to another record. A page with several codes is a list of records and
    says nothing of its own."""
    said: dict[PagePlace, str] = {
        PagePlace(paper=paper.ordinal, page=number): page.record_codes[0]
        for paper in papers
        for number, page in enumerate(paper.pages, 1)
        if page is not None and len({_in_short(code) for code in page.record_codes}) == 1
    }
    if not said:
        return
    own = _in_short(record_code or next(iter(said.values())))
    foreign = {place: code for place, code in said.items() if _in_short(code) != own}
    if foreign:
        yield DossierFinding(
            code=FindingCode.FOREIGN_RECORD_CODE,
            papers=tuple(dict.fromkeys(place.paper for place in foreign)),
            pages=tuple(foreign),
            record_codes=tuple(dict.fromkeys(foreign.values())),
        )


def _in_short(code: str) -> str:
    """One form for both ways to write an agency: `000.00.65.H21-...` (Thông tư 01/2018/TT-VPCP, Điều 19)
    and `H21.65-...` (Quyết định 20/2020/QĐ-TTg, the province first, no empty levels)."""
    match = _CODE_PARTS.fullmatch(code)
    if match is None or code[0].isalpha():
        return code
    levels = [level for level in reversed(match["agency"].split(".")) if set(level) != {"0"}]
    return ".".join(levels) + match["rest"]
