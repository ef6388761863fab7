"""The published list of procedures, and papers that are recorded without a scan."""

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import openpyxl
import pytest
from gateway_outside import Outside, Running, Scans
from gateway_process import Process

from pipeline.ledger.procedures import check_procedure, put_procedures
from schemas.errors import BadListError, OverLimitError, ProcedureNotAcceptedError, UnsupportedInputError
from schemas.settings import Settings
from workers.home import open_home
from workers.procedure_list import read_list

LIST = """Mã TTHC;Tên thủ tục hành chính;Tiếp nhận qua BCCI;Hiệu lực từ;Hiệu lực đến;Lý do
1.004884;Cấp giấy phép xây dựng;có;01/07/2026;;
1.001193;Đăng ký khai sinh;không;01/07/2026;;phải có mặt
2.000815;Chứng thực bản sao;x;2026-01-01;30/06/2026;
2.000815;Chứng thực bản sao;không;01/07/2026;;tại chỗ
"""


def write(tmp_path: Path, text: str, name: str = "list.csv") -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8-sig")
    return path


def test_csv_and_xlsx_say_the_same(tmp_path: Path) -> None:
    rows, sha256 = read_list(write(tmp_path, LIST))
    assert [(row.code, row.accepted, row.effective_from.isoformat()) for row in rows] == [
        ("1.004884", True, "2026-07-01"),
        ("1.001193", False, "2026-07-01"),
        ("2.000815", True, "2026-01-01"),
        ("2.000815", False, "2026-07-01"),
    ]
    assert rows[1].reason == "phải có mặt"
    assert len(sha256) == 64
    book = openpyxl.Workbook()
    for line in LIST.splitlines():
        cells: list[object] = list(line.split(";"))
        if cells[3] == "01/07/2026":
            cells[3] = datetime(2026, 7, 1)
        book.active.append(cells)
    book.save(tmp_path / "list.xlsx")
    assert read_list(tmp_path / "list.xlsx")[0] == rows


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (";Tên;có;01/07/2026;;", "code"),
        ("../x;Tên;có;01/07/2026;;", "code"),
        ("1.1;;có;01/07/2026;;", "name"),
        ("1.1;Tên;có lẽ;01/07/2026;;", "accepted"),
        ("1.1;Tên;có;31/02/2026;;", "effective_from"),
        ("1.1;Tên;có;;;", "effective_from"),
        ("1.1;Tên;có;01/07/2026;30/06/2026;", "effective_to"),
        ("1.004884;Tên;có;01/07/2026;;", "row 2"),
    ],
)
def test_every_wrong_row_is_named(tmp_path: Path, row: str, what: str) -> None:
    with pytest.raises(BadListError) as caught:
        read_list(write(tmp_path, f"{LIST}{row}\n{row}\n"))
    assert [number for number, _ in caught.value.rows] == [6, 7]
    assert what in caught.value.rows[0][1]


def test_what_is_no_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadListError, match="head row"):
        read_list(write(tmp_path, "a;b\n1;2\n"))
    with pytest.raises(BadListError):
        read_list(write(tmp_path, LIST.splitlines()[0]))
    (tmp_path / "broken.xlsx").write_bytes(b"PK\x03\x04" + b"x" * 100)
    (tmp_path / "latin.csv").write_bytes(LIST.encode("utf-16"))
    for name in ("broken.xlsx", "latin.csv", "none.csv"):
        with pytest.raises(UnsupportedInputError):
            read_list(tmp_path / name)
    with pytest.raises(OverLimitError):
        read_list(write(tmp_path, LIST + "1.1;Tên;có;01/07/2026;;\n" * 20_001))


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """A gateway with the list imported, and workers."""
    folder = tmp_path_factory.mktemp("listed")
    home = open_home(Settings(home=folder / "home"))
    rows, sha256 = read_list(write(folder, LIST))
    with home.database.write() as connection:
        check_procedure(connection, "9.999999", 0.0)  # no list yet: any is taken
        put_procedures(connection, rows, sha256, "uid:1", 0.0)
        put_procedures(connection, rows, sha256, "uid:1", 0.0)
    running = Running(home, workers=True)
    yield running.outside
    running.stop()
    home.close()


