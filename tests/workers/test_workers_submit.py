"""`sohoa submit` and `sohoa status` from outside."""

import json

import pytest
from office_outside import RECORD, Office, Papers

from schemas.dossier import RecordStatus
from schemas.settings import Settings
from workers.embedded import EmbeddedOffice


def test_an_unreadable_page_waits_for_its_rescan(office: Office, papers: Papers) -> None:
    done = office.run(
        "submit", "--record", RECORD, "--title", "Đơn đề nghị", "--wait", papers.bad, papers.good
    )
    assert done.returncode == 0, done.stderr
    (dossier_id,) = done.stdout.splitlines()
    assert "page 1:1 of 2: unreadable (không đọc được)" in done.stderr
    (dossier,) = RecordStatus.model_validate(office.status()).dossiers
    assert (dossier.id, dossier.state) == (dossier_id, "needs_rescan")
    assert [document.state for document in dossier.documents] == ["needs_rescan", "complete"]
    assert [document.title for document in dossier.documents] == ["Đơn đề nghị", "good"]
    shown = office.run("status", RECORD)
    assert "không đọc được" in shown.stdout
    assert "cần quét lại" in shown.stdout

    again = office.run("submit", "--record", RECORD, "--replace-page", "1:1", "--wait", papers.good)
    assert again.returncode == 0, again.stderr
    assert again.stdout.strip() == dossier_id
    (dossier,) = RecordStatus.model_validate(office.status()).dossiers
    assert dossier.state == "complete"
    assert dossier.documents[0].pages[0].revision == 2
    assert [len(document.renditions) for document in dossier.documents] == [1, 1]
    with EmbeddedOffice(Settings(home=office.home)) as inside:
        assert len(inside.events()) == 1
        assert len(inside.record_files(RECORD)) == 2


def test_a_supervisor_accepts_a_page(office: Office, papers: Papers) -> None:
    office.submit("--wait", papers.bad)
    assert office.run("submit", "--record", RECORD, "--accept-page", "1:1").returncode == 2
    accepted = office.run(
        "submit", "--record", RECORD, "--accept-page", "1:1", "--reason", "bản gốc mờ", "--wait"
    )
    assert accepted.returncode == 0, accepted.stderr
    (dossier,) = office.status()["dossiers"]
    assert dossier["state"] == "complete"
    assert dossier["documents"][0]["pages"][0]["verdict"] == "unreadable"


def test_one_bad_file_and_nothing_is_registered(office: Office, papers: Papers) -> None:
    bad = papers.good.parent / "not-a-scan.jpg"
    bad.write_text("hello")
    short = papers.good.parent / "missing.pdf"
    done = office.run("submit", "--record", RECORD, papers.good, bad, short)
    assert done.returncode == 3
    lines = done.stderr.splitlines()
    assert [line.split(": ")[:2] for line in lines] == [["sohoa", str(bad)], ["sohoa", str(short)]]
    assert done.stdout == ""
    unknown = office.run("status", RECORD, "--json")
    assert unknown.returncode == 2
    assert unknown.stderr.startswith(f"sohoa: no record {RECORD}")


def test_the_status_is_the_contract(office: Office, papers: Papers) -> None:
    dossier_id = office.submit("--procedure", "1.004884", papers.three)
    (dossier,) = office.status()["dossiers"]
    assert dossier["id"] == dossier_id
    assert (dossier["state"], dossier["procedure_code"]) == ("submitted", "1.004884")
    (document,) = dossier["documents"]
    assert (document["ordinal"], document["state"], document["renditions"]) == (1, "pending", [])
    assert [page["number"] for page in document["pages"]] == [1, 2, 3]
    assert {"revision": 1, "verdict": None, "reasons": []}.items() <= document["pages"][0].items()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--record", "H21"],
        ["--record", "H21.65-220914-0011\n"],
        [],
        ["--record", RECORD, "--title", "one", "--title", "two"],
        ["--record", RECORD, "--title", "two\nlines"],
        ["--record", RECORD, "--replace-page", "0:1"],
        ["--record", RECORD, "--replace-page", "1:1", "--accept-page", "1:1", "--reason", "x"],
        ["--record", RECORD, "--reason", "x"],
        ["--record", RECORD, "--replace-page", "1:7"],
    ],
)
def test_wrong_calls_are_exit_code_2(office: Office, papers: Papers, arguments: list[str]) -> None:
    done = office.run("submit", *arguments, papers.good)
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_status_json_is_all_there_is_on_stdout(office: Office, papers: Papers) -> None:
    office.submit(papers.good)
    assert json.loads(office.run("status", RECORD, "--json").stdout)["record_code"] == RECORD
