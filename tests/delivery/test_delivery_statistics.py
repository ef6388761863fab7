"""Statistics from a ledger: counted right, by indexes, in every form, of no citizen."""

import csv
import io
import json
import subprocess
import sys
from collections import Counter
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from delivery_office import Office
from openpyxl import load_workbook
from sqlalchemy import Connection, event

from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.ledger.statistics import measure_period, read_post_procedures
from pipeline.statistics.periods import split_span
from schemas.access import Principal, Role
from schemas.statistics import Dimension, PeriodKind, Report
from scripts.bench.report import Rows, fill_ledger, make_rows
from scripts.reporting.page import write_page
from scripts.reporting.plain import write_csv, write_table
from scripts.reporting.workbook import write_workbook
from workers.statistics import make_report

COUNT = 3000
YEAR = (date(2026, 1, 1), date(2026, 12, 31))


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Database:
    database = open_database(sqlite_url(tmp_path_factory.mktemp("many") / "ledger.sqlite3"))
    with database.write() as connection:
        fill_ledger(connection, COUNT, 1)
    return database


@pytest.fixture(scope="module")
def rows() -> list[Rows]:
    return list(make_rows(COUNT, 1))


def test_the_report_counts_what_is_there(ledger: Database, rows: list[Rows]) -> None:
    """Against the same rows counted in plain Python."""
    report = make_report(ledger, date(2025, 12, 1), date(2027, 3, 1), PeriodKind.MONTH, list(Dimension))
    histories = [row[1] for row in rows]
    scanned = [row[2] for row in rows if row[2] is not None]
    counts, late = report.total.counts, Counter(one["timeliness"] for one in histories)
    assert counts.received == COUNT
    assert counts.received_by_post == sum(one["channel"] == 3 for one in histories)
    assert (counts.early, counts.on_time, counts.late) == (late["early"], late["on_time"], late["late"])
    assert counts.returned_by_post == sum(one["return_channel"] == 3 for one in histories)
    assert counts.digitised == len(scanned)
    assert counts.pages == sum(one["page_total"] for one in scanned)
    assert counts.rescans == sum(one["rescans"] for one in scanned)
    attached = sorted(
        one["attached_at"] - one["submitted_at"] for one in scanned if one["attached_at"] is not None
    )
    assert counts.attached == len(attached)
    median = attached[(len(attached) + 1) // 2 - 1]
    assert report.total.latency_median_s is not None
    assert 0 <= report.total.latency_median_s - median < (1 if median < 120 else 60)
    of_one = [line for line in report.lines if line.key.office == scanned[0]["office"]]
    assert sum(line.counts.dossiers for line in of_one) == sum(
        one["office"] == scanned[0]["office"] for one in scanned
    )
    months = make_report(ledger, *YEAR, PeriodKind.MONTH, [Dimension.PERIOD])
    whole = make_report(ledger, *YEAR, PeriodKind.ALL, [])
    assert months.total == whole.total
    assert months.index == whole.index


def test_a_client_is_told_of_its_own_agencies(ledger: Database, rows: list[Rows]) -> None:
    reader = Principal("c", Role.ONESTOP, agencies=("H21.1",))
    report = make_report(ledger, *YEAR, PeriodKind.ALL, [Dimension.AGENCY], reader)
    assert {line.key.agency for line in report.lines} == {"H21.1"}  # not H21.10
    mine = [row[1] for row in rows if row[1]["agency"] == "H21.1"]
    assert report.total.counts.received == len(mine)


def test_queries_go_by_indexes(ledger: Database) -> None:
    found: list[str] = []

    def note(connection: Connection, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            found.extend(row[3] for row in plan)

    (period,) = split_span(date(2026, 5, 1), date(2026, 5, 31), PeriodKind.ALL)
    with ledger.read() as connection:
        event.listen(connection, "before_cursor_execute", note)
        list(measure_period(connection, period, list(Dimension), None))
        read_post_procedures(connection, period, ("2026-05-01", "2026-05-31"), None)
        event.remove(connection, "before_cursor_execute", note)
    for index in ("received_at", "result_at", "returned_at"):
        assert any(f"ix_record_histories_{index}" in line for line in found), found
    assert any("ix_dossiers_submitted_at" in line for line in found)
    assert [line for line in found if line.startswith("SCAN") and "procedures" not in line] == []


@pytest.fixture(scope="module")
def report(ledger: Database) -> Report:
    return make_report(
        ledger, *YEAR, PeriodKind.QUARTER, [Dimension.PERIOD, Dimension.CHANNEL, Dimension.OFFICE]
    )


def test_every_form_says_the_same(report: Report, tmp_path: Path) -> None:
    received = report.total.counts.received
    table = write_table(report)
    assert f"{received:,}".replace(",", ".") in table
    lines = list(csv.DictReader(io.StringIO(write_csv(report).removeprefix("\ufeff"))))
    assert len(lines) == len(report.lines) + 1
    assert sum(int(line["Tiếp nhận"]) for line in lines[:-1]) == received == int(lines[-1]["Tiếp nhận"])
    place = tmp_path / "report.xlsx"
    write_workbook(report, place)
    book = load_workbook(place)
    detail = [[cell.value for cell in row] for row in book["Chi tiết"].iter_rows()]
    column = detail[0].index("Tiếp nhận")
    assert sum(row[column] for row in detail[1:-1]) == received == detail[-1][column]
    assert len(book["Tổng hợp"]._charts) == 3
    page = write_page(report)
    assert "<script" not in page
    for svg in page.split("<svg")[1:]:
        ElementTree.fromstring("<svg" + svg.partition("</svg>")[0] + "</svg>")  # noqa: S314 -- our own


def test_no_cell_is_a_formula_or_markup(ledger: Database, tmp_path: Path) -> None:
    from dataclasses import replace

    made = make_report(ledger, *YEAR, PeriodKind.ALL, [Dimension.OFFICE])
    evil = '=HYPERLINK("http://x","<b>")'
    line = replace(made.lines[0], key=replace(made.lines[0].key, office=evil))
    made = replace(made, lines=(line,))
    assert "'=HYPERLINK" in write_csv(made)
    place = tmp_path / "evil.xlsx"
    write_workbook(made, place)
    assert load_workbook(place)["Chi tiết"]["A2"].data_type == "s"
    assert "<b>" not in write_page(made).replace("<b>0", "").split("<tbody>")[1]


def test_the_command_reports_a_whole_office(office: Office, tmp_path: Path) -> None:
    office.finish("H21.65-220914-0011", pages=2)

    def run(*arguments: str | Path, code: int = 0) -> str:
        done = subprocess.run(
            [Path(sys.executable).with_name("sohoa"), "report", *arguments],
            env=office._environ({}),
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == code, done.stderr
        return done.stdout

    table = run()
    assert "Tỷ lệ hồ sơ được tiếp nhận qua BCCI" in table
    assert "100,0 %" in table
    for form in ("csv", "html", "xlsx"):
        place = tmp_path / f"report.{form}"
        run("--format", form, "--out", place, "--by", "agency", "--by", "channel", "--period", "all")
        data = place.read_bytes()
        assert data
        assert "Nguyễn".encode() not in data  # a paper's title has a name in it
    assert "H21.65,bưu chính công ích,1,1,1.0" in (tmp_path / "report.csv").read_text()
    assert run("--from", "2000-01-01", "--to", "2000-12-31", "--format", "csv").count("\n") == 2
    run("--from", "2026-02-01", "--to", "2026-01-01", code=2)
    assert json.dumps(table)
