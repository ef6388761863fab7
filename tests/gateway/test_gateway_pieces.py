"""A page in pieces: whatever came before the line dropped is kept, and the page is taken once."""

import io
import time
from pathlib import Path

import httpx
import pytest
from gateway_outside import Asker, Outside, Scans, digest
from PIL import Image


def send(
    asker: Asker, dossier_id: str, whole: bytes, offset: int, piece: bytes, place: str = "pages/1"
) -> httpx.Response:
    return asker.http.patch(
        f"/v1/dossiers/{dossier_id}/documents/1/{place}",
        content=piece,
        headers={
            "Upload-Offset": str(offset),
            "Upload-Length": str(len(whole)),
            "Repr-Digest": digest(whole),
        },
    )


def sheet(grey: int) -> bytes:
    made = io.BytesIO()
    Image.effect_noise((300, 400), grey).save(made, "PNG")
    return made.getvalue()


def pieces_of(outside: Outside) -> set[Path]:
    return set((outside.home.settings.home / "pieces").iterdir())


def test_a_page_comes_in_pieces_and_is_taken_once(outside: Outside, station: Asker, scans: Scans) -> None:
    before = pieces_of(outside)
    dossier_id, page = station.open()["id"], scans.good
    half = len(page) // 2
    first = send(station, dossier_id, page, 0, page[:half])
    assert (first.status_code, first.json()) == (202, {"offset": half, "length": len(page)})
    assert station.read(dossier_id)["documents"][0]["pages"] == []
    again = send(station, dossier_id, page, 0, page[:half])
    assert (again.status_code, again.json()["code"], again.json()["offset"]) == (409, "upload_offset", half)
    last = send(station, dossier_id, page, half, page[half:])
    assert (last.status_code, last.json()["size"]) == (201, len(page))
    repeated = send(station, dossier_id, page, half, page[half:])
    assert (repeated.status_code, repeated.json()) == (200, last.json())
    whole = station.put(dossier_id, 1, 1, page)
    assert (whole.status_code, whole.json()) == (200, last.json())
    assert pieces_of(outside) == before


def test_what_came_before_the_line_dropped_is_kept(outside: Outside, station: Asker, scans: Scans) -> None:
    dossier_id, page = station.open()["id"], scans.other
    with outside.connect() as line:
        head = (
            f"PATCH /v1/dossiers/{dossier_id}/documents/1/pages/1 HTTP/1.1\r\nHost: x\r\n"
            f"Authorization: {station.http.headers['authorization']}\r\nUpload-Offset: 0\r\n"
            f"Upload-Length: {len(page)}\r\nRepr-Digest: {digest(page)}\r\n"
            f"Content-Length: {len(page)}\r\n\r\n"
        )
        line.sendall(head.encode() + page[:5000])
        deadline = time.monotonic() + 20
        while (asked := send(station, dossier_id, page, 0, b"")).json().get("offset") != 5000:
            assert time.monotonic() < deadline, asked.text
            time.sleep(0.05)
    assert send(station, dossier_id, page, 5000, page[5000:]).status_code == 201


def test_a_document_comes_in_pieces(station: Asker, scans: Scans) -> None:
    dossier_id, file = station.open()["id"], scans.three
    assert send(station, dossier_id, file, 0, file[:1000], "file").status_code == 202
    last = send(station, dossier_id, file, 1000, file[1000:], "file")
    assert (last.status_code, len(last.json()["pages"])) == (201, 3)
    assert send(station, dossier_id, file, 0, b"", "file").status_code == 200


def test_other_bytes_than_announced_are_dropped(outside: Outside, station: Asker) -> None:
    before = pieces_of(outside)
    dossier_id, page = station.open()["id"], sheet(100)
    wrong = send(station, dossier_id, page, 0, b"\0" * len(page))
    assert (wrong.status_code, wrong.json()["code"]) == (422, "digest_mismatch")
    assert pieces_of(outside) == before
    beyond = send(station, dossier_id, page, 0, page + b"more")
    assert (beyond.status_code, beyond.json()["code"]) == (422, "invalid_request")
    assert send(station, dossier_id, page, 0, b"").status_code in {202, 409}
    headers = {"Upload-Offset": "0", "Upload-Length": str(2**33), "Repr-Digest": digest(page)}
    path = f"/v1/dossiers/{dossier_id}/documents/1/pages/1"
    assert station.http.patch(path, content=b"x", headers=headers).status_code == 413


@pytest.mark.parametrize("gone", ["Upload-Offset", "Upload-Length", "Repr-Digest"])
def test_a_piece_says_where_it_belongs(station: Asker, gone: str) -> None:
    headers = {"Upload-Offset": "0", "Upload-Length": "5", "Repr-Digest": digest(b"abcde")}
    del headers[gone]
    path = f"/v1/dossiers/{station.open()['id']}/documents/1/pages/1"
    assert station.http.patch(path, content=b"abc", headers=headers).status_code == 422


def test_a_station_has_few_files_in_part(outside: Outside) -> None:
    station = outside.station("600888")
    dossier_id, pages = station.open()["id"], [sheet(grey) for grey in range(60, 70)]
    before = len(pieces_of(outside))
    for page in pages:
        assert send(station, dossier_id, page, 0, page[:100]).status_code == 202
    most = outside.home.settings.gateway.piecemeal_files
    assert len(pieces_of(outside)) <= before + most
    assert send(station, dossier_id, pages[-1], 0, b"").json()["offset"] == 100
    assert send(station, dossier_id, pages[0], 0, b"").json()["offset"] == 0
