"""Was the certificate revoked, and when: told by the file or its authority, judged at the proven time."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path

import pytest

from pipeline.binding.keys import load_pkcs12_signer
from pipeline.binding.levels import extend, sign_to_level
from pipeline.binding.revocation import Revocation, RevocationState
from pipeline.binding.sign import SignatureText, SignedPdf, load_or_create_local_signer, sign
from pipeline.binding.verify import VerifyReport, verify
from schemas.signing import SignatureLevel, TrustServices
from scripts.samples.authority import Trust
from scripts.samples.drawn import SCAN_TIME

pytest_plugins = ("signing_office",)

CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)
B_B, B_T, B_LT, B_LTA = SignatureLevel

Levels = dict[SignatureLevel, SignedPdf]
LEAVER_REVOKED = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture
def clerk_revoked(trust: Trust) -> Iterator[datetime]:
    """The clerk's certificate, revoked after everything here was signed."""
    since = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    trust.revoke("clerk", since)
    # a whole second more: times in answers are whole seconds, and clocks of machines are set back a little
    while datetime.now(UTC) <= since + timedelta(seconds=1.1):
        pass
    yield since
    trust.revoke("clerk", None)


@pytest.fixture(scope="module")
def by_leaver(
    authority: Trust, unsigned: bytes, services: TrustServices, tmp_path_factory: pytest.TempPathFactory
) -> dict[SignatureLevel, bytes]:
    """Signed with a certificate that was revoked years ago."""
    leaver = load_pkcs12_signer(*authority.write_pkcs12("leaver", tmp_path_factory.mktemp("leaver")))
    return {
        level: sign_to_level(unsigned, leaver, CLERK, level=level, services=services).pdf
        for level in (B_B, B_T)
    }


def told(report: VerifyReport) -> Revocation:
    (signature,) = report.signatures
    return signature.revocation


@pytest.mark.parametrize("level", [B_LT, B_LTA])
def test_the_answers_in_the_file_are_enough(
    level: SignatureLevel, by_level: Levels, services: TrustServices, trust: Trust
) -> None:
    trust.asked.clear()
    report = verify(by_level[level].pdf, trust_roots=services.trust_roots, require_revocation=True)
    assert report.ok, report
    assert told(report) == Revocation(RevocationState.GOOD, "file")
    verify(by_level[level].pdf, trust_roots=services.trust_roots, online=services)
    assert not trust.asked


@pytest.mark.parametrize("level", [B_B, B_T])
def test_without_answers_it_is_said_that_nobody_was_asked(
    level: SignatureLevel, by_level: Levels, services: TrustServices, trust: Trust
) -> None:
    trust.asked.clear()
    report = verify(by_level[level].pdf, trust_roots=services.trust_roots)
    assert report.ok
    assert told(report).state is RevocationState.NOT_CHECKED
    assert told(report).why
    strict = verify(by_level[level].pdf, trust_roots=services.trust_roots, require_revocation=True)
    assert not strict.ok
    assert "not known whether" in "; ".join(strict.problems)
    assert not trust.asked


@pytest.mark.parametrize("level", [B_B, B_T])
def test_the_authority_is_asked_where_that_is_allowed(
    level: SignatureLevel, by_level: Levels, services: TrustServices, trust: Trust
) -> None:
    report = verify(
        by_level[level].pdf, trust_roots=services.trust_roots, online=services, require_revocation=True
    )
    assert report.ok, report
    assert told(report) == Revocation(RevocationState.GOOD, "online")
    trust.fail("ocsp")
    trust.fail("crls")
    report = verify(by_level[level].pdf, trust_roots=services.trust_roots, online=services)
    assert report.ok
    assert told(report).state is RevocationState.NOT_CHECKED
    assert "no answer" in (told(report).why or "")


@pytest.mark.parametrize("level", [B_B, B_T])
def test_revoked_before_it_signed_is_named_with_its_time(
    level: SignatureLevel, by_leaver: dict[SignatureLevel, bytes], services: TrustServices, trust: Trust
) -> None:
    report = verify(by_leaver[level], trust_roots=services.trust_roots, online=services)
    assert not report.ok
    assert told(report) == Revocation(
        RevocationState.REVOKED, "online", "leaver (THỬ NGHIỆM)", LEAVER_REVOKED
    )
    (problem,) = report.problems
    assert "leaver (THỬ NGHIỆM)" in problem and LEAVER_REVOKED.isoformat() in problem


