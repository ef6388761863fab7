"""What is odd about the papers of a dossier, as `sohoa status` tells it after a restart."""

import random

from office_outside import RECORD, Office, Papers

from schemas.dossier import RecordStatus
from schemas.findings import FindingCode
from scripts.samples.dossier import write_scans
from scripts.samples.scanning import scan
from scripts.samples.typeset import set_slip


def test_papers_that_disagree_are_told_and_stop_nothing(office: Office, papers: Papers) -> None:
    slip = papers.good.parent / "slip.jpg"
    write_scans(slip, [scan(set_slip(random.Random("slip"), (), "Tinos"), seed=1)])
    office.submit("--pages", "2", "--pages", "1", papers.good, papers.good, slip)
    (waiting,) = RecordStatus.model_validate(office.status()).dossiers
    assert waiting.findings == ()
    office.submit("--wait", "--pages", "2", "--pages", "1", papers.good, papers.good, slip)
    told = RecordStatus.model_validate(office.status()).dossiers
    (dossier,) = [dossier for dossier in told if dossier.id != waiting.id]
    assert dossier.state == "complete"
    found = {finding.code: finding for finding in dossier.findings}
    assert set(found) == {
        FindingCode.PAGE_COUNT_DIFFERS,
        FindingCode.DUPLICATE_PAGE,
        FindingCode.FOREIGN_RECORD_CODE,
    }
    assert found[FindingCode.PAGE_COUNT_DIFFERS].numbers == (2, 1)
    assert found[FindingCode.DUPLICATE_PAGE].papers == (1, 2)
    assert found[FindingCode.FOREIGN_RECORD_CODE].papers == (3,)
    shown = office.run("status", RECORD)
    assert "cần xem lại: duplicate_page (trùng trang): giấy tờ 1 trang 1, giấy tờ 2 trang 1" in shown.stdout


def test_page_counts_that_cannot_be_are_refused(office: Office, papers: Papers) -> None:
    for counts in (["--pages", "0"], ["--pages", "1", "--pages", "1"]):
        assert office.run("submit", "--record", RECORD, *counts, papers.good).returncode == 2
