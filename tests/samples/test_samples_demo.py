"""The demo on a fresh folder: it holds, leaves what it says, and touches nothing that is not its own."""

from pathlib import Path

import pytest
import typer
from PIL import Image

from schemas.errors import OutputError
from scripts.walkthrough import walk


def test_the_demo_holds_and_leaves_signed_pdfs_and_a_picture(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    walk(tmp_path, keep_home=False)
    said = capsys.readouterr().out
    assert "✗" not in said
    assert "Hồ sơ: needs_rescan" in said and "Hồ sơ: complete" in said
    assert "không đọc được" in said and "ảnh mờ nhòe" in said
    assert said.count("signature verifies") == 5
    findings = {line.split()[3] for line in said.splitlines() if "cần xem lại:" in line}
    assert findings == {"mixed_orientation"}  # the receipt's first page lay on its side
    for line in said.splitlines():
        if line.endswith(".pdf"):
            assert Path(line.strip()).read_bytes().startswith(b"%PDF-")
    with Image.open(tmp_path / "contact-sheet.png") as sheet:
        assert sheet.width == 1600
    assert (tmp_path / "contact-sheet.png").stat().st_size < 600_000
    report = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert report.count('class="page unreadable"') == 1
    assert "giữ phẳng giấy" in report  # what the clerk does about it
    assert report.count("lần quét 2") == 1


def test_a_home_that_is_no_demos_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "home" / "ledger.sqlite3"
    precious.parent.mkdir()
    precious.write_bytes(b"precious")
    with pytest.raises(OutputError, match="not made by a demo"):
        walk(tmp_path, keep_home=False)
    assert precious.read_bytes() == b"precious"


def test_a_demo_that_does_not_hold_says_so_and_exits_with_70(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The clerk hands in the blurred page again: the dossier must not be called complete."""
    import dataclasses

    from scripts.samples.dossier import DemoDossier, write_demo_dossier, write_scans

    def write_without_good_rescan(folder: Path) -> DemoDossier:
        dossier = write_demo_dossier(folder)
        bad = dossier.documents[dossier.bad_ordinal - 1].pages[dossier.bad_page - 1]
        write_scans(dossier.rescan_file, [bad.scan])
        only = dataclasses.replace(dossier.documents[dossier.bad_ordinal - 1], ordinal=1)
        return dataclasses.replace(dossier, documents=(only,), bad_ordinal=1, rescan=bad)

    monkeypatch.setitem(walk.__globals__, "write_demo_dossier", write_without_good_rescan)
    with pytest.raises(typer.Exit) as ended:
        walk(tmp_path, keep_home=False)
    assert ended.value.exit_code == 70
    assert "✗ the dossier is complete" in capsys.readouterr().out
