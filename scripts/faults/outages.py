"""Other harm than killing: the line to a service slow, cut or down, a full disk, a child out of memory.

Each fault begins while dossiers are being worked, more of them are handed in while it lasts, and it ends.
Then every dossier whose hand-over was answered is complete, once; or, where the fault is that of the page's
own decoder, rests with that reason.
"""

import random
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from sqlalchemy import select

from schemas.dossier import DossierState
from schemas.errors import SohoaError
from schemas.page import Verdict
from schemas.tables import dossiers as dossier_rows
from schemas.tables import pages
from scripts.faults.checks import check_dossiers, check_whole_ledger, list_unrested
from scripts.faults.papers import Paper
from scripts.faults.proxy import Line, Proxy
from scripts.faults.site import EmbeddedSite, ProductionSite, Site, kill_child
from scripts.faults.wrong_clock import WrongClock
from scripts.services.together import Services
from workers.clock import ANCHOR_S
from workers.home import Home
from workers.submit import PageName, submit_dossier, submit_replacement

REST_PATIENCE_S = 900.0
_SUBMIT_ATTEMPTS = 60


@dataclass(slots=True)
class Outcome:
    """What one fault did."""

    fault: str
    dossiers: int = 0
    refused: int = 0
    lasted_s: float = 0.0
    recovered_s: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def tell(self) -> str:
        """One line."""
        return (
            f"fault={self.fault} dossiers={self.dossiers} hand_overs_refused={self.refused} "
            f"lasted_s={self.lasted_s:.1f} recovered_s={self.recovered_s:.1f} "
            f"{'; '.join(self.wrong) or 'ok'}"
        )


Fault = Callable[["Lines", ProductionSite], None]


@dataclass(frozen=True, slots=True)
class Lines:
    """The proxies between the processes of a site and its services."""

    database: Proxy
    broker: Proxy
    store: Proxy
    clock: WrongClock


def _set(which: str, line: Line, seconds: float) -> Fault:
    def harm(lines: Lines, _: ProductionSite) -> None:
        proxy: Proxy = getattr(lines, which)
        proxy.change(line)
        time.sleep(seconds)
        proxy.change(Line.GOOD)

    return harm


def _stop_database(_: Lines, site: ProductionSite) -> None:
    site.services.postgres.stop()
    time.sleep(8.0)
    site.services.start()


def _restart_broker(_: Lines, site: ProductionSite) -> None:
    site.services.rabbitmq.kill()
    time.sleep(2.0)
    site.services.start()


def _wrong_clock(lines: Lines, _: ProductionSite) -> None:
    """The machine of our processes is an hour fast, then an hour slow; the database's is right."""
    for off_s in (3600, -3600, 0):
        lines.clock.put(off_s)
        time.sleep(12.0)


def _kill_workers(_: Lines, site: ProductionSite) -> None:
    for _ in range(3):
        kill_child(site.processes["page"])
        kill_child(site.processes["io"])
        time.sleep(4.0)


FAULTS: dict[str, Fault] = {
    "store-errors": _set("store", Line.ERRORS, 15.0),
    "store-slow": _set("store", Line.SLOW, 20.0),
    "store-cut": _set("store", Line.CUT, 15.0),
    "store-down": _set("store", Line.DOWN, 12.0),
    "database-slow": _set("database", Line.SLOW, 15.0),
    "database-cut": _set("database", Line.CUT, 15.0),
    "database-down": _set("database", Line.DOWN, 12.0),
    "database-gone": _stop_database,
    "broker-cut": _set("broker", Line.CUT, 15.0),
    "broker-restarted": _restart_broker,
    "workers-killed": _kill_workers,
    "workers-clock-wrong": _wrong_clock,
}
EMBEDDED_FAULTS = ("disk-full", "child-out-of-memory", "clock-jumps")


@contextmanager
def lined_site(
    folder: Path, services: Services, *, page_processes: int = 2
) -> Iterator[tuple[Lines, ProductionSite]]:
    """A site whose processes reach every service through a proxy."""
    site = ProductionSite(folder, services, page_processes=page_processes)
    clock = WrongClock(folder)
    lines = Lines(
        Proxy(services.postgres.port), Proxy(services.rabbitmq.port), Proxy(services.ceph.port), clock
    )
    ports = {
        "database_url": (services.postgres.port, lines.database.port),
        "broker_url": (services.rabbitmq.port, lines.broker.port),
    }
    for name, (direct, proxied) in ports.items():
        file = folder / name
        file.write_text(file.read_text().replace(f":{direct}", f":{proxied}"))
    endpoint = {"SOHOA_S3__ENDPOINT": f"127.0.0.1:{lines.store.port}"}
    site.environment = {**site.environment, **endpoint, **clock.environment}
    try:
        site.revive()
        yield lines, site
    finally:
        site.close()
        for proxy in (lines.database, lines.broker, lines.store):
            proxy.close()


