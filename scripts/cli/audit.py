"""`sohoa audit`: is the log of who did what as it was written?"""

import json
from dataclasses import asdict
from typing import Annotated

import typer

audit = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="The append-only audit log.")

BROKEN = 1
"""Exit code where the log was changed."""


@audit.command()
def verify(as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False) -> None:
    """Recompute the chain of hashes from the first line on; exit code 1 where it is broken.

    A log cut off at its end still fits: compare the last hash with one that was kept elsewhere.
    """
    from pipeline.ledger.audit import verify_audit
    from schemas.settings import Settings
    from workers.home import open_home

    home = open_home(Settings())
    try:
        with home.database.read() as connection:
            found = verify_audit(connection)
    finally:
        home.close()
    if as_json:
        print(json.dumps(asdict(found), indent=1))
    elif found.broken_at is None:
        print(f"{found.entries} entries, unbroken; the last hash is {found.head_hash}")
    else:
        print(
            f"broken at entry {found.broken_at}; {found.entries} entries before it are as they were written"
        )
    if found.broken_at is not None:
        raise typer.Exit(BROKEN)


@audit.command()
def show(
    subject: Annotated[str | None, typer.Argument(metavar="[ID]", help="only of this dossier or key")] = None,
) -> None:
    """Print the log as lines of JSON."""
    from pipeline.ledger.audit import read_audit
    from schemas.settings import Settings
    from workers.home import open_home

    home = open_home(Settings())
    try:
        with home.database.read() as connection:
            for entry in read_audit(connection, subject):
                print(entry.model_dump_json())
    finally:
        home.close()
