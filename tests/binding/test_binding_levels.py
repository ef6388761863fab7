"""PAdES levels against a real time-stamping service, OCSP responder and CRLs on loopback."""

import asyncio
import io
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import cms, x509
from binding_pages import INFO, SCAN_TIME, draw_page
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
from trust_outside import POLICY, Trust, start_trust

from pipeline.binding.compose import compose
from pipeline.binding.keys import load_pkcs12_signer, load_roots
from pipeline.binding.levels import extend, find_level, renew, sign_to_level
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import SignatureText, SignedPdf, Signer, load_or_create_local_signer, sign
from pipeline.binding.verify import verify
from schemas.errors import SigningError, SigningServiceError
from schemas.page import BoundPage
from schemas.signing import AgencyMark, SignatureLevel, TrustServices

CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)
OFFICE = AgencyMark("Ủy ban nhân dân phường Phù Đổng")
LEVELS = tuple(SignatureLevel)
B_B, B_T, B_LT, B_LTA = LEVELS


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    trust, server = start_trust(tmp_path_factory.mktemp("authority"))
    yield trust
    server.shutdown()
    server.server_close()


@pytest.fixture
def trust(authority: Trust) -> Iterator[Trust]:
    yield authority
    authority.faults.clear()
    authority.asked.clear()


@pytest.fixture(scope="module")
def services(authority: Trust, tmp_path_factory: pytest.TempPathFactory) -> TrustServices:
    roots = load_roots(authority.write_roots(tmp_path_factory.mktemp("trust") / "roots"))
    return TrustServices(authority.tsa_url, trust_roots=roots, timeout_s=20.0, attempts=2)


