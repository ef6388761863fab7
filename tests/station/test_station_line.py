"""Lines that fail and agents that are killed: everything arrives, once, and nothing is deleted before."""

import base64
import io
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from station_outside import Pages, Station

from scripts.faults.line import GatewaySite, mild_line, play_passage
from workers.station.line import Backoff, Pace, Throttle

SEED = 5


def test_whatever_is_killed_on_a_bad_line_all_arrives_once(tmp_path: Path) -> None:
    site = GatewaySite(tmp_path)
    try:
        site.revive()
        with mild_line(site.port, SEED) as link:
            done = play_passage(site, link, tmp_path, 3, "either", SEED, patience_s=240)
    finally:
        site.stop()
    assert done.wrong == [], done.tell()


class Liar(BaseHTTPRequestHandler):
    """A gateway, or someone in its place, whose receipts are for other bytes than were sent."""

    asked: list[str]

    def do_POST(self) -> None:
        self.asked.append("POST")
        self.rfile.read(int(self.headers["Content-Length"]))
        self.tell(201, {"id": "5f0c2f9e-3f0e-4c39-9d7c-0d9b0a8f6a11"} | OPENED)

    def do_PATCH(self) -> None:
        self.asked.append("PATCH")
        self.rfile.read(int(self.headers["Content-Length"]))
        sha256 = base64.b64decode(self.headers["Repr-Digest"][9:-1]).hex()
        self.tell(201, RECEIPT | {"sha256": sha256[::-1], "size": int(self.headers["Upload-Length"])})

    def do_GET(self) -> None:
        self.tell(404, {"code": "not_found", "title": "Không tìm thấy"})

    def tell(self, status: int, told: dict[str, object]) -> None:
        body = json.dumps(told).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


OPENED: dict[str, object] = {
    **{"record_code": "H21.65-220914-0011", "kind": "intake", "procedure_code": None, "office": "6"},
    **{"station": "1", "state": "open", "label": "", "opened_at": "2026-01-01T00:00:00Z"},
    **{"submitted_at": None, "completed_at": None, "missing_pages": [], "flagged_pages": []},
    "documents": [],
}
RECEIPT: dict[str, object] = {
    **{"dossier_id": "x", "ordinal": 1, "number": 1, "revision": 1, "current": True},
    **{"media_type": "image/jpeg", "received_at": "2026-01-01T00:00:00Z", "fast_look": None},
}


@pytest.fixture
def liar() -> Iterator[tuple[str, list[str]]]:
    Liar.asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), Liar)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", Liar.asked
    server.shutdown()
    server.server_close()


def test_a_scan_is_kept_in_its_place_until_the_receipt_is_for_its_bytes(
    tmp_path: Path, pages: Pages, liar: tuple[str, list[str]]
) -> None:
    station = Station(tmp_path / "scans", liar[0], "key")
    path = station.scan("H21.65-220914-0011/01 Đơn/1.jpg", pages.good)
    station.scan("H21.65-220914-0011/xong.txt", b"1")
    station.start("--keep-days", "0")
    station.await_it(lambda: liar[1].count("PATCH") >= 2)  # it does not tire of a liar
    station.await_it(lambda: station.status()["failing_since"] is not None)
    station.stop()
    told = station.status()
    assert "receipt is for other bytes" in told["failure"]
    assert (told["unsent"], path.read_bytes()) == (1, pages.good)


def test_received_scans_leave_the_archive_after_their_days(station: Station, pages: Pages) -> None:
    folder = "H21.65-220914-0016"
    station.start("--keep-days", "0")
    station.scan(f"{folder}/01 Đơn/1.jpg", pages.good)
    station.scan(f"{folder}/xong.txt", b"1")
    station.await_said(f"{folder}: hoàn thành [complete]")
    station.stop()
    station.start("--keep-days", "0")  # it clears the archive when it starts, and every ten minutes
    station.await_it(lambda: not any(name.endswith(".jpg") for name in station.files()))


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@given(
    first=st.floats(0.01, 10), most=st.floats(10, 1000), failures=st.integers(1, 60), asked=st.floats(0, 1e6)
)
def test_pauses_double_up_to_their_most_and_never_all_alike(
    first: float, most: float, failures: int, asked: float
) -> None:
    clock = Clock()
    backoff = Backoff(first, most, clock)
    assert backoff.left_s == 0
    for _ in range(failures):
        backoff.fail()
    full = min(most, first * 2 ** (failures - 1))
    assert full / 2 - 1e-6 <= backoff.left_s <= full + 1e-6
    backoff.fail(asked)
    assert backoff.left_s <= most + 1e-6
    assert backoff.left_s >= min(asked, most) - 1e-6
    backoff.succeed()
    assert backoff.left_s == 0


@given(st.lists(st.one_of(st.none(), st.tuples(st.integers(1, 10**8), st.floats(0, 1000))), max_size=30))
def test_pieces_are_neither_tiny_nor_huge(seen: list[tuple[int, float] | None]) -> None:
    pace = Pace()
    for one in seen:
        if one is None:
            pace.fail()
        else:
            pace.note(*one)
        assert 16 * 1024 <= pace.piece_bytes <= 8 * 2**20


def test_a_capped_line_carries_the_same_bytes_no_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, data = Clock(), bytes(range(256)) * 256
    monkeypatch.setattr("workers.station.line.time.monotonic", clock)
    monkeypatch.setattr("workers.station.line.time.sleep", lambda s: setattr(Clock, "now", Clock.now + s))
    throttle, began = Throttle(256.0), clock.now
    for _ in range(4):  # the cap holds over requests, too
        assert b"".join(throttle.read(io.BytesIO(data), len(data))) == data
    least_s = (4 * len(data) - 4096) * 8 / 256_000
    assert Clock.now - began >= least_s - 1e-6
