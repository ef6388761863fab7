"""The command line `sohoa`: each command in a file of its own, every error ended here in one line."""

import logging
import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import SohoaError
from scripts.cli.api import api
from scripts.cli.audit import audit
from scripts.cli.check_store import check_store
from scripts.cli.cover import cover
from scripts.cli.deliver import deliver
from scripts.cli.demo import demo
from scripts.cli.digitize import digitize
from scripts.cli.doctor import doctor
from scripts.cli.extend import extend
from scripts.cli.keys import keys
from scripts.cli.procedures import procedures
from scripts.cli.report import report
from scripts.cli.reprocess import reprocess
from scripts.cli.serve import serve
from scripts.cli.split import split
from scripts.cli.station import station
from scripts.cli.status import status
from scripts.cli.submit import submit
from scripts.cli.verify import verify
from scripts.cli.worker import sweeper, worker

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    help="Scans of Vietnamese administrative papers in, searchable signed PDF/A out.",
)
_COMMANDS = (
    digitize, verify, extend, submit, status, reprocess, report, check_store, serve, api, worker, sweeper,
    demo, doctor, cover, split,
)  # fmt: skip
for command in _COMMANDS:
    app.command()(command)
app.add_typer(keys, name="keys")
app.add_typer(audit, name="audit")
app.add_typer(station, name="station")
app.add_typer(procedures, name="procedures")
app.add_typer(deliver, name="deliver")


def _show_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"sohoa {version('sohoa')}")
        raise typer.Exit


@app.callback()
def _options(
    _: Annotated[
        bool,
        typer.Option("--version", is_eager=True, callback=_show_version, help="Show the version and exit."),
    ] = False,
) -> None:
    """Options before any command."""


def main() -> None:
    """Run one command and end the process with its exit code; never a traceback on the terminal."""
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # Tesseract: one thread a page, one page a core
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # numpy would start one a core and use none
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")  # none is used; 0.03 CPU s to find none
    for name in ("pyhanko", "pyhanko_certvalidator"):  # they log names, and tracebacks of what we report
        logging.getLogger(name).setLevel(logging.CRITICAL)
    try:
        app()
    except SohoaError as error:
        print(f"sohoa: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except BrokenPipeError:
        sys.exit(0)
    except Exception:  # noqa: BLE001 -- the last door: an unforeseen error ends as one line and a file
        sys.exit(_record_crash())


def _record_crash() -> int:
    """Keep the traceback in a file of its own and say where; it holds code lines, no page text."""
    import traceback

    place = Path.cwd() / f"sohoa-crash-{os.getpid()}.txt"
    try:
        place.write_text(traceback.format_exc(), encoding="utf-8")
        kept = f"and send {place}"
    except OSError as error:
        kept = f"its details could not be kept: {error.strerror}"
    print(f"sohoa: internal error ({SohoaError.advice}; {kept})", file=sys.stderr)
    return SohoaError.exit_code
