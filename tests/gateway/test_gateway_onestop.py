"""The reference one-stop client, a process of its own: killed, its gateway killed, its files changed."""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from gateway_outside import Asker, Scans
from gateway_process import Process

from pipeline.ledger.audit import read_audit
from schemas.settings import Settings
from scripts.faults.changing_line import open_changing_line
from workers.home import open_home

ROOT = Path(__file__).parents[2]
DOSSIERS = 2


@dataclass
class OneStop:
    """An office with finished dossiers, and a client of it."""

    process: Process
    client_id: str
    secret_file: Path
    folder: Path

    def start(self, url: str) -> "subprocess.Popen[str]":
        command = [
            sys.executable,
            "-m",
            "scripts.onestop_client",
            "--url",
            url,
            "--client-id",
            self.client_id,
        ]
        command += ["--secret-file", str(self.secret_file), "--folder", str(self.folder), "--once"]
        return subprocess.Popen(
            command,
            env=self.process.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def pdfs(self) -> list[Path]:
        return list(self.folder.rglob("*.pdf"))

    def acknowledged(self) -> Counter[str]:
        home = open_home(Settings(home=self.process.home))
        with home.database.read() as connection:
            found = Counter(
                str(entry.details["sha256"])
                for entry in read_audit(connection)
                if entry.action == "file.acknowledged"
            )
        home.close()
        return found


@pytest.fixture
def onestop(tmp_path: Path, scans: Scans) -> Iterator[OneStop]:
    process = Process(tmp_path / "home")
    key = process.run("keys", "issue", "--role", "station", "--office", "600000")
    issued = process.run("keys", "issue", "--role", "onestop", "--agency", "H21.65")
    told = dict(line.split("=") for line in issued.splitlines())
    secret_file = tmp_path / "secret"
    secret_file.write_text(told["client_secret"])
    server, url = process.start("serve", "--port", "0")
    station = Asker(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60))
    for number in range(DOSSIERS):
        assert station.hand_in(scans.good, f"H21.65-220914-{number:04}")["state"] == "complete"
    station.http.close()
    home = open_home(Settings(home=process.home))
    deadline = time.monotonic() + 30
    while True:  # the sweeper numbers events a moment after
        from pipeline.ledger.outbox import count_unpublished

        with home.database.read() as connection:
            if not count_unpublished(connection):
                break
        assert time.monotonic() < deadline
        time.sleep(0.05)
    home.close()
    server.kill()
    server.wait()
    yield OneStop(process, told["client_id"], secret_file, tmp_path / "onestop")
    process.end()


def test_every_file_is_acknowledged_once_whoever_dies(onestop: OneStop) -> None:
    gateway, url = onestop.process.start("api", "--port", "0")
    middle = open_changing_line(url)
    refused = onestop.start(f"http://127.0.0.1:{middle.server_port}")
    _, complaint = refused.communicate(timeout=120)
    middle.shutdown()
    middle.server_close()
    assert refused.returncode == 1
    assert "its SHA-256 is not the event's" in complaint
    assert onestop.pdfs() == []
    assert onestop.acknowledged() == {}

    dying = onestop.start(url)
    deadline = time.monotonic() + 120
    while not onestop.pdfs():  # the first file is in its place, the rest is not
        assert dying.poll() is None, dying.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.005)
    dying.kill()
    dying.communicate()
    gateway.kill()
    gateway.wait()
    assert len(onestop.acknowledged()) < DOSSIERS

    waiting = onestop.start(url)  # its gateway is down, and comes back
    onestop.process.start("api", "--port", url.rpartition(":")[2])
    output, complaint = waiting.communicate(timeout=180)
    assert waiting.returncode == 0, complaint
    assert len(output.splitlines()) >= DOSSIERS - 1
    again = onestop.start(url)
    assert again.communicate(timeout=60)[0] == ""
    acknowledged = onestop.acknowledged()
    assert list(acknowledged.values()) == [1] * DOSSIERS
    assert len(onestop.pdfs()) == DOSSIERS
    assert list(onestop.folder.rglob("*.part")) == []
