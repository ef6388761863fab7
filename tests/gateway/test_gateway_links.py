"""Files by their own address, given to the portal by a delivery process; receipts that prove themselves."""

import hashlib
import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import jwt
import pytest
from gateway_outside import RECORD, Asker, Outside, Scans

from pipeline.ledger.audit import read_audit
from pipeline.ledger.links import lend_link, revoke_links
from schemas.settings import Settings
from workers.delivery.links import open_link_key
from workers.home import Home, open_home


@dataclass(frozen=True)
class Case:
    """A finished dossier, its one file, and a client with its key's id."""

    dossier_id: str
    file: dict[str, Any]
    client: Asker
    client_id: str
    home: Home

    def link(self, lifetime_s: float = 3600.0) -> str:
        with self.home.database.write() as connection:
            made = lend_link(connection, self.file["id"], self.client_id, lifetime_s, "uid:1", time.time())
        return f"/v1/links/{open_link_key(self.home.settings).make_token(made.id)}"


@pytest.fixture(scope="module")
def case(outside: Outside, scans: Scans) -> Case:
    done = outside.station("600500").hand_in(scans.good)
    client_id, secret = outside.client("H21.65")
    client = outside.ask_as(outside.token(client_id, secret))
    files = client.http.get(f"/v1/records/{RECORD}/files").json()["files"]
    (file,) = (file for file in files if file["dossier_id"] == done["id"])
    return Case(done["id"], file, client, client_id, outside.home)


def test_a_link_opens_one_file_and_every_access_is_noted(outside: Outside, case: Case) -> None:
    path = case.link()
    assert case.link() == path  # a retry sends the same address
    whole = httpx.get(outside.url + path)
    assert hashlib.sha256(whole.content).hexdigest() == case.file["sha256"]
    assert whole.headers["etag"] == f'"{case.file["sha256"]}"'
    part = httpx.get(outside.url + path, headers={"Range": "bytes=0-3"})
    assert (part.status_code, part.content) == (206, b"%PDF")
    assert httpx.head(outside.url + path).headers["content-length"] == str(len(whole.content))
    with case.home.database.read() as connection:
        noted = [
            entry.details["part"]
            for entry in read_audit(connection, case.dossier_id)
            if entry.action == "file.read" and entry.actor == f"onestop:{case.client_id}"
        ]
    assert noted[-2:] == ["whole", "0-3"]


def test_a_link_that_ended_or_was_changed_opens_nothing(outside: Outside, case: Case) -> None:
    def status(path: str) -> int:
        return httpx.get(outside.url + path).status_code

    path = case.link()
    changed = path[:-1] + ("0" if path[-1] != "0" else "1")
    assert [status(path), status(changed), status("/v1/links/" + "0" * 96)] == [200, 404, 404]
    assert status("/v1/links/x") == 422
    with case.home.database.write() as connection:
        revoke_links(connection, "uid:1", time.time(), client=case.client_id)
    assert status(path) == 404
    with case.home.database.write() as connection:
        expired = lend_link(connection, case.file["id"], case.client_id, 1.0, "uid:1", time.time() - 1e9)
    assert status(f"/v1/links/{open_link_key(case.home.settings).make_token(expired.id)}") == 404
    assert case.link() != path
    assert status(case.link()) == 200
    other_id, _ = outside.client("H21.65")
    with case.home.database.write() as connection:
        theirs = lend_link(connection, case.file["id"], other_id, 3600.0, "uid:1", time.time())
    path = f"/v1/links/{open_link_key(case.home.settings).make_token(theirs.id)}"
    assert status(path) == 200
    outside.revoke(other_id)
    assert status(path) == 404


