"""Progress of digitising: a bar on a terminal, plain lines in a log, both on stderr."""

import sys
from pathlib import Path
from threading import Lock
from types import TracebackType
from typing import TYPE_CHECKING, Self

from pipeline.page_result import DigitisedPage
from schemas.errors import SohoaError
from schemas.page import Verdict
from schemas.report import REASON_LABELS, VERDICT_LABELS, DocumentReport, PageReport
from scripts.cli.findings import tell_finding

if TYPE_CHECKING:
    from rich.progress import TaskID

VERDICT_STYLES = {
    Verdict.READABLE: "green",
    Verdict.REVIEW: "yellow",
    Verdict.UNREADABLE: "bold red",
    Verdict.BLANK: "dim",
}


class PageProgress:
    """Told of every page from any thread; says failures even when `quiet`."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self._lock = Lock()
        self._bar = _Bar() if sys.stderr.isatty() and not quiet else None

    def __enter__(self) -> Self:
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()

    def page_done(self, path: Path, page: DigitisedPage, pages: int) -> None:
        """One page of `path` is read; `pages` it has in all."""
        with self._lock:
            if self._bar is not None:
                self._bar.advance(path, pages)
            elif not self._quiet:
                self._print(f"{path}: page {page.report.number} of {pages}: {tell_verdict(page.report)}")

    def say_done(self, path: Path, report: DocumentReport, pdf: Path) -> None:
        """One document is written."""
        if not self._quiet:
            pages = f"{len(report.pages)} page" + "s" * (len(report.pages) != 1)
            self._print(f"{path} -> {pdf}: {pages}, {report.verdict}", report.verdict)
            if report.source.kept_as is not None:
                what = f"{report.source.signatures} signatures" if report.source.signatures else "text"
                where = "inside the copy as" if report.source.embedded else "as"
                self._print(
                    f"{path} is kept {where} {report.source.kept_as}, bit for bit, with its own {what}"
                )
            for finding in report.findings:
                self._print(f"{path}: {tell_finding(finding, one_paper=True)}", Verdict.REVIEW)
        if self._bar is not None:
            for page in report.pages:
                if page.reasons:
                    self._print(f"  page {page.number}: {tell_verdict(page)}", page.verdict)
        if report.pdf.signature_shortfall is not None:
            level, asked = report.pdf.signature_level, report.pdf.signature_level_asked
            self._print(f"sohoa: {pdf}: signed {level}, not {asked}: {report.pdf.signature_shortfall} "
                        f"(run 'sohoa extend {pdf}' when the service is back)")  # fmt: skip

    def say_failed(self, path: Path, error: SohoaError) -> None:
        """One line for a document that could not be digitised."""
        self._print(f"sohoa: {path}: {error}")

    def _print(self, line: str, verdict: Verdict | None = None) -> None:
        if self._bar is None:
            print(line, file=sys.stderr)
        else:
            self._bar.print(line, VERDICT_STYLES[verdict] if verdict else None)


class _Bar:
    """The bar, and lines above it; rich is loaded for it alone (0.05 CPU s)."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

        columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(*columns, console=self._console, transient=True)
        self._tasks: dict[Path, TaskID] = {}
        self.start, self.stop = self._bar.start, self._bar.stop

    def advance(self, path: Path, pages: int) -> None:
        if path not in self._tasks:
            self._tasks[path] = self._bar.add_task(path.name, total=pages)
        self._bar.advance(self._tasks[path])

    def print(self, line: str, style: str | None) -> None:
        self._console.print(line, style=style, markup=False)


def tell_verdict(page: PageReport) -> str:
    """Verdict and reasons, code and Vietnamese label: `review: low_resolution (độ phân giải thấp)`."""
    if not page.reasons:
        return f"{page.verdict} ({VERDICT_LABELS[page.verdict]})"
    reasons = ", ".join(f"{reason} ({REASON_LABELS[reason]})" for reason in page.reasons)
    return f"{page.verdict}: {reasons}"
