"""`sohoa procedures`: which procedures the post office may take dossiers of."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import BadListError

procedures = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="The published list of procedures (TTHC) by post."
)


@procedures.command(name="import")
def import_list(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="CSV (UTF-8) or XLSX, first row: the columns")],
) -> None:
    """Take a list in, whole or not at all; from then on intake refuses what is not accepted.

    Columns, named in Vietnamese or English: code (mã TTHC), name (tên), accepted (tiếp nhận qua BCCI: có or
    không), effective_from (hiệu lực từ), and where there are: effective_to, agency, reason. Every wrong row
    is one line on stderr.
    """
    from pipeline.ledger.procedures import put_procedures
    from schemas.settings import Settings
    from workers.home import open_home
    from workers.procedure_list import read_list
    from workers.submit import name_actor

    try:
        rows, sha256 = read_list(file)
    except BadListError as error:
        for number, what in error.rows:
            print(f"sohoa: {file}: row {number}: {what}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    home = open_home(Settings())
    try:
        with home.database.write() as connection:
            put_procedures(connection, rows, sha256, name_actor(), home.now())
    finally:
        home.close()
    print(f"{len(rows)} procedures, {sum(row.accepted for row in rows)} of them accepted by post")


@procedures.command(name="list")
def list_all() -> None:
    """Show the list."""
    from pipeline.ledger.procedures import list_procedures
    from schemas.settings import Settings
    from workers.home import open_home

    home = open_home(Settings())
    try:
        with home.database.read() as connection:
            rows = list_procedures(connection)
    finally:
        home.close()
    for row in rows:
        span = f"{row.effective_from} .. {row.effective_to or ''}"
        said = "có" if row.accepted else "không"
        print(f"{row.code:<16}  {said:<5}  {span:<24}  {row.name}  {row.reason or ''}".rstrip())
