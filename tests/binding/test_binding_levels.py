"""PAdES levels against a real time-stamping service, OCSP responder and CRLs on loopback."""

import asyncio
import io
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.ades.report import AdESPassed
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.ades import simulate_future_ades_lta_validation
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.policy_decl import (
    PdfSignatureValidationSpec,
    RevinfoOnlineFetchingRule,
    RevocationInfoGatheringSpec,
    SignatureValidationSpec,
)
from pyhanko_certvalidator.context import CertValidationPolicySpec
from pyhanko_certvalidator.policy_decl import REQUIRE_REVINFO, CertRevTrustPolicy
from pyhanko_certvalidator.registry import SimpleTrustManager

from pipeline.binding.levels import extend, find_level, renew
from pipeline.binding.sign import SignatureText, SignedPdf, Signer, sign
from pipeline.binding.verify import verify
from schemas.errors import SigningError
from schemas.signing import AgencyMark, SignatureLevel, TrustServices
from scripts.samples.authority import Trust
from scripts.samples.drawn import SCAN_TIME

pytest_plugins = ("signing_office",)

CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)
OFFICE = AgencyMark("Ủy ban nhân dân phường Phù Đổng")
LEVELS = tuple(SignatureLevel)
B_B, B_T, B_LT, B_LTA = SignatureLevel


@pytest.mark.parametrize("level", LEVELS)
def test_every_level_is_reached_verifies_and_stays_pdfa(
    level: SignatureLevel, by_level: dict[SignatureLevel, SignedPdf], services: TrustServices
) -> None:
    signed = by_level[level]
    assert (signed.outcome.asked, signed.outcome.reached, signed.outcome.shortfall) == (level, level, None)
    assert find_level(signed.pdf) is level
    report = verify(signed.pdf, trust_roots=services.trust_roots)
    assert report.ok, report


@pytest.mark.parametrize("goal", LEVELS[1:])
def test_a_plain_signature_is_extended_later_without_touching_a_byte(
    goal: SignatureLevel, by_level: dict[SignatureLevel, SignedPdf], services: TrustServices
) -> None:
    plain = by_level[B_B].pdf
    extended = extend(plain, level=goal, services=services)
    assert extended.startswith(plain)
    assert find_level(extended) is goal
    report = verify(extended, trust_roots=services.trust_roots)
    assert report.ok, report


def test_the_last_timestamp_is_renewed(
    by_level: dict[SignatureLevel, SignedPdf], services: TrustServices
) -> None:
    renewed = renew(by_level[B_LTA].pdf, services=services)
    assert renewed.startswith(by_level[B_LTA].pdf)
    assert find_level(renewed) is B_LTA
    assert len(PdfFileReader(io.BytesIO(renewed)).embedded_timestamp_signatures) == 2
    assert verify(renewed, trust_roots=services.trust_roots).ok
    assert holds_in_ten_years(renewed, services)
    with pytest.raises(SigningError, match="not at level"):
        renew(by_level[B_LT].pdf, services=services)


def test_extending_goes_on_from_the_level_there_is(
    by_level: dict[SignatureLevel, SignedPdf], services: TrustServices, trust: Trust
) -> None:
    trust.asked.clear()
    assert extend(by_level[B_LTA].pdf, level=B_LT, services=services) == by_level[B_LTA].pdf
    assert not trust.asked
    extended = extend(by_level[B_T].pdf, level=B_LT, services=services)
    assert trust.asked["tsa"] == 0
    assert extended.startswith(by_level[B_T].pdf)


def holds_in_ten_years(pdf: bytes, services: TrustServices) -> bool:
    """ETSI EN 319 102-1 with nothing but the file, its time-stamps renewed until then."""
    policy = CertValidationPolicySpec(
        trust_manager=SimpleTrustManager.build(
            [x509.Certificate.load(root) for root in services.trust_roots]
        ),
        revinfo_policy=CertRevTrustPolicy(REQUIRE_REVINFO),
    )
    specification = PdfSignatureValidationSpec(
        SignatureValidationSpec(
            policy,
            revinfo_gathering_policy=RevocationInfoGatheringSpec(RevinfoOnlineFetchingRule.LOCAL_ONLY),
        )
    )
    signature = PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures[0]
    later = datetime.now(UTC) + timedelta(days=3653)
    result = asyncio.run(simulate_future_ades_lta_validation(signature, specification, later))
    return bool(result.ades_subindic == AdESPassed.OK)


def test_the_archive_level_holds_in_ten_years_from_the_file_alone(
    by_level: dict[SignatureLevel, SignedPdf], services: TrustServices, trust: Trust
) -> None:
    """The signer's certificate has run out by then, and no service answers."""
    trust.asked.clear()
    assert holds_in_ten_years(by_level[B_LTA].pdf, services)
    assert not trust.asked
    assert not holds_in_ten_years(by_level[B_T].pdf, services)


