"""Everything from outside is hostile: bodies without end, clients without haste, bombs, tricks in names."""

import io
import json
import struct
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from gateway_outside import RECORD, Asker, Outside, Running, digest

from schemas.access import Role
from schemas.gateway_settings import GatewaySettings
from schemas.settings import Limits, Settings
from workers.gateway.gate import pick_address
from workers.home import open_home


def read_all(connection: object) -> bytes:
    """What the gateway says until it hangs up."""
    parts = []
    while True:
        try:
            part = connection.recv(65536)  # type: ignore[attr-defined]
        except ConnectionResetError:
            break
        if not part:
            break
        parts.append(part)
    return b"".join(parts)


@pytest.mark.parametrize("said", [b"", b"GET /heal", b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_does_not_get_to_the_end_of_the_headers_is_hung_up_on(outside: Outside, said: bytes) -> None:
    with outside.connect() as connection:
        connection.sendall(said)
        assert read_all(connection) == b""  # after header_timeout_s


def test_a_second_request_has_the_same_deadline(outside: Outside) -> None:
    with outside.connect() as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\nGET /healthz HTTP/1.1\r\n")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.count(b"HTTP/1.1") == 1


def head(path: str, asker: Asker, *fields: str) -> bytes:
    credential = asker.http.headers["authorization"]
    lines = [f"PUT {path} HTTP/1.1", "Host: x", f"Authorization: {credential}", *fields]
    return ("\r\n".join([*lines, "", ""])).encode()


def test_who_stops_in_the_middle_of_a_body_is_told_so(outside: Outside, station: Asker) -> None:
    path = f"/v1/dossiers/{station.open()['id']}/documents/1/pages/1"
    fields = ("Content-Length: 1000", f"Content-Digest: {digest(b'')}")
    with outside.connect() as connection:
        connection.sendall(head(path, station, *fields) + b"a few bytes")
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 408")
    assert b'"slow_request"' in answer


def test_who_sends_a_byte_now_and_then_is_given_up(outside: Outside, station: Asker) -> None:
    path = f"/v1/dossiers/{station.open()['id']}/documents/1/pages/1"
    fields = ("Content-Length: 100000", f"Content-Digest: {digest(b'')}")
    with outside.connect() as connection:
        connection.sendall(head(path, station, *fields))
        connection.settimeout(0.2)
        answer = b""
        for _ in range(100):
            connection.sendall(b"x")
            try:
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
    assert answer.startswith(b"HTTP/1.1 408")


def test_a_body_of_ten_gigabytes_is_refused_unread(outside: Outside, station: Asker) -> None:
    path = f"/v1/dossiers/{station.open()['id']}/documents/1/pages/1"
    fields = ("Content-Length: 10737418240", f"Content-Digest: {digest(b'')}")
    with outside.connect() as connection:
        connection.sendall(head(path, station, *fields) + b"x" * 1000)
        answer = read_all(connection)
    assert answer.startswith(b"HTTP/1.1 413")
    assert b"connection: close" in answer.lower()


def test_a_body_without_a_length_is_cut_at_the_limit(outside: Outside, station: Asker) -> None:
    path = f"/v1/dossiers/{station.open()['id']}/documents/1/pages/1"
    sent = 0
    with outside.connect() as connection:
        connection.sendall(
            head(path, station, "Transfer-Encoding: chunked", f"Content-Digest: {digest(b'')}")
        )
        try:
            while sent < 2**30:
                connection.sendall(b"100000\r\n" + b"x" * 2**20 + b"\r\n")
                sent += 2**20
        except OSError:
            pass
    assert sent < 64 * 2**20  # 4 MiB are let in, 16 more are read away, the rest is in buffers
    assert not list((outside.home.settings.home / "incoming").iterdir())


def test_a_json_body_has_a_limit_too(station: Asker) -> None:
    answer = station.http.post(
        "/v1/dossiers",
        content=b'{"record_code": "' + b"x" * (2 * 2**20),
        headers={"Content-Type": "application/json", "Idempotency-Key": "a-big-request"},
    )
    assert (answer.status_code, answer.json()["code"]) == (413, "over_limit")


def png(width: int, height: int, rows: bytes) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def tiff_of_a_huge_page() -> bytes:
    """60,000 x 60,000 pixels in a few bytes."""
    tags = [
        (256, 4, 60_000),
        (257, 4, 60_000),
        (258, 3, 8),
        (259, 3, 1),
        (262, 3, 1),
        (273, 4, 8),
        (277, 3, 1),
    ]
    tags += [(278, 4, 60_000), (279, 4, 3_600_000_000)]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", len(tags)) + entries + b"\0\0\0\0"


def tiff_in_a_ring() -> bytes:
    """Its one directory says that the next one is itself."""
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, 1) for tag in (256, 257))
    return b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 2) + entries + struct.pack("<I", 8)


