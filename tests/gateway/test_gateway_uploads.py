"""A hand-over page by page, as a station does it over a line that drops."""

import io
import json
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
from gateway_outside import Asker, Outside, Scans, digest
from PIL import Image

from pipeline.ledger.audit import read_audit


def pdf_of(pages: int) -> bytes:
    made = io.BytesIO()
    sheets = [Image.new("RGB", (400, 600), (255, 255 - n, 255)) for n in range(pages)]
    sheets[0].save(made, "PDF", save_all=True, append_images=sheets[1:], resolution=100)
    return made.getvalue()


def test_the_whole_way_of_a_dossier(outside: Outside, station: Asker, scans: Scans) -> None:
    opened = station.open({"title": "Đơn đề nghị", "pages": 1}, {"title": "Bản sao giấy khai sinh"})
    assert (opened["state"], opened["missing_pages"]) == ("open", ["1:1", "2:1"])
    first = station.put(opened["id"], 1, 1, scans.good)
    assert first.status_code == 201
    look = first.json()["fast_look"]
    assert (look["verdict"], look["label"], look["scan_again"]) == ("readable", "đọc được", False)
    early = station.submit(opened["id"])
    assert (early.status_code, early.json()["code"]) == (409, "pages_missing")
    assert early.json()["missing"] == ["2:1"]
    whole = station.put_file(opened["id"], 2, scans.three)
    assert whole.status_code == 201
    assert [page["number"] for page in whole.json()["pages"]] == [1, 2, 3]
    assert station.submit(opened["id"]).json()["state"] in {"submitted", "processing"}
    done = station.await_rest(opened["id"])
    assert done["state"] == "complete"
    assert [[page["verdict"] for page in paper["pages"]] for paper in done["documents"]] == [
        ["readable"],
        ["readable"] * 3,
    ]
    with outside.home.database.read() as connection:
        actions = [entry.action for entry in read_audit(connection, opened["id"])]
    assert actions[:4] == ["dossier.opened", "page.received", "file.received", "dossier.submitted"]
    assert actions[-1] == "dossier.completed"


def test_the_fast_look_calls_for_a_rescan_while_the_citizen_waits(station: Asker, scans: Scans) -> None:
    dossier_id = station.open()["id"]
    bad = station.put(dossier_id, 1, 1, scans.bad).json()
    assert bad["fast_look"]["scan_again"]
    assert {"code", "label", "advice"} == set(bad["fast_look"]["reasons"][0])
    assert station.read(dossier_id)["flagged_pages"] == ["1:1"]
    again = station.put(dossier_id, 1, 1, scans.good)
    assert (again.status_code, again.json()["revision"]) == (201, 2)
    assert station.read(dossier_id)["flagged_pages"] == []
    station.submit(dossier_id)
    done = station.await_rest(dossier_id)
    assert done["state"] == "complete"
    assert len(done["documents"][0]["renditions"]) == 1


def test_whatever_is_sent_again_answers_the_same(station: Asker, scans: Scans) -> None:
    opened = station.open(key="the-same-request-1")
    assert station.open(key="the-same-request-1")["id"] == opened["id"]
    first = station.put(opened["id"], 1, 1, scans.other)
    again = station.put(opened["id"], 1, 1, scans.other)
    assert (first.status_code, again.status_code) == (201, 200)
    assert first.json() == again.json()
    station.put(opened["id"], 1, 1, scans.good)
    late = station.put(opened["id"], 1, 1, scans.other).json()
    assert (late["revision"], late["current"]) == (1, False)
    (page,) = station.read(opened["id"])["documents"][0]["pages"]
    assert page["revision"] == 2
    states = [station.submit(opened["id"]).status_code for _ in range(2)]
    assert states == [200, 200]
    assert station.put(opened["id"], 1, 1, scans.good).status_code == 200


def test_the_same_at_once_is_taken_once(outside: Outside, station: Asker) -> None:
    sheet = io.BytesIO()
    Image.new("RGB", (300, 400), (250, 250, 250)).save(sheet, "PNG")
    with ThreadPoolExecutor(8) as pool:
        opened = {
            made.result()["id"] for made in [pool.submit(station.open, key="eight-at-once") for _ in range(8)]
        }
        (dossier_id,) = opened
        sent = [pool.submit(station.put, dossier_id, 1, 1, sheet.getvalue()) for _ in range(8)]
        answers = [answer.result() for answer in sent]
    assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
    assert {answer.json()["revision"] for answer in answers} == {1}
    with outside.home.database.read() as connection:
        actions = Counter(entry.action for entry in read_audit(connection, dossier_id))
    assert actions == {"dossier.opened": 1, "page.received": 1}


def test_an_idempotency_key_is_for_one_request(station: Asker) -> None:
    station.open({"title": "Một"}, key="another-request-2")
    answer = station.http.post(
        "/v1/dossiers",
        json={"record_code": "H21.65-220914-0011", "papers": [{"title": "Hai"}]},
        headers={"Idempotency-Key": "another-request-2"},
    )
    assert (answer.status_code, answer.json()["code"]) == (409, "idempotency_conflict")


def test_a_flagged_page_is_scanned_again_after_the_hand_over(station: Asker, scans: Scans) -> None:
    dossier_id = station.open({"title": "Một"}, {"title": "Hai"})["id"]
    station.put(dossier_id, 1, 1, scans.bad)
    station.put(dossier_id, 2, 1, scans.good)
    station.submit(dossier_id)
    waiting = station.await_rest(dossier_id)
    assert (waiting["state"], waiting["flagged_pages"]) == ("needs_rescan", ["1:1"])
    fine = station.put(dossier_id, 2, 1, scans.other)
    assert (fine.status_code, fine.json()["code"]) == (409, "page_not_flagged")
    new = station.put(dossier_id, 2, 2, scans.other)
    assert (new.status_code, new.json()["code"]) == (409, "conflict")
    assert station.put_file(dossier_id, 2, scans.three).status_code == 409
    assert station.put(dossier_id, 1, 1, scans.other).status_code == 201
    assert station.await_rest(dossier_id)["state"] == "complete"


