"""How long from a page's last byte to its full verdict on the station's event stream, on an idle server.

    python -m scripts.bench.verdict_latency [--pages N]

`sohoa serve --port` with embedded workers is a process of its own; pages are A4 at 300 dpi in colour, each
another one, sent one after the other when the one before has its verdict. The stream is the gateway's own, as
`sohoa station watch` follows it. Where the time goes is told from the ledger and from the upload's answer.
"""

import argparse
import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import httpx

from scripts.samples.page import PaperKind

KINDS = (PaperKind.LETTER, PaperKind.APPLICATION, PaperKind.DECLARATION, PaperKind.LONG)
_CHUNK_BYTES = 64 * 1024
_PATIENCE_S = 60.0


@dataclass(frozen=True, slots=True)
class Latency:
    """One page. Times in seconds from the last byte of its upload."""

    kind: PaperKind
    size: int
    answered_s: float
    verdict_s: float


class Stream:
    """The events of one dossier, with the time at which each came."""

    def __init__(self, url: str, key: str, dossier_id: str) -> None:
        self._came = threading.Condition()
        self._at: dict[int, float] = {}
        self._http = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120)
        self._path = f"/v1/dossiers/{dossier_id}/events"
        threading.Thread(target=self._listen, daemon=True).start()

    def await_page(self, number: int) -> float:
        """When its verdict came. Raises `TimeoutError`."""
        with self._came:
            if not self._came.wait_for(lambda: number in self._at, _PATIENCE_S):
                raise TimeoutError(f"page {number} has no verdict after {_PATIENCE_S:.0f} s")
            return self._at[number]

    def _listen(self) -> None:
        with suppress(httpx.TransportError):  # the server is stopped when every verdict is here
            self._listen_on()

    def _listen_on(self) -> None:
        while True:  # the gateway ends a stream after some minutes
            with self._http.stream("GET", self._path) as answer:
                kind = ""
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        kind = value
                    elif name == "data" and kind == "page":
                        self._note(json.loads(value)["number"])

    def _note(self, number: int) -> None:
        with self._came:
            self._at.setdefault(number, time.perf_counter())
            self._came.notify_all()


def measure(pages: int, folder: Path) -> list[Latency]:
    """Every page's latency; the first page, which loads what a fresh server loads, apart from the others."""
    scans = [_draw_page(folder / f"{number}.jpg", number) for number in range(pages + 1)]
    environment = {**os.environ, "SOHOA_HOME": str(folder / "home")}
    key = _sohoa(environment, "keys", "issue", "--role", "station", "--office", "600000")
    with (folder / "serve.log").open("w") as log:
        server = subprocess.Popen(
            [_program(), "serve", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert server.stdout is not None  # noqa: S101 -- a pipe was asked for
        url = server.stdout.readline().split()[-1]
        return list(_send_all(url, key, scans))
    finally:
        server.terminate()
        server.wait(timeout=60)
        if server.stdout is not None:
            server.stdout.close()


def _send_all(url: str, key: str, scans: list[tuple[PaperKind, bytes]]) -> Iterator[Latency]:
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as station:
        opened = station.post(
            "/v1/dossiers",
            json={"record_code": "H21.65-220914-0011", "papers": [{"title": "Đơn"}]},
            headers={"Idempotency-Key": uuid4().hex},
        ).json()
        stream = Stream(url, key, opened["id"])
        for number, (kind, data) in enumerate(scans, 1):
            ended: list[float] = []
            answer = station.put(
                f"/v1/dossiers/{opened['id']}/documents/1/pages/{number}",
                content=_in_chunks(data, ended),
                headers={"Content-Digest": _digest(data), "Content-Length": str(len(data))},
            )
            answered = time.perf_counter()
            answer.raise_for_status()
            came = stream.await_page(number)
            yield Latency(kind, len(data), answered - ended[0], came - ended[0])


def _in_chunks(data: bytes, ended: list[float]) -> Iterator[bytes]:
    for at in range(0, len(data), _CHUNK_BYTES):
        yield data[at : at + _CHUNK_BYTES]
    ended.append(time.perf_counter())


def tell(found: list[Latency]) -> str:
    """A table by kind, and over all but the first."""
    lines = [f"first page of a fresh server: {found[0].verdict_s:.2f} s"]
    warm = found[1:]
    for name, chosen in [
        *((kind, [one for one in warm if one.kind == kind]) for kind in KINDS),
        ("all", warm),
    ]:
        if not chosen:
            continue
        verdicts, answers = [one.verdict_s for one in chosen], [one.answered_s for one in chosen]
        lines.append(
            f"{name:12} pages={len(chosen):3} bytes={statistics.mean(one.size for one in chosen):9.0f} "
            f"answer median={statistics.median(answers):.2f} "
            f"verdict median={statistics.median(verdicts):.2f} p95={_p95(verdicts):.2f} "
            f"max={max(verdicts):.2f}"
        )
    return "\n".join(lines)


def _draw_page(path: Path, number: int) -> tuple[PaperKind, bytes]:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    kind = KINDS[number % len(KINDS)]
    write_scans(path, [scan(render_page(kind, 500 + number), seed=number, skew_deg=(number % 5 - 2) * 0.4)])
    return kind, path.read_bytes()


def _digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def _sohoa(environment: dict[str, str], *arguments: str) -> str:
    ended = subprocess.run(
        [_program(), *arguments], env=environment, capture_output=True, text=True, check=True
    )
    return ended.stdout.strip()


def _program() -> Path:
    return Path(sys.executable).with_name("sohoa")


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=40)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-latency-") as folder:
        found = measure(asked.pages, Path(folder))
    print(f"load={os.getloadavg()[0]:.2f} cores={len(os.sched_getaffinity(0))}")
    print(tell(found))


if __name__ == "__main__":
    main()
