"""Signatures: valid to other programs, honest about tests, and every changed byte is found."""

import io
import random
import shutil
import stat
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pikepdf
import pytest

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import Signer, load_local_trust_roots, load_or_create_local_signer, sign
from pipeline.binding.verify import verify
from schemas.errors import BadInputError, SigningError
from schemas.page import BoundPage
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page

NAME = "Nguyễn Thị Hường (thử nghiệm)"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def signer(keys: Path) -> Signer:
    return load_or_create_local_signer(keys, NAME)


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


@pytest.fixture(scope="module")
def signed(unsigned: bytes, signer: Signer) -> bytes:
    return sign(unsigned, signer, signer_name=NAME, scan_time=SCAN_TIME)


def test_signed_file_verifies_and_stays_pdfa(signed: bytes, signer: Signer) -> None:
    report = verify(signed, trust_roots=[signer.trust_root])
    assert report.ok, report
    assert report.trusted
    assert report.covers_whole_file
    assert report.certificate_is_test
    assert "THỬ NGHIỆM" in report.signatures[0].signer_common_name


def test_without_roots_nothing_is_trusted(signed: bytes) -> None:
    report = verify(signed)
    assert report.ok
    assert not report.trusted


def test_a_stranger_is_not_trusted(signed: bytes, tmp_path: Path) -> None:
    other = load_or_create_local_signer(tmp_path, "Người khác")
    assert not verify(signed, trust_roots=[other.trust_root]).ok


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is missing")
def test_poppler_agrees(signed: bytes, tmp_path: Path) -> None:
    path = tmp_path / "signed.pdf"
    path.write_bytes(signed)
    said = subprocess.run(["pdfsig", str(path)], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid" in said
    assert "Total document signed" in said
    text = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert text.split() == draw_page(1)[2].text.split()


def test_both_fields_exist_and_the_digitiser_stands_top_left(signed: bytes) -> None:
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        fields = {str(field.T): field for field in pdf.Root.AcroForm.Fields}
        assert set(fields) == {"NguoiQuet", "CoQuan"}
        width, height = (float(value) for value in pdf.pages[0].mediabox[2:])
        left = [float(value) for value in fields["NguoiQuet"].Rect]
        right = [float(value) for value in fields["CoQuan"].Rect]
        assert left[0] < width * 0.05
        assert left[3] > height * 0.95
        assert right[2] > width * 0.95
        assert left[2] < right[0]
        assert "/V" not in fields["CoQuan"]


def test_changed_bytes_are_found(signed: bytes, signer: Signer) -> None:
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        start, length, second, rest = (int(value) for value in pdf.Root.AcroForm.Fields[0].V.ByteRange)
    source = random.Random(7)
    spots = [source.choice([source.randrange(start, length), source.randrange(second, second + rest)])
             for _ in range(60)]  # fmt: skip
    for spot in spots:
        changed = bytearray(signed)
        changed[spot] ^= 1 << source.randrange(8)
        try:
            assert not verify(bytes(changed), trust_roots=[signer.trust_root]).ok, spot
        except BadInputError:
            assert spot < 8


def test_appended_bytes_are_found(signed: bytes) -> None:
    assert not verify(signed + b"\n% more\n").ok


@pytest.mark.parametrize("cut", [9, 200, 5000, -2000, -20])
def test_cut_files_are_reported(signed: bytes, cut: int) -> None:
    report = verify(signed[:cut])
    assert not report.ok
    assert report.problems


def test_no_pdf_is_bad_input() -> None:
    with pytest.raises(BadInputError):
        verify(b"\x89PNG not a PDF")


def test_unsigned_is_said(unsigned: bytes) -> None:
    assert verify(unsigned).problems == ("the file is not signed",)


def test_letters_without_glyph_are_refused(unsigned: bytes, signer: Signer) -> None:
    with pytest.raises(SigningError, match=r"U\+738B"):
        sign(unsigned, signer, signer_name="王", scan_time=SCAN_TIME)


def test_signing_garbage_is_a_signing_error(signer: Signer) -> None:
    with pytest.raises(SigningError):
        sign(b"%PDF-1.7 nothing", signer, signer_name=NAME, scan_time=SCAN_TIME)


def test_key_is_private_and_made_once(keys: Path, signer: Signer) -> None:
    (path,) = keys.glob("test-signer-*.pem")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert load_or_create_local_signer(keys, NAME) is signer
    assert load_local_trust_roots(keys) == (signer.trust_root,)
    assert [p.name for p in keys.iterdir()] == [path.name]


@pytest.mark.parametrize("size_px", [(1, 1), (1, 400), (400, 1)])
def test_the_smallest_page_is_signed(size_px: tuple[int, int], signer: Signer) -> None:
    """A page of one pixel is 3 pt wide, as ISO 19005-2 asks."""
    scan, upright, text = draw_page(1)
    pixels = np.full((*size_px, 3), 255, np.uint8)
    tiny = (
        replace(upright, pixels=pixels, dpi=300.0),
        replace(text, width_px=size_px[1], height_px=size_px[0], blocks=()),
    )
    pdf = compose([BoundPage(make_picture(scan, tiny[0], "compact"), tiny[1])], INFO)
    assert verify(
        sign(pdf, signer, signer_name=NAME, scan_time=SCAN_TIME), trust_roots=[signer.trust_root]
    ).ok
