"""`sohoa demo`: the main job on an invented dossier, every claim checked."""

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[
        Path, typer.Option("--out", metavar="DIR", help="where everything the demo makes goes")
    ] = Path("sohoa-demo"),
    keep_home: Annotated[
        bool,
        typer.Option("--keep-home", help="go on with the ledger of the last demo instead of a fresh one"),
    ] = False,
) -> None:
    """A small dossier goes all the way: scanned, read, judged, signed, stored, attached; then one rescan.

    Everything runs for real, in this process. Exit code 0 only if all that is said was checked and held.
    """
    from scripts.walkthrough import walk

    walk(out, keep_home=keep_home)