def test_a_supervisor_accepts_what_cannot_be_read(station: Asker, supervisor: Asker, scans: Scans) -> None:
    dossier_id = station.open()["id"]
    station.put(dossier_id, 1, 1, scans.bad)
    path = f"/v1/dossiers/{dossier_id}/documents/1/pages/1/acceptance"
    assert supervisor.http.post(path, json={"reason": "bản gốc mờ"}).status_code == 409
    station.submit(dossier_id)
    station.await_rest(dossier_id)
    assert supervisor.http.post(path, json={"reason": " "}).status_code == 422
    accepted = supervisor.http.post(path, json={"reason": "bản gốc mờ"})
    assert accepted.json()["flagged_pages"] == []
    assert station.await_rest(dossier_id)["state"] == "complete"


def test_fewer_pages_than_declared_need_a_word_and_gaps_are_never_let_through(
    station: Asker, scans: Scans
) -> None:
    dossier_id = station.open({"title": "Một", "pages": 3})["id"]
    station.put(dossier_id, 1, 2, scans.good)
    assert station.submit(dossier_id).json()["missing"] == ["1:1", "1:3"]
    assert station.submit(dossier_id, fewer_pages=True).json()["missing"] == ["1:1"]
    station.put(dossier_id, 1, 1, scans.other)
    assert station.submit(dossier_id, fewer_pages=True).status_code == 200
    assert len(station.await_rest(dossier_id)["documents"][0]["pages"]) == 2


def test_a_file_takes_the_place_of_pages_until_the_hand_over(station: Asker, scans: Scans) -> None:
    dossier_id, paper_file = station.open()["id"], pdf_of(2)
    station.put(dossier_id, 1, 5, scans.good)
    station.put_file(dossier_id, 1, paper_file)
    (paper,) = station.read(dossier_id)["documents"]
    assert [page["number"] for page in paper["pages"]] == [1, 2]
    again = station.put_file(dossier_id, 1, paper_file)
    assert (again.status_code, len(again.json()["pages"])) == (200, 2)


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 422, "invalid_request"),
        ({"Content-Digest": "md5=:1B2M2Y8AsgTpgAmY7PhCfg==:"}, 422, "invalid_request"),
        ({"Content-Digest": "sha-256=:AAAA:"}, 422, "invalid_request"),
        ({"Content-Digest": digest(b"other bytes")}, 422, "digest_mismatch"),
    ],
)
def test_bytes_are_what_their_digest_says(
    station: Asker, scans: Scans, fields: dict[str, str], status: int, code: str
) -> None:
    dossier_id = station.open()["id"]
    path = f"/v1/dossiers/{dossier_id}/documents/1/pages/1"
    answer = station.http.put(path, content=scans.good, headers=fields)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"
    assert station.read(dossier_id)["documents"][0]["pages"] == []


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"", 422, "damaged_input"),
        (b"hello, I am a scan", 415, "unsupported_input"),
        (b"PK\x03\x04" + b"\0" * 200, 415, "unsupported_input"),
        (b"\xff\xd8\xff\xe0" + b"\0" * 500, 422, "damaged_input"),
        (b"%PDF-1.7\n%broken", 422, "damaged_input"),
        (pdf_of(2), 422, "bad_input"),
        (b"\x89PNG\r\n\x1a\n" + b"\0" * (5 * 2**20), 413, "over_limit"),
    ],
)
def test_what_is_no_page_is_refused_at_once(station: Asker, data: bytes, status: int, code: str) -> None:
    dossier_id = station.open()["id"]
    answer = station.put(dossier_id, 1, 1, data)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert station.read(dossier_id)["documents"][0]["pages"] == []


def test_the_verdicts_are_pushed(station: Asker, scans: Scans) -> None:
    dossier_id = station.open()["id"]
    station.put(dossier_id, 1, 1, scans.good)
    with station.http.stream("GET", f"/v1/dossiers/{dossier_id}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        told: list[tuple[str, dict[str, object]]] = []
        kind = ""
        for line in stream.iter_lines():
            name, _, value = line.partition(": ")
            if name == "event":
                kind = value
            elif name == "data":
                told.append((kind, json.loads(value)))
                if kind == "page":  # read before the hand-over; nothing is bound yet
                    assert station.submit(dossier_id).status_code == 200
    assert told[0][0] == "dossier"
    assert ("page", "readable") in [(kind, data.get("verdict")) for kind, data in told]
    assert (told[-1][0], told[-1][1]["state"]) == ("end", "complete")


def test_lists_go_on_where_the_cursor_says(outside: Outside) -> None:
    station = outside.station("600777")
    made = [station.open()["id"] for _ in range(5)]
    seen: list[str] = []
    cursor = None
    while True:
        params = {"limit": 2} | ({"cursor": cursor} if cursor else {})
        told = station.http.get("/v1/dossiers", params=params).json()
        seen += [dossier["id"] for dossier in told["dossiers"]]
        cursor = told["next_cursor"]
        if cursor is None:
            break
    assert seen == made
    for cursor in ("e30=", "WzEuMCwiXHUwMDAwIl0=", "W05hTiwgIngiXQ==", "đ", "%00"):
        assert station.http.get("/v1/dossiers", params={"cursor": cursor}).status_code == 422
    assert station.http.get("/v1/dossiers", params={"state": "complete"}).json()["dossiers"] == []
