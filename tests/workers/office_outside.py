"""A SOHOA_HOME worked from outside, by commands alone."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

RECORD = "H21.65-220914-0011"
REST = {"complete", "needs_rescan", "failed"}


@dataclass(frozen=True)
class Papers:
    """Scans of one paper: good alone, unreadable, and three pages in one PDF."""

    good: Path
    bad: Path
    three: Path


@dataclass
class Office:
    """A SOHOA_HOME worked from outside, as a clerk and an administrator would: by commands alone."""

    home: Path
    servers: list["subprocess.Popen[str]"] = field(default_factory=list)

    def run(self, *arguments: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).with_name("sohoa"), *map(str, arguments)],
            env=self.environment | environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SOHOA_HOME": str(self.home), "OMP_THREAD_LIMIT": "1", "COLUMNS": "200"}

    def submit(self, *arguments: str | Path) -> str:
        done = self.run("submit", "--record", RECORD, *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def serve(self) -> "subprocess.Popen[str]":
        server = subprocess.Popen(
            [Path(sys.executable).with_name("sohoa"), "serve"],
            env=self.environment,
            stderr=(self.home.parent / "serve.log").open("a"),
            text=True,
        )
        self.servers.append(server)
        return server

    def kill(self, server: "subprocess.Popen[str]") -> None:
        server.send_signal(signal.SIGKILL)
        server.wait()

    def status(self) -> dict[str, Any]:
        done = self.run("status", RECORD, "--json")
        assert done.returncode == 0, done.stderr
        told: dict[str, Any] = json.loads(done.stdout)
        return told

    def await_state(
        self, reached: Callable[[dict[str, Any]], bool], timeout_s: float = 120
    ) -> dict[str, Any]:
        """Ask the ledger until it says so; the deadline only keeps a broken test from hanging."""
        from schemas.settings import Settings
        from workers.embedded import EmbeddedOffice

        deadline = time.monotonic() + timeout_s
        with EmbeddedOffice(Settings(home=self.home)) as office:
            while True:
                told: dict[str, Any] = office.status(RECORD).model_dump(mode="json")
                if reached(told["dossiers"][-1]):
                    return told
                log = (self.home.parent / "serve.log").read_text()
                assert time.monotonic() < deadline, f"{told}\n{log}"
                time.sleep(0.02)

    def await_rest(self) -> dict[str, Any]:
        return self.await_state(lambda dossier: dossier["state"] in REST)
