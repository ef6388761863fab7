"""`sohoa report`: what the BCCI programme reports, as a table, CSV, a workbook or a page."""

import sys
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import OutputError, UsageError
from schemas.statistics import Dimension, PeriodKind, Report


class Form(StrEnum):
    """How the report is written."""

    TABLE = "table"
    CSV = "csv"
    XLSX = "xlsx"
    HTML = "html"


def report(
    first: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="first day, in Viet Nam; else of this year"),
    ] = None,
    last: Annotated[
        datetime | None,
        typer.Option("--to", formats=["%Y-%m-%d"], help="last day, included; else today"),
    ] = None,
    period: Annotated[PeriodKind, typer.Option(help="how long a period is")] = PeriodKind.MONTH,
    by: Annotated[
        list[Dimension] | None, typer.Option(help="what lines are told apart by; may be repeated")
    ] = None,
    form: Annotated[Form, typer.Option("--format", help="how it is written")] = Form.TABLE,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="write it there; else to standard output (not xlsx)")
    ] = None,
) -> None:
    """Report what came in and went back by post, on time or not, digitised, scanned again, attached when.

    No name or number of any citizen is in it. Records are counted in the period in which a step happened.
    """
    from pipeline.statistics.periods import VIET_NAM
    from schemas.settings import Settings
    from workers.home import open_home
    from workers.statistics import make_report

    if form is Form.XLSX and out is None:
        raise UsageError("a workbook is a file", advice="give --out FILE")
    today = datetime.now(VIET_NAM).date()
    home = open_home(Settings())
    try:
        made = make_report(
            home.database,
            first.date() if first else date(today.year, 1, 1),
            last.date() if last else today,
            period,
            by or [Dimension.PERIOD],
        )
    finally:
        home.close()
    _write(made, form, out)


def _write(made: Report, form: Form, out: Path | None) -> None:
    try:
        if form is Form.XLSX and out is not None:
            from scripts.reporting.workbook import write_workbook

            write_workbook(made, out)
            return
        text = _tell(made, form)
        if out is None:
            sys.stdout.write(text)
        else:
            out.write_text(text, encoding="utf-8", newline="")
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror}", advice="choose another file") from error


def _tell(made: Report, form: Form) -> str:
    from scripts.reporting.page import write_page
    from scripts.reporting.plain import write_csv, write_table

    return {Form.TABLE: write_table, Form.CSV: write_csv, Form.HTML: write_page}[form](made)
