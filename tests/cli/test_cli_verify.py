"""`sohoa verify` on files and folders, and `sohoa digitize` on what is a document already."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

from pipeline.binding.originals import read_attachment
from pipeline.binding.sign import sign
from pipeline.binding.signer import load_or_create_local_signer
from pipeline.binding.verapdf import ask_verapdf
from schemas.errors import MissingDependencyError
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page

Sohoa = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def finished(sohoa: Sohoa, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A scan; and what came of it, signed by an office, handed in again."""
    folder = tmp_path_factory.mktemp("verify")
    Image.fromarray(render_page(PaperKind.NOTE, 7).pixels).save(
        folder / "paper.jpg", dpi=(300, 300), quality=80
    )
    first = sohoa("digitize", folder / "paper.jpg", "--out", folder / "first", "--no-sign", "--profile",
                  "faithful")  # fmt: skip
    assert first.returncode == 0, first.stderr
    signer = load_or_create_local_signer(folder / "keys", "Một cơ quan")
    signed = sign(
        (folder / "first" / "paper.pdf").read_bytes(), signer, signer_name="Một cơ quan",
        scan_time="2026-11-24T12:00:00+07:00",
    )  # fmt: skip
    (folder / "quyet-dinh.pdf").write_bytes(signed)
    second = sohoa(
        "digitize", folder / "quyet-dinh.pdf", folder / "paper.jpg", "--out", folder / "out", "--profile",
        "faithful",
    )  # fmt: skip
    assert second.returncode == 0, second.stderr
    assert "is kept as quyet-dinh.original.pdf, bit for bit, with its own 1 signatures" in (
        second.stdout + second.stderr
    )
    return folder


def test_a_signed_input_is_kept_bit_for_bit(finished: Path) -> None:
    kept = finished / "out" / "quyet-dinh.original.pdf"
    assert kept.read_bytes() == (finished / "quyet-dinh.pdf").read_bytes()
    report = json.loads((finished / "out" / "quyet-dinh.json").read_text(encoding="utf-8"))
    assert report["source"]["kept_as"] == kept.name
    assert report["source"]["signatures"] == 1
    assert report["source"]["born_digital"] is False
    assert report["pages"][0]["source_text"] in {"hidden", "none"}
    assert not (finished / "out" / "paper.original.pdf").exists()


def test_a_signed_input_can_be_embedded(finished: Path, sohoa: Sohoa) -> None:
    out = finished / "inside"
    done = sohoa("digitize", finished / "quyet-dinh.pdf", "--out", out, SOHOA_SIGNED_INPUTS="embedded")
    assert done.returncode == 0, done.stderr
    report = json.loads((out / "quyet-dinh.json").read_text(encoding="utf-8"))
    assert report["pdf"]["conformance"] == "PDF/A-3u"
    assert report["source"]["embedded"] is True
    assert not (out / "quyet-dinh.original.pdf").exists()
    pdf = (out / "quyet-dinh.pdf").read_bytes()
    name, original = read_attachment(pdf) or ("", b"")
    assert name == "quyet-dinh.original.pdf"
    assert original == (finished / "quyet-dinh.pdf").read_bytes()
    ended = sohoa("verify", out)
    assert ended.returncode == 0, ended.stdout
    assert "✓ PDF/A-3u: no rule broken" in ended.stdout
    assert "✓ quyet-dinh.original.pdf: its own 1 signatures hold" in ended.stdout


def test_a_folder_holds_and_tells_it_to_machines(finished: Path, sohoa: Sohoa) -> None:
    ended = sohoa("verify", finished / "out", "--originals", finished, "--json")
    assert ended.returncode == 0, ended.stdout
    answer = json.loads(ended.stdout)
    assert answer["schema"] == "sohoa/verify-report@1"
    copies = {Path(file["file"]).name: file for file in answer["files"]}
    assert set(copies) == {"paper.pdf", "quyet-dinh.pdf"}
    claims = {claim["claim"] for file in answer["files"] for claim in file["claims"]}
    assert "page 1: the picture lies bit for bit in the original scan" in claims
    assert "quyet-dinh.original.pdf: its own 1 signatures hold" in claims
    (signature,) = copies["paper.pdf"]["signatures"]
    assert signature["intact"] and signature["trusted"] and len(signature["chain"]) == 2


def test_what_does_not_hold_is_named_and_exits_with_1(finished: Path, sohoa: Sohoa, tmp_path: Path) -> None:
    pdf = (finished / "out" / "paper.pdf").read_bytes()
    (tmp_path / "longer.pdf").write_bytes(pdf + b"more")
    (tmp_path / "whole.pdf").write_bytes(pdf)
    (tmp_path / "whole.original.pdf").write_bytes(b"%PDF-1.7 another")
    ended = sohoa("verify", tmp_path / "longer.pdf")
    assert ended.returncode == 1
    assert "✗ bytes were added after the last signature" in ended.stdout
    ended = sohoa("verify", tmp_path / "whole.pdf", "--originals", tmp_path)
    assert ended.returncode == 1
    assert "✗ whole.original.pdf is the original this copy was made from, bit for bit" in ended.stdout
    assert "✗ page 1: the original scan is not there" in ended.stdout


def test_an_output_that_would_be_an_input_is_refused(finished: Path, sohoa: Sohoa, tmp_path: Path) -> None:
    pdf = (finished / "quyet-dinh.pdf").read_bytes()
    for name in ("a.pdf", "a.original.pdf"):
        (tmp_path / name).write_bytes(pdf)
    both = sohoa("digitize", tmp_path / "a.pdf", tmp_path / "a.original.pdf", "--out", tmp_path / "out")
    assert both.returncode == 2
    over = sohoa("digitize", tmp_path / "a.pdf", "--out", tmp_path)
    assert over.returncode == 2


def test_a_code_without_a_ledger_and_an_empty_folder(sohoa: Sohoa, tmp_path: Path) -> None:
    home = str(tmp_path / "home")
    assert sohoa("verify", "H21.65-220914-0011", SOHOA_HOME=home).returncode == 2
    assert sohoa("verify", tmp_path).returncode == 3


REPORT = """<report><jobs><job><validationReport jobEndStatus="normal" isCompliant="{}"><details>
<rule clause="6.2.8" testNumber="3" status="{}"><description>Interpolate</description></rule>
</details></validationReport></job></jobs></report>"""


@pytest.mark.parametrize(("compliant", "status", "clauses"), [
    ("true", "passed", []), ("false", "failed", ["6.2.8"]), ("false", "passed", ["?"])
])  # fmt: skip
def test_verapdf_is_understood(compliant: str, status: str, clauses: list[str], tmp_path: Path) -> None:
    """A stand-in that answers as veraPDF's XML report does; the program itself is not to be had here."""
    program = tmp_path / "verapdf"
    program.write_text(f"#!/bin/sh\ncat <<'END'\n{REPORT.format(compliant, status)}\nEND\n")
    program.chmod(0o755)
    assert [finding.clause for finding in ask_verapdf(str(program), tmp_path / "x.pdf")] == clauses


def test_a_silent_verapdf_is_no_approval(tmp_path: Path) -> None:
    (program := tmp_path / "verapdf").write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o755)
    with pytest.raises(MissingDependencyError):
        ask_verapdf(str(program), tmp_path / "x.pdf")
