"""`sohoa station watch` as a post office runs it: a folder, a process, what it says and serves."""

import contextlib
import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import httpx

from schemas.errors import NotFoundError
from scripts.cli.station import status as tell_status

QUICK = {
    "SOHOA_STATION_LOOK_EVERY_S": "0.1",
    "SOHOA_STATION_SETTLE_S": "0.2",
    "SOHOA_STATION_RETRY_FIRST_S": "0.1",
    "SOHOA_STATION_RETRY_MOST_S": "0.5",
    "SOHOA_STATION_POLL_EVERY_S": "1",
}
PATIENCE_S = 150.0
"""Only keeps a broken test from hanging."""

Found = TypeVar("Found")


@dataclass(frozen=True)
class Pages:
    """Scans as a station's scanner writes them: small, so that a test is short."""

    good: bytes
    other: bytes
    bad: bytes
    two: bytes


def make_pages(folder: Path) -> Pages:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    page = render_page("letter", 6)
    drawn = {
        "good.jpg": [scan(page, seed=1, dpi=200)],
        "other.jpg": [scan(page, seed=2, dpi=200)],
        "bad.jpg": [scan(page, seed=3, dpi=200, blur_px=12.0, noise=2.5)],
        "two.tif": [scan(page, seed=seed, dpi=150) for seed in (4, 5)],
    }
    for name, scanned in drawn.items():
        write_scans(folder / name, scanned)
    return Pages(*((folder / name).read_bytes() for name in drawn))


@dataclass
class Station:
    """A watched folder and its agent."""

    folder: Path
    server: str
    key: str
    running: list["subprocess.Popen[str]"] = field(default_factory=list)

    def scan(self, place: str, data: bytes) -> Path:
        """As a scanner program does: written aside or not, the agent must not mind."""
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return path

    def start(self, *more: str, **environment: str) -> "subprocess.Popen[str]":
        self.folder.mkdir(parents=True, exist_ok=True)
        key_file = self.folder.parent / "key"
        key_file.write_text(self.key + "\n")
        process = subprocess.Popen(
            [
                *(*SOHOA, "station", "watch", str(self.folder)),
                *("--server", self.server, "--key-file", str(key_file), *more),
            ],
            env=os.environ | QUICK | environment,
            stdout=(self.folder.parent / "agent.out").open("a"),
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.running.append(process)
        return process

    def kill(self) -> None:
        self.running[-1].kill()
        self.running[-1].wait()

    def stop(self) -> None:
        for process in self.running:
            if process.poll() is None:
                process.terminate()
            process.wait(30)
        self.running.clear()

    def said(self) -> str:
        out = self.folder.parent / "agent.out"
        return out.read_text(encoding="utf-8") if out.exists() else ""

    def url(self) -> str:
        return self.await_it(
            lambda: next(
                (line.split()[-1] for line in reversed(self.said().splitlines()) if "listening on" in line),
                "",
            )
        )

    def page(self, path: str = "", **headers: str) -> httpx.Response:
        return httpx.get(self.url() + path, headers=headers, timeout=30)

    def status(self) -> dict[str, Any]:
        """What `sohoa station status --json` tells, without a process for each look."""
        told = io.StringIO()
        try:
            with contextlib.redirect_stdout(told):
                tell_status(self.folder, as_json=True)
        except NotFoundError:
            return {}
        return dict(json.loads(told.getvalue()))

    def await_said(self, text: str) -> None:
        self.await_it(lambda: text in self.said())

    def await_it(self, found: Callable[[], Found]) -> Found:
        deadline = time.monotonic() + PATIENCE_S
        while not (result := found()):
            assert time.monotonic() < deadline, self.said()
            time.sleep(0.1)
        return result

    def files(self) -> set[str]:
        """Everything in the folder but the agent's own books."""
        found = (path.relative_to(self.folder) for path in self.folder.rglob("*") if path.is_file())
        return {path.as_posix() for path in found if path.parts[0] != ".sohoa"}


SOHOA = [sys.executable, "-c", "from scripts.cli import main; main()"]
