"""The walk of `sohoa demo`: a small dossier goes the real way, and every claim about it is checked."""

import shutil
from dataclasses import dataclass, field
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from pipeline.binding.signer import load_local_trust_roots
from pipeline.binding.verify import VerifyReport, verify
from schemas.dossier import DocumentState, DossierState, DossierStatus, PageStatus
from schemas.errors import OutputError
from schemas.page import Verdict
from schemas.report import REASON_LABELS, VERDICT_LABELS
from schemas.settings import Settings
from scripts.before_after import show_before_and_after
from scripts.cli.findings import tell_finding
from scripts.cli.progress import VERDICT_STYLES
from scripts.samples.dossier import DemoDossier, write_demo_dossier
from workers.embedded import EmbeddedOffice

NOT_HELD = 70
"""Exit code where something the demo claims did not hold (README, "Exit codes": internal)."""
_MARKER = ".sohoa-demo"
_LOG_WIDTH = 120


def walk(out: Path, *, keep_home: bool) -> None:
    """Send a dossier all the way under `out`. Raises `OutputError`, or `typer.Exit` if a claim fails."""
    _Walk(_prepare(out, keep_home=keep_home), _open_console()).run()


def _open_console() -> Console:
    console = Console(highlight=False)
    return console if console.is_terminal else Console(highlight=False, width=_LOG_WIDTH)


@dataclass(frozen=True, slots=True)
class _Folders:
    scans: Path
    home: Path
    sheet: Path
    report: Path


def _prepare(out: Path, *, keep_home: bool) -> _Folders:
    """Make the folders; an earlier demo's home goes, and only one that a demo made."""
    home = out.absolute() / "home"
    try:
        if home.exists() and not keep_home:
            if not (home / _MARKER).exists():
                raise OutputError(
                    f"{home} was not made by a demo", advice="give another --out, or --keep-home"
                )
            shutil.rmtree(home)
        home.mkdir(parents=True, exist_ok=True)
        (home / _MARKER).touch()
    except OSError as error:
        raise OutputError(f"cannot write to {out}: {error.strerror}") from error
    out = out.absolute()
    return _Folders(out / "scans", home, out / "contact-sheet.png", out / "report.html")


