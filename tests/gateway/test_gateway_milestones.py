"""The way back, over HTTP: milestones late and twice, a result paper scanned, checked, signed, attached."""

from typing import Any

import httpx
import pytest
from gateway_outside import Asker, Outside, Scans

from schemas.access import Role

RECORD = "H21.65-220914-7001"


def say(asker: Asker, kind: str, at: str, **more: Any) -> httpx.Response:
    body = {"record_code": RECORD, "kind": kind, "occurred_at": at, **more}
    return asker.http.post("/v1/milestones", json={name: it for name, it in body.items() if it is not None})


@pytest.fixture(scope="module")
def client(outside: Outside) -> Asker:
    return outside.onestop("H21.65")


def test_a_record_goes_out_and_comes_back(outside: Outside, scans: Scans, client: Asker) -> None:
    station = outside.station("600700")
    assert say(client, "result_issued", "2022-09-27T09:00:00+07:00").status_code == 201
    came = say(
        station, "received", "2022-09-14T08:30:00+07:00", channel=3, due_at="2022-09-28T17:00:00+07:00"
    )
    assert (came.status_code, came.json()["place"], came.json()["label"]) == (201, "600700", "đã tiếp nhận")
    again = say(
        station, "received", "2022-09-14T01:30:00Z", channel=3, due_at="2022-09-28T10:00:00Z", place="600700"
    )
    assert (again.status_code, again.json()) == (200, came.json())

    intake = station.hand_in(scans.good, RECORD)
    opened = station.http.post(
        "/v1/dossiers",
        json={"record_code": RECORD, "kind": "result", "papers": [{"title": "Giấy phép"}]},
        headers={"Idempotency-Key": "result-of-7001"},
    ).json()
    assert station.put(opened["id"], 1, 1, scans.bad).status_code == 201
    station.submit(opened["id"])
    assert station.await_rest(opened["id"])["state"] == "needs_rescan"  # a result is checked as strictly
    assert station.put(opened["id"], 1, 1, scans.other).status_code == 201
    result = station.await_state(opened["id"], lambda dossier: dossier["state"] == "complete")
    assert result["kind"] == "result"
    for kind, at in (("delivered", "2022-09-29T10:05:00+07:00"), ("posted", "2022-09-27T16:00:00+07:00")):
        assert say(station, kind, at, channel=3).status_code == 201

    told = client.http.get(f"/v1/records/{RECORD}/milestones").json()
    assert [one["kind"] for one in told["milestones"]] == ["received", "result_issued", "posted", "delivered"]
    history = told["history"]
    assert (history["timeliness"], history["channel"], history["return_channel"]) == ("early", 3, 3)
    assert history["office"] == "600700"
    assert history["digitised_at"] is not None
    files = client.http.get(f"/v1/records/{RECORD}/files").json()["files"]
    assert {file["dossier_id"] for file in files} == {intake["id"], result["id"]}

    after, seen = 0, list[dict[str, Any]]()
    while len(seen) < 6:
        page = client.http.get("/v1/events", params={"after": after, "wait": 10, "limit": 500}).json()
        seen += [event for event in page["events"] if event["record_code"] == RECORD]
        after = page["next_after"]
    kinds = [event["kind"] or event["milestone"]["kind"] for event in seen]
    assert sorted(kinds) == sorted(["intake", "result", "received", "result_issued", "posted", "delivered"])
    (milestone,) = (event for event in seen if event["milestone"] and event["milestone"]["kind"] == "posted")
    assert (milestone["type"], milestone["files"], milestone["dossier_id"]) == ("record.milestone", [], None)
    listed = client.http.get("/v1/acks", params={"event_id": milestone["id"]})
    assert listed.json() == {"receipts": []}


def test_a_wrong_report_is_taken_away(client: Asker) -> None:
    wrong = say(client, "delivery_failed", "2022-09-28T08:00:00+07:00", channel=3).json()
    say(client, "supplement_asked", "2022-09-16T08:00:00+07:00", corrects=wrong["id"])
    told = client.http.get(f"/v1/records/{RECORD}/milestones").json()
    assert {one["id"]: one["valid"] for one in told["milestones"]}[wrong["id"]] is False
    assert told["history"]["failed_deliveries"] == 0
    assert told["history"]["supplements"] == 1


def test_who_may_say_what(outside: Outside, client: Asker) -> None:
    station, other = outside.station("600800"), outside.onestop("H22")
    at = "2022-09-20T08:00:00+07:00"
    assert say(station, "result_issued", at).status_code == 403
    assert say(station, "posted", at, place="600700").status_code == 403
    assert say(other, "posted", at).status_code == 404
    assert say(outside.staff(Role.OPERATOR), "posted", at).status_code == 403
    assert other.http.get(f"/v1/records/{RECORD}/milestones").status_code == 404
    assert station.http.get(f"/v1/records/{RECORD}/milestones").status_code == 404
    record = "H21.65-220914-7002"  # of a record that was never scanned, too
    body = {"record_code": record, "kind": "received", "occurred_at": at, "channel": 1}
    assert client.http.post("/v1/milestones", json=body).status_code == 201
    assert client.http.get(f"/v1/records/{record}/milestones").json()["history"]["channel"] == 1


@pytest.mark.parametrize(
    ("at", "status"),
    [
        ("2022-09-20T08:00:00", 422),
        ("2022-09-20 08:00:00+07:00", 422),
        ("2022-13-20T08:00:00Z", 422),
        ("20220920T080000Z", 422),
        (1_664_000_000, 422),
        ("9999-12-31T23:59:59Z", 409),
        ("0001-01-01T00:00:00+23:59", 409),
        ("1999-12-31T23:59:59Z", 409),
        ("2022-09-20t08:00:00.123456789z", 201),
    ],
)
def test_times_are_as_they_are_told(client: Asker, at: Any, status: int) -> None:
    assert say(client, "handed_over", at).status_code == status
