"""`sohoa submit`: hand in a dossier, replace a page, accept a page, try failed jobs again."""

import dataclasses
import re
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import RejectedFilesError, UsageError

if TYPE_CHECKING:
    from schemas.dossier import DossierStatus
    from schemas.handover import DossierKind
    from scripts.cli.through_gateway import HandIn
    from workers.home import Home
    from workers.submit import PageName

_PAGE_NAME = re.compile(r"^([1-9]\d{0,4}):([1-9]\d{0,4})$", re.ASCII)


class Kind(StrEnum):
    """Which way the papers go."""

    INTAKE = "intake"
    RESULT = "result"


def submit(  # noqa: PLR0913, PLR0917 -- one parameter an option
    files: Annotated[
        list[Path] | None, typer.Argument(metavar="[FILE]...", help="PDF, TIFF, JPEG, PNG; one document each")
    ] = None,
    record: Annotated[str, typer.Option(metavar="CODE", help="record code, e.g. H21.65-220914-0011")] = "",
    procedure: Annotated[
        str | None, typer.Option(metavar="CODE", help="code of the procedure (TTHC)")
    ] = None,
    kind: Annotated[Kind, typer.Option(help="papers handed in, or a result going back")] = Kind.INTAKE,
    title: Annotated[list[str] | None, typer.Option(metavar="TEXT", help="title of the next FILE")] = None,
    pages: Annotated[
        list[int] | None, typer.Option(metavar="N", help="pages the next FILE was declared to have")
    ] = None,
    replace_page: Annotated[
        str | None, typer.Option(metavar="ORDINAL:PAGE", help="FILE is a new scan of this page")
    ] = None,
    accept_page: Annotated[
        str | None, typer.Option(metavar="ORDINAL:PAGE", help="take this unreadable page as it is")
    ] = None,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="why the page is accepted")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="try the failed jobs of --dossier again")] = False,
    dossier: Annotated[
        str | None, typer.Option(metavar="ID", help="which dossier, where the record has several")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="show progress until the dossier rests")] = False,
    server: Annotated[
        str | None, typer.Option(metavar="URL", help="through this gateway instead of SOHOA_HOME")
    ] = None,
    key_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="with the key in this file ('sohoa keys issue')")
    ] = None,
) -> None:
    """Register a dossier (one document per FILE), print its id; all is durable then.

    If any FILE cannot be digitised nothing is registered (exit code 3). With --wait the pages are read
    in this process where no 'sohoa serve' runs on this SOHOA_HOME. Through a --server, a FILE that cannot be
    digitised leaves the dossier open there, never submitted.
    """
    chosen = [name for name, on in (("--replace-page", replace_page), ("--accept-page", accept_page)) if on]
    if len(chosen) + retry > 1:
        raise UsageError("--replace-page, --accept-page and --retry exclude each other")
    if (reason is not None) != (accept_page is not None):
        raise UsageError("--accept-page and --reason go together")
    if not record and not retry:
        raise UsageError("no record given", advice="give --record CODE")
    if retry and (dossier is None or files):
        raise UsageError("--retry takes a --dossier ID and no FILE")
    if (server is None) != (key_file is None):
        raise UsageError("--server and --key-file go together")
    replace, accept = _name_page(record, replace_page, dossier), _name_page(record, accept_page, dossier)
    if server is not None and key_file is not None:
        from scripts.cli.through_gateway import HandIn

        asked = HandIn(record, files or [], title or [], pages or [], procedure, kind=kind.value)
        if chosen or retry:
            if dossier is None:
                raise UsageError("through a --server a correction names its --dossier")
            asked = dataclasses.replace(
                asked,
                dossier_id=dossier,
                replace=(replace.ordinal, replace.number) if replace else None,
                accept=(accept.ordinal, accept.number) if accept else None,
                reason=reason or "",
                retry=retry,
            )
        _hand_in(server, key_file, asked, wait=wait)
        return
    from schemas.settings import Settings
    from workers.home import open_home

    settings = Settings()
    home = open_home(settings)
    try:
        dossier_id = _register(
            home,
            record=record,
            files=files or [],
            titles=title or [],
            declared_pages=pages or [],
            procedure=procedure,
            kind=kind.value,
            replace=replace,
            accept=accept,
            reason=reason,
            retry=dossier if retry else None,
        )
    except RejectedFilesError as error:
        for name, wrong in error.rejected:
            print(f"sohoa: {name}: {wrong}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    finally:
        home.close()
    print(dossier_id, flush=True)
    if wait:
        from workers.embedded import EmbeddedOffice

        with EmbeddedOffice(settings) as office, _Watch() as watch:
            office.wait(dossier_id, watch.show)


def _hand_in(server: str, key_file: Path, asked: "HandIn", *, wait: bool) -> None:
    from scripts.cli.through_gateway import hand_in

    try:
        if wait:
            with _Watch() as watch:
                hand_in(server, key_file, asked, watch.show)
        else:
            hand_in(server, key_file, asked, None)
    except RejectedFilesError as error:
        for name, wrong in error.rejected:
            print(f"sohoa: {name}: {wrong}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error


def _register(  # noqa: PLR0913 -- one parameter an option
    home: "Home",
    *,
    record: str,
    files: list[Path],
    titles: list[str],
    declared_pages: list[int],
    procedure: str | None,
    kind: "DossierKind",
    replace: "PageName | None",
    accept: "PageName | None",
    reason: str | None,
    retry: str | None,
) -> str:
    from workers.submit import submit_acceptance, submit_dossier, submit_replacement, submit_retry

    if replace is not None:
        if len(files) != 1:
            raise UsageError("--replace-page takes one FILE")
        return submit_replacement(home, replace, files[0])
    if accept is not None:
        if files:
            raise UsageError("--accept-page takes no FILE")
        return submit_acceptance(home, accept, reason or "")
    if retry is not None:
        submit_retry(home, retry)
        return retry
    return submit_dossier(
        home,
        record,
        files,
        titles=titles,
        declared_pages=declared_pages,
        procedure_code=procedure,
        kind=kind,
    )


def _name_page(record: str, name: str | None, dossier: str | None) -> "PageName | None":
    from workers.submit import PageName

    if name is None:
        return None
    match = _PAGE_NAME.fullmatch(name)
    if match is None:
        raise UsageError(f"{name[:20]!r} is no page", advice="write ORDINAL:PAGE, e.g. 1:2")
    return PageName(record, int(match[1]), int(match[2]), dossier)


class _Watch:
    """Progress of a dossier: a bar on a terminal, a line a page otherwise; both on stderr."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import Progress

        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(console=self._console, disable=not self._console.is_terminal, transient=True)
        self._task = self._bar.add_task("reading")
        self._told: set[tuple[int, int, int]] = set()
        self._state = ""

    def __enter__(self) -> "_Watch":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def show(self, dossier: "DossierStatus") -> None:
        """Tell what is new."""
        from scripts.cli.status import STATE_LABELS, tell_page

        pages = [(document.ordinal, page) for document in dossier.documents for page in document.pages]
        judged = [(ordinal, page) for ordinal, page in pages if page.verdict or page.failure]
        self._bar.update(self._task, total=len(pages), completed=len(judged))
        for ordinal, page in judged:
            key = (ordinal, page.number, page.revision)
            if key not in self._told:
                self._told.add(key)
                why = ", ".join([*page.reasons, page.failure or ""]).strip(", ")
                self._say(f"page {ordinal}:{page.number} of {len(pages)}: {tell_page(page)} {why}".rstrip())
        waiting = [document.waiting_for for document in dossier.documents if document.waiting_since]
        wait = f", waits for a service: {waiting[0]}" if waiting else ""
        self._say_state(f"dossier {dossier.id}: {dossier.state} ({STATE_LABELS[dossier.state]}){wait}")

    def _say_state(self, line: str) -> None:
        if line != self._state:
            self._state = line
            self._say(line)

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False)
