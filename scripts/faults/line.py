"""Stations behind a bad line, with `kill -9` of the agent or of the gateway at random: all arrives, once.

    python -m scripts.faults line --dossiers 40 --seed S [--victim agent|gateway|either] [--mild]

Every dossier has one or two small pages of bytes of their own. The agent's folder is filled before it starts,
the agent (or the gateway) is killed every few seconds and started again, until the spool is empty. Then:
every dossier is at the gateway exactly once and handed in, every page once, with the bytes that were scanned;
every scan lies in the archive as it was. `--mild`: a TCP proxy that resets connections, in place of the line.
"""

import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, select

from schemas.errors import SohoaError
from schemas.tables import audit, documents, dossiers, originals, pages
from scripts.faults.bad_line import BadLine, Shape
from scripts.faults.proxy import Line, Proxy
from scripts.faults.site import QUICK, SOHOA, Site
from scripts.services.process import ServiceProcess, find_ports, is_listening
from workers.station.spool import Spool

VICTIMS = ("agent", "gateway", "either")
_AGENT = {
    "SOHOA_STATION_LOOK_EVERY_S": "0.2",
    "SOHOA_STATION_SETTLE_S": "0.2",
    "SOHOA_STATION_RETRY_MOST_S": "4",
    "SOHOA_STATION_POLL_EVERY_S": "30",
    "SOHOA_STATION_PLAIN_HTTP": "true",  # nobody listens on this line
}
_LOOK_EVERY_S = 0.5
_MILD_LINES = (Line.GOOD, Line.CUT, Line.SLOW, Line.CUT, Line.DOWN)
_MILD_TURN_S = 1.5


@dataclass(slots=True)
class Passage:
    """What was sent, how the line was, and what came of it."""

    victim: str
    line: str
    dossiers: int = 0
    pages: int = 0
    bytes: int = 0
    kills: int = 0
    seconds: float = 0.0
    notes: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def tell(self) -> str:
        """One line."""
        verdict = "; ".join(self.wrong[:10]) or "ok"
        return (
            f"victim={self.victim} line={self.line} dossiers={self.dossiers} pages={self.pages} "
            f"bytes={self.bytes} kills={self.kills} seconds={self.seconds:.0f} {' '.join(self.notes)} "
            f"{verdict}"
        )


@dataclass(frozen=True, slots=True)
class Laid:
    """One scan as it was laid into the folder."""

    record_code: str
    ordinal: int
    number: int
    data: bytes


class GatewaySite(Site):
    """`sohoa serve --port` on one port, however often it is started again."""

    def __init__(self, folder: Path) -> None:
        (self.port,) = find_ports(1)
        environment = {"SOHOA_HOME": str(folder / "home"), **QUICK}
        super().__init__(folder, environment, {"serve": ("serve", "--port", str(self.port))})

    def revive(self, patience_s: float = 90.0) -> None:
        """Start it and wait until it listens. Raises `TimeoutError`."""
        self.start()
        deadline = time.monotonic() + patience_s
        while not is_listening(self.port):
            if time.monotonic() > deadline:
                raise TimeoutError("the gateway does not start")
            time.sleep(0.1)

    def issue_key(self, place: Path) -> Path:
        """A station's key in a file."""
        self.run("keys", "issue", "--role", "station", "--office", "600000", "--out", place)
        return place


@dataclass(frozen=True, slots=True)
class Link:
    """The way to the gateway: where the agent finds it, where the agent runs, how to make it worse."""

    url: str
    beyond: list[str]
    name: str
    turn: Callable[[int], None]
    tell: Callable[[], str]


@contextmanager
def rural_line(port: int, shape: Shape, seed: int) -> Iterator[Link]:
    """Packets over TUN devices. Raises `OSError` where they cannot be made."""
    with BadLine(shape, seed) as line:
        name = (
            f"{shape.kbit_s:g}kbit/s,{2000 * shape.delay_s:g}ms,{100 * shape.loss:g}%-loss-each-way,"
            f"cut-{shape.cut_for_s:g}s-of-{shape.cut_every_s:g}s"
        )
        yield Link(
            f"http://{line.address}:{line.forward(port)}",
            line.beyond,
            name,
            lambda _: None,
            lambda: f"packets={line.carried} lost={line.lost} silenced={line.silenced}",
        )


