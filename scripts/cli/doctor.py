"""`sohoa doctor`: what is missing on this machine and the command that installs it."""

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from shutil import which
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import MissingDependencyError

if TYPE_CHECKING:
    from workers.home import Home


@dataclass(frozen=True, slots=True)
class Need:
    """One thing the product stands on; `probe` is `command:NAME`, `file:PATH` or `python:MODULE`."""

    package: str
    probe: str
    purpose: str

    @property
    def present(self) -> bool:
        """Is it there?"""
        kind, _, name = self.probe.partition(":")
        if kind == "command":
            return which(name) is not None
        if kind == "file":
            return Path(name).exists()
        return find_spec(name) is not None


def doctor(
    services: Annotated[
        bool, typer.Option("--services", help="ask ledger, store and broker of the settings instead")
    ] = False,
) -> None:
    """Show what this machine lacks and the command that installs it; exit code 4 if something is missing.

    With --services: whether ledger, store and broker can be used by the settings as they are.
    """
    if services:
        _ask_services()
        return
    from rich.console import Console
    from rich.table import Table

    needs = list(read_needs())
    table = Table(title=f"sohoa on Python {sys.version.split()[0]}")
    for heading in ("package", "there?", "for"):
        table.add_column(heading)
    for need in needs:
        table.add_row(need.package, "[green]yes" if need.present else "[bold red]no", need.purpose)
    Console().print(table)
    _tell_store()
    missing = [need.package for need in needs if not need.present]
    if missing:
        raise MissingDependencyError(
            f"missing: {' '.join(missing)}", advice=f"as root: apt-get install {' '.join(missing)}"
        )


def _ask_services() -> None:
    """One line each; raises the error of the first that cannot be used."""
    from schemas.settings import Settings
    from workers.broker import check_broker
    from workers.home import open_home, read_broker_url

    settings = Settings()
    home = open_home(settings)
    try:
        with home.database.read():
            print("ledger: answers")
        home.store.stat("doctor/asks")
        print("store: answers")
        _tell_findings(home)
    finally:
        home.close()
    url = read_broker_url(settings)
    if url is None:
        print("broker: none is set; 'sohoa serve' needs none")
        return
    check_broker(url)
    print("broker: answers")


def _tell_store() -> None:
    """What checks of this home's store found and nobody settled; nothing is made where there is no ledger."""
    from schemas.settings import Settings
    from workers.home import open_home

    settings = Settings()
    elsewhere = settings.database_url or settings.database_url_file  # --services asks there
    if elsewhere or not (settings.home / "ledger.sqlite3").is_file():
        return
    home = open_home(settings)
    try:
        _tell_findings(home)
    finally:
        home.close()


def _tell_findings(home: "Home") -> None:
    from pipeline.ledger.fixity import HARMLESS, find_last_check, list_findings

    with home.database.read() as connection:
        found = [finding for finding in list_findings(connection) if finding.kind not in HARMLESS]
        last = find_last_check(connection)
    for finding in found[:_SHOWN]:
        print(f"store: {finding.kind}: {finding.key}: {finding.detail}")
    if last is None:
        print("store: not checked yet ('sohoa check-store')")
    else:
        print(f"store: {len(found)} findings; check {last.id} is {'done' if last.ended_at else last.phase}")


_SHOWN = 20


def read_needs() -> Iterator[Need]:
    """The same list that ./scripts/demo and ./scripts/test install from."""
    for line in files("scripts").joinpath("apt-packages.txt").read_text(encoding="utf-8").splitlines():
        if line and not line.startswith("#"):
            yield Need(*(column.strip() for column in line.split("|")))
    yield Need("tesserocr (pip)", "python:tesserocr", "reading in process, about twice as fast")