@pytest.mark.parametrize("way", ["signed", "extended"])
def test_revocation_status_is_in_the_file(
    way: str, by_level: dict[SignatureLevel, SignedPdf], services: TrustServices, trust: Trust
) -> None:
    """Every signature and time-stamp is judged, status required, without one request."""
    pdf = (
        by_level[B_LTA].pdf if way == "signed" else extend(by_level[B_B].pdf, level=B_LTA, services=services)
    )
    trust.asked.clear()
    reader = PdfFileReader(io.BytesIO(pdf))
    settings = {
        "trust_roots": [x509.Certificate.load(root) for root in services.trust_roots],
        "allow_fetching": False,
        "revocation_mode": "require",
    }
    for signature in reader.embedded_signatures:
        context = DocumentSecurityStore.read_dss(reader).as_validation_context(settings)
        check = (
            validate_pdf_signature
            if signature in reader.embedded_regular_signatures
            else validate_pdf_timestamp
        )
        status = check(signature, context)
        assert status.intact and status.valid and status.trusted, status.pretty_print_details()
    assert not trust.asked


def test_the_agency_signs_an_extended_file_and_it_is_extended_again(
    by_level: dict[SignatureLevel, SignedPdf], signer: Signer, services: TrustServices
) -> None:
    archived = by_level[B_LTA].pdf
    twice = sign(
        archived, signer, signer_name=CLERK.signer_name, scan_time=SCAN_TIME, profile="sao-y", agency=OFFICE
    )
    assert twice.startswith(archived)
    assert find_level(twice) is B_B
    again = extend(twice, level=B_LTA, services=services)
    for pdf in (twice, again):
        report = verify(pdf, trust_roots=services.trust_roots)
        assert report.ok, report
        assert len(report.signatures) == 2
    assert find_level(again) is B_LTA


@pytest.mark.parametrize("way", ["signed", "extended"])
@pytest.mark.parametrize("level", LEVELS)
def test_other_programs_agree(
    level: SignatureLevel,
    way: str,
    by_level: dict[SignatureLevel, SignedPdf],
    services: TrustServices,
    tmp_path: Path,
) -> None:
    """`qpdf --check`, `openssl cms -verify`, `openssl ts -verify` and poppler's `pdfsig`."""
    if not all(map(shutil.which, ("openssl", "pdfsig", "qpdf"))):
        pytest.skip("openssl, poppler-utils or qpdf is missing")
    plain, signed = by_level[B_B].pdf, by_level[level].pdf
    pdf = signed if way == "signed" else extend(plain, level=level, services=services)
    (tmp_path / "signed.pdf").write_bytes(pdf)
    (tmp_path / "root.der").write_bytes(services.trust_roots[0])
    run(tmp_path, "openssl x509 -inform DER -in root.der -out root.pem")
    run(tmp_path, "qpdf --check signed.pdf")

    reader = PdfFileReader(io.BytesIO(pdf))
    signature, stamps = reader.embedded_regular_signatures[0], reader.embedded_timestamp_signatures
    write_parts(signature, pdf, tmp_path)
    run(
        tmp_path,
        "openssl cms -verify -cades -binary -inform DER -in cms.der -content covered -CAfile root.pem "
        "-purpose any -out /dev/null",
    )
    if way == "signed" and level is not B_B:
        token = signature.signer_info["unsigned_attrs"][0]["values"][0]
        (tmp_path / "token.der").write_bytes(token.dump())
        (tmp_path / "value").write_bytes(signature.signer_info["signature"].native)
        run(tmp_path, "openssl ts -verify -in token.der -token_in -data value -CAfile root.pem")
    for stamp in stamps:
        write_parts(stamp, pdf, tmp_path)
        run(tmp_path, "openssl ts -verify -in cms.der -token_in -data covered -CAfile root.pem")
    assert len(stamps) == (level is B_LTA) + (way == "extended" and level is not B_B)

    said = run(tmp_path, "pdfsig signed.pdf")
    assert said.count("Signature is Valid") == 1  # this poppler does not judge document time-stamps
    assert ("Total document signed" in said) == (level is not B_LT)


def run(folder: Path, command: str) -> str:
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def write_parts(signature: EmbeddedPdfSignature, pdf: bytes, folder: Path) -> None:
    """The CMS object without its padding, and the bytes it covers."""
    (folder / "cms.der").write_bytes(cms.ContentInfo.load(bytes(signature.pkcs7_content)).dump())
    start, length, second, rest = (int(value) for value in signature.byte_range)
    (folder / "covered").write_bytes(pdf[start : start + length] + pdf[second : second + rest])


@pytest.mark.parametrize("level", [B_LT, B_LTA])
def test_bytes_behind_the_last_update_are_found(
    level: SignatureLevel, by_level: dict[SignatureLevel, SignedPdf]
) -> None:
    assert not verify(by_level[level].pdf + b"\n% more\n").ok


def test_a_changed_timestamp_is_found(by_level: dict[SignatureLevel, SignedPdf]) -> None:
    pdf = bytearray(by_level[B_LTA].pdf)
    stamp = PdfFileReader(io.BytesIO(bytes(pdf))).embedded_timestamp_signatures[0]
    inside = stamp.byte_range[2] + stamp.byte_range[3] // 2
    pdf[inside] ^= 1
    assert not verify(bytes(pdf)).ok
