"""`sohoa digitize`: scans in; PDF, text and report out, as one would call ocrmypdf."""

import gc
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from schemas.errors import OutputError, SohoaError, UsageError

if TYPE_CHECKING:
    from scripts.cli.desk import Desk, DigitisedDocument
    from scripts.cli.gallery import Gallery

Engines = Literal["auto", "tesserocr", "pytesseract"]
Profiles = Literal["compact", "faithful"]
Layouts = Literal["own", "tesseract"]

ENDINGS = (".pdf", ".txt", ".json")
ORIGINAL_STEM = ".original"
"""`<stem>.original.pdf`: a signed or born-digital input, bit for bit, beside its searchable copy. Embedded it
is on demand only: PDF/A-2 takes no attachment but PDF/A (ISO 19005-2, 6.8), and the copy would be twice as
large."""


def digitize(  # noqa: PLR0913, PLR0917 - one argument for each option
    inputs: Annotated[
        list[Path],
        typer.Argument(metavar="INPUT...", help="PDF, TIFF, JPEG, PNG, or a folder of page images"),
    ],
    out: Annotated[Path, typer.Option("--out", help="folder for <stem>.pdf, <stem>.txt, <stem>.json")],
    jobs: Annotated[int | None, typer.Option(min=0, help="pages at a time; 0: one per core")] = None,
    sign: Annotated[bool, typer.Option("--sign/--no-sign", help="sign each PDF (PAdES)")] = True,
    engine: Annotated[Engines | None, typer.Option(help="who reads; default: tesserocr where it is")] = None,
    layout: Annotated[
        Layouts | None, typer.Option(help="who finds the lines: own (default), or the engine's")
    ] = None,
    profile: Annotated[
        Profiles | None, typer.Option(help="page images: re-encoded, or the scanner's own")
    ] = None,
    html: Annotated[
        bool, typer.Option("--html", help="also write report.html: every page, its verdict, what to do")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="no progress, no summary; errors only")] = False,
) -> None:
    """Turn scans into searchable, signed PDF/A files; no server, no database.

    An input that is signed already, or born digital, is also kept as <stem>.original.pdf, bit for bit.

    Each INPUT is one document. Flagged pages are no error. Every input is attempted; the exit code is
    the first failure's: 2 usage, 3 bad input, 4 missing dependency, 5 output, 6 signing, 7 signing service.
    """
    from scripts.cli.progress import PageProgress

    outputs = _name_outputs(inputs, out)
    asked = {"jobs": jobs, "engine": engine, "layout": layout, "profile": profile}
    failures: list[SohoaError] = []
    gallery = _open_gallery(out) if html else None
    with _open_desk(asked, sign=sign) as desk, PageProgress(quiet=quiet) as progress:
        running = [
            (path, stem, desk.documents.submit(desk.digitise, path, stem, progress.page_done))
            for path, stem in outputs.items()
        ]
        for path, stem, future in running:
            try:
                document = future.result()
                write_document(document, out, stem)
            except SohoaError as error:
                progress.say_failed(path, error)
                failures.append(error)
                if gallery is not None:
                    gallery.add_failure(path, error)
            else:
                progress.say_done(path, document.report, out / f"{stem}.pdf")
                if gallery is not None:
                    gallery.add_document(path, document)
    if gallery is not None:
        gallery.write()
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _open_desk(asked: Mapping[str, object], *, sign: bool) -> "Desk":
    """A desk with the settings that are asked for (None: as they are).

    All that starting makes stays, so nothing is collected meanwhile, nor gone through again while pages are
    read: 0.92 CPU s to start, 1.17 otherwise.
    """
    gc.disable()
    try:
        from schemas.settings import Settings
        from scripts.cli.desk import Desk

        chosen = {key: value for key, value in asked.items() if value is not None}
        return Desk(Settings().model_copy(update=chosen), sign=sign)
    finally:
        gc.freeze()
        gc.enable()


def _open_gallery(out: Path) -> "Gallery":
    from scripts.cli.gallery import Gallery

    return Gallery(out / "report.html")


def _name_outputs(inputs: list[Path], out: Path) -> dict[Path, str]:
    """Input -> stem of its outputs. Raises `UsageError` where one would replace another or an input."""
    stems: dict[str, Path] = {}
    for path in inputs:
        stem = path.resolve().name if path.is_dir() else path.stem
        other = stems.setdefault(stem, path)
        if other is not path:
            raise UsageError(
                f"{other} and {path} would both be written as {stem}.pdf", advice="give them to two calls"
            )
    existing = [path for path in inputs if path.exists()]
    for stem, path in stems.items():
        if (kept := f"{stem}{ORIGINAL_STEM}") in stems:
            raise UsageError(
                f"{path} and {stems[kept]} may both be written as {kept}.pdf",
                advice="give them to two calls",
            )
        for target in (out / f"{stem}{ending}" for ending in (*ENDINGS, f"{ORIGINAL_STEM}.pdf")):
            if target.exists() and any(target.samefile(known) for known in existing):
                raise UsageError(
                    f"{target} is an input and would be overwritten", advice="choose another --out"
                )
    return {path: stem for stem, path in stems.items()}


def write_document(document: "DigitisedDocument", out: Path, stem: str) -> None:
    """Write the files, each whole or not at all, the report last. Raises `OutputError`."""
    report = document.report.model_dump_json(indent=1) + "\n"
    contents = dict(zip(ENDINGS, (document.pdf, document.text.encode(), report.encode()), strict=True))
    if document.original is not None:
        contents = {f"{ORIGINAL_STEM}.pdf": document.original, **contents}
    try:
        out.mkdir(parents=True, exist_ok=True)
        drafts = {ending: out / f".{stem}{ending}.{os.getpid()}.part" for ending in contents}
        try:
            for ending, draft in drafts.items():
                draft.write_bytes(contents[ending])
            for ending, draft in drafts.items():
                draft.replace(out / f"{stem}{ending}")
        finally:
            for draft in drafts.values():
                draft.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot write {out / stem}.pdf: {error.strerror}") from error
