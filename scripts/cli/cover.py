"""`sohoa cover`: print cover sheets, separators and end sheets."""

import sys
from pathlib import Path
from typing import Annotated, Literal

import typer

from schemas.errors import BadListError, OutputError, UsageError


def cover(
    out: Annotated[Path, typer.Option("--out", help="the PDF to write; - for standard output")],
    record: Annotated[str | None, typer.Option(help="record code (mã hồ sơ)")] = None,
    procedure: Annotated[str, typer.Option(help="procedure, as it is to be printed")] = "",
    paper: Annotated[
        list[str] | None, typer.Option(metavar="TITLE[=PAGES]", help="a paper of the dossier, in order")
    ] = None,
    csv: Annotated[
        Path | None,
        typer.Option(help="many records: CSV (UTF-8), columns record, procedure, paper, pages"),
    ] = None,
    separators: Annotated[
        Literal["auto", "always", "none"],
        typer.Option(help="auto: between papers of a dossier whose pages are not all counted"),
    ] = "auto",
) -> None:
    """Write a PDF of cover sheets (A4, to be printed on one side) that part a stack for `sohoa split`.

    A dossier whose papers' pages are not all counted gets an end sheet too: with neither, nothing would tell
    that the next cover sheet is missing. CSV: one row a paper, rows of one record together.
    """
    import os

    from pipeline.binding.lettering import load_font
    from pipeline.separation.drawing import draw_sheets
    from pipeline.separation.payload import name_run
    from pipeline.separation.run import list_sheets
    from schemas.covers import CoveredDossier
    from workers.cover_list import parse_paper, read_cover_list

    if (record is None) == (csv is None):
        raise UsageError("give either --record or --csv")
    if csv is not None:
        try:
            dossiers = read_cover_list(csv)
        except BadListError as error:
            for number, what in error.rows:
                print(f"sohoa: {csv}: row {number}: {what}", file=sys.stderr)
            raise typer.Exit(error.exit_code) from error
    else:
        try:
            papers = tuple(parse_paper(text) for text in paper or [])
        except ValueError as error:
            raise UsageError(str(error)) from error
        dossiers = (CoveredDossier(record or "", papers, procedure),)
    sheets = list_sheets(dossiers, name_run(os.urandom(8)), separators)
    pdf = draw_sheets(sheets, load_font())
    if str(out) == "-":
        sys.stdout.buffer.write(pdf)
        return
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.write_bytes(pdf)
        draft.replace(out)
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)
    print(f"{out}: {len(sheets)} tờ cho {len(dossiers)} hồ sơ (đợt in {sheets[0].sheet.run})")
