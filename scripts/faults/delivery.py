"""The delivery test: gateway, delivery process, one-stop client killed at random; a file changed on its way.

One round: hand in one or two small dossiers, then `kill -9` the gateway, the delivery process or the client,
one to three times at random moments, each started again. Then every rendition must have been acknowledged
exactly once, every event must have reached the webhook's receiver with one id of its own and in the order of
its record, the client must hold every file whole with a receipt that `sohoa audit receipt` confirms, and the
audit chain must hold. Before the rounds a client behind a line that changes one byte must refuse the file.
"""

import json
import random
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from sqlalchemy import select
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from pipeline.ledger.audit import read_audit, verify_audit
from schemas.delivery import DeliveryState
from schemas.errors import SohoaError
from schemas.onestop_tables import acks, deliveries
from schemas.tables import documents, dossiers, events, renditions
from scripts.faults.changing_line import open_changing_line
from scripts.faults.checks import list_unrested
from scripts.faults.papers import Paper
from scripts.faults.site import EmbeddedSite, ProductionSite
from scripts.services.process import ServiceProcess, find_ports, is_listening
from workers.home import Home
from workers.submit import submit_dossier

LATEST_S = 8.0
"""A small dossier takes about so long from hand-over to acknowledgement when nobody disturbs it."""

PATIENCE_S = 240.0
_AGENCY = "H21.65"
_RECORDS = 3  # few, so that several events share one
_QUICK = {
    "SOHOA_DELIVERY__FIRST_DELAY_S": "0.1",
    "SOHOA_DELIVERY__MAX_DELAY_S": "1",
    "SOHOA_DELIVERY__POLL_S": "0.2",
    "SOHOA_DELIVERY__TIMEOUT_S": "3",
    "SOHOA_DELIVERY__LEASE_S": "6",
    "SOHOA_DELIVERY__ATTEMPTS": "1000",
    "SOHOA_DELIVERY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
}


@dataclass(slots=True)
class DeliveryRound:
    """What was done and what came of it."""

    number: int
    kills: list[str] = field(default_factory=list)
    dossiers: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def tell(self) -> str:
        """One line."""
        verdict = "; ".join(self.wrong) or "ok"
        return (
            f"round={self.number} kills={','.join(self.kills)} dossiers={self.dossiers} "
            f"seconds={self.seconds:.1f} {verdict}"
        )


class Hook:
    """A receiver of webhooks that answers 200 two times out of three, and 503 or nothing else."""

    def __init__(self, seed: int) -> None:
        self.secret = ""
        self.taken: list[dict[str, Any]] = []
        self.forged = 0
        self._rng = random.Random(seed)
        self._lock = threading.Lock()
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = hook.take(dict(self.headers.items()), body)
                if status:
                    self.send_response(status)
                    self.send_header("Content-Length", "0")
                    self.end_headers()
                else:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/hook"

    def take(self, headers: dict[str, str], body: bytes) -> int:
        """The status to answer; 0: hang up."""
        with self._lock:
            try:
                told = Webhook(self.secret).verify(body, headers)
            except WebhookVerificationError:
                self.forged += 1
                return 401
            status = self._rng.choice((200, 200, 200, 200, 503, 0))
            if status != 503:  # what is hung up on may have been taken all the same
                self.taken.append({**told["data"], "id": headers["webhook-id"]})
            return status

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()