@contextmanager
def mild_line(port: int, seed: int) -> Iterator[Link]:
    """A TCP proxy that is good, slow, resets connections after some kilobytes, or is down, in turn."""
    proxy = Proxy(port, seed=seed, delay_s=0.02)
    try:
        yield Link(
            f"http://127.0.0.1:{proxy.port}",
            [],
            "mild",
            lambda turn: proxy.change(_MILD_LINES[turn % len(_MILD_LINES)]),
            lambda: "",
        )
    finally:
        proxy.close()


def play_passage(
    site: GatewaySite, link: Link, folder: Path, count: int, victim: str, seed: int, *, patience_s: float
) -> Passage:
    """Send `count` dossiers from a new folder below `folder`. Nothing is raised for what went wrong."""
    rng = random.Random(f"{seed} {victim}")
    done = Passage(victim, link.name, dossiers=count)
    began, clock = time.monotonic(), time.time()
    watched = folder / f"scans-{victim}"
    laid = lay_dossiers(watched, count, rng)
    done.pages, done.bytes = len(laid), sum(len(one.data) for one in laid)
    agent = ServiceProcess(
        [
            *(*link.beyond, *SOHOA, "station", "watch", watched, "--server", link.url),
            *("--key-file", site.issue_key(folder / f"key-{victim}"), "--page-port", "-1"),
        ],
        folder / f"agent-{victim}.log",
        environment=_AGENT,
    )
    try:
        agent.start()
        deadline, kill_at = began + patience_s, began + rng.uniform(2, 12)
        while not _is_all_sent(watched, count):
            now = time.monotonic()
            if now > deadline:
                done.wrong.append(f"not all was sent after {patience_s:.0f} s: {_tell_spool(watched)}")
                break
            link.turn(int((now - began) / _MILD_TURN_S))
            if now >= kill_at:
                done.kills += 1
                _kill(rng.choice(VICTIMS[:2]) if victim == "either" else victim, agent, site)
                kill_at = time.monotonic() + rng.uniform(10, 60)
            time.sleep(_LOOK_EVERY_S)
    finally:
        link.turn(0)
        agent.stop()
    done.seconds = time.monotonic() - began
    done.notes.append(link.tell())
    done.wrong += check_arrived(site, laid, clock) + check_archive(watched, laid)
    return done


def lay_dossiers(watched: Path, count: int, rng: random.Random) -> list[Laid]:
    """Folders as a clerk makes them: small pages (about 2 KB), each with bytes of its own."""
    base = _draw_strips()
    laid = []
    for number in range(count):
        record = f"H21.65-{rng.randint(220101, 221231):06d}-{number:04d}"
        papers = rng.choice([(1,), (1,), (1,), (2,), (1, 1)])
        for ordinal, page_count in enumerate(papers, 1):
            for page in range(1, page_count + 1):
                data = _mark(rng.choice(base), f"{record} {ordinal}:{page} {rng.random()}")
                path = watched / record / f"{ordinal:02} Giấy tờ" / f"{page:04}.jpg"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                laid.append(Laid(record, ordinal, page, data))
        (watched / record / "xong.txt").write_text(str(sum(papers)))
    return laid


def check_arrived(site: GatewaySite, laid: list[Laid], since: float) -> list[str]:
    """Every dossier once, handed in; every page once, with its bytes in the store."""
    try:
        home = site.open()
    except SohoaError as error:
        return [f"cannot be opened: {error.what}"]
    try:
        with home.database.read() as connection:
            wrong = _check_dossiers(connection, laid, since)
            rows = _select_pages(connection, since)
        by_digest = {sha256(one.data).hexdigest(): one for one in laid}
        places = Counter((row.record_code, row.ordinal, row.number, row.original_sha256) for row in rows)
        expected = Counter((one.record_code, one.ordinal, one.number, key) for key, one in by_digest.items())
        for place in places | expected:
            if (places[place], expected[place]) != (1, 1):
                wrong.append(f"{place[:3]} came {places[place]} times, was scanned {expected[place]} times")
        for row in rows:
            if row.revision != 1:
                wrong.append(f"{row.record_code}: revision {row.revision}")
            scanned = by_digest.get(row.original_sha256)
            if scanned is None or home.store.get(row.key, row.original_sha256) != scanned.data:
                wrong.append(f"{row.key} holds other bytes")
    except SohoaError as error:
        return [f"cannot be checked: {error.what}"]
    finally:
        home.close()
    return wrong


