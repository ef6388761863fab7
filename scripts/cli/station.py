"""`sohoa station`: the agent at a post office, and how far behind it is."""

import json
import signal
import threading
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from schemas.errors import NotFoundError

station = typer.Typer(no_args_is_help=True, help="A scanning station: watch a folder, send its scans.")


@station.command()
def watch(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="the folder that the scanner writes into")],
    server: Annotated[str, typer.Option(metavar="URL", help="the gateway")],
    key_file: Annotated[Path, typer.Option(metavar="FILE", help="the station's key ('sohoa keys issue')")],
    page_port: Annotated[
        int, typer.Option(min=-1, max=65535, metavar="N", help="port of the page on loopback; -1: no page")
    ] = 0,
    max_kbit_s: Annotated[
        float | None, typer.Option(min=1, metavar="N", help="cap on the bandwidth of uploads")
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(min=0, metavar="N", help="days received scans stay in DIR/_archive")
    ] = None,
) -> None:
    """Look at every scan as it comes, show its verdict, send it, whatever the line does. Ctrl-C stops.

    DIR holds a folder a dossier, see docs/station.md. Everything not sent yet is sent at the next start.
    """
    from schemas.station import StationSettings
    from scripts.cli.through_gateway import read_key
    from workers.station.agent import Errand
    from workers.station.agent import watch as watch_folder

    given = {"max_kbit_s": max_kbit_s, "keep_days": keep_days}
    settings = StationSettings(**{name: value for name, value in given.items() if value is not None})
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    errand = Errand(
        folder.absolute(), server, read_key(key_file), settings, None if page_port < 0 else page_port
    )
    watch_folder(errand, stopping, lambda url: print(f"listening on {url}", flush=True))


@station.command()
def status(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="a folder that is watched")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show what waits to be sent, since when, and when the gateway last answered; an agent may run."""
    import time

    from workers.station.board import tell_age
    from workers.station.spool import SPOOL_FILE, STATE_FOLDER, Spool

    if not (folder / STATE_FOLDER / SPOOL_FILE).is_file():
        raise NotFoundError(f"no agent has watched {folder}", advice="run 'sohoa station watch'")
    from schemas.station import DossierStage

    spool = Spool(folder)
    summary = spool.summarise()
    dossiers = spool.list_dossiers(DossierStage.GATHERING, DossierStage.OPEN, DossierStage.SUBMITTED)
    spool.close()
    if as_json:
        told = asdict(summary) | {
            "waiting": [
                {"folder": one.folder, "stage": one.stage, "state": one.gateway_state, "problem": one.problem}
                for one in dossiers
            ]
        }
        print(json.dumps(told, ensure_ascii=False, indent=1))
        return
    now = time.time()

    def ago(at: float | None) -> str:
        return "-" if at is None else tell_age(now - at)

    print(f"chưa gửi (unsent):              {summary.unsent} tệp, {summary.unsent_bytes} byte")
    print(f"lâu nhất (oldest unsent):       {ago(summary.oldest_unsent_at)}")
    print(f"liên lạc cuối (last contact):   {ago(summary.last_contact_at)}")
    if summary.failing_since is not None:
        print(f"lỗi (failing since):            {ago(summary.failing_since)}: {summary.failure}")
    for one in dossiers:
        state = f"{one.stage} {one.gateway_state}".strip()
        print(f"{one.folder}: {state} {one.problem}".rstrip())
