"""Finished files, the feed, and receipts: whole, in part, once, and on the audit log."""

import hashlib
from dataclasses import dataclass
from typing import Any

import pytest
from gateway_outside import RECORD, Asker, Outside, Scans, digest

from pipeline.ledger.audit import read_audit, verify_audit
from pipeline.ledger.holdings import read_file
from schemas.access import Role


@dataclass(frozen=True)
class Finished:
    """A dossier of one paper, complete; `client` may read it."""

    dossier_id: str
    file: dict[str, Any]
    event: dict[str, Any]
    pdf: bytes
    client: Asker


@pytest.fixture(scope="module")
def finished(outside: Outside, scans: Scans) -> Finished:
    station, client = outside.station("600400"), outside.onestop("H21.65")
    done = station.hand_in(scans.other)
    files = client.http.get(f"/v1/records/{RECORD}/files").json()["files"]
    (file,) = (file for file in files if file["dossier_id"] == done["id"])
    event = {}
    while not event:
        events = client.http.get("/v1/events", params={"limit": 500, "wait": 5}).json()["events"]
        event = next((event for event in events if event["dossier_id"] == done["id"]), {})
    pdf = client.http.get(file["content"])
    return Finished(done["id"], file, event, pdf.content, client)


def test_a_file_is_the_one_that_was_signed(finished: Finished) -> None:
    answer = finished.client.http.get(finished.file["content"])
    assert answer.content.startswith(b"%PDF")
    assert hashlib.sha256(answer.content).hexdigest() == finished.file["sha256"]
    assert answer.headers["etag"] == f'"{finished.file["sha256"]}"'
    assert answer.headers["content-digest"] == digest(answer.content)
    assert answer.headers["content-type"] == "application/pdf"
    assert f'filename="{RECORD}.1.pdf"' in answer.headers["content-disposition"]
    assert finished.file["name"] == f"{RECORD}.1.pdf"
    head = finished.client.http.head(finished.file["content"])
    assert (head.content, int(head.headers["content-length"])) == (b"", len(answer.content))


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=100-", slice(100, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-99999999999", slice(5, None)),
        ("bytes=-99999999999", slice(0, None)),
    ],
)
def test_a_part_of_a_file(finished: Finished, asked: str, part: slice) -> None:
    answer = finished.client.http.get(finished.file["content"], headers={"Range": asked})
    assert (answer.status_code, answer.content) == (206, finished.pdf[part])
    size = len(finished.pdf)
    first, last, _ = part.indices(size)
    assert answer.headers["content-range"] == f"bytes {first}-{last - 1}/{size}"


@pytest.mark.parametrize("asked", ["bytes=99999999-", "bytes=-0"])
def test_a_part_that_is_not_there(finished: Finished, asked: str) -> None:
    answer = finished.client.http.get(finished.file["content"], headers={"Range": asked})
    assert (answer.status_code, answer.json()["code"]) == (416, "range_not_satisfiable")


@pytest.mark.parametrize("asked", ["bytes=9-1", "bytes=0-1,3-4", "lines=1-2", "bytes=x-y", "bytes=-"])
def test_ranges_that_are_none_are_ignored(finished: Finished, asked: str) -> None:
    answer = finished.client.http.get(finished.file["content"], headers={"Range": asked})
    assert (answer.status_code, len(answer.content)) == (200, len(finished.pdf))


def test_what_one_has_is_not_sent_again(finished: Finished) -> None:
    tag = f'"{finished.file["sha256"]}"'
    for told in (tag, f'"x", {tag}', "*"):
        answer = finished.client.http.get(finished.file["content"], headers={"If-None-Match": told})
        assert (answer.status_code, answer.content) == (304, b"")
    stale = {"Range": "bytes=0-9", "If-Range": '"another"'}
    assert finished.client.http.get(finished.file["content"], headers=stale).status_code == 200
    fresh = {"Range": "bytes=0-9", "If-Range": tag}
    assert finished.client.http.get(finished.file["content"], headers=fresh).status_code == 206


