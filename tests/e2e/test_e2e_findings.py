"""What is odd about the pages of one paper, as `sohoa digitize` tells it."""

import json
import random
from pathlib import Path

import pytest
from sohoa_command import Sohoa

from schemas.findings import FINDING_ADVICE, FINDING_LABELS, DossierFinding, FindingCode
from schemas.report import DocumentReport
from scripts.cli.findings import tell_clerk, tell_finding
from scripts.samples.dossier import write_scans
from scripts.samples.papers import render_paper
from scripts.samples.scanning import scan
from scripts.samples.typeset import set_card


def test_a_page_scanned_twice_and_upside_down_is_told_everywhere(tmp_path: Path, sohoa: Sohoa) -> None:
    first, second = (set_card(random.Random(f"card {number}"), "Arimo") for number in (5, 8))
    contract = render_paper("long", 4).pages
    twice = [scan(first, seed=1), scan(second, seed=2), scan(first, seed=3, skew_deg=0.8, dpi=240)]
    write_scans(tmp_path / "the.pdf", twice)
    write_scans(
        tmp_path / "hop-dong.tif",
        [
            scan(contract[0], seed=4, dpi=200),
            scan(contract[2], seed=5, dpi=200, quarter_turn=180),
            scan(contract[0], seed=6, dpi=200),
        ],
    )
    inputs = (tmp_path / "the.pdf", tmp_path / "hop-dong.tif")
    ended = sohoa("digitize", *inputs, "--out", tmp_path / "out", "--html", "--no-sign")
    assert ended.returncode == 0, ended.stderr
    reports = {}
    for path in inputs:
        told = json.loads((tmp_path / "out" / f"{path.stem}.json").read_text(encoding="utf-8"))
        reports[path.stem] = DocumentReport.model_validate(told)
    (card,) = reports["the"].findings
    assert (card.code, [place.page for place in card.pages]) == (FindingCode.DUPLICATE_PAGE, [1, 3])
    found = {finding.code: finding for finding in reports["hop-dong"].findings}
    assert set(found) == {
        FindingCode.PAGE_NUMBER_MISSING,
        FindingCode.DUPLICATE_PAGE,
        FindingCode.MIXED_ORIENTATION,
    }
    assert [place.page for place in found[FindingCode.MIXED_ORIENTATION].pages] == [2]
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    for path, report in zip(inputs, reports.values(), strict=True):
        for finding in report.findings:
            assert f"{path}: {tell_finding(finding, one_paper=True)}" in ended.stderr
            assert tell_clerk(finding, one_paper=True)[0] in html


def test_reports_from_before_there_were_findings_are_still_read() -> None:
    schema = DocumentReport.model_json_schema(by_alias=True)
    assert "findings" not in schema["required"]
    assert "trace" not in schema["$defs"]["PageReport"]["required"]


@pytest.mark.parametrize(
    ("finding", "told"),
    [
        ({"code": "page_count_differs", "numbers": (5, 4)}, "giấy tờ 1 khai 5 trang, quét 4 trang"),
        (
            {"code": "page_number_missing", "numbers": (3,), "pages": [(1, 2), (1, 3)]},
            "số 3 (giữa giấy tờ 1 trang 2 và giấy tờ 1 trang 3)",
        ),
        ({"code": "page_number_missing", "numbers": range(3, 9), "pages": [(1, 2)]}, "số 3 đến 8"),
        ({"code": "page_number_out_of_order", "numbers": (3, 2), "pages": [(1, 2)]}, "số 3 rồi đến 2"),
        ({"code": "duplicate_page", "pages": [(1, 2), (2, 1)]}, "giấy tờ 1 trang 2, giấy tờ 2 trang 1"),
        ({"code": "mixed_orientation", "pages": [(1, 2)]}, "giấy tờ 1 trang 2"),
        (
            {"code": "foreign_record_code", "record_codes": ("H99.12-261124-0001",), "pages": [(1, 2)]},
            "H99.12-261124-0001 (giấy tờ 1 trang 2)",
        ),
    ],
)
def test_every_finding_is_told_in_words(finding: dict[str, object], told: str) -> None:
    places = [{"paper": paper, "page": page} for paper, page in finding.pop("pages", [])]  # type: ignore[attr-defined]
    made = DossierFinding.model_validate({"papers": (1,), "pages": places, **finding})
    assert told in tell_finding(made) and FINDING_LABELS[made.code] in tell_finding(made)
    assert tell_clerk(made)[1] == FINDING_ADVICE[made.code]


def test_every_finding_has_a_label_and_an_advice() -> None:
    assert set(FINDING_LABELS) == set(FINDING_ADVICE) == set(FindingCode)