@dataclass(slots=True)
class _Walk:
    folders: _Folders
    console: Console
    failures: list[str] = field(default_factory=list)
    told: set[tuple[int, int, int]] = field(default_factory=set)

    def run(self) -> None:
        """The whole walk; raises `typer.Exit` with `NOT_HELD` where something did not hold."""
        self._say("Drawing the papers of an invented citizen and scanning them, some of them badly")
        dossier = write_demo_dossier(self.folders.scans)
        for document in dossier.documents:
            conditions = ", ".join(f"page {page.number} {page.condition}" for page in document.pages)
            self._print(f"  {document.file.name}: {document.title} ({conditions})")
        settings = Settings(home=self.folders.home)
        with EmbeddedOffice(settings) as office:
            self._say(f"Submitting record {dossier.record_code} to the embedded queue")
            dossier_id = office.submit(
                dossier.record_code,
                [document.file for document in dossier.documents],
                titles=[document.title for document in dossier.documents],
                procedure_code=dossier.procedure_code,
            )
            first = self._watch(office, dossier_id)
            self._check_waiting(dossier, first)
            self._say("The clerk scans that page again and submits it")
            office.replace_page(
                dossier.record_code, dossier.bad_ordinal, dossier.bad_page, dossier.rescan_file
            )
            last = self._watch(office, dossier_id)
            self._check_complete(last)
            self._check_signatures(last)
            self._check_record(office, dossier, last)
        show_before_and_after(dossier, first, last, self.folders.sheet, self.folders.report)
        self._say(f"Before and after, as a picture: {self.folders.sheet}")
        self._print(
            f"Every page and what to do about it, to open in a browser: {self.folders.report}", "bold"
        )
        if self.failures:
            self._print(f"\nThe demo did NOT hold: {'; '.join(self.failures)}", "bold red")
            raise typer.Exit(NOT_HELD)
        self._print("\nAll of the above was checked and held.", "bold green")

    def _say(self, text: str) -> None:
        self._print(f"\n{text}", "bold")

    def _print(self, text: str, style: str | None = None) -> None:
        self.console.print(text, style=style, markup=False, soft_wrap=True)

    def _check(self, held: bool, claim: str) -> None:
        self._print(f"  {'✓' if held else '✗'} {claim}", "green" if held else "bold red")
        if not held:
            self.failures.append(claim)

    def _watch(self, office: EmbeddedOffice, dossier_id: str) -> DossierStatus:
        """Show pages as they are judged until the dossier rests, then the table."""
        bar = Progress(
            TextColumn("  reading"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
            transient=True,
        )
        task = bar.add_task("pages", total=None)

        def show(status: DossierStatus) -> None:
            pages = [(document.ordinal, page) for document in status.documents for page in document.pages]
            judged = [(ordinal, page) for ordinal, page in pages if page.verdict is not None]
            bar.update(task, completed=len(judged), total=len(pages))
            for ordinal, page in judged:
                name = (ordinal, page.number, page.revision)
                if name not in self.told and not self.console.is_terminal:
                    self._print(f"  document {ordinal} page {page.number}: {_tell(page)}")
                self.told.add(name)

        with bar:
            status = office.wait(dossier_id, show)
        self.console.print(_draw_table(status))
        for finding in status.findings:
            self._print(f"  cần xem lại: {tell_finding(finding)}", "yellow")
        return status

    def _check_waiting(self, dossier: DemoDossier, status: DossierStatus) -> None:
        self._check(status.state is DossierState.NEEDS_RESCAN, "the dossier waits for a rescan")
        unreadable = [
            (document.ordinal, page.number, page.reasons)
            for document in status.documents
            for page in document.pages
            if page.verdict is Verdict.UNREADABLE
        ]
        found = [(ordinal, number) for ordinal, number, _ in unreadable]
        why = ", ".join(REASON_LABELS[reason] for _, _, reasons in unreadable for reason in reasons)
        self._check(
            found == [(dossier.bad_ordinal, dossier.bad_page)] and bool(why),
            f"it waits for page {dossier.bad_page} of document {dossier.bad_ordinal}, and no other: {why}",
        )
        others = [document for document in status.documents if document.ordinal != dossier.bad_ordinal]
        self._check(
            all(document.state is DocumentState.COMPLETE and document.renditions for document in others),
            f"the other {len(others)} papers are finished already",
        )

    def _check_complete(self, status: DossierStatus) -> None:
        self._check(status.state is DossierState.COMPLETE, "the dossier is complete")
        page_states = {page.verdict for document in status.documents for page in document.pages}
        self._check(page_states <= {Verdict.READABLE, Verdict.REVIEW}, "every page can be read")

    def _check_signatures(self, status: DossierStatus) -> None:
        self._say("The finished papers, PDF/A-2u, each signed with this machine's test certificate")
        roots = load_local_trust_roots(self.folders.home / "keys")
        for document in status.documents:
            if not document.renditions:
                self._check(False, f"document {document.ordinal} has a PDF")
                continue
            path = Path(document.renditions[-1].path)
            report = verify(path.read_bytes(), trust_roots=roots)
            held = report.ok and len(report.signatures) == 1
            self._check(held, f"{document.ordinal}. {document.title}: {_tell_signature(report)}")
            self._print(f"    {path}")

    def _check_record(self, office: EmbeddedOffice, dossier: DemoDossier, status: DossierStatus) -> None:
        self._say(f"What the one-stop system finds under {dossier.record_code}")
        files = {file.renditions[-1].sha256 for file in office.record_files(dossier.record_code)}
        wanted = {document.renditions[-1].sha256 for document in status.documents if document.renditions}
        self._check(
            wanted <= files and len(wanted) == len(dossier.documents), f"{len(wanted)} files on the record"
        )
        told = [event for event in office.events() if event.payload.dossier_id == status.id]
        self._check(len(told) == 1, "one event tells it that the dossier is complete")
        named = {file.sha256 for event in told for file in event.payload.documents}
        self._check(named == wanted, "the event names exactly these files by their SHA-256")


def _tell(page: PageStatus) -> str:
    """Verdict and reasons in Vietnamese."""
    if page.verdict is None:
        return page.failure or ""
    reasons = ", ".join(REASON_LABELS[reason] for reason in page.reasons)
    return VERDICT_LABELS[page.verdict] + (f" ({reasons})" if reasons else "")


def _tell_signature(report: VerifyReport) -> str:
    if report.problems or report.pdfa_findings or not report.signatures:
        return (
            "; ".join([*report.problems, *(str(finding) for finding in report.pdfa_findings)]) or "not signed"
        )
    return f"signature verifies, covers the whole file, {report.signatures[0].signer_common_name}"


def _draw_table(status: DossierStatus) -> Table:
    table = Table(
        "Giấy tờ",
        "Trang",
        "Lần quét",
        "Kết luận",
        "Lý do",
        title=f"Hồ sơ: {status.state}",
        title_justify="left",
    )
    for document in status.documents:
        for page in document.pages:
            verdict = VERDICT_LABELS[page.verdict] if page.verdict else "chưa đọc"
            style = VERDICT_STYLES[page.verdict] if page.verdict else ""
            reasons = ", ".join(REASON_LABELS[reason] for reason in page.reasons) or (page.failure or "")
            name = f"{document.ordinal}. {document.title}" if page.number == 1 else ""
            table.add_row(
                name,
                str(page.number),
                str(page.revision),
                f"[{style}]{verdict}[/]" if style else verdict,
                reasons,
            )
    return table