def zip_bomb_in_a_pdf() -> bytes:
    """A page whose picture unpacks to 1 GB."""
    packer = zlib.compressobj(9)
    block = b"\0" * 2**20
    packed = b"".join(packer.compress(block) for _ in range(1024)) + packer.flush()
    picture = b"<< /Type /XObject /Subtype /Image /Width 32768 /Height 32768 /ColorSpace /DeviceGray"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 5 0 R"
        b" /Resources << /XObject << /I 4 0 R >> >> >>",
        picture
        + b" /BitsPerComponent 8 /Filter /FlateDecode /Length %d >>\nstream\n" % len(packed)
        + packed
        + b"\nendstream",
        b"<< /Length 27 >>\nstream\n595 0 0 842 0 0 cm /I Do   \nendstream",
    ]
    made = io.BytesIO(b"")
    made.write(b"%PDF-1.4\n")
    for number, body in enumerate(objects, 1):
        made.write(b"%d 0 obj\n" % number + body + b"\nendobj\n")
    made.write(b"trailer << /Root 1 0 R /Size 6 >>\n%%EOF\n")
    return made.getvalue()


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A gateway that demands TLS of all but a proxy's word, with small limits; no workers."""
    settings = Settings(
        home=tmp_path_factory.mktemp("strict"),
        limits=Limits(decode_cpu_s=3, decode_timeout_s=6.0),
        gateway=GatewaySettings(
            require_tls=True, request_burst=40, requests_per_s=0.01, failed_logins_per_minute=5
        ),
    )
    home = open_home(settings)
    running = Running(home, workers=False)
    yield running.outside
    running.stop()
    home.close()


BY_TLS = {"X-Forwarded-Proto": "https"}


@pytest.mark.parametrize(
    "bomb",
    [
        png(30_000, 30_000, zlib.compress(b"\0" * 2**20)),
        tiff_of_a_huge_page(),
        tiff_in_a_ring(),
        zip_bomb_in_a_pdf(),
    ],
    ids=["png", "tiff", "ring", "pdf"],
)
def test_bombs_are_refused_within_limits(strict: Outside, bomb: bytes) -> None:
    station = strict.station("600000")
    station.http.headers.update(BY_TLS)
    dossier_id = station.open()["id"]
    answer = station.put(dossier_id, 1, 1, bomb)
    assert answer.status_code in {413, 415, 422}, answer.text
    assert station.put_file(dossier_id, 1, bomb).status_code in {413, 415, 422}
    assert station.read(dossier_id)["documents"][0]["pages"] == []


def test_nothing_is_answered_without_tls(strict: Outside) -> None:
    station = strict.station("600001")
    plain = station.http.get("/v1/dossiers")
    assert (plain.status_code, plain.json()["code"]) == (403, "tls_required")
    assert httpx.get(f"{strict.url}/healthz").status_code == 200
    by_tls = station.http.get("/v1/dossiers", headers=BY_TLS)
    assert by_tls.status_code == 200
    assert "max-age" in by_tls.headers["strict-transport-security"]


def test_a_key_has_its_rate_and_an_address_its_failures(strict: Outside) -> None:
    operator = strict.staff(Role.OPERATOR)
    operator.http.headers.update(BY_TLS)
    answers = [operator.http.get("/v1/dossiers") for _ in range(45)]
    assert [answer.status_code for answer in answers[:40]] == [200] * 40
    assert (answers[-1].status_code, answers[-1].json()["code"]) == (429, "rate_limited")
    assert int(answers[-1].headers["retry-after"]) >= 1
    guess = {"Authorization": "Bearer sohoa_st_0000000000_guess", "X-Forwarded-For": "203.0.113.9"} | BY_TLS
    guesses = [httpx.get(f"{strict.url}/v1/dossiers", headers=guess).status_code for _ in range(7)]
    assert guesses == [401] * 5 + [429] * 2
    station = strict.station("600002")
    beside = station.http.get("/v1/dossiers", headers={"X-Forwarded-For": "203.0.113.9"} | BY_TLS)
    assert beside.status_code == 200  # a valid key is not kept out by who guesses beside it
    elsewhere = guess | {"X-Forwarded-For": "203.0.113.10"}
    assert httpx.get(f"{strict.url}/v1/dossiers", headers=elsewhere).status_code == 401


