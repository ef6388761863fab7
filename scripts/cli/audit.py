"""`sohoa audit`: is the log of who did what as it was written?"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import BadInputError

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


@audit.command()
def receipt(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="what the gateway answered, or its `signed`")],
) -> None:
    """Check a receipt: our signature, the ledger's acknowledgements, the audit log; exit code 1 where not.

    The chain of the log itself is checked by 'sohoa audit verify'.
    """
    from schemas.settings import Settings
    from workers.home import open_home
    from workers.receipts import check_receipt, open_receipts

    text = _read_receipt(file)
    home = open_home(Settings())
    try:
        with home.database.read() as connection:
            found = check_receipt(connection, open_receipts(home.settings), text)
    finally:
        home.close()
    claims = found.claims
    for problem in found.problems:
        print(problem)
    if found.problems:
        raise typer.Exit(BROKEN)
    whole = "complete" if claims.complete else "in part"
    print(
        f"{claims.event} {claims.record_code}: {len(claims.files)} files acknowledged by {claims.client}, "
        f"{whole}; signed by {found.signed_by}"
    )


def _read_receipt(file: Path) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
        return str(json.loads(text)["signed"]) if text.startswith("{") else text
    except (OSError, UnicodeDecodeError, ValueError, KeyError) as error:
        raise BadInputError(f"{file}: no receipt can be read there", advice="give the file of one") from error
