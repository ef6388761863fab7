# mypy: disable-error-code="no-untyped-call, import-untyped, abstract"
"""Is this PDF whole, who signed it, what is covered, is it PDF/A-2u, are its pages those that were bound?"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pikepdf
from asn1crypto import cms, x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.validation import validate_pdf_signature, validate_pdf_timestamp
from pyhanko.sign.validation.errors import ValidationInfoReadingError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko.sign.validation.status import SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

from pipeline.binding.conformance import PARSER_ERRORS, Finding, check_conformance
from pipeline.binding.manifest import compare_pages, read_manifest
from pipeline.binding.pdfa.metadata import read_own, read_part, read_xmp
from pipeline.binding.signer import TEST_MARK
from pipeline.binding.updates import find_strays
from schemas.errors import BadInputError

_UNREADABLE = (*PARSER_ERRORS, PdfError, PyHankoSigningError, ValidationInfoReadingError)
MOST_SIGNATURES = 50
HEADER_WITHIN = 1024
"""Bytes in which readers look for `%PDF-` (ISO 32000-1, annex H.3, note 13)."""
_AT_END = re.compile(rb"%%EOF(?:\r\n|\n|\r)?\Z")
_SIGNED_TO = re.compile(rb"/ByteRange\s*\[\s*\d+\s+\d+\s+(\d{1,12})\s+(\d{1,12})")


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. `intact`: what it covers is unchanged and the mathematics hold. `whole_file`: no
    byte lies outside it. `changes_allowed`: what was added after it is what it permits. `chain`: names
    from the signer to the trusted root, the signer's alone where none is trusted. `timestamp`: what a
    time-stamping authority says, None where the signing time is only the signer's word."""

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


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found. `trusted` means a chain to one of the roots given; with none it is False.

    `pages`: how many pages there are, None where the file cannot be opened. `pages_recorded`: whether the
    file tells what each page was bound from. `only_validation_data_added`: what follows the last signature
    are certificates and revocation answers (PAdES B-LT), which change nothing that was signed.
    """

    signatures: tuple[SignatureReport, ...]
    pdfa_findings: tuple[Finding, ...]
    problems: tuple[str, ...]
    roots_given: bool
    pages: int | None = None
    pages_recorded: bool = False
    document_timestamps: int = 0
    only_validation_data_added: bool = False
    conformance: str = "PDF/A-2u"

    @property
    def intact(self) -> bool:
        """Every signature holds, and there is one."""
        return bool(self.signatures) and all(signature.intact for signature in self.signatures)

    @property
    def trusted(self) -> bool:
        """Every signature leads to a given root."""
        return bool(self.signatures) and all(signature.trusted for signature in self.signatures)

    @property
    def covers_whole_file(self) -> bool:
        """The newest signature or document timestamp covers every byte but validation data."""
        if not self.signatures:
            return False
        return self.signatures[-1].whole_file or self.only_validation_data_added

    @property
    def certificate_is_test(self) -> bool:
        """Some signature was made with a test certificate, which has no legal value."""
        return any(signature.certificate_is_test for signature in self.signatures)

    @property
    def ok(self) -> bool:
        """Signed, unchanged, covered to the last byte, PDF/A-2u, and trusted where roots were given."""
        return (
            self.intact
            and self.covers_whole_file
            and not self.problems
            and not self.pdfa_findings
            and (self.trusted or not self.roots_given)
        )


@dataclass(slots=True)
class _Found:
    """What was seen so far, while the signatures of a file are looked at."""

    signatures: list[SignatureReport]
    problems: list[str]
    timestamps: int = 0
    end_of_signed: int | None = None
    additions_only: bool = False
    part: str = ""


def verify(pdf: bytes, *, trust_roots: Sequence[bytes | Certificate] = ()) -> VerifyReport:
    """Check `pdf` against its signatures, `trust_roots` (DER or certificates), its own record of its pages
    and PDF/A-2u.

    Never raises on garbled PDFs: what cannot be read is a problem in the report.
    Raises `BadInputError` where the bytes are no PDF at all, `ValueError` for a root that is none.
    """
    if b"%PDF-" not in pdf[:HEADER_WITHIN]:
        raise BadInputError("the file is no PDF", advice="give a PDF made by sohoa")
    roots = [_load_root(root) for root in trust_roots]
    found = _Found([], [])
    try:
        _check_signatures(pdf, roots, found)
    except _UNREADABLE as error:
        found.problems.append(f"the signatures cannot be read ({type(error).__name__})")
        if any(int(start) + int(length) < len(pdf) for start, length in _SIGNED_TO.findall(pdf)):
            found.problems.append("bytes were added after the last signature")
    if found.signatures and not found.signatures[-1].whole_file and not found.additions_only:
        found.problems.append("bytes were added after the last signature")
    pages, recorded = _check_pages(pdf, found)
    return VerifyReport(
        signatures=tuple(found.signatures),
        pdfa_findings=tuple(check_conformance(pdf)),
        problems=tuple(found.problems),
        roots_given=bool(roots),
        pages=pages,
        pages_recorded=recorded,
        document_timestamps=found.timestamps,
        only_validation_data_added=found.additions_only,
        conformance=f"PDF/A-{found.part or 2}u",
    )


def _check_signatures(pdf: bytes, roots: list[x509.Certificate], found: _Found) -> None:
    reader = PdfFileReader(io.BytesIO(pdf))
    embedded = reader.embedded_regular_signatures
    if not embedded:
        found.problems.append("the file is not signed")
    if len(embedded) > MOST_SIGNATURES:
        found.problems.append(f"more than {MOST_SIGNATURES} signatures; the rest was not looked at")
    for signature in embedded[:MOST_SIGNATURES]:
        found.signatures.append(_check_signature(signature, roots, found))
    for stamp in reader.embedded_timestamp_signatures[:MOST_SIGNATURES]:
        status = validate_pdf_timestamp(stamp, validation_context=_trust(roots))
        if not (status.intact and status.valid):
            found.problems.append(f"{stamp.field_name}: the document timestamp does not hold")
            continue
        if roots and not status.trusted:
            found.problems.append(
                f"{stamp.field_name}: the document timestamp does not lead to a trusted root"
            )
            continue
        found.timestamps += 1
        whole = status.coverage == SignatureCoverageLevel.ENTIRE_FILE
        found.additions_only = found.additions_only or whole
    if found.additions_only:
        found.additions_only = (
            _AT_END.search(pdf) is not None and find_strays(pdf, found.end_of_signed) == set()
        )


def _check_signature(
    signature: EmbeddedPdfSignature, roots: list[x509.Certificate], found: _Found
) -> SignatureReport:
    """One signature's report; appends what is wrong with it to the problems."""
    name = str(signature.field_name)
    status: Any = validate_pdf_signature(signature, signer_validation_context=_trust(roots))
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
    if roots and not status.trusted:
        found.problems.append(f"{name}: the certificate does not lead to a trusted root")
    content = bytes(signature.pkcs7_content)
    if any(content[len(cms.ContentInfo.load(content).dump()) :]):
        found.problems.append(f"{name}: bytes are hidden behind the signature")
    return SignatureReport(
        field_name=name,
        signer_common_name=_name_holder(status.signing_cert),
        signing_time=status.signer_reported_dt,
        intact=intact,
        trusted=bool(status.trusted),
        whole_file=whole_file,
        changes_allowed=changes_allowed,
        certificate_is_test=any(TEST_MARK in value for value in _name_values(status.signing_cert)),
        chain=_name_chain(status),
        timestamp=_read_timestamp(status),
    )


def _check_pages(pdf: bytes, found: _Found) -> tuple[int | None, bool]:
    """How many pages there are and whether they were recorded; appends what differs to the problems.

    The record is taken from the first signed revision where there is one: an update cannot rewrite it.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            with pikepdf.open(io.BytesIO(pdf[: found.end_of_signed])) as signed:
                told = read_own(signed, "pages")
            found.part = read_part(read_xmp(opened))
            if not told:
                return len(opened.pages), False
            found.problems.extend(compare_pages(opened, read_manifest(told)))
            return len(opened.pages), True
    except _UNREADABLE as error:
        found.problems.append(f"the pages cannot be read ({type(error).__name__})")
        return None, False


def _trust(roots: list[x509.Certificate]) -> ValidationContext:
    return ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")


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


def _read_timestamp(status: Any) -> datetime | None:
    stamp = status.timestamp_validity
    return stamp.timestamp if stamp is not None and stamp.intact and stamp.valid else None


def _load_root(root: bytes | Certificate) -> x509.Certificate:
    der = root.public_bytes(Encoding.DER) if isinstance(root, Certificate) else root
    certificate = x509.Certificate.load(der)
    _ = certificate.native  # parsed lazily: raise here, not while judging a file
    return certificate
