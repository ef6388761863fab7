"""Many stations at one gateway at once: throughput, latency, memory; nothing may fail and nothing be lost.

    python -m scripts.bench.stations [--stations 200] [--minutes 5] [--every-s 60] [--kbit-s 256]

One process plays all stations, each with a key, a dossier and an event stream of its own. A station sends a
page of A4 at 300 dpi in pieces over a line of its own (256 kbit/s: 27 s a page), waits until the next is due,
and hands its dossier in after some pages. The gateway is `sohoa api` alone: reading is the workers' business.
At the end every receipt is held against the ledger and the store.
"""

import argparse
import asyncio
import base64
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import httpx
from sqlalchemy import select

from pipeline.ledger.access_keys import issue_key
from schemas.access import KeyBinding, Role
from schemas.settings import Settings
from schemas.tables import documents, dossiers, originals, pages
from workers.home import open_home

_PIECE_BYTES = 256 * 1024
_DRIP_S = 0.25
_PAGES_A_DOSSIER = 4
_PATIENCE_S = 120.0


@dataclass(slots=True)
class Tally:
    """What all stations saw. `answer_s`: from the last byte of a page to its receipt; `small_s`: of requests
    that open and submit; `receipts`: dossier, page -> SHA-256."""

    answer_s: list[float] = field(default_factory=list)
    small_s: list[float] = field(default_factory=list)
    receipts: dict[tuple[str, int], str] = field(default_factory=dict)
    submitted: set[str] = field(default_factory=set)
    errors: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    streams: int = 0
    most_streams: int = 0


@dataclass(frozen=True, slots=True)
class Pace:
    """How the stations behave."""

    every_s: float
    kbit_s: float
    until: float


class Station:
    """One station: its connection, its dossier at hand."""

    def __init__(self, http: httpx.AsyncClient, scan: bytes, number: int, tally: Tally, pace: Pace) -> None:
        self._http, self._scan, self._number, self._tally, self._pace = http, scan, number, tally, pace
        self._rng = random.Random(number)

    async def work(self) -> None:
        """Until the time is over; a page that was begun is ended."""
        await asyncio.sleep(self._rng.uniform(0, self._pace.every_s))
        while time.monotonic() < self._pace.until:
            opened = await self._ask(
                "POST",
                "/v1/dossiers",
                json={"record_code": f"H21.65-220914-{self._number:04d}", "papers": [{"title": "Đơn"}]},
                headers={"Idempotency-Key": uuid4().hex},
            )
            if opened is None:
                continue
            dossier_id = str(opened.json()["id"])
            listening = asyncio.create_task(self._listen(dossier_id))
            for page in range(1, _PAGES_A_DOSSIER + 1):
                began = time.monotonic()
                await self._send(dossier_id, page)
                pause = self._pace.every_s * self._rng.uniform(0.5, 1.5) - (time.monotonic() - began)
                await asyncio.sleep(max(0.0, min(pause, self._pace.until - time.monotonic())))
                if time.monotonic() >= self._pace.until:
                    break
            if await self._ask("POST", f"/v1/dossiers/{dossier_id}/submit", json={}) is not None:
                self._tally.submitted.add(dossier_id)
            listening.cancel()
            with suppress(asyncio.CancelledError):
                await listening

    async def _send(self, dossier_id: str, page: int) -> None:
        data = _mark(self._scan, f"{dossier_id} {page}")
        digest = hashlib.sha256(data)
        headers = {
            "Upload-Length": str(len(data)),
            "Repr-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
            "Content-Type": "application/octet-stream",
        }
        place = f"/v1/dossiers/{dossier_id}/documents/1/pages/{page}"
        for offset in range(0, len(data), _PIECE_BYTES):
            piece, ended = data[offset : offset + _PIECE_BYTES], [0.0]
            try:
                answer = await self._http.patch(
                    place,
                    content=self._drip(piece, ended),
                    headers=headers | {"Upload-Offset": str(offset), "Content-Length": str(len(piece))},
                )
            except httpx.TransportError as error:
                self._tally.errors[f"PATCH {type(error).__name__}"] += 1
                return
            self._tally.bytes += len(piece)
        self._tally.answer_s.append(time.monotonic() - ended[0])
        if answer.status_code != 201 or answer.json()["sha256"] != digest.hexdigest():
            self._tally.errors[f"PATCH {answer.status_code}"] += 1
            return
        self._tally.receipts[dossier_id, page] = digest.hexdigest()

    async def _drip(self, piece: bytes, ended: list[float]) -> AsyncIterator[bytes]:
        step = max(1, int(self._pace.kbit_s * 125 * _DRIP_S))
        for at in range(0, len(piece), step):
            yield piece[at : at + step]
            ended[0] = time.monotonic()
            await asyncio.sleep(_DRIP_S)

    async def _listen(self, dossier_id: str) -> None:
        self._tally.streams += 1
        self._tally.most_streams = max(self._tally.most_streams, self._tally.streams)
        try:
            while True:
                async with self._http.stream("GET", f"/v1/dossiers/{dossier_id}/events") as answer:
                    if answer.status_code != 200:
                        self._tally.errors[f"stream {answer.status_code}"] += 1
                        return
                    async for _ in answer.aiter_lines():
                        continue
        except httpx.TransportError as error:
            self._tally.errors[f"stream {type(error).__name__}"] += 1
        finally:
            self._tally.streams -= 1

    async def _ask(self, method: str, place: str, **arguments: object) -> httpx.Response | None:
        began = time.monotonic()
        try:
            answer = await self._http.request(method, place, **arguments)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            self._tally.errors[f"{method} {type(error).__name__}"] += 1
            return None
        self._tally.small_s.append(time.monotonic() - began)
        if answer.status_code not in {200, 201}:
            self._tally.errors[f"{method} {answer.status_code}"] += 1
            return None
        return answer


