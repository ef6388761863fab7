"""A gateway with workers behind it, asked from outside over real sockets."""

import base64
import hashlib
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from pipeline.ledger.access_keys import issue_key, revoke_key
from schemas.access import KeyBinding, Role
from workers.gateway.listening import GatewayServer, open_socket
from workers.home import Home
from workers.serve import Server

RECORD = "H21.65-220914-0011"
OTHER_RECORD = "H21.66-220914-0012"
REST = {"complete", "needs_rescan", "failed"}


@dataclass(frozen=True)
class Scans:
    """Pages as scanners send them: good and unreadable JPEGs, another good one, three pages in a PDF."""

    good: bytes
    other: bytes
    bad: bytes
    three: bytes


def digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


@dataclass
class Asker:
    """Whoever has a key."""

    http: httpx.Client

    def open(self, *papers: dict[str, Any], record: str = RECORD, key: str | None = None) -> dict[str, Any]:
        asked = {"record_code": record, "papers": list(papers) or [{"title": "Đơn đề nghị"}]}
        answer = self.http.post("/v1/dossiers", json=asked, headers={"Idempotency-Key": key or uuid4().hex})
        assert answer.status_code in {200, 201}, answer.text
        return dict(answer.json())

    def put(self, dossier_id: str, ordinal: int, number: int, data: bytes, **headers: str) -> httpx.Response:
        path = f"/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}"
        return self.http.put(path, content=data, headers={"Content-Digest": digest(data), **headers})

    def put_file(self, dossier_id: str, ordinal: int, data: bytes) -> httpx.Response:
        path = f"/v1/dossiers/{dossier_id}/documents/{ordinal}/file"
        return self.http.put(path, content=data, headers={"Content-Digest": digest(data)})

    def submit(self, dossier_id: str, **body: object) -> httpx.Response:
        return self.http.post(f"/v1/dossiers/{dossier_id}/submit", json=body)

    def read(self, dossier_id: str) -> dict[str, Any]:
        answer = self.http.get(f"/v1/dossiers/{dossier_id}")
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def await_state(self, dossier_id: str, reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Long poll until it is so; the deadline only keeps a broken test from hanging."""
        deadline, tag = time.monotonic() + 60, ""
        while True:
            answer = self.http.get(
                f"/v1/dossiers/{dossier_id}", params={"wait": 10}, headers={"If-None-Match": tag}
            )
            if answer.status_code == 200:
                tag = answer.headers["etag"]
                if reached(answer.json()):
                    return dict(answer.json())
            assert time.monotonic() < deadline, answer.text

    def await_rest(self, dossier_id: str) -> dict[str, Any]:
        return self.await_state(dossier_id, lambda dossier: dossier["state"] in REST)

    def hand_in(self, data: bytes, record: str = RECORD) -> dict[str, Any]:
        """A dossier of one page, whole, as it rests."""
        dossier_id = self.open(record=record)["id"]
        assert self.put(dossier_id, 1, 1, data).status_code == 201
        assert self.submit(dossier_id).status_code == 200
        return self.await_rest(dossier_id)


@dataclass
class Outside:
    """The gateway's address and the keys to it."""

    home: Home
    url: str
    askers: list[httpx.Client] = field(default_factory=list)

    def issue(self, role: Role, **binding: Any) -> tuple[str, str]:
        with self.home.database.write() as connection:
            key, text = issue_key(connection, role, "uid:1", time.time(), binding=KeyBinding(**binding))
        return key.id, text

    def revoke(self, key_id: str) -> None:
        with self.home.database.write() as connection:
            revoke_key(connection, key_id, "uid:1", time.time())

    def ask_as(self, credential: str | None, scheme: str = "Bearer") -> Asker:
        headers = {} if credential is None else {"Authorization": f"{scheme} {credential}"}
        client = httpx.Client(base_url=self.url, headers=headers, timeout=60)
        self.askers.append(client)
        return Asker(client)

    def station(self, office: str, station: str = "1") -> Asker:
        return self.ask_as(self.issue(Role.STATION, office=office, station=station)[1])

    def staff(self, role: Role) -> Asker:
        return self.ask_as(self.issue(role)[1])

    def client(self, *agencies: str) -> tuple[str, str]:
        key_id, text = self.issue(Role.ONESTOP, agencies=agencies)
        return key_id, text.rpartition("_")[2]

    def token(self, client_id: str, secret: str) -> str:
        answer = httpx.post(
            f"{self.url}/v1/oauth/token",
            data={"grant_type": "client_credentials"},
            auth=(client_id, secret),
        )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    def onestop(self, *agencies: str) -> Asker:
        return self.ask_as(self.token(*self.client(*agencies)))

    def connect(self) -> socket.socket:
        host, port = self.url.removeprefix("http://").split(":")
        return socket.create_connection((host, int(port)), timeout=30)

    def close(self) -> None:
        for asker in self.askers:
            asker.close()


class Running:
    """A gateway, and workers where asked for, on one home in this process."""

    def __init__(self, home: Home, *, workers: bool) -> None:
        self.server = Server(home) if workers else None
        if self.server:
            self.server.start()
        self.bound = open_socket("127.0.0.1", 0)
        nudge = self.server.nudge if self.server else lambda: None
        self.gateway = GatewayServer(home, self.bound, "127.0.0.1", nudge)
        self.gateway.start()
        self.outside = Outside(home, self.gateway.url)

    def stop(self) -> None:
        self.outside.close()
        self.gateway.stop()
        self.bound.close()
        if self.server:
            self.server.stop()


def write_key(path: Path, key: str) -> Path:
    path.write_text(f"{key}\n")
    path.chmod(0o600)
    return path