def play_fault(
    name: str, lines: Lines, site: ProductionSite, papers: Sequence[Paper], dossiers: int, seed: int = 0
) -> Outcome:
    """One of `FAULTS`, half of the dossiers handed in before it and half while it lasts."""
    outcome, rng, since = Outcome(name), random.Random(seed), time.time()
    promised: dict[str, int] = {}
    _hand_in(site, papers, dossiers // 2, rng, promised, outcome)
    began = time.monotonic()
    rest = (site, papers, dossiers - dossiers // 2, rng, promised, outcome)
    clerk = threading.Thread(target=_hand_in, args=rest)
    clerk.start()
    FAULTS[name](lines, site)  # in this thread: a service ends with the thread that started it
    clerk.join()
    outcome.lasted_s = time.monotonic() - began
    site.revive()
    _finish(site, promised, since, outcome)
    return outcome


def play_disk_full(folder: Path, papers: Sequence[Paper], dossiers: int) -> Outcome:
    """A SOHOA_HOME on a small file system fills up while dossiers are worked; room is made again."""
    outcome, rng, since = Outcome("disk-full"), random.Random(1), time.time()
    site = EmbeddedSite(folder)
    home = Path(site.environment["SOHOA_HOME"])
    home.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=48m", "tmpfs", str(home)], check=True)
    try:
        site.revive()
        promised: dict[str, int] = {}
        _hand_in(site, papers, dossiers // 2, rng, promised, outcome)
        began = time.monotonic()
        filler = home / "filler"
        with filler.open("wb", buffering=0) as out:
            try:
                while True:
                    out.write(bytes(1 << 16))
            except OSError:
                pass
        releasing = threading.Timer(12.0, filler.unlink)
        releasing.start()
        _hand_in(site, papers, dossiers - dossiers // 2, rng, promised, outcome)
        releasing.join()
        outcome.lasted_s = time.monotonic() - began
        site.revive()
        _finish(site, promised, since, outcome)
    finally:
        site.close()
        subprocess.run(["umount", "--lazy", str(home)], check=True)
    return outcome


def play_child_out_of_memory(folder: Path, papers: Sequence[Paper], dossiers: int) -> Outcome:
    """The decoding child may use next to no memory: pages rest with that reason, a new scan mends them."""
    outcome = Outcome("child-out-of-memory")
    promised: dict[str, int] = {}
    healthy = EmbeddedSite(folder)
    _hand_in(healthy, papers, dossiers, random.Random(2), promised, outcome)
    starved = EmbeddedSite(folder, SOHOA_LIMITS__DECODE_MEMORY_BYTES=str(1 << 20))
    try:
        starved.revive()
        began = time.monotonic()
        home = healthy.open()
        _await_rest(home)
        with home.database.read() as connection:
            rows = connection.execute(select(pages.c.verdict, pages.c.failure, pages.c.result_key)).all()
        outcome.lasted_s = time.monotonic() - began
        told = {row.failure for row in rows}
        if {row.verdict for row in rows} != {Verdict.UNREADABLE} or not all(told):
            outcome.wrong.append(f"pages rest as {[(row.verdict, row.failure) for row in rows]}")
        starved.stop()
        healthy.revive()
        began = time.monotonic()
        for dossier_id, count in promised.items():
            for number in range(1, count + 1):
                _replace(home, dossier_id, number, papers[0])
        _await_rest(home)
        outcome.recovered_s = time.monotonic() - began
        with home.database.read() as connection:
            rested = connection.execute(
                select(dossier_rows.c.state).where(dossier_rows.c.id.in_(promised))
            ).scalars()
            outcome.wrong += [f"rests as {state}" for state in rested if state != DossierState.COMPLETE]
        outcome.wrong += check_whole_ledger(home)
        home.close()
    finally:
        starved.close()
        healthy.close()
    return outcome


def play_clock_jumps(folder: Path, papers: Sequence[Paper], dossiers: int) -> Outcome:
    """The one machine's clock jumps an hour on, two back and one on again: the ledger's own time jumps."""
    outcome, rng, since = Outcome("clock-jumps"), random.Random(3), time.time()
    clock = WrongClock(folder)
    site = EmbeddedSite(folder, **clock.environment)
    try:
        site.revive()
        promised: dict[str, int] = {}
        began = time.monotonic()
        shares = (3600, -3600, 0)
        for number, off_s in enumerate(shares):
            _hand_in(site, papers, dossiers // 3 + (number < dossiers % 3), rng, promised, outcome)
            clock.put(off_s)
            time.sleep(ANCHOR_S + 5.0)
        outcome.lasted_s = time.monotonic() - began
        _finish(site, promised, since - 7200, outcome)
    finally:
        site.close()
    return outcome


def _replace(home: Home, dossier_id: str, number: int, paper: Paper) -> None:
    with home.database.read() as connection:
        record = connection.execute(
            select(dossier_rows.c.record_code).where(dossier_rows.c.id == dossier_id)
        ).scalar_one()
    submit_replacement(home, PageName(record, 1, number, dossier_id), paper.path)


def _hand_in(
    site: Site,
    papers: Sequence[Paper],
    count: int,
    rng: random.Random,
    promised: dict[str, int],
    outcome: Outcome,
) -> None:
    """As a clerk does: a hand-over that is refused is tried again until it is taken."""
    for _ in range(count):
        paper = rng.choice(papers)
        record = f"H21.65-{rng.randint(220101, 221231):06d}-{rng.randint(0, 9999):04d}"
        for _ in range(_SUBMIT_ATTEMPTS):
            try:
                home = site.open()
                try:
                    promised[submit_dossier(home, record, [paper.path])] = paper.pages
                finally:
                    home.close()
            except SohoaError:
                outcome.refused += 1
                time.sleep(0.5)
            else:
                break
        outcome.dossiers += 1


def _finish(site: Site, promised: dict[str, int], since: float, outcome: Outcome) -> None:
    began = time.monotonic()
    if len(promised) != outcome.dossiers:
        outcome.wrong.append(f"{outcome.dossiers - len(promised)} hand-overs were never taken")
    home = site.open()
    try:
        _await_rest(home)
        outcome.recovered_s = time.monotonic() - began
        outcome.wrong += check_dossiers(home, promised, since=since) + check_whole_ledger(home)
    except SohoaError as error:
        outcome.wrong.append(error.what)
    finally:
        home.close()


def _await_rest(home: Home) -> None:
    deadline = time.monotonic() + REST_PATIENCE_S
    while list_unrested(home) and time.monotonic() < deadline:
        time.sleep(0.5)