@pytest.mark.parametrize(
    ("code", "day", "refused"),
    [
        ("1.004884", "2026-07-01", None),
        ("1.004884", "2026-06-30", "not on the list"),
        ("1.001193", "2026-07-01", "phải có mặt"),
        ("2.000815", "2026-06-30", None),
        ("2.000815", "2026-07-01", "tại chỗ"),
        ("9.999999", "2026-07-01", "not on the list"),
        (None, "2026-07-01", "no procedure"),
    ],
)
def test_the_day_decides_in_viet_nam(
    listed: Outside, code: str | None, day: str, refused: str | None
) -> None:
    midnight = datetime.fromisoformat(f"{day}T00:00:00+00:00").astimezone(UTC) - timedelta(hours=7)
    with listed.home.database.read() as connection:
        for hours in (0.01, 23.99):
            moment = (midnight + timedelta(hours=hours)).timestamp()
            if refused is None:
                check_procedure(connection, code, moment)
            else:
                with pytest.raises(ProcedureNotAcceptedError, match=refused):
                    check_procedure(connection, code, moment)


def test_the_gateway_refuses_with_the_reason(listed: Outside) -> None:
    station = listed.station("600000")

    def ask(code: str) -> tuple[int, str, str]:
        asked = {"record_code": "H21.65-261124-0001", "procedure_code": code, "papers": [{"title": "Đơn"}]}
        answer = station.http.post(
            "/v1/dossiers", json=asked, headers={"Idempotency-Key": f"procedure-{code}"}
        )
        told = answer.json()
        return answer.status_code, told.get("code", ""), told.get("detail", "")

    assert ask("1.004884")[0] == 201
    assert ask("1.001193") == (
        422,
        "procedure_not_accepted",
        "procedure 1.001193 is not accepted through the post: phải có mặt",
    )
    assert ask("7.000000")[:2] == (422, "procedure_not_accepted")


def test_a_paper_that_is_not_to_be_digitised_is_recorded_without_a_scan(
    listed: Outside, scans: Scans
) -> None:
    station = listed.station("600000")
    asked = {
        "record_code": "H21.65-261124-0002",
        "procedure_code": "1.004884",
        "papers": [{"title": "Căn cước", "not_digitised": "only_shown"}, {"title": "Đơn"}],
    }
    opened = station.http.post(
        "/v1/dossiers", json=asked, headers={"Idempotency-Key": "not-digitised"}
    ).json()
    assert opened["missing_pages"] == ["2:1"]
    assert opened["documents"][0]["not_digitised_label"] == "giấy tờ chỉ xuất trình"
    refused = station.put(opened["id"], 1, 1, scans.good)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    station.put(opened["id"], 2, 1, scans.good)
    station.submit(opened["id"])
    done = station.await_rest(opened["id"])
    assert done["state"] == "complete"
    assert [len(paper["renditions"]) for paper in done["documents"]] == [0, 1]
    asked |= {"papers": asked["papers"][:1]}  # type: ignore[index]
    only = station.http.post("/v1/dossiers", json=asked, headers={"Idempotency-Key": "only-shown"}).json()
    assert station.submit(only["id"]).json()["state"] == "complete"


def test_the_command_takes_a_list_whole_or_not_at_all(tmp_path: Path) -> None:
    process = Process(tmp_path / "home")
    bad = write(tmp_path, f"{LIST}1.1;Tên;có lẽ;01/07/2026;;\n", "bad.csv")
    done = subprocess.run(
        [process.program, "procedures", "import", bad],
        env=process.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 3
    assert "row 6: accepted" in done.stderr
    told = process.run("procedures", "import", write(tmp_path, LIST))
    assert told == "4 procedures, 2 of them accepted by post"
    assert "1.001193" in process.run("procedures", "list")