def test_the_portal_fetches_what_it_was_told_of(
    outside: Outside, case: Case, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[dict[str, Any]] = []

    class Portal(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = b'{"error_code": "0"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            return

    portal = ThreadingHTTPServer(("127.0.0.1", 0), Portal)
    Thread(target=portal.serve_forever, daemon=True).start()
    client_id, _ = outside.client("H21.65")
    session = tmp_path / "session"
    session.write_text("portal-session\n")
    for name, value in {
        "SOHOA_HOME": str(outside.home.settings.home),
        "SOHOA_DELIVERY__ALLOWED_NETWORKS": '["127.0.0.0/8"]',
        "SOHOA_DELIVERY__GATEWAY_ADDRESS": outside.url,
        "SOHOA_DELIVERY__ADAPTER": "portal",
        "SOHOA_DELIVERY__PORTAL__UNIT_CODE": "000.00.00.H21",
        "SOHOA_DELIVERY__PORTAL__SESSION_FILE": str(session),
    }.items():
        monkeypatch.setenv(name, value)
    sohoa = Path(sys.executable).with_name("sohoa")
    url = f"http://127.0.0.1:{portal.server_port}/api/SynsTTHCC"
    added = [sohoa, "deliver", "endpoints", "add", "--client", client_id, "--url", url, "--from-start"]
    subprocess.run(added, check=True, capture_output=True)
    courier = subprocess.Popen(
        [sohoa, "deliver", "run"], stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + 60
        mine: list[dict[str, Any]] = []
        while not mine:
            mine = [
                paper
                for body in told
                for paper in body["data"][0]["TaiLieuNop"]
                if paper["TepDinhKemId"] == str(case.file["id"])
            ]
            assert time.monotonic() < deadline, told
            time.sleep(0.05)
    finally:
        courier.terminate()
        courier.wait(30)
        portal.shutdown()
        portal.server_close()
    assert {(body["session"], body["madonvi"]) for body in told} == {("portal-session", "000.00.00.H21")}
    fetched = httpx.get(mine[0]["DuongDanTaiTepTin"])
    assert hashlib.sha256(fetched.content).hexdigest() == case.file["sha256"]
    kept = b"".join(path.read_bytes() for path in outside.home.settings.home.glob("ledger.sqlite3*"))
    assert mine[0]["DuongDanTaiTepTin"].rpartition("/")[2].encode() not in kept


def acknowledge(case: Case, **changed: Any) -> httpx.Response:
    file = {name: case.file[name] for name in ("ordinal", "rendition", "sha256")} | changed
    return case.client.http.post("/v1/acks", json={"event_id": f"{case.dossier_id}.1", "files": [file]})


def test_a_receipt_proves_itself_to_anyone(outside: Outside, case: Case, tmp_path: Path) -> None:
    assert acknowledge(case, sha256="0" * 64).json()["code"] == "ack_mismatch"
    receipt = acknowledge(case).json()
    assert acknowledge(case).json() == receipt
    listed = case.client.http.get("/v1/acks", params={"event_id": f"{case.dossier_id}.1"}).json()
    assert listed["receipts"] == [receipt]

    keys = jwt.PyJWKSet.from_dict(httpx.get(f"{outside.url}/v1/receipt-keys").json())
    kid = jwt.get_unverified_header(receipt["signed"])["kid"]
    told = jwt.decode(receipt["signed"], keys[kid].key, algorithms=["EdDSA"])
    assert (told["event"], told["record_code"], told["client"]) == (
        f"{case.dossier_id}.1",
        RECORD,
        case.client_id,
    )
    assert [file["sha256"] for file in told["files"]] == [case.file["sha256"]]

    def check(text: str) -> tuple[int, str]:
        place = tmp_path / "receipt"
        place.write_text(text)
        done = subprocess.run(
            [Path(sys.executable).with_name("sohoa"), "audit", "receipt", place],
            env={**os.environ, "SOHOA_HOME": str(outside.home.settings.home)},
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    code, said = check(json.dumps(receipt))
    assert (code, said.split(":")[0]) == (0, f"{case.dossier_id}.1 {RECORD}"), said
    assert check(receipt["signed"])[0] == 0
    head, body, signature = receipt["signed"].split(".")
    forged = jwt.encode(told | {"complete": False}, "x" * 32, "HS256", headers={"kid": kid})
    for changed in (f"{head}.{body[:-4]}AAAA.{signature}", forged, "{}", "x"):
        assert check(changed)[0] == 3, changed


def test_a_receipt_the_ledger_knows_nothing_of_is_told(case: Case, tmp_path: Path) -> None:
    """Another office's ledger with this one's key: signed well, but nothing of it happened there."""
    from workers.receipts import check_receipt, open_receipts

    text = acknowledge(case).json()["signed"]
    other = open_home(Settings(home=tmp_path / "other"))
    with other.database.read() as connection:
        found = check_receipt(connection, open_receipts(case.home.settings), text)
    other.close()
    assert found.problems == ("paper 1: the ledger has no acknowledgement", "paper 1: not on the audit log")
