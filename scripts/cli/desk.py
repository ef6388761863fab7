"""A desk digitises documents: engines, threads and the signer, shared by all inputs of one call.

Tesseract and OpenCV release Python's lock, so threads use every core and the model of each engine
is loaded once.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Literal, Self
from zoneinfo import ZoneInfo

import cv2

from pipeline.digitise import (
    BoundDocument,
    Tools,
    bind_document,
    check_document,
    digitise_page,
    judge_document,
    name_engines,
    open_tools,
)
from pipeline.intake.open import Source, open_source
from pipeline.intake.sandbox import warm_up
from pipeline.memory import keep_freed_memory
from pipeline.page_result import DigitisedPage
from schemas.page import Attachment, DocumentInfo
from schemas.report import DocumentReport, PdfReport, SourceReport
from schemas.settings import Settings
from scripts.cli.digitize import ORIGINAL_STEM

if TYPE_CHECKING:
    from pipeline.binding.signing import Signing

PageDone = Callable[[Path, DigitisedPage, int], None]
"""Told after each page: the input, the page, and how many pages the input has."""


@dataclass(frozen=True, slots=True)
class DigitisedDocument:
    """What `sohoa digitize` writes for one input."""

    pdf: bytes
    text: str
    report: DocumentReport
    original: bytes | None = None
    """The input itself where it is a document of its own: signed, or born digital."""


class Desk:
    """Digitises documents with `settings.jobs` pages at a time (0: one per core).

    Raises `SigningError` where `sign` is asked and the key cannot be used: before any page is read.
    """

    def __init__(self, settings: Settings, *, sign: bool) -> None:
        self._settings = settings
        self._signing = _open_signing(settings) if sign else None
        cv2.setNumThreads(1)
        warm_up()  # while this process has one thread, and no keys
        workers = settings.jobs or len(os.sched_getaffinity(0))
        keep_freed_memory(workers)
        self.documents = ThreadPoolExecutor(workers, thread_name_prefix="document")
        self._pages = ThreadPoolExecutor(workers, thread_name_prefix="page")
        self._idle: SimpleQueue[Tools] = SimpleQueue()
        self._opened: list[Tools] = []
        for _ in range(workers):
            self._opened.append(open_tools(settings))
            self._idle.put(self._opened[-1])

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.documents.shutdown(cancel_futures=True)
        self._pages.shutdown(cancel_futures=True)
        for tools in self._opened:
            tools.engine.close()
        if self._signing is not None:
            self._signing.close()

    def digitise(self, path: Path, title: str, page_done: PageDone) -> DigitisedDocument:
        """One input, whole: raises `BadInputError`, `SigningError`; nothing is written."""
        with open_source(path, self._settings.limits) as source:
            pages = self._digitise_pages(path, source, page_done)
            info = DocumentInfo(
                title=title,
                scan_time=datetime.now(ZoneInfo(self._settings.signing.time_zone)).isoformat(
                    timespec="seconds"
                ),
                source_sha256=tuple(dict.fromkeys(source.page_sha256s)),
                engine=name_engines(pages),
                station=self._settings.station,
                page_sources=source.page_sources,
            )
            born_digital = any(page.born_digital for page in pages)
            original = source.read_bytes() if source.signatures or born_digital else None
            kept_as = None if original is None else f"{title}{ORIGINAL_STEM}.pdf"
            embedded = kept_as is not None and self._settings.signed_inputs == "embedded"
            bound = bind_document(
                pages,
                info,
                self._signing,
                Attachment(kept_as, original) if embedded and kept_as and original else None,
            )
            return DigitisedDocument(
                original=None if embedded else original,
                pdf=bound.pdf,
                text="\f".join(page.report.text for page in pages),
                report=DocumentReport(
                    source=SourceReport(
                        name=path.name,
                        sha256=source.sha256,
                        media_type=source.media_type,
                        size=source.size,
                        signatures=source.signatures,
                        born_digital=born_digital,
                        kept_as=kept_as,
                        embedded=embedded,
                    ),
                    verdict=judge_document(pages),
                    pages=tuple(page.report for page in pages),
                    pdf=_report_pdf(f"{title}.pdf", bound, "PDF/A-3u" if embedded else "PDF/A-2u"),
                    seconds=bound.seconds,
                    findings=check_document(pages),
                ),
            )

    def _digitise_pages(self, path: Path, source: Source, page_done: PageDone) -> list[DigitisedPage]:
        turn = Lock()  # one decoding child per document answers one request at a time

        def digitise_one(number: int) -> DigitisedPage:
            with turn:
                scan = source.read_page(number)
            tools = self._idle.get()
            try:
                page = digitise_page(scan, tools)
            finally:
                self._idle.put(tools)
            page_done(path, page, source.page_count)
            return page

        running = [self._pages.submit(digitise_one, number) for number in range(1, source.page_count + 1)]
        try:
            return [future.result() for future in running]
        finally:
            for future in running:
                future.cancel()


def _open_signing(settings: Settings) -> "Signing":
    from pipeline.binding.signing import open_signing  # 0.4 s that an unsigned call need not pay

    return open_signing(settings.signing, settings.home / "keys")


def _report_pdf(name: str, bound: BoundDocument, conformance: Literal["PDF/A-2u", "PDF/A-3u"]) -> PdfReport:
    signature = bound.signature
    return PdfReport(
        name=name,
        sha256=sha256(bound.pdf).hexdigest(),
        size=len(bound.pdf),
        conformance=conformance,
        signatures=int(signature is not None),
        signature_level=signature and signature.reached,
        signature_level_asked=signature and signature.asked,
        signature_shortfall=signature and signature.shortfall,
    )