def _check_dossiers(connection: Connection, laid: list[Laid], since: float) -> list[str]:
    found = connection.execute(select(dossiers).where(dossiers.c.opened_at >= since)).all()
    count, records = Counter(row.record_code for row in found), {one.record_code for one in laid}
    wrong = [f"{code}: {count[code]} dossiers" for code in records | set(count) if count[code] != 1]
    wrong += [f"{row.record_code} is {row.state}" for row in found if row.state == "open"]
    actions = Counter(connection.execute(select(audit.c.action).where(audit.c.at >= since)).scalars())
    expected = {"dossier.opened": len(records), "dossier.submitted": len(records), "page.received": len(laid)}
    for action, number in expected.items():
        if actions[action] != number:
            wrong.append(f"{actions[action]} x {action} on the audit log, {number} expected")
    return wrong


def _select_pages(connection: Connection, since: float) -> Sequence[Row[Any]]:
    return connection.execute(
        select(
            *(dossiers.c.record_code, documents.c.ordinal, pages.c.number, pages.c.revision),
            *(pages.c.original_sha256, originals.c.key),
        )
        .join(documents, documents.c.dossier_id == dossiers.c.id)
        .join(pages, pages.c.document_id == documents.c.id)
        .join(originals, originals.c.sha256 == pages.c.original_sha256)
        .where(dossiers.c.opened_at >= since)
    ).all()


def check_archive(watched: Path, laid: list[Laid]) -> list[str]:
    """Every scan lies in the archive, or where it was laid, as it was."""
    found = Counter(
        sha256(path.read_bytes()).hexdigest() for path in watched.rglob("*.jpg") if path.is_file()
    )
    expected = Counter(sha256(one.data).hexdigest() for one in laid)
    return [f"the station has a scan {found[one]} times" for one in expected | found if found[one] != 1]


def _is_all_sent(watched: Path, count: int) -> bool:
    try:
        spool = Spool(watched)
    except SohoaError:
        return False
    try:
        told = spool.summarise()
        ((submitted,),) = spool.ask("SELECT count(*) FROM dossiers WHERE stage IN ('submitted', 'closed')")
        ((moved,),) = spool.ask("SELECT count(*) = 0 FROM scans WHERE state = 'received'")
    except SohoaError:
        return False
    finally:
        spool.close()
    return told.unsent == 0 and int(str(submitted)) >= count and bool(moved)


def _tell_spool(watched: Path) -> str:
    try:
        spool = Spool(watched)
        told = spool.summarise()
        stages = spool.ask("SELECT stage, count(*) FROM dossiers GROUP BY stage")
        spool.close()
    except SohoaError as error:
        return error.what
    return f"{told} {stages}"


def _kill(victim: str, agent: ServiceProcess, site: GatewaySite) -> None:
    if victim == "agent":
        agent.kill()
        agent.start()
    else:
        site.processes["serve"].kill()
        site.revive()


def _draw_strips() -> list[bytes]:
    """Four strips of print at 100 dpi, 2 KB each."""
    from PIL import Image

    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    made = []
    for seed in range(4):
        pixels = scan(render_page("letter", seed), seed=seed, dpi=100).pixels
        out = io.BytesIO()
        Image.fromarray(pixels[: round(0.06 * pixels.shape[0])]).save(out, "JPEG", quality=40, dpi=(100, 100))
        made.append(out.getvalue())
    return made


def _mark(jpeg: bytes, text: str) -> bytes:
    """The same picture as another file: a comment after SOI."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
