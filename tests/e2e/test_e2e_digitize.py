"""`sohoa digitize` and `verify` as a clerk's script would call them, judged by outside programs."""

import json
import subprocess
from collections import Counter
from importlib.metadata import version
from pathlib import Path

import jsonschema
import pypdfium2
import pytest
from sohoa_command import Sohoa

from schemas.report import DocumentReport
from scripts.samples.dossier import write_demo_dossier


@pytest.fixture(scope="module")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "scans"
    write_demo_dossier(folder)
    return folder


@pytest.fixture(scope="module")
def finished(scans: Path, sohoa: Sohoa) -> Path:
    """Three good papers and one that is no scan at all, digitised in one call."""
    bad = scans / "hong.tif"
    bad.write_bytes(b"II*\x00 cut short")
    out = scans.parent / "finished"
    inputs = [scans / name for name in ("02-to-khai.jpg", "03-cong-van.jpg", "05-giay-tiep-nhan.tif")] + [bad]
    assert len(inputs) == 4
    ended = sohoa("digitize", *inputs, "--out", out)
    assert ended.returncode == 3
    told = [line for line in ended.stderr.splitlines() if line.startswith("sohoa: ")]
    assert len(told) == 1 and str(bad) in told[0]
    assert "Traceback" not in ended.stderr
    bad.unlink()
    return out


def extract_text(pdf: Path, *options: str) -> str:
    return subprocess.run(
        ["pdftotext", *options, pdf, "-"], capture_output=True, text=True, check=True
    ).stdout


def read_words(text: str) -> list[str]:
    return text.replace("\f", " ").split()


def test_each_good_paper_leaves_three_files_and_the_bad_one_none(finished: Path) -> None:
    assert sorted(path.suffix for path in finished.iterdir()) == sorted([".pdf", ".txt", ".json"] * 3)


def test_reports_keep_their_schema_and_agree_with_pdf_and_text(finished: Path) -> None:
    schema = DocumentReport.model_json_schema(by_alias=True)
    for path in finished.glob("*.json"):
        report = json.loads(path.read_text(encoding="utf-8"))
        jsonschema.validate(report, schema)
        assert next(iter(report)) == "schema"
        reported = "\f".join(page["text"] for page in report["pages"])
        assert path.with_suffix(".txt").read_text(encoding="utf-8") == reported
        pdf = path.with_suffix(".pdf")
        assert report["pdf"]["size"] == pdf.stat().st_size
        # word for word in the order of the report, then in the order a viewer makes of the places
        assert read_words(extract_text(pdf, "-raw")) == read_words(reported)
        laid_out, told = (Counter("".join(read_words(text))) for text in (extract_text(pdf), reported))
        assert laid_out == told


def test_qpdf_finds_nothing_and_verify_holds(finished: Path, sohoa: Sohoa) -> None:
    for pdf in finished.glob("*.pdf"):
        assert subprocess.run(["qpdf", "--check", pdf], capture_output=True, check=False).returncode == 0
        ended = sohoa("verify", pdf)
        assert ended.returncode == 0, ended.stdout + ended.stderr
        assert "covers the whole file" in ended.stdout and "TEST certificate" in ended.stdout


def test_verify_refuses_a_changed_file_and_a_stranger(finished: Path, sohoa: Sohoa, tmp_path: Path) -> None:
    pdf = next(iter(finished.glob("*.pdf")))
    changed = tmp_path / "changed.pdf"
    changed.write_bytes(pdf.read_bytes() + b"\n")
    ended = sohoa("verify", changed)
    assert ended.returncode == 1 and "bytes were added" in ended.stdout
    stranger = sohoa("verify", pdf, SOHOA_HOME=str(tmp_path / "other-home"))
    assert stranger.returncode == 1 and "root is not trusted" in stranger.stdout
    assert "Traceback" not in ended.stderr + stranger.stderr
    assert sohoa("verify", tmp_path / "nothing.pdf").returncode == 3


def test_vietnamese_words_are_found_by_the_viewer_of_chromium(finished: Path) -> None:
    """PDFium is Chromium's viewer; it must find and copy the longest words that were read."""
    for path in finished.glob("*.json"):
        report = json.loads(path.read_text(encoding="utf-8"))
        with pypdfium2.PdfDocument(path.with_suffix(".pdf")) as pdf:
            for number, page in enumerate(report["pages"]):
                words = sorted({w for w in page["text"].split() if w.isalpha()}, key=len)[-5:]
                textpage = pdf[number].get_textpage()
                assert words and all(textpage.search(word).get_next() for word in words)


def test_the_version_is_told(sohoa: Sohoa) -> None:
    ended = sohoa("--version")
    assert (ended.returncode, ended.stdout) == (0, f"sohoa {version('sohoa')}\n")


def test_outputs_that_would_replace_each_other_are_refused(scans: Path, sohoa: Sohoa, tmp_path: Path) -> None:
    scan = scans / "02-to-khai.jpg"
    twin = tmp_path / scan.name
    twin.write_bytes(scan.read_bytes())
    ended = sohoa("digitize", scan, twin, "--out", tmp_path / "out")
    assert ended.returncode == 2 and not (tmp_path / "out").exists()


def test_an_output_folder_that_is_a_file_ends_with_5(scans: Path, sohoa: Sohoa, tmp_path: Path) -> None:
    (tmp_path / "out").write_bytes(b"")
    ended = sohoa("digitize", scans / "02-to-khai.jpg", "--out", tmp_path / "out", "--quiet")
    assert ended.returncode == 5 and ended.stderr.startswith("sohoa: ")
    assert ended.stderr.count("\n") == 1