class OneStopSite:
    """A deployment with a delivery process, and a one-stop system beside it."""

    def __init__(self, site: EmbeddedSite | ProductionSite, folder: Path, seed: int) -> None:
        self.site = site
        self.folder = folder / "onestop"
        (self._port,) = find_ports(1)
        self.url = f"http://127.0.0.1:{self._port}"
        port = ("--port", str(self._port))
        site.environment = {**site.environment, **_QUICK}
        gateway = {"serve": ("serve", *port)} if isinstance(site, EmbeddedSite) else {"api": ("api", *port)}
        site.commands = {**site.commands, **gateway, "deliver": ("deliver", "run")}
        self.gateway = next(iter(gateway))
        self.hook = Hook(seed)
        told = dict(
            line.split("=", 1)
            for line in self._run("keys", "issue", "--role", "onestop", "--agency", _AGENCY).splitlines()
        )
        self._client_id = told["client_id"]
        self._secret_file = folder / "client-secret"
        self._secret_file.write_text(told["client_secret"])
        added = self._run("deliver", "endpoints", "add", "--client", self._client_id, "--url", self.hook.url)
        self.hook.secret = added.split("secret=")[1].strip()
        self._client: ServiceProcess | None = None

    def revive(self) -> None:
        """Whatever was killed is started again."""
        self.site.revive()
        if self._client is None or not self._client.running:
            self._client = self.start_client(self.url, self.folder)

    def start_client(self, url: str, folder: Path, *more: str) -> ServiceProcess:
        """The reference client, over `url`, keeping its files in `folder`."""
        command = [sys.executable, "-m", "scripts.onestop_client", "--url", url, "--client-id"]
        command += [self._client_id, "--secret-file", str(self._secret_file), "--folder", str(folder), *more]
        client = ServiceProcess(
            command, self.site.folder / "client.log", environment=dict(self.site.environment)
        )
        client.start()
        return client

    def victims(self) -> dict[str, Callable[[], None]]:
        """What may be killed."""
        running = self.site.victims()
        found = {name: running[name] for name in (self.gateway, "deliver") if name in running}
        return found | ({"client": self._client.kill} if self._client else {})

    def await_gateway(self) -> bool:
        """Does it listen, within our patience?"""
        return _await(lambda: is_listening(self._port))

    def check_receipt(self, path: Path) -> bool:
        """Does `sohoa audit receipt` confirm it?"""
        return self.site.run("audit", "receipt", path).returncode == 0

    def close(self) -> None:
        """End the one-stop side; the site is ended by whoever made it."""
        if self._client is not None:
            self._client.kill()
        self.hook.close()

    def _run(self, *arguments: str) -> str:
        done = self.site.run(*arguments)
        if done.returncode:
            raise SohoaError(done.stderr)
        return done.stdout


def play_tampering(one: OneStopSite, papers: Sequence[Paper]) -> list[str]:
    """A client behind a line that changes a byte of every PDF takes and acknowledges nothing."""
    one.site.revive()
    home = one.site.open()
    try:
        submit_dossier(home, f"{_AGENCY}-220914-9999", [papers[0].path])
        if not one.await_gateway() or not _await(lambda: not list_unrested(home) and _is_published(home)):
            return ["the dossier of the tampered line did not finish"]
        middle = open_changing_line(one.url)
        victim = one.folder.parent / "victim"
        client = one.start_client(f"http://127.0.0.1:{middle.server_port}", victim, "--once")
        ended = _await(lambda: not client.running)
        middle.shutdown()
        middle.server_close()
        wrong = [] if ended else ["the client of the tampered line goes on"]
        client.kill()
        wrong += ["a changed file was taken"] if list(victim.rglob("*.pdf")) else []
        wrong += [] if list(victim.rglob("*.refused")) else ["the changed file was not set aside"]
        return wrong + (["a changed file was acknowledged"] if _count_acks(home) else [])
    finally:
        home.close()


def play_delivery_round(
    one: OneStopSite, papers: Sequence[Paper], number: int, rng: random.Random
) -> DeliveryRound:
    """One round on a site that runs; it runs again afterwards. Nothing is raised for what went wrong."""
    done, began = DeliveryRound(number), time.monotonic()
    one.revive()
    home = one.site.open()
    try:
        for _ in range(rng.choice((1, 2))):
            record = f"{_AGENCY}-220914-{rng.randrange(_RECORDS):04}"
            submit_dossier(home, record, [rng.choice(papers).path])
            done.dossiers += 1
        for _ in range(rng.choice((1, 2, 3))):
            time.sleep(rng.uniform(0.0, LATEST_S))
            victims = one.victims()
            name = rng.choice(sorted(victims))
            victims[name]()
            done.kills.append(name)
            time.sleep(rng.uniform(0.0, 0.5))
            one.revive()
        if _await(lambda: not list_unrested(home) and _is_delivered(home) and _is_acknowledged(home, one)):
            done.wrong += _check(home, one)
        else:
            done.wrong.append(f"not delivered or acknowledged after {PATIENCE_S:.0f} s")
    except SohoaError as error:
        done.wrong.append(error.what)
    finally:
        home.close()
    done.seconds = time.monotonic() - began
    return done