@pytest.mark.parametrize(
    ("peer", "forwarded", "found"),
    [
        ("198.51.100.7", "203.0.113.9", "198.51.100.7"),  # no proxy of ours: its word is nothing
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "10.9.9.9, 203.0.113.9", "203.0.113.9"),  # the client's own addition
        ("127.0.0.1", "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
    ],
)
def test_only_a_trusted_proxy_is_believed(peer: str, forwarded: str, found: str) -> None:
    assert pick_address(peer, forwarded, frozenset({"127.0.0.1"})) == found


@pytest.mark.parametrize(
    "path",
    [
        "/v1/dossiers/../../etc/passwd",
        "/v1/dossiers/..%2f..%2fetc%2fpasswd",
        "/v1/dossiers/%00",
        "/v1/records/..%2f..%2f/files",
        "/v1/records/H21.65-220914-0011%0d%0aX: y/files",
        "/v1/files/1%2f..%2f2/content",
        "/v1/files/-1/content",
        "/v1/files/99999999999999999999999/content",
        "//v1//dossiers",
        "/v1/dossiers/",
        "/docs",
    ],
)
def test_tricks_in_paths_lead_nowhere(outside: Outside, station: Asker, path: str) -> None:
    with outside.connect() as connection:
        credential = station.http.headers["authorization"]
        request = f"GET {path.replace(' ', '%20')} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        connection.sendall(f"{request}Authorization: {credential}\r\n\r\n".encode())
        answer = read_all(connection)
    assert answer.split(b" ")[1] in {b"404", b"422"}, answer
    assert b"application/problem+json" in answer


@pytest.mark.parametrize(
    "asked",
    [
        {"record_code": "../../x", "papers": [{"title": "Một"}]},
        {"record_code": f"{RECORD}\n", "papers": [{"title": "Một"}]},
        {"record_code": "H21.65-٢٢٠٩١٤-0011", "papers": [{"title": "Một"}]},
        {"record_code": RECORD, "papers": [{"title": "Một\nHai"}]},
        {"record_code": RECORD, "papers": [{"title": "Một\u0000"}]},
        {"record_code": RECORD, "papers": [{"title": "\u202egnp.exe"}]},
        {"record_code": RECORD, "papers": [{"title": "Một", "type_code": "../x"}]},
        {"record_code": RECORD, "papers": []},
        {"record_code": RECORD, "papers": [{"title": "Một", "pages": 10**30}]},
        {"record_code": RECORD, "papers": [{"title": "Một"}], "office": "600999"},
        [],
        None,
    ],
)
def test_tricks_in_names_are_refused_without_being_repeated(station: Asker, asked: object) -> None:
    answer = station.http.post(
        "/v1/dossiers",
        content=json.dumps(asked),
        headers={"Content-Type": "application/json", "Idempotency-Key": "tricks-tricks"},
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
    assert "exe" not in answer.text
    assert "600999" not in answer.text


def test_no_browser_page_of_another_origin_may_ask(station: Asker) -> None:
    answer = station.http.options(
        "/v1/dossiers", headers={"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    )
    assert answer.status_code == 405
    answer = station.http.get("/v1/dossiers", headers={"Origin": "https://evil.example"})
    assert not [name for name in answer.headers if name.startswith("access-control")]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert "server" not in answer.headers


def test_leftovers_of_a_dead_process_are_cleared(tmp_path: Path) -> None:
    from workers.gateway.receiving import clear_stale

    clear_stale(tmp_path / "incoming", time.time())
    left = tmp_path / "incoming" / "left"
    left.write_bytes(b"x")
    clear_stale(tmp_path / "incoming", time.time())
    assert left.exists()
    clear_stale(tmp_path / "incoming", time.time() + 2 * 86400)
    assert not left.exists()
