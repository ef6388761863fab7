"""The page of HTML that `sohoa digitize --html` writes: the pages of every PDF that was made."""

import shutil
from pathlib import Path

import numpy as np
from pdf2image import convert_from_bytes

from schemas.errors import MissingDependencyError, OutputError, SohoaError
from schemas.report import DocumentReport, PageReport
from scripts.cli.desk import DigitisedDocument
from scripts.cli.findings import tell_clerk
from scripts.html_report import PICTURE_PX, ShownDocument, ShownPage, write_html_report


class Gallery:
    """Collects what a call makes; `write` then writes one page of all of it to `path`."""

    def __init__(self, path: Path) -> None:
        """Raises `MissingDependencyError` without poppler, before any work is done."""
        if shutil.which("pdftoppm") is None:
            raise MissingDependencyError(
                "poppler is not on this machine", advice="apt-get install poppler-utils"
            )
        self._path = path
        self._documents: list[ShownDocument] = []

    def add_document(self, path: Path, document: DigitisedDocument) -> None:
        """Show the pages of the PDF made of `path`, as anyone will see them."""
        pictures = convert_from_bytes(document.pdf, size=PICTURE_PX)
        pages = tuple(
            ShownPage(
                number=page.number,
                picture=np.asarray(picture),
                verdict=page.verdict,
                reasons=page.reasons,
                outlines=page.regions,
                facts=_tell_page(page),
                text=page.text,
            )
            for page, picture in zip(document.report.pages, pictures, strict=True)
        )
        notices = tuple(tell_clerk(finding, one_paper=True) for finding in document.report.findings)
        self._documents.append(ShownDocument(path.name, _tell_document(document.report), pages, notices))

    def add_failure(self, path: Path, error: SohoaError) -> None:
        """Name an input of which nothing could be made, and why."""
        self._documents.append(ShownDocument(path.name, f"không xử lý được: {error}", ()))

    def write(self) -> None:
        """Raises `OutputError`."""
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {self._path}: {error.strerror}") from error
        write_html_report(self._documents, self._path, heading="Sohoa: kết quả số hóa")


def _tell_document(report: DocumentReport) -> str:
    signed = "đã ký số" if report.pdf.signatures else "chưa ký số"
    size = f"{report.pdf.size / 1e6:.2f}".replace(".", ",")
    return f"{len(report.pages)} trang · {report.pdf.name}, {size} MB, {signed} · SHA-256 {report.pdf.sha256}"


def _tell_page(page: PageReport) -> str:
    told = [f"{page.dpi} dpi", f"{page.ocr.words} từ"]
    if page.ocr.words:
        told.append(f"độ tin cậy {page.ocr.mean_confidence:.2f}".replace(".", ","))
    if page.quarter_turn:
        told.append(f"đã xoay {page.quarter_turn}°")
    if page.skew_deg:
        told.append(f"nghiêng {page.skew_deg:.1f}°".replace(".", ","))
    if page.flattened:
        told.append("đã làm phẳng ảnh chụp")
    return " · ".join(told)