def _check(home: Home, one: OneStopSite) -> list[str]:
    with home.database.read() as connection:
        made = connection.execute(
            select(dossiers.c.record_code, dossiers.c.id, documents.c.ordinal, renditions)
            .join(documents, documents.c.id == renditions.c.document_id)
            .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        ).all()
        told = connection.execute(select(events).order_by(events.c.publish_seq)).all()
        log = list(read_audit(connection))
        broken = verify_audit(connection).broken_at
    wrong = [] if broken is None else [f"audit broken at {broken}"]
    noted = Counter(entry.details["sha256"] for entry in log if entry.action == "file.acknowledged")
    expected = Counter(row.sha256 for row in made)
    if noted != expected:
        wrong.append(f"{noted.total()} acknowledgements of {expected.total()} renditions")
    for row in made:
        place = one.folder / row.record_code / f"{row[1]}.{row.ordinal}.r{row.number}.pdf"
        if not place.exists() or sha256(place.read_bytes()).hexdigest() != row.sha256:
            wrong.append(f"not whole at the client: {place.name}")
    return wrong + _check_hook(one, told) + _check_receipts(one, told)


def _check_hook(one: OneStopSite, told: Sequence[Any]) -> list[str]:
    wrong = [f"{one.hook.forged} webhooks with a wrong signature"] if one.hook.forged else []
    names: dict[str, set[int]] = {}
    first: dict[str, list[int]] = {}
    for taken in one.hook.taken:
        names.setdefault(taken["id"], set()).add(taken["sequence"])
        seen = first.setdefault(taken["record_code"], [])
        if taken["sequence"] not in seen:
            seen.append(taken["sequence"])
    if len(names) != len(told):
        wrong.append(f"{len(names)} webhook-ids for {len(told)} events")
    if any(len(sequences) > 1 for sequences in names.values()):
        wrong.append("one webhook-id for two events")
    wrong += [f"{record}: out of order {order}" for record, order in first.items() if order != sorted(order)]
    return wrong


def _check_receipts(one: OneStopSite, told: Sequence[Any]) -> list[str]:
    wrong = []
    for event in told:
        place = one.folder / event.record_code / f"{event.id}.receipt.json"
        if not place.exists():
            wrong.append(f"no receipt of {event.id}")
    newest = one.folder / told[-1].record_code / f"{told[-1].id}.receipt.json"
    if newest.exists():
        changed = newest.with_suffix(".changed")
        receipt = json.loads(newest.read_text())
        head, body, signature = receipt["signed"].split(".")
        changed.write_text(f"{head}.{body[:-2]}{'AA' if body[-2:] != 'AA' else 'BB'}.{signature}")
        if not one.check_receipt(newest):
            wrong.append("a receipt is not confirmed")
        if one.check_receipt(changed):
            wrong.append("a changed receipt is confirmed")
        changed.unlink()
    return wrong


def _is_published(home: Home) -> bool:
    with home.database.read() as connection:
        return connection.execute(select(events.c.id).where(events.c.publish_seq.is_(None))).first() is None


def _is_delivered(home: Home) -> bool:
    with home.database.read() as connection:
        count = len(connection.execute(select(events.c.id)).all())
        done = select(deliveries.c.id).where(deliveries.c.state == DeliveryState.DELIVERED)
        return len(connection.execute(done).all()) == count


def _is_acknowledged(home: Home, one: OneStopSite) -> bool:
    """In the ledger, and at the client, who may have died before it wrote its receipt down."""
    with home.database.read() as connection:
        acked = select(acks.c.event_id)
        if connection.execute(select(events.c.id).where(events.c.id.not_in(acked))).first() is not None:
            return False
        told = connection.execute(select(events.c.id, events.c.record_code)).all()
    return all((one.folder / row.record_code / f"{row.id}.receipt.json").exists() for row in told)


def _count_acks(home: Home) -> int:
    with home.database.read() as connection:
        return len(connection.execute(select(acks.c.event_id)).all())


def _await(reached: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.2)
    return True
