"""What an operator sees: health, figures, logs that tell nothing of people, and durability."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_outside import Asker, Outside, Scans, digest, write_key
from gateway_process import Process

from pipeline.ledger.audit import verify_audit
from schemas.access import Role
from schemas.settings import Settings
from workers.home import open_home

NAMES = ("Nguyễn Thị Bưởi", "064123456789", "Đơn đề nghị của ông Trần Văn Khế")


@pytest.fixture
def process(tmp_path: Path) -> Iterator[Process]:
    made = Process(tmp_path / "home")
    yield made
    made.end()


def connect(url: str, key: str) -> Asker:
    return Asker(httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60))


def test_what_was_answered_survives_a_kill_and_logs_tell_nothing_of_people(
    process: Process, scans: Scans
) -> None:
    """One process is started for both: whatever was sent, its log has ids only."""
    key = process.run("keys", "issue", "--role", "station", "--office", "600000", "--label", NAMES[0])
    gateway, url = process.start("api", "--port", "0")
    station = connect(url, key)
    dossier_id = station.open({"title": NAMES[2]}, {"title": NAMES[1]})["id"]
    assert station.put(dossier_id, 1, 1, scans.good).status_code == 201
    gateway.send_signal(signal.SIGKILL)
    gateway.wait()

    _, url = process.start("api", "--port", "0")
    station = connect(url, key)
    (page,) = station.read(dossier_id)["documents"][0]["pages"]
    assert page["fast_look"]["verdict"] == "readable"
    assert station.put(dossier_id, 1, 1, scans.good).status_code == 200
    home = open_home(Settings(home=process.home))
    sha256 = station.put(dossier_id, 1, 1, scans.good).json()["sha256"]
    assert home.store.get(f"originals/{sha256[:2]}/{sha256}", sha256) == scans.good
    with home.database.read() as connection:
        assert verify_audit(connection).broken_at is None
    home.close()

    for path in (f"/v1/records/{NAMES[1]}/files", f"/v1/dossiers/{NAMES[0]}", f"/{NAMES[2]}?q={NAMES[1]}"):
        assert station.http.get(path).status_code in {404, 422}
    headers = {"Idempotency-Key": NAMES[1] + "-key", "X-Request-Id": NAMES[1]}
    wrong = {"record_code": NAMES[0], "papers": [{"title": NAMES[2], NAMES[1]: 1}]}
    assert station.http.post("/v1/dossiers", json=wrong, headers=headers).status_code == 422
    assert station.http.request(f"X{NAMES[1]}", "/v1/dossiers").status_code == 405
    assert station.put(dossier_id, 2, 1, NAMES[0].encode()).status_code == 415
    wrong_key = {"Authorization": f"Bearer sohoa_st_{NAMES[1]}_x"}
    assert station.http.get("/v1/dossiers", headers=wrong_key).status_code == 401
    station.http.close()

    lines = process.logged()
    assert {"at", "level", "from", "event", "request_id", "route", "status", "ms"} <= set(lines[0])
    logged = process.log.read_text()
    for name in (*NAMES, *NAMES[0].split(), *NAMES[2].split(), key.rpartition("_")[2], "Phụ lục", "Kính gửi"):
        assert len(name) < 4 or name not in logged, name
    assert {line["route"] for line in lines if "route" in line} <= {
        "-",
        "/v1/dossiers",
        "/v1/dossiers/{dossier_id}",
        "/v1/records/{record_code}/files",
        "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}",
    }


def test_a_gateway_in_the_embedded_server_takes_a_dossier_from_the_command_line(
    process: Process, scans: Scans, tmp_path: Path
) -> None:
    good, three = tmp_path / "Nguyễn Thị Bưởi.jpg", tmp_path / "three.pdf"
    good.write_bytes(scans.good)
    three.write_bytes(scans.three)
    key = process.run("keys", "issue", "--role", "station", "--office", "600000")
    key_file = write_key(tmp_path / "key", key)
    server, url = process.start("serve", "--port", "0")
    through = ("--server", url, "--key-file", key_file)
    dossier_id = process.run(
        "submit", "--record", "H21.65-220914-0011", *through, "--wait", "--title", NAMES[2], good, three
    )
    told = json.loads(process.run("status", "H21.65-220914-0011", "--json"))["dossiers"]
    assert [(dossier["id"], dossier["state"]) for dossier in told] == [(dossier_id, "complete")]
    assert [paper["title"] for paper in told[0]["documents"]] == [NAMES[2], "three"]
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=60) == 0
    logged = process.log.read_text()
    for name in (NAMES[0], NAMES[2], "Bưởi", "Khế", "three.pdf"):
        assert name not in logged


def test_readiness_names_what_is_not_ready(process: Process) -> None:
    _, url = process.start("api", "--port", "0", SOHOA_GATEWAY__LEAST_FREE_BYTES=str(2**60))
    answer = httpx.get(f"{url}/readyz")
    assert answer.status_code == 503
    assert [check["name"] for check in answer.json()["checks"] if not check["ready"]] == ["space"]
    assert httpx.get(f"{url}/healthz").json()["status"] == "ok"
    key = process.run("keys", "issue", "--role", "station", "--office", "600000")
    station = connect(url, key)
    refused = station.put(station.open()["id"], 1, 1, b"x", **{"Content-Digest": digest(b"x")})
    assert (refused.status_code, refused.json()["code"]) == (503, "store")
    station.http.close()


def test_figures_tell_of_queue_pages_and_delivery(outside: Outside, station: Asker, scans: Scans) -> None:
    station.hand_in(scans.good)
    text = outside.staff(Role.OPERATOR).http.get("/metrics").text
    figures = {
        line.rpartition(" ")[0]: float(line.rpartition(" ")[2])
        for line in text.splitlines()
        if line[0] != "#"
    }
    assert figures["sohoa_ledger_up"] == 1
    assert figures['sohoa_dossiers{state="complete"}'] >= 1
    assert figures['sohoa_pages{verdict="readable"}'] >= 1
    assert figures['sohoa_page_latency_seconds{quantile="0.5"}'] > 0
    assert figures["sohoa_events_unacked"] >= 1
    assert figures["sohoa_delivery_lag_seconds"] > 0
    assert figures['sohoa_fast_looks_total{verdict="readable"}'] >= 1
    assert figures['sohoa_upload_stage_seconds_count{stage="ledger"}'] >= 1
    ready = httpx.get(f"{outside.url}/readyz").json()
    assert ready["ready"]
    assert {check["name"] for check in ready["checks"]} == {
        "ledger",
        "store",
        "space",
        "token_key",
        "decoders",
        "queue",
    }


def test_keys_are_shown_once_and_the_audit_log_is_verified(process: Process, tmp_path: Path) -> None:
    out = tmp_path / "station.key"
    key_id = process.run("keys", "issue", "--role", "station", "--office", "600000", "--out", out).split()[0]
    assert out.stat().st_mode & 0o777 == 0o600
    secret = out.read_text().strip().rpartition("_")[2]
    assert len(secret) == 64
    listed = process.run("keys", "list")
    assert key_id in listed
    assert secret not in listed
    assert secret.encode() not in b"".join(
        path.read_bytes() for path in process.home.glob("ledger.sqlite3*") if path.is_file()
    )
    process.run("keys", "revoke", key_id)
    assert "2 entries, unbroken" in process.run("audit", "verify")
    assert [json.loads(line)["action"] for line in process.run("audit", "show", key_id).splitlines()] == [
        "key.issued",
        "key.revoked",
    ]
    home = open_home(Settings(home=process.home))
    with home.database.write() as connection:
        connection.exec_driver_sql("DROP TRIGGER audit_no_update")
        connection.exec_driver_sql("UPDATE audit SET actor = 'nobody' WHERE seq = 1")
    home.close()
    broken = subprocess.run(
        [Path(sys.executable).with_name("sohoa"), "audit", "verify"],
        env={**os.environ, "SOHOA_HOME": str(process.home)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (broken.returncode, broken.stdout.split(";")[0]) == (1, "broken at entry 1")
