"""An office with finished dossiers, delivery processes of it, a receiver: real processes, real sockets."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ledger_bench import Bench, original

from pipeline.ledger.access_keys import issue_key
from pipeline.ledger.deliveries import list_deliveries
from pipeline.ledger.dossiers import register_dossier
from pipeline.ledger.endpoints import add_endpoint
from pipeline.ledger.outbox import publish_events
from schemas.access import KeyBinding, Role
from schemas.delivery import DeliveryStatus
from schemas.ledger import NewDocument, NewDossier
from schemas.settings import Settings
from workers.delivery.secrets import open_secrets
from workers.home import Home, open_home

PATIENCE_S = 60.0
QUICK = {
    "SOHOA_DELIVERY__FIRST_DELAY_S": "0.05",
    "SOHOA_DELIVERY__MAX_DELAY_S": "0.2",
    "SOHOA_DELIVERY__POLL_S": "0.05",
    "SOHOA_DELIVERY__TIMEOUT_S": "1",
    "SOHOA_DELIVERY__LEASE_S": "6",
    "SOHOA_DELIVERY__ALLOWED_NETWORKS": '["127.0.0.0/8", "::1/128"]',
}


def wait_until(reached: Callable[[], bool], tell: Callable[[], object] = lambda: "") -> None:
    """The deadline only keeps a broken test from hanging."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, tell()
        time.sleep(0.02)


@dataclass
class Receiver:
    """The other side."""

    folder: Path
    scheme: str = "http"
    process: "subprocess.Popen[bytes] | None" = None

    def start(self, *certificate: Path) -> None:
        self.folder.mkdir(exist_ok=True)
        script = Path(__file__).with_name("delivery_receiver.py")
        self.process = subprocess.Popen([sys.executable, script, self.folder, *certificate])
        wait_until((self.folder / "port").exists)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{(self.folder / 'port').read_text()}/hook"

    def behave(self, **told: Any) -> None:
        draft = self.folder / "behaviour.draft"
        draft.write_text(json.dumps(told))
        draft.rename(self.folder / "behaviour")

    @property
    def received(self) -> list[dict[str, Any]]:
        path = self.folder / "received"
        lines = path.read_text().splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def dossiers(self) -> list[str]:
        return [json.loads(line["body"])["data"]["dossier_id"] for line in self.received]

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()


@dataclass
class Office:
    """A SOHOA_HOME; dossiers are finished in its ledger without any scan."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)
    running: list["subprocess.Popen[str]"] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home: Home = open_home(Settings(home=self.path))
        self.bench = Bench(self.home.database, now=time.time())

    def finish(self, record: str = "H21.65-220914-0011", pages: int = 1) -> str:
        """A dossier is complete and published."""
        papers = (NewDocument("Đơn của Nguyễn Văn A", original(record), pages),)
        with self.home.database.write() as connection:
            dossier_id = register_dossier(connection, NewDossier(record, papers), "uid:1", self.bench.now)
        self.bench.work_all(dossier_id)
        with self.home.database.write() as connection:
            publish_events(connection)
        return dossier_id

    def client(self, *agencies: str) -> str:
        with self.home.database.write() as connection:
            key, _ = issue_key(
                connection, Role.ONESTOP, "uid:1", time.time(), binding=KeyBinding(agencies=agencies)
            )
        return key.id

    def endpoint(self, url: str, *, client: str | None = None, from_start: bool = False) -> tuple[str, str]:
        """A registered endpoint and its secret, as `sohoa deliver endpoints add` makes them."""
        owner = client or self.client("H21.65")
        with self.home.database.write() as connection:
            made = add_endpoint(
                connection,
                owner,
                url,
                "webhook",
                "uid:1",
                time.time(),
                from_start=from_start,
            )
        return made.id, open_secrets(self.home.settings).make(made.id)

    def run(self, *arguments: str, code: int = 0) -> str:
        """`sohoa deliver ...` to its end."""
        done = subprocess.run(
            [Path(sys.executable).with_name("sohoa"), "deliver", *arguments],
            env=self._environ({}),
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == code, done.stderr
        return done.stdout if code == 0 else done.stderr

    def start(self, **environment: str) -> "subprocess.Popen[str]":
        """`sohoa deliver run`, begun."""
        with (self.path / "deliver.log").open("a") as log:
            process = subprocess.Popen(
                [Path(sys.executable).with_name("sohoa"), "deliver", "run"],
                env=self._environ(environment),
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
            )
        self.running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "delivering\n", (self.path / "deliver.log").read_text()
        return process

    def states(self, endpoint: str | None = None) -> list[str]:
        return [str(one.state) for one in self.deliveries(endpoint)]

    def deliveries(self, endpoint: str | None = None) -> list[DeliveryStatus]:
        """Oldest first."""
        with self.home.database.read() as connection:
            return list(reversed(list_deliveries(connection, endpoint_id=endpoint, limit=10_000)))

    def await_states(self, *expected: str, endpoint: str | None = None) -> None:
        wait_until(
            lambda: self.states(endpoint) == list(expected),
            lambda: (self.deliveries(endpoint), (self.path / "deliver.log").read_text()),
        )

    def end(self) -> None:
        for process in self.running:
            process.kill()
            process.wait()
            if process.stdout:
                process.stdout.close()
        self.home.close()

    def _environ(self, more: dict[str, str]) -> dict[str, str]:
        return {**os.environ, "SOHOA_HOME": str(self.path), **QUICK, **self.environment, **more}
