# mypy: disable-error-code="no-untyped-call, import-untyped, abstract"
"""Is this PDF whole, who signed it, what does the signature cover, and is it PDF/A-2u?"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from asn1crypto import cms, x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.errors import ValidationInfoReadingError
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from pipeline.binding.conformance import PARSER_ERRORS, Finding, check_conformance
from pipeline.binding.coverage import check_timestamps, covers_file
from pipeline.binding.signer import TEST_MARK
from schemas.errors import BadInputError

_UNREADABLE = (*PARSER_ERRORS, PdfError, PyHankoSigningError, ValidationInfoReadingError)
MOST_SIGNATURES = 50
HEADER_WITHIN = 1024
"""Bytes in which readers look for `%PDF-` (ISO 32000-1, annex H.3, note 13)."""


@dataclass(frozen=True, slots=True)
class SignatureReport:
    """One signature. `intact`: what it covers is unchanged and the mathematics hold. `whole_file`: no
    byte lies outside it. `changes_allowed`: what was added after it is what it permits."""

    field_name: str
    signer_common_name: str
    signing_time: datetime | None
    intact: bool
    trusted: bool
    whole_file: bool
    changes_allowed: bool
    certificate_is_test: bool


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What `verify` found. `trusted` means a chain to one of the roots given; with none it is False."""

    signatures: tuple[SignatureReport, ...]
    pdfa_findings: tuple[Finding, ...]
    problems: tuple[str, ...]
    roots_given: bool

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
        """The newest signature covers every byte."""
        return bool(self.signatures) and self.signatures[-1].whole_file

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


def verify(pdf: bytes, *, trust_roots: Sequence[bytes | Certificate] = ()) -> VerifyReport:
    """Check `pdf` against its signatures, `trust_roots` (DER or certificates) and PDF/A-2u.

    Never raises on garbled PDFs: what cannot be read is a problem in the report.
    Raises `BadInputError` where the bytes are no PDF at all, `ValueError` for a root that is none.
    """
    if b"%PDF-" not in pdf[:HEADER_WITHIN]:
        raise BadInputError("the file is no PDF", advice="give a PDF made by sohoa")
    roots = [_load_root(root) for root in trust_roots]
    problems: list[str] = []
    signatures: list[SignatureReport] = []
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        embedded = reader.embedded_regular_signatures
        if not embedded:
            problems.append("the file is not signed")
        if len(embedded) > MOST_SIGNATURES:
            problems.append(f"more than {MOST_SIGNATURES} signatures; the rest was not looked at")
        for signature in embedded[:MOST_SIGNATURES]:
            signatures.append(_check_signature(pdf, signature, roots, problems))
        problems += check_timestamps(reader, roots)
    except _UNREADABLE as error:
        problems.append(f"the signatures cannot be read ({type(error).__name__})")
    if signatures and not signatures[-1].whole_file:
        problems.append("bytes were added after the last signature")
    return VerifyReport(
        signatures=tuple(signatures),
        pdfa_findings=tuple(check_conformance(pdf)),
        problems=tuple(problems),
        roots_given=bool(roots),
    )


def _check_signature(
    pdf: bytes, signature: EmbeddedPdfSignature, roots: list[x509.Certificate], problems: list[str]
) -> SignatureReport:
    """One signature's report; appends what is wrong with it to `problems`."""
    name = str(signature.field_name)
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    status = validate_pdf_signature(signature, signer_validation_context=context)
    whole_file = covers_file(pdf, status)
    intact = bool(status.intact and status.valid)
    changes_allowed = whole_file or bool(status.docmdp_ok)
    if not intact:
        problems.append(f"{name}: the file was changed after signing, or the signature is false")
    elif not changes_allowed:
        problems.append(f"{name}: the file was changed after signing in a way the signature forbids")
    if roots and not status.trusted:
        problems.append(f"{name}: the certificate does not lead to a trusted root")
    content = bytes(signature.pkcs7_content)
    if any(content[len(cms.ContentInfo.load(content).dump()) :]):
        problems.append(f"{name}: bytes are hidden behind the signature")
    subject = status.signing_cert.subject.native
    values = [text for value in subject.values() for text in (value if isinstance(value, list) else [value])]
    return SignatureReport(
        field_name=name,
        signer_common_name=str(subject.get("common_name", "")),
        signing_time=status.signer_reported_dt,
        intact=intact,
        trusted=bool(status.trusted),
        whole_file=whole_file,
        changes_allowed=changes_allowed,
        certificate_is_test=any(TEST_MARK in str(value) for value in values),
    )


def _load_root(root: bytes | Certificate) -> x509.Certificate:
    der = root.public_bytes(Encoding.DER) if isinstance(root, Certificate) else root
    certificate = x509.Certificate.load(der)
    _ = certificate.native  # parsed lazily: raise here, not while judging a file
    return certificate