async def play(url: str, keys: list[str], scan: bytes, pace: Pace) -> Tally:
    """All stations at once, to their end."""
    tally = Tally()
    async with asyncio.TaskGroup() as group:
        for number, key in enumerate(keys):
            group.create_task(_play_one(url, key, scan, number, tally, pace))
    return tally


async def _play_one(url: str, key: str, scan: bytes, number: int, tally: Tally, pace: Pace) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=_PATIENCE_S) as http:
        await Station(http, scan, number, tally, pace).work()


def issue_keys(home_folder: Path, count: int) -> list[str]:
    """A key for each station, straight into the ledger."""
    home = open_home(Settings(home=home_folder))
    try:
        with home.database.write() as connection:
            return [
                issue_key(
                    connection, Role.STATION, "bench", time.time(), binding=KeyBinding("600000", str(number))
                )[1]
                for number in range(count)
            ]
    finally:
        home.close()


def count_lost(home_folder: Path, tally: Tally) -> list[str]:
    """Receipts that the ledger or the store does not bear out, and dossiers that are not handed in."""
    home = open_home(Settings(home=home_folder))
    try:
        with home.database.read() as connection:
            rows = connection.execute(
                select(documents.c.dossier_id, pages.c.number, pages.c.original_sha256, originals.c.key)
                .join(documents, documents.c.id == pages.c.document_id)
                .join(originals, originals.c.sha256 == pages.c.original_sha256)
            ).all()
            handed_in = set(
                connection.execute(select(dossiers.c.id).where(dossiers.c.state != "open")).scalars()
            )
        found = {(row.dossier_id, row.number): (row.original_sha256, row.key) for row in rows}
        wrong = [f"dossier {one} is not handed in" for one in tally.submitted - handed_in]
        for place, sha256 in tally.receipts.items():
            kept, key = found.get(place, ("", ""))
            if kept != sha256 or hashlib.sha256(home.store.get(key, sha256)).hexdigest() != sha256:
                wrong.append(f"page {place} is lost")
        return wrong
    finally:
        home.close()


def measure(stations: int, minutes: float, every_s: float, kbit_s: float, folder: Path) -> tuple[Tally, str]:
    """The tally, and a line about the gateway's process."""
    home_folder = folder / "home"
    keys, scan = issue_keys(home_folder, stations), _draw_page(folder / "page.jpg")
    environment = {**os.environ, "SOHOA_HOME": str(home_folder)}
    with (folder / "api.log").open("w") as log:
        api = subprocess.Popen(
            [Path(sys.executable).with_name("sohoa"), "api", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert api.stdout is not None  # noqa: S101 -- a pipe was asked for
        url = api.stdout.readline().split()[-1]
        before = _cpu_s(api.pid)
        pace = Pace(every_s, kbit_s, time.monotonic() + 60 * minutes)
        tally = asyncio.run(play(url, keys, scan, pace))
        gateway = f"gateway memory_peak_mb={_peak_mb(api.pid):.0f} cpu_s={_cpu_s(api.pid) - before:.0f}"
    finally:
        api.terminate()
        api.wait(timeout=60)
        if api.stdout is not None:
            api.stdout.close()
    for what in count_lost(home_folder, tally)[:20]:
        tally.errors[what] += 1
    return tally, gateway


def tell(tally: Tally, gateway: str, minutes: float) -> str:
    """The figures."""
    answers, small = tally.answer_s or [0.0], tally.small_s or [0.0]
    return "\n".join(
        (
            f"pages={len(tally.receipts)} dossiers={len(tally.submitted)} megabytes={tally.bytes / 1e6:.0f} "
            f"pages_per_minute={len(tally.receipts) / minutes:.0f} streams_at_once={tally.most_streams}",
            f"receipt after the last byte: median={statistics.median(answers):.2f} s "
            f"p95={_p95(answers):.2f} s max={max(answers):.2f} s",
            f"open and submit: median={statistics.median(small):.3f} s p95={_p95(small):.3f} s "
            f"max={max(small):.2f} s",
            gateway,
            f"errors and losses: {dict(tally.errors) or 'none'}",
        )
    )


def _draw_page(path: Path) -> bytes:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    write_scans(path, [scan(render_page("letter", 6), seed=1, skew_deg=0.5)])
    return path.read_bytes()


def _mark(jpeg: bytes, text: str) -> bytes:
    """The same picture as another file: a comment after SOI."""
    comment = text.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _peak_mb(pid: int) -> float:
    """Of the gateway's process; its decoders are children that come and go."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def _cpu_s(pid: int) -> float:
    from scripts.bench.gateway import cpu_of_tree

    return cpu_of_tree(pid)


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def main() -> int:
    """As the module says; exit code 1 where anything failed or was lost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--stations", type=int, default=200)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--every-s", type=float, default=60.0, help="a page of each station")
    parser.add_argument("--kbit-s", type=float, default=256.0, help="line of each station")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-stations-") as folder:
        tally, gateway = measure(asked.stations, asked.minutes, asked.every_s, asked.kbit_s, Path(folder))
    print(f"stations={asked.stations} minutes={asked.minutes:g} load={os.getloadavg()[0]:.2f}")
    print(tell(tally, gateway, asked.minutes))
    return 1 if tally.errors else 0


if __name__ == "__main__":
    sys.exit(main())