def test_a_large_file_is_sent_from_a_checked_copy(
    outside: Outside, finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workers.gateway.sending.IN_MEMORY_BYTES", 0)
    ask, place = finished.client.http.get, finished.file["content"]
    whole = ask(place)
    assert whole.content == finished.pdf
    assert int(whole.headers["content-length"]) == len(finished.pdf)
    assert whole.headers["content-digest"] == digest(finished.pdf)
    part = ask(place, headers={"Range": "bytes=100-299999"})
    assert (part.status_code, part.content) == (206, finished.pdf[100:300_000])
    assert not list((outside.home.settings.home / "incoming").glob("sending-*"))
    path = outside.home.store.local_path(_key_of(outside, finished.file["id"]))
    path.chmod(0o644)
    path.write_bytes(finished.pdf[:-1] + b"x")
    try:
        answer = ask(place)
        assert (answer.status_code, answer.json()["code"]) == (503, "integrity")
    finally:
        path.write_bytes(finished.pdf)
        path.chmod(0o444)


def _key_of(outside: Outside, file_id: int) -> str:
    with outside.home.database.read() as connection:
        found = read_file(connection, file_id)
    assert found is not None
    return found[0].key


def test_every_access_is_on_the_audit_log(outside: Outside, finished: Finished) -> None:
    def reads() -> list[Any]:
        with outside.home.database.read() as connection:
            assert verify_audit(connection).broken_at is None
            return [e for e in read_audit(connection, finished.dossier_id) if e.action == "file.read"]

    before = len(reads())
    finished.client.http.get(finished.file["content"], headers={"X-Request-Id": "7" * 32})
    finished.client.http.get(finished.file["content"], headers={"Range": "bytes=0-9"})
    whole, part = reads()[before:]
    assert whole.actor.startswith("onestop:")
    assert (whole.details["part"], whole.details["request"]) == ("whole", "7" * 32)
    assert (part.details["part"], part.details["sha256"]) == ("0-9", finished.file["sha256"])


def test_the_cursor_skips_nothing_and_ends(finished: Finished) -> None:
    ask = finished.client.http.get
    everything = ask("/v1/events", params={"limit": 500}).json()["events"]
    one_by_one, after, more = [], 0, True
    while more:
        page = ask("/v1/events", params={"after": after, "limit": 1}).json()
        one_by_one += page["events"]
        after, more = page["next_after"], page["more"]
    assert one_by_one == everything
    sequences = [event["sequence"] for event in everything]
    assert sequences == sorted(set(sequences))
    assert ask("/v1/events", params={"after": after}).json() == {
        "events": [],
        "next_after": after,
        "more": False,
    }


def test_an_acknowledgement_ties_event_file_and_client_once(outside: Outside, finished: Finished) -> None:
    (told,) = finished.event["files"]
    file = {name: told[name] for name in ("ordinal", "rendition", "sha256")}
    asked = {"event_id": finished.event["id"], "files": [file]}
    ask = finished.client.http
    tampered = ask.post("/v1/acks", json=asked | {"files": [file | {"sha256": "0" * 64}]})
    assert (tampered.status_code, tampered.json()["code"]) == (409, "ack_mismatch")
    unknown = ask.post("/v1/acks", json=asked | {"event_id": f"{finished.dossier_id}.9"})
    assert unknown.status_code == 404
    receipts = [ask.post("/v1/acks", json=asked).json() for _ in range(3)]
    assert receipts[0]["complete"]
    assert receipts == [receipts[0]] * 3
    others = outside.onestop("H21").http
    assert others.get("/v1/acks", params={"event_id": finished.event["id"]}).json() == {"receipts": []}
    assert others.post("/v1/acks", json=asked).json()["client"] != receipts[0]["client"]
    seen = outside.staff(Role.OPERATOR).http.get("/v1/acks", params={"event_id": finished.event["id"]}).json()
    assert len(seen["receipts"]) == 2
    with outside.home.database.read() as connection:
        acked = [e for e in read_audit(connection, finished.dossier_id) if e.action == "file.acknowledged"]
    assert len(acked) == 2


def test_a_changed_file_is_not_given_out(outside: Outside, scans: Scans) -> None:
    station = outside.station("600401")
    station.hand_in(scans.good, "H21.99-220914-0077")
    (file,) = station.http.get("/v1/records/H21.99-220914-0077/files").json()["files"]
    assert station.http.get(file["content"]).status_code == 200
    path = outside.home.store.local_path(_key_of(outside, file["id"]))
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b"x")
    answer = station.http.get(file["content"])
    assert (answer.status_code, answer.json()["code"]) == (503, "integrity")
    assert "records/" not in answer.text
