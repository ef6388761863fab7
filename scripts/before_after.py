"""What the demo shows: each page as scanned beside its PDF page, as one picture and as one page of HTML."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pdf2image import convert_from_path
from pdf2image.exceptions import PDFInfoNotInstalledError

from schemas.dossier import DocumentStatus, DossierStatus, PageStatus
from schemas.errors import MissingDependencyError
from schemas.page import Pixels, Verdict
from scripts.contact_sheet import PagePair, draw_contact_sheet
from scripts.html_report import ShownDocument, ShownPage, write_html_report
from scripts.samples.dossier import DemoDocument, DemoDossier

_PDF_DPI = 100
"""Resolution of the PDF pages: three times what thumbnails need, all that the HTML page shows."""


def show_before_and_after(
    dossier: DemoDossier, first: DossierStatus, last: DossierStatus, sheet: Path, report: Path
) -> None:
    """Write the picture `sheet` and the HTML page `report` of the dossier before and after its rescan.

    Raises `OutputError`, and `MissingDependencyError` without poppler or the font.
    """
    heading = f"Sohoa: hồ sơ {dossier.record_code}"
    papers = len(last.documents)
    subheading = f"{dossier.procedure_name} · {papers} giấy tờ · một trang phải quét lại"
    documents = [
        list(_follow_pages(dossier, document, before, after))
        for document, before, after in zip(dossier.documents, first.documents, last.documents, strict=True)
    ]
    pairs = [_pair(page) for pages in documents for page in pages]
    draw_contact_sheet(pairs, sheet, heading=heading, subheading=subheading)
    shown = [
        ShownDocument(f"{after.ordinal}. {after.title}", _tell_renditions(after), tuple(map(_show, pages)))
        for after, pages in zip(last.documents, documents, strict=True)
    ]
    write_html_report(shown, report, heading=heading, subheading=subheading)


@dataclass(frozen=True, slots=True)
class _Followed:
    """One scan of a page: as scanned, as in the PDF (None: it is in none), and what was said of it."""

    title: str
    scan: Pixels
    finished: Pixels | None
    status: PageStatus
    remark: str = ""


def _follow_pages(
    dossier: DemoDossier, document: DemoDocument, before: DocumentStatus, after: DocumentStatus
) -> Iterator[_Followed]:
    """Every page; the bad one twice, before and after its rescan."""
    rendered = _render_pdf(after)
    title = f"{document.ordinal}. {document.title}"
    for page, found, settled in zip(document.pages, before.pages, after.pages, strict=True):
        finished = rendered[page.number - 1] if page.number <= len(rendered) else None
        if settled.revision == found.revision:
            yield _Followed(title, page.scan.pixels, finished, found)
        else:
            yield _Followed(title, page.scan.pixels, None, found, "Chờ bưu điện quét lại trang này")
            yield _Followed(title, dossier.rescan.scan.pixels, finished, settled, "đã quét lại")


def _pair(page: _Followed) -> PagePair:
    caption, status = f"{page.title}, trang {page.status.number}", page.status
    verdict = status.verdict or Verdict.UNREADABLE
    return PagePair(caption, page.scan, page.finished, verdict, status.reasons, page.remark)


def _show(page: _Followed) -> ShownPage:
    status = page.status
    return ShownPage(
        number=status.number,
        picture=page.scan if page.finished is None else page.finished,
        verdict=status.verdict or Verdict.UNREADABLE,
        reasons=status.reasons,
        facts=" · ".join(filter(None, (f"lần quét {status.revision}", page.remark))),
    )


def _tell_renditions(document: DocumentStatus) -> str:
    return " · ".join(f"PDF số {made.number}, SHA-256 {made.sha256}" for made in document.renditions)


def _render_pdf(document: DocumentStatus) -> list[Pixels]:
    if not document.renditions:
        return []
    try:
        pages = convert_from_path(document.renditions[-1].path, dpi=_PDF_DPI)
    except PDFInfoNotInstalledError as error:
        raise MissingDependencyError(
            "poppler is not on this machine", advice="apt-get install poppler-utils"
        ) from error
    return [np.asarray(page) for page in pages]
