"""A station from the scanner's folder to the gateway's verdict, with real commands on real sockets."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
from gateway_outside import Outside
from sqlalchemy import select
from station_outside import SOHOA, Pages, Station

from schemas.tables import originals

RECORD = "H21.65-220914-0011"


def state_of(station: Station, folder: str) -> dict[str, Any]:
    told = station.status()
    return next((one for one in told.get("waiting", []) if one["folder"] == folder), {})


def held(gateway: Outside) -> set[str]:
    """SHA-256 of every scan that the gateway has."""
    with gateway.home.database.read() as connection:
        return set(connection.execute(select(originals.c.sha256)).scalars())


def test_from_the_scanner_to_the_verdict(station: Station, gateway: Outside, pages: Pages) -> None:
    folder = f"{RECORD}__1.004884"
    station.start()
    station.scan(f"{folder}/01 Đơn đề nghị/0001.jpg", pages.good)
    station.scan(f"{folder}/01 Đơn đề nghị/0002.jpg", pages.bad)
    station.scan(f"{folder}/02 Giấy khai sinh.tif", pages.two)
    station.scan("0003.jpg", pages.other)

    # The fast look, before anything is sent: its reason, what to do, and what keeps the dossier.
    station.await_said("trang 1:2: không đọc được [unreadable]")
    station.await_said("quét lại ở 300 dpi")
    station.await_said("tạo tệp xong.txt")
    station.await_said("0003.jpg: tệp lẻ")
    station.await_it(lambda: station.status().get("unsent") == 3)
    assert state_of(station, folder)["stage"] == "gathering"
    page = station.page()
    assert "class=bad>không đọc được [unreadable]" in page.text
    assert "[loose_file]" in page.text
    assert station.page("thumbnails/1.jpg").content.startswith(b"\xff\xd8\xff")
    assert "sohoa_station_spool_scans 3" in station.page("metrics").text

    station.scan(f"{folder}/xong.txt", b"4")
    station.await_it(lambda: state_of(station, folder).get("state") == "needs_rescan")
    station.await_said("CẦN QUÉT LẠI [needs_rescan]")
    sent = {hashlib.sha256(data).hexdigest() for data in (pages.good, pages.bad, pages.two)}
    assert sent <= held(gateway)
    assert station.status()["unsent"] == 0

    station.scan(f"{folder}/01 Đơn đề nghị/0002.jpg", pages.other)
    station.await_said(f"{folder}: hoàn thành [complete]")
    station.await_it(lambda: not (station.folder / folder).exists())
    left = station.files()
    assert {name.partition("/")[0] for name in left} == {"_archive", "0003.jpg"}
    archived = {path.read_bytes() for path in (station.folder / "_archive").rglob("*.*") if path.is_file()}
    assert archived == {pages.good, pages.bad, pages.other, pages.two, b"4"}
    assert (station.folder / "0003.jpg").read_bytes() == pages.other


def test_announced_papers_are_sent_while_they_are_scanned(station: Station, pages: Pages) -> None:
    station.scan(
        "Quầy 3/record.toml",
        f'record = "{RECORD}"\n[[papers]]\ntitle = "Quyết định"\npages = 2\n'.encode(),
    )
    station.start()
    station.scan("Quầy 3/01 - Quyết định/trang 1.jpg", pages.good)
    station.await_it(
        lambda: state_of(station, "Quầy 3").get("stage") == "open" and station.status()["unsent"] == 0
    )
    station.await_said("trang 1:1: đọc được [readable]; đã nhận")  # read, though nothing is handed in
    station.scan("Quầy 3/xong.txt", b"1")
    station.await_said("pages_missing")  # two were announced
    station.scan("Quầy 3/01 - Quyết định/trang 2.jpg", pages.other)
    station.await_said("xong.txt khai 1 trang, mới có 2 trang")
    station.scan("Quầy 3/xong.txt", b"2")
    station.await_said("Quầy 3: hoàn thành [complete]")


def test_a_mark_that_is_there_before_the_pages_waits_for_them(station: Station, pages: Pages) -> None:
    folder = "H21.65-220914-0017"
    station.scan(f"{folder}/xong.txt", b"2")
    station.start()
    station.scan(f"{folder}/01 Đơn/1.jpg", pages.good)
    station.await_said("xong.txt khai 2 trang, mới có 1 trang")
    station.scan(f"{folder}/02 Giấy khai sinh/1.jpg", pages.other)
    station.await_said(f"{folder}: hoàn thành [complete]")


def test_scans_of_the_same_record_after_it_was_complete_are_another_dossier(
    station: Station, gateway: Outside, pages: Pages
) -> None:
    folder = "H21.65-220914-0044"
    station.start()
    for number, data in enumerate((pages.good, pages.other), 1):
        station.scan(f"{folder}/01 Đơn/1.jpg", data)
        station.scan(f"{folder}/xong.txt", b"1")
        station.await_it(lambda: not (station.folder / folder).exists())
        http = gateway.ask_as(station.key).http
        told = http.get("/v1/dossiers").json()["dossiers"]
        assert [(one["record_code"], one["state"]) for one in told] == [(folder, "complete")] * number


def test_what_is_no_scan_is_refused_and_stays(station: Station, gateway: Outside, pages: Pages) -> None:
    folder, before = "H21.65-220914-0012", held(gateway)
    station.start(SOHOA_STATION_GIVE_UP_S="1", SOHOA_STATION_MAX_PIXELS="9000000")
    station.scan(f"{folder}/01 Đơn/1.jpg", pages.good[: len(pages.good) // 2])
    station.scan(f"{folder}/01 Đơn/2.jpg", b"this is no picture, whatever its name says\n" * 9)
    station.scan(f"{folder}/01 Đơn/3.jpg", pages.good[:5000] + b"\0" * 9000 + b"\xff\xd9")
    station.scan(f"{folder}/01 Đơn/4.png", make_bomb())
    for said in (
        "trang 1:1: tệp bị cắt cụt",
        "trang 1:2: không phải ảnh",
        "trang 1:3: tệp hỏng",
        "trang 1:4: tệp quá lớn",
    ):
        station.await_said(said)
    station.scan(f"{folder}/xong.txt", b"4")
    station.scan(f"{folder}/01 Đơn/5.jpg", pages.good)
    station.await_it(lambda: station.status()["unsent"] == 0 and "trang 1:5" in station.said())
    assert held(gateway) - before <= {hashlib.sha256(pages.good).hexdigest()}
    assert state_of(station, folder)["stage"] == "open"  # never handed in with pages that were refused
    assert f"{folder}/01 Đơn/1.jpg" in station.files()


def make_bomb() -> bytes:
    """A PNG of 10,000 x 10,000 pixels in a few kilobytes."""
    import io

    from PIL import Image

    made = io.BytesIO()
    Image.new("1", (10_000, 10_000)).save(made, "PNG")
    return made.getvalue()


def test_the_page_is_for_this_machine_and_this_dossier(station: Station, pages: Pages) -> None:
    station.start()
    station.scan("H21.65-220914-0013/01 Đơn <b>/1.jpg", pages.good)
    station.await_said("0013 trang 1:1")
    station.scan("H21.65-220914-0014/01 Đơn/1.jpg", pages.bad)
    station.await_said("0014 trang 1:1")
    page = station.page()
    assert "H21.65-220914-0014" in page.text
    assert "H21.65-220914-0013" not in page.text
    assert station.page("thumbnails/2.jpg").status_code == 200
    assert station.page("thumbnails/1.jpg").status_code == 404  # another dossier's
    for path in ("thumbnails/99999.jpg", "thumbnails/../spool.sqlite3", "thumbnails/-1.jpg", "x"):
        assert station.page(path).status_code == 404
    for host in ("evil.example", "evil.example:80", "169.254.169.254"):
        assert station.page(Host=host).status_code == 421
    assert httpx.post(station.url()).status_code == 501
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy and "script" not in policy
    assert "<script" not in page.text
    address = station.url().removeprefix("http://").rstrip("/")
    assert address.startswith("127.0.0.1:")


def test_one_agent_a_folder(station: Station) -> None:
    station.start()
    station.url()
    second = station.start("--page-port", "-1")
    assert second.wait(60) == 2
    station.await_said("another agent watches this folder")


def test_a_wrong_key_loses_nothing(
    station: Station, stranger: Station, gateway: Outside, pages: Pages
) -> None:
    folder = "H21.65-220914-0015"
    path = stranger.scan(f"{folder}/01 Đơn/1.jpg", pages.good)
    stranger.scan(f"{folder}/xong.txt", b"1")
    stranger.start()
    stranger.await_said("mất liên lạc với máy chủ")
    told = stranger.await_it(lambda: stranger.status() if stranger.status()["failing_since"] else None)
    assert "[unauthenticated]" in told["failure"]
    assert path.read_bytes() == pages.good
    stranger.stop()
    station.start()
    station.await_said(f"{folder}: hoàn thành [complete]")
    assert "key" not in station.files()


def test_commands_that_cannot_work_say_so(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a-key\n")
    for arguments in (
        ["station", "watch", str(tmp_path / "none"), "--server", "http://127.0.0.1:1", "--key-file", "none"],
        [
            "station",
            "watch",
            str(tmp_path),
            "--server",
            "http://10.0.0.1",
            "--key-file",
            str(tmp_path / "key"),
        ],
        ["station", "status", str(tmp_path)],
    ):
        ended = subprocess.run([*SOHOA, *arguments], capture_output=True, text=True, check=False)
        assert ended.returncode == 2
        assert ended.stderr.startswith("sohoa: ")


ALLOWED = {
    *("annotated_doc", "annotated_types", "anyio", "certifi", "click", "dotenv", "h11", "httpcore", "httpx"),
    *("idna", "markdown_it", "mdurl", "numpy", "platformdirs", "pydantic", "pydantic_core", "rich", "typer"),
    *("pydantic_settings", "pygments", "shellingham", "sniffio", "typing_extensions", "typing_inspection"),
}
"""What a station's computer needs for the agent itself; its child needs OpenCV and Pillow, too."""

LIST_LOADED = """
import json, sys
from pathlib import Path
from scripts.cli import station
from scripts.cli.through_gateway import read_key
from schemas.station import StationSettings
from workers.station.agent import Agent, Errand
from workers.station.terminal import Terminal
agent = Agent(Errand(Path(sys.argv[1]), "http://127.0.0.1:1", "key", StationSettings()))
Terminal().show(agent.make_board())
names = {name.partition(".")[0] for name, module in sys.modules.items()
         if "site-packages" in (getattr(module, "__file__", None) or "")}
print(json.dumps(sorted(names)))
"""


def test_the_agent_is_light(tmp_path: Path) -> None:
    listed = subprocess.run(
        [sys.executable, "-c", LIST_LOADED, str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert listed.returncode == 0, listed.stderr
    loaded = {name for name in json.loads(listed.stdout.splitlines()[-1]) if not name.startswith("_")}
    assert loaded <= ALLOWED
    assert not loaded & {"cv2", "tesserocr", "pikepdf", "pyhanko", "sqlalchemy", "fastapi", "minio", "PIL"}
