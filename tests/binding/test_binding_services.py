"""Time-stamping, OCSP and CRL services that fail, lie or refuse: never silently weaker."""

from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.binding.keys import load_pkcs12_signer
from pipeline.binding.levels import extend, find_level, sign_to_level
from pipeline.binding.sign import SignatureText, SignedPdf, Signer, load_or_create_local_signer, sign
from schemas.errors import SigningError, SigningServiceError
from schemas.signing import SignatureLevel, TrustServices
from scripts.samples.authority import POLICY, Trust
from scripts.samples.drawn import SCAN_TIME

pytest_plugins = ("signing_office",)

CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)
B_B, B_T, B_LT, B_LTA = SignatureLevel

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