@pytest.fixture(scope="module")
def signer(authority: Trust, tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_pkcs12_signer(*authority.write_pkcs12("clerk", tmp_path_factory.mktemp("p12")))


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


@pytest.fixture(scope="module")
def by_level(unsigned: bytes, signer: Signer, services: TrustServices) -> dict[SignatureLevel, SignedPdf]:
    return {level: sign_to_level(unsigned, signer, CLERK, level=level, services=services) for level in LEVELS}


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


BROKEN = {
    "down": lambda trust: trust.fail("tsa"),
    "refusing": lambda trust: trust.fail("tsa", 403),
    "late": lambda trust: trust.hang("tsa", 1.5),
    "babbling": lambda trust: trust.babble("tsa", "application/timestamp-reply"),
    "another kind": lambda trust: trust.babble("tsa", "text/html"),
    "lying": lambda trust: trust.stamp_another(),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_without_trusted_time_signing_fails_or_says_what_is_due(
    fault: str, trust: Trust, unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    BROKEN[fault](trust)
    impatient = replace(services, timeout_s=0.5)
    with pytest.raises(SigningServiceError) as raised:
        sign_to_level(unsigned, signer, CLERK, level=B_LTA, services=impatient)
    assert raised.value.exit_code == 7
    signed = sign_to_level(unsigned, signer, CLERK, level=B_LTA, services=impatient, on_failure="sign-b-b")
    assert (signed.outcome.asked, signed.outcome.reached) == (B_LTA, B_B)
    assert signed.outcome.shortfall
    assert find_level(signed.pdf) is B_B
    trust.faults.clear()
    assert find_level(extend(signed.pdf, level=B_LTA, services=services)) is B_LTA


def test_a_service_that_is_down_is_asked_again_and_a_refusal_is_not(
    trust: Trust, unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    for status, requests in ((503, services.attempts), (403, 1)):
        trust.asked.clear()
        trust.fail("tsa", status)
        with pytest.raises(SigningServiceError):
            sign_to_level(unsigned, signer, CLERK, level=B_T, services=services)
        assert trust.asked["tsa"] == requests


def test_a_service_that_comes_back_is_used(
    trust: Trust, unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    def fail_once(_: bytes) -> tuple[int, str, bytes]:
        trust.faults.clear()
        return 503, "text/plain", b""

    trust.faults["tsa"] = fail_once
    assert sign_to_level(unsigned, signer, CLERK, level=B_T, services=services).outcome.reached is B_T
    assert trust.asked["tsa"] == 2


@pytest.mark.parametrize(
    ("service", "way"), [("crls", "down"), ("ocsp", "down"), ("ocsp", "babbling"), ("ocsp", "late")]
)
def test_without_revocation_status_the_level_stays_below(
    service: str, way: str, trust: Trust, unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    fail = {
        "down": trust.fail,
        "babbling": lambda name: trust.babble(name, "application/octet-stream"),
        "late": lambda name: trust.hang(name, 6.0),
    }[way]
    fail("crls")
    if service == "ocsp":  # the clerk's status is on a CRL, too
        fail("ocsp")
    impatient = replace(services, timeout_s=2.0 if way == "late" else services.timeout_s, attempts=1)
    with pytest.raises(SigningServiceError):
        sign_to_level(unsigned, signer, CLERK, level=B_LTA, services=impatient)
    signed = sign_to_level(unsigned, signer, CLERK, level=B_LTA, services=impatient, on_failure="sign-b-b")
    assert signed.outcome.reached is B_T
    assert find_level(signed.pdf) is B_T


def test_a_revoked_signer_gets_no_level_whatever_the_policy(
    trust: Trust, unsigned: bytes, services: TrustServices, tmp_path: Path
) -> None:
    leaver = load_pkcs12_signer(*trust.write_pkcs12("leaver", tmp_path))
    with pytest.raises(SigningError, match="revoked"):
        sign_to_level(unsigned, leaver, CLERK, level=B_LT, services=services, on_failure="sign-b-b")


def test_a_certificate_out_of_date_does_not_sign(trust: Trust, unsigned: bytes, tmp_path: Path) -> None:
    former = load_pkcs12_signer(*trust.write_pkcs12("former", tmp_path))
    with pytest.raises(SigningError, match="valid from 2020-01-01 to 2024-01-01"):
        sign(unsigned, former, signer_name=CLERK.signer_name, scan_time=SCAN_TIME)


def test_a_test_certificate_reaches_b_t_and_not_more(
    unsigned: bytes, services: TrustServices, tmp_path: Path
) -> None:
    test_signer = load_or_create_local_signer(tmp_path, CLERK.signer_name)
    signed = sign_to_level(unsigned, test_signer, CLERK, level=B_T, services=services)
    assert find_level(signed.pdf) is B_T
    with pytest.raises(SigningError):
        sign_to_level(unsigned, test_signer, CLERK, level=B_LT, services=services, on_failure="sign-b-b")


def test_a_foreign_timestamp_is_not_taken(
    unsigned: bytes, signer: Signer, services: TrustServices, tmp_path: Path
) -> None:
    stranger = load_or_create_local_signer(tmp_path, "Người khác").trust_root
    with pytest.raises(SigningServiceError, match="does not hold"):
        sign_to_level(unsigned, signer, CLERK, level=B_T, services=replace(services, trust_roots=(stranger,)))


def test_a_policy_the_service_does_not_keep_is_not_taken(
    unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    with pytest.raises(SigningServiceError):
        sign_to_level(unsigned, signer, CLERK, level=B_T, services=replace(services, tsa_policy=POLICY))


def test_levels_without_their_settings_are_refused(
    unsigned: bytes, signer: Signer, services: TrustServices
) -> None:
    for lacking, setting in (
        (TrustServices(), "tsa_url"),
        (replace(services, trust_roots=()), "trust_roots"),
    ):
        with pytest.raises(SigningError) as raised:
            sign_to_level(unsigned, signer, CLERK, level=B_LTA, services=lacking, on_failure="sign-b-b")
        assert setting in raised.value.advice


def test_what_does_not_hold_is_not_extended(
    unsigned: bytes, by_level: dict[SignatureLevel, SignedPdf], services: TrustServices
) -> None:
    with pytest.raises(SigningError, match="not signed"):
        extend(unsigned, level=B_T, services=services)
    changed = bytearray(by_level[B_B].pdf)
    changed[changed.index(b"stream", 2000) + 40] ^= 1
    with pytest.raises(SigningError, match="changed after signing"):
        extend(bytes(changed), level=B_T, services=services)
    with pytest.raises(SigningError):
        extend(b"%PDF-1.7 nothing", level=B_T, services=services)
