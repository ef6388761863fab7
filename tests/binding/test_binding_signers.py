"""Who signs where: the digitiser certifies, the agency signs after, and each looks as its rule asks."""

import io
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from asn1crypto import x509
from PIL import Image
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import Signer, load_or_create_local_signer, sign
from pipeline.binding.verify import verify
from schemas.errors import SigningError
from schemas.page import BoundPage
from schemas.signing import AgencyMark, AppearanceProfile
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page
from scripts.signature_sheet import make_seal

CLERK, OFFICE = "Nguyễn Thị Hường (thử nghiệm)", "Ủy ban nhân dân phường Phù Đổng, tỉnh Gia Lai"
AGENCY = AgencyMark(OFFICE, "SAO Y", make_seal())
PROFILES: tuple[AppearanceProfile, ...] = ("ca-nhan", "sao-y", "luu-tru", "invisible")

Draw = Callable[[bytes], Image.Image]


@pytest.fixture(scope="module")
def signers(tmp_path_factory: pytest.TempPathFactory) -> tuple[Signer, Signer]:
    folder = tmp_path_factory.mktemp("keys")
    return load_or_create_local_signer(folder, CLERK), load_or_create_local_signer(folder, OFFICE)


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


def sign_as(pdf: bytes, signer: Signer, profile: AppearanceProfile) -> bytes:
    return sign(pdf, signer, signer_name=CLERK, scan_time=SCAN_TIME, profile=profile, agency=AGENCY)


@pytest.fixture(scope="module")
def signed_twice(unsigned: bytes, signers: tuple[Signer, Signer]) -> bytes:
    return sign_as(sign_as(unsigned, signers[0], "ca-nhan"), signers[1], "sao-y")


def test_the_agency_signs_after_the_digitiser_and_nothing_is_flagged(
    signed_twice: bytes, signers: tuple[Signer, Signer]
) -> None:
    report = verify(signed_twice, trust_roots=[signer.trust_root for signer in signers])
    assert report.ok, report
    first, second = PdfFileReader(io.BytesIO(signed_twice)).embedded_regular_signatures
    roots = [x509.Certificate.load(signer.trust_root) for signer in signers]
    for signature in (first, second):
        context = ValidationContext(trust_roots=roots, allow_fetching=False)
        status = validate_pdf_signature(signature, signer_validation_context=context)
        assert status.bottom_line, status.pretty_print_details()
        assert status.docmdp_ok
    assert first.field_name == "NguoiQuet"
    assert first.docmdp_level.value == 2
    assert second.field_name == "CoQuan"
    assert second.coverage == SignatureCoverageLevel.ENTIRE_FILE


@pytest.mark.skipif(shutil.which("pdfsig") is None, reason="poppler-utils is missing")
def test_poppler_sees_two_valid_signatures(signed_twice: bytes, tmp_path: Path) -> None:
    path = tmp_path / "twice.pdf"
    path.write_bytes(signed_twice)
    said = subprocess.run(["pdfsig", str(path)], capture_output=True, text=True, check=False).stdout
    assert said.count("Signature is Valid") == 2
    assert said.count("Total document signed") == 1


def test_a_field_is_signed_once(signed_twice: bytes, signers: tuple[Signer, Signer]) -> None:
    for profile in ("ca-nhan", "luu-tru"):
        with pytest.raises(SigningError, match="signed already"):
            sign_as(signed_twice, signers[0], profile)


def test_a_third_field_would_be_illegal_and_is_refused(
    unsigned: bytes, signers: tuple[Signer, Signer]
) -> None:
    signed = sign_as(unsigned, signers[0], "invisible")
    with pytest.raises(SigningError, match="signed already"):
        sign_as(signed, signers[1], "ca-nhan")


@pytest.mark.parametrize("profile", PROFILES)
def test_every_appearance_verifies_and_stays_pdfa(
    profile: AppearanceProfile, unsigned: bytes, signers: tuple[Signer, Signer]
) -> None:
    report = verify(sign_as(unsigned, signers[0], profile), trust_roots=[signers[0].trust_root])
    assert report.ok, report


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    if shutil.which("pdftoppm") is None:
        pytest.skip("poppler-utils is missing")

    def draw_first_page(pdf: bytes) -> Image.Image:
        (tmp_path / "page.pdf").write_bytes(pdf)
        command = ["pdftoppm", "-png", "-r", "100", "-f", "1", "-l", "1", "page.pdf", "page"]
        subprocess.run(command, cwd=tmp_path, check=True)
        return Image.open(next(tmp_path.glob("page-*.png"))).convert("RGB")

    return draw_first_page


@pytest.mark.parametrize("profile", PROFILES)
def test_a_signature_is_seen_where_its_rule_puts_it(
    profile: AppearanceProfile, unsigned: bytes, signers: tuple[Signer, Signer], draw: Draw
) -> None:
    page = draw(sign_as(unsigned, signers[0], profile))
    # the drawn page has nothing above its first line, 200 of 1754 pixels down
    corners = {
        "left": page.crop((0, 0, page.width // 2, page.height // 10)),
        "right": page.crop((page.width // 2, 0, page.width, page.height // 10)),
    }
    seen = {side for side, corner in corners.items() if corner.convert("L").getextrema()[0] < 128}
    assert seen == {"ca-nhan": {"left"}, "invisible": set()}.get(profile, {"right"})
    red, green, _ = np.moveaxis(np.asarray(corners["right"]), 2, 0)
    assert (np.count_nonzero((red > 180) & (green < 80)) > 100) == (profile == "luu-tru")


def test_the_seal_has_its_true_size(unsigned: bytes, signers: tuple[Signer, Signer]) -> None:
    with pikepdf.open(io.BytesIO(sign_as(unsigned, signers[0], "luu-tru"))) as pdf:
        field = next(field for field in pdf.Root.AcroForm.Fields if field.T == "CoQuan")
        form = field.AP.N
        instructions = pikepdf.parse_content_stream(form, "cm Do")
        sizes = [operands[0] for operands, operator in instructions if str(operator) == "cm"]
        assert float(sizes[0]) == 1.0
        assert float(sizes[1]) == pytest.approx(36 / 25.4 * 72, abs=0.2)


@pytest.mark.parametrize(
    ("profile", "agency"),
    [
        ("sao-y", AgencyMark()),
        ("luu-tru", AgencyMark(OFFICE)),
        ("luu-tru", AgencyMark(OFFICE, seal_png=b"GIF89a")),
        ("luu-tru", AgencyMark(OFFICE, seal_png=make_seal(dpi=None))),
    ],
)
def test_an_incomplete_agency_is_refused(
    profile: AppearanceProfile, agency: AgencyMark, unsigned: bytes, signers: tuple[Signer, Signer]
) -> None:
    with pytest.raises(SigningError):
        sign(unsigned, signers[0], signer_name=CLERK, scan_time=SCAN_TIME, profile=profile, agency=agency)