def test_revoked_after_the_timestamp_the_signature_holds(
    by_level: Levels, services: TrustServices, clerk_revoked: datetime
) -> None:
    report = verify(by_level[B_T].pdf, trust_roots=services.trust_roots, online=services)
    assert report.ok, report
    assert told(report) == Revocation(
        RevocationState.REVOKED_LATER, "online", "clerk (THỬ NGHIỆM)", clerk_revoked
    )
    assert verify(by_level[B_LTA].pdf, trust_roots=services.trust_roots).ok


def test_revoked_and_no_trusted_time_the_signature_does_not_hold(
    by_level: Levels, services: TrustServices, clerk_revoked: datetime
) -> None:
    """What the signer says of the time counts for nothing: a thief of the key would write an earlier one."""
    report = verify(by_level[B_B].pdf, trust_roots=services.trust_roots, online=services)
    assert told(report).state is RevocationState.REVOKED, told(report)
    assert not report.ok
    assert told(report).revoked_at == clerk_revoked
    assert "no trusted time" in "; ".join(report.problems)


def test_a_document_timestamp_proves_the_time_too(
    by_level: Levels, services: TrustServices, trust: Trust
) -> None:
    extended = extend(by_level[B_B].pdf, level=B_T, services=services)
    # two seconds: a time-stamp of this very second may be rounded up to the next
    since = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=2)
    trust.revoke("clerk", since)
    try:
        while datetime.now(UTC) <= since:
            pass
        report = verify(extended, trust_roots=services.trust_roots, online=services)
    finally:
        trust.revoke("clerk", None)
    assert report.ok, report
    assert told(report).state is RevocationState.REVOKED_LATER
    assert report.signatures[0].timestamp is not None


def test_a_timestamp_of_no_trusted_root_proves_nothing(
    by_level: Levels, unsigned: bytes, services: TrustServices, tmp_path: Path
) -> None:
    """The signer is trusted, the time-stamping authority is not."""
    stranger = load_or_create_local_signer(tmp_path, "Người ký")
    signed = sign(unsigned, stranger, signer_name="Người ký", scan_time=SCAN_TIME)
    stamped = extend(signed, level=B_T, services=services)
    assert verify(stamped, trust_roots=[stranger.trust_root, *services.trust_roots]).ok
    report = verify(stamped, trust_roots=[stranger.trust_root])
    assert not report.ok
    assert report.document_timestamps == 0
    assert report.signatures[0].trusted and report.signatures[0].timestamp is None
    assert "the document timestamp does not lead to a trusted root" in "; ".join(report.problems)
    at_once = sign_to_level(unsigned, stranger, CLERK, level=B_T, services=services).pdf
    report = verify(at_once, trust_roots=[stranger.trust_root])
    assert "the timestamp of the signature does not lead to a trusted root" in "; ".join(report.problems)
    assert report.signatures[0].timestamp is None


def test_a_revoked_time_stamping_service_proves_nothing(
    by_level: Levels, services: TrustServices, trust: Trust
) -> None:
    trust.revoke("tsa", LEAVER_REVOKED)
    trust.fail("ocsp")
    try:
        report = verify(by_level[B_T].pdf, trust_roots=services.trust_roots, online=services)
    finally:
        trust.revoke("tsa", None)
    assert not report.ok
    assert report.signatures[0].timestamp is None
    assert f"revoked {LEAVER_REVOKED.isoformat()}" in "; ".join(report.problems)


def test_a_test_certificate_names_nobody_to_ask(
    unsigned: bytes, services: TrustServices, trust: Trust, tmp_path: Path
) -> None:
    test_signer = load_or_create_local_signer(tmp_path, "Người ký")
    signed = sign(unsigned, test_signer, signer_name="Người ký", scan_time=SCAN_TIME)
    report = verify(signed, trust_roots=[test_signer.trust_root], online=services)
    assert report.ok
    assert told(report).why == "the certificate names nobody to ask"
    assert not trust.asked


@pytest.mark.parametrize(("level", "holds"), [(B_B, False), (B_T, True), (B_LTA, True)])
def test_when_the_signer_s_certificate_has_run_out_the_proven_time_counts(
    level: SignatureLevel,
    holds: bool,
    by_level: Levels,
    services: TrustServices,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Two years on; the clerk's certificate is valid for one."""

    class Later(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + timedelta(days=730)

    for module in ("signatures", "revocation"):
        monkeypatch.setattr(f"pipeline.binding.{module}.datetime", Later)
    report = verify(by_level[level].pdf, trust_roots=services.trust_roots, online=services)
    assert report.ok is holds, report
    expected = RevocationState.GOOD if level is B_LTA else RevocationState.NOT_CHECKED
    assert told(report).state is expected
    if level is B_T:
        assert "ran out" in (told(report).why or "")
