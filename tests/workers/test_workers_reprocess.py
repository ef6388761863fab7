"""`sohoa reprocess` from outside: started, killed, summed up."""

import csv
from pathlib import Path

import pytest
from office_outside import RECORD, Office, Papers

from scripts.bench.reprocess_kills import compare_killed


def test_pages_read_with_a_better_layout_become_a_second_rendition(
    office: Office, papers: Papers, tmp_path: Path
) -> None:
    station = {"SOHOA_STATION": "Ea Kar"}
    done = office.run(
        "submit", "--record", RECORD, "--wait", papers.three, **station, SOHOA_LAYOUT="tesseract"
    )
    assert done.returncode == 0, done.stderr
    (first,) = office.status()["dossiers"][0]["documents"][0]["renditions"]
    before = Path(first["path"]).read_bytes()

    counted = office.run("reprocess", "--station", "Ea Kar", "--dry-run")
    assert counted.stdout.startswith("3 pages of 1 documents in 1 dossiers")
    assert "s a page as measured" in counted.stdout
    assert office.run("reprocess").stdout == "no run; say which pages, or --all\n"

    ran = office.run("reprocess", "--station", "Ea Kar", "--policy", "always", "--out", tmp_path / "summary")
    assert ran.returncode == 0, ran.stderr
    assert "done, 3 of 3 pages" in ran.stdout
    assert "running, 0 of 3 pages" in ran.stderr
    with (tmp_path / "summary" / "run-1.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["page"] for row in rows] == ["1", "2", "3"]
    assert "adopted" in {row["outcome"] for row in rows}
    assert (tmp_path / "summary" / "run-1.png").read_bytes().startswith(b"\x89PNG")

    (dossier,) = office.status()["dossiers"]
    assert dossier["state"] == "complete"
    old, new = dossier["documents"][0]["renditions"]
    assert Path(old["path"]).read_bytes() == before
    assert new["number"] == 2
    verified = office.run("verify", RECORD)
    assert verified.returncode == 0, verified.stdout
    assert verified.stdout.count("equal to what was made of the stored, unchanged originals") == 2


def test_a_run_is_paused_resumed_and_cancelled(office: Office, papers: Papers) -> None:
    office.submit("--wait", papers.good)
    started = office.run("reprocess", "--all", "--no-wait")
    assert "running, 0 of 1 pages" in started.stdout
    assert "paused" in office.run("reprocess", "--run", "1", "--pause").stdout
    assert "paused" in office.run("reprocess", "--run", "1", "--pause").stdout
    resumed = office.run("reprocess", "--run", "1", "--resume")
    assert "done, 1 of 1 pages: 1 same; 0 new renditions" in resumed.stdout, resumed.stderr
    again = office.run("reprocess", "--run", "1", "--cancel")
    assert (again.returncode, again.stderr) == (2, "sohoa: run 1 is done (start another)\n")


def test_a_killed_run_ends_like_one_left_in_peace(tmp_path: Path) -> None:
    peace, war, hit = compare_killed(tmp_path, documents=2, pages=3, kills=2, seed=3)
    assert hit
    assert peace == war
    assert peace.audit_whole
    assert peace.renditions > len(peace.old_renditions)


@pytest.mark.parametrize(
    "arguments",
    [
        ["--run", "7"],
        ["--pause"],
        ["--dry-run"],
        ["--run", "1", "--all"],
        ["--record", "H21.65-220914-9999"],
        ["--all", "--policy", "best"],
    ],
)
def test_wrong_calls_are_exit_code_2(office: Office, arguments: list[str]) -> None:
    done = office.run("reprocess", *arguments)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1
