# mypy: disable-error-code="no-untyped-call, import-untyped"
"""The signatures and time-stamps of one PDF: do they hold, who made them, at what proven time, revoked?"""

import io
import re
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import async_validate_pdf_signature, async_validate_pdf_timestamp
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from pipeline.binding.revocation import (
    NO_ROOT,
    KeptAnswers,
    Revocation,
    RevocationState,
    find_revocation,
    read_kept_answers,
)
from pipeline.binding.services import Connection, connect
from pipeline.binding.signer import TEST_MARK
from pipeline.binding.updates import find_strays
from schemas.signing import TrustServices

MOST_SIGNATURES = 50
_AT_END = re.compile(rb"%%EOF(?:\r\n|\n|\r)?\Z")


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. `intact`: what it covers is unchanged and the mathematics hold. `whole_file`: no
    byte lies outside it. `changes_allowed`: what was added after it is what it permits. `chain`: names
    from the signer to the trusted root, the signer's alone where none is trusted. `timestamp`: what a
    time-stamping authority says (a trusted one where roots were given), on the signature or over the file;
    None where the signing time is only the signer's word. `trusted` and `revocation` are judged at that
    time, without it now."""

    field_name: str
    signer_common_name: str
    signing_time: datetime | None
    intact: bool
    trusted: bool
    whole_file: bool
    changes_allowed: bool
    certificate_is_test: bool
    chain: tuple[str, ...] = ()
    timestamp: datetime | None = None
    revocation: Revocation = NO_ROOT


@dataclass(slots=True)
class Found:
    """What was seen so far, while the signatures of a file are looked at."""

    signatures: list[SignatureReport]
    problems: list[str]
    timestamps: int = 0
    end_of_signed: int | None = None
    additions_only: bool = False


@dataclass(frozen=True, slots=True)
class _Proof:
    """A document time-stamp that holds: all up to `revision` of the file was there at `moment`."""

    revision: int
    moment: datetime
    whole_file: bool


@dataclass(frozen=True, slots=True)
class _Judge:
    """Whom and what to believe. `connection`: the way to the authorities, None where it is not to be used."""

    roots: list[x509.Certificate]
    kept: KeptAnswers
    connection: Connection | None

    def trust(self, moment: datetime) -> ValidationContext:
        """Chains as of `moment`; revocation is asked for apart (`find_revocation`)."""
        return ValidationContext(
            trust_roots=self.roots,
            other_certs=self.kept.certificates,
            moment=moment,
            allow_fetching=False,
            revocation_mode="soft-fail",
        )

    async def find_revocation(self, status: Any, moment: datetime) -> Revocation:
        if not status.trusted or status.validation_path is None:
            return NO_ROOT
        return await find_revocation(status.validation_path, moment, self.kept, self.connection)


async def check_signatures(
    pdf: bytes, roots: list[x509.Certificate], online: TrustServices | None, found: Found
) -> None:
    """Put all signatures and document time-stamps into `found`; `online`: authorities may be asked.

    Raises what pyHanko and its parsers raise on a garbled PDF.
    """
    reader = PdfFileReader(io.BytesIO(pdf))
    embedded = reader.embedded_regular_signatures
    if not embedded:
        found.problems.append("the file is not signed")
    if len(embedded) > MOST_SIGNATURES:
        found.problems.append(f"more than {MOST_SIGNATURES} signatures; the rest was not looked at")
    async with AsyncExitStack() as stack:
        connection = None if online is None else await stack.enter_async_context(connect(online))
        judge = _Judge(roots, read_kept_answers(reader), connection)
        proofs = await _check_timestamps(reader, judge, found)
        for signature in embedded[:MOST_SIGNATURES]:
            covering = [proof.moment for proof in proofs if proof.revision > signature.signed_revision]
            report = await _check_signature(signature, judge, min(covering, default=None), found)
            found.signatures.append(report)
    if any(proof.whole_file for proof in proofs):
        found.additions_only = True
    if found.additions_only:
        found.additions_only = (
            _AT_END.search(pdf) is not None and find_strays(pdf, found.end_of_signed) == set()
        )


async def _check_timestamps(reader: PdfFileReader, judge: _Judge, found: Found) -> list[_Proof]:
    """Document time-stamps, newest first: each is judged at the time that the one after it proves."""
    proofs: list[_Proof] = []
    moment = datetime.now(UTC)
    for stamp in reversed(reader.embedded_timestamp_signatures[:MOST_SIGNATURES]):
        status: Any = await async_validate_pdf_timestamp(stamp, judge.trust(moment))
        name = f"{stamp.field_name}: the document timestamp"
        revocation = await judge.find_revocation(status, moment)
        if not (status.intact and status.valid):
            found.problems.append(f"{name} does not hold")
        elif judge.roots and not status.trusted:
            found.problems.append(f"{name} does not lead to a trusted root")
        elif revocation.state is RevocationState.REVOKED:
            found.problems.append(f"{name} is of a service whose certificate was revoked {revocation.day}")
        else:
            found.timestamps += 1
            whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
            moment = status.timestamp
            proofs.append(_Proof(stamp.signed_revision, moment, whole))
    return proofs


async def _check_signature(
    signature: EmbeddedPdfSignature, judge: _Judge, covered_at: datetime | None, found: Found
) -> SignatureReport:
    """One signature's report; appends what is wrong with it to the problems.

    `covered_at`: the time of the oldest document time-stamp over it.
    """
    name = str(signature.field_name)
    known = covered_at or datetime.now(UTC)
    status: Any = await async_validate_pdf_signature(signature, judge.trust(known))
    whole_file = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
    intact = bool(status.intact and status.valid)
    changes_allowed = whole_file or bool(status.docmdp_ok)
    if not intact:
        found.problems.append(f"{name}: the file was changed after signing, or the signature is false")
    elif not changes_allowed:
        found.problems.append(f"{name}: the file was changed after signing in a way the signature forbids")
    if intact and found.end_of_signed is None:
        found.end_of_signed = int(signature.byte_range[2] + signature.byte_range[3])
    found.additions_only = (
        intact and changes_allowed and status.modification_level == ModificationLevel.LTA_UPDATES
    )
    content = bytes(signature.pkcs7_content)
    if any(content[len(cms.ContentInfo.load(content).dump()) :]):
        found.problems.append(f"{name}: bytes are hidden behind the signature")
    stamped_at = await _read_timestamp(name, status, judge, known, found)
    proven = stamped_at or covered_at
    chain: Any = status
    if stamped_at is not None:  # the certificate may have run out since
        chain = await async_validate_pdf_signature(signature, judge.trust(stamped_at), skip_diff=True)
    revocation = await judge.find_revocation(chain, proven or known)
    if judge.roots and not chain.trusted:
        found.problems.append(f"{name}: the certificate does not lead to a trusted root")
    if revocation.state is RevocationState.REVOKED:
        found.problems.append(f"{name}: {_tell_revoked(revocation, proven)}")
    return SignatureReport(
        field_name=name,
        signer_common_name=_name_holder(status.signing_cert),
        signing_time=status.signer_reported_dt,
        intact=intact,
        trusted=bool(chain.trusted),
        whole_file=whole_file,
        changes_allowed=changes_allowed,
        certificate_is_test=any(TEST_MARK in value for value in _name_values(status.signing_cert)),
        chain=_name_chain(chain),
        timestamp=proven,
        revocation=revocation,
    )


async def _read_timestamp(
    name: str, status: Any, judge: _Judge, moment: datetime, found: Found
) -> datetime | None:
    """The time on the signature itself, where it can be believed; appends to the problems where not."""
    stamp = status.timestamp_validity
    if stamp is None:
        return None
    revocation = await judge.find_revocation(stamp, moment)
    if not (stamp.intact and stamp.valid):
        found.problems.append(f"{name}: the timestamp of the signature does not hold")
    elif judge.roots and not stamp.trusted:
        found.problems.append(f"{name}: the timestamp of the signature does not lead to a trusted root")
    elif revocation.state is RevocationState.REVOKED:
        found.problems.append(
            f"{name}: the timestamp is of a service whose certificate was revoked {revocation.day}"
        )
    else:
        time: datetime = stamp.timestamp
        return time
    return None


def _tell_revoked(revocation: Revocation, proven: datetime | None) -> str:
    told = f"the certificate of {revocation.certificate} was revoked {revocation.day}"
    if proven is None:
        return f"{told}, and no trusted time shows that the signature is older"
    return f"{told}, before the signature was timestamped {proven.isoformat()}"


def _name_values(certificate: x509.Certificate) -> list[str]:
    values = certificate.subject.native.values()
    return [str(text) for value in values for text in (value if isinstance(value, list) else [value])]


def _name_holder(certificate: x509.Certificate) -> str:
    return str(certificate.subject.native.get("common_name", ""))


def _name_chain(status: Any) -> tuple[str, ...]:
    path = status.validation_path if status.trusted else None
    if path is None:
        return (_name_holder(status.signing_cert),)
    return tuple(_name_holder(certificate) for certificate in reversed(list(path)))
