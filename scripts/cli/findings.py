"""Findings in words: what a clerk reads of them in the terminal, in `sohoa status` and on the HTML page."""

from collections.abc import Callable

from schemas.findings import FINDING_ADVICE, FINDING_LABELS, DossierFinding, FindingCode, PagePlace


def tell_finding(finding: DossierFinding, *, one_paper: bool = False) -> str:
    """Code, label and what was found: `duplicate_page (trùng trang): giấy tờ 1 trang 2, giấy tờ 3 trang 1`.

    `one_paper`: there is only one, which need not be named.
    """
    told = _describe(finding, one_paper=one_paper)
    return f"{finding.code} ({FINDING_LABELS[finding.code]}): {told}"


def tell_clerk(finding: DossierFinding, *, one_paper: bool = False) -> tuple[str, str]:
    """Label and what was found; and what to do about it."""
    told = _describe(finding, one_paper=one_paper)
    return f"{FINDING_LABELS[finding.code]}: {told}", FINDING_ADVICE[finding.code]


def _describe(finding: DossierFinding, *, one_paper: bool) -> str:
    where = _name_pages(finding, one_paper=one_paper)
    return _DESCRIPTIONS[finding.code](finding, where)


def _name_pages(finding: DossierFinding, *, one_paper: bool) -> str:
    """Its pages, or its papers where it concerns all of their pages."""

    def name(place: PagePlace) -> str:
        return f"trang {place.page}" if one_paper else f"giấy tờ {place.paper} trang {place.page}"

    if finding.pages:
        return ", ".join(map(name, finding.pages))
    return "" if one_paper else ", ".join(f"giấy tờ {paper}" for paper in finding.papers)


def _tell_length(finding: DossierFinding, where: str) -> str:
    declared, counted = finding.numbers
    return f"{where} khai {declared} trang, quét {counted} trang".strip()


def _tell_gap(finding: DossierFinding, where: str) -> str:
    beside = f"giữa {where.replace(', ', ' và ')}" if len(finding.pages) > 1 else f"cạnh {where}"
    return f"số {_list(finding.numbers)} ({beside})" if finding.numbers else beside


def _tell_disorder(finding: DossierFinding, where: str) -> str:
    return f"số {' rồi đến '.join(map(str, finding.numbers))} ({where})"


def _tell_pages(_: DossierFinding, where: str) -> str:
    return where


def _tell_codes(finding: DossierFinding, where: str) -> str:
    return f"{', '.join(finding.record_codes)} ({where})"


def _list(numbers: tuple[int, ...]) -> str:
    """`3, 4`; a long run as its ends."""
    if len(numbers) > 4 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} đến {numbers[-1]}"
    return ", ".join(map(str, numbers))


_DESCRIPTIONS: dict[FindingCode, Callable[[DossierFinding, str], str]] = {
    FindingCode.PAGE_COUNT_DIFFERS: _tell_length,
    FindingCode.PAGE_NUMBER_MISSING: _tell_gap,
    FindingCode.PAGE_NUMBER_OUT_OF_ORDER: _tell_disorder,
    FindingCode.DUPLICATE_PAGE: _tell_pages,
    FindingCode.MIXED_ORIENTATION: _tell_pages,
    FindingCode.FOREIGN_RECORD_CODE: _tell_codes,
}
