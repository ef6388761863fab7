# mypy: disable-error-code="no-untyped-call, import-untyped, abstract"
"""Is this PDF whole, who signed it, what is covered, is it PDF/A-2u, are its pages those that were bound?"""

import asyncio
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import pikepdf
from asn1crypto import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.validation.errors import SignatureValidationError, ValidationInfoReadingError

from pipeline.binding.conformance import PARSER_ERRORS, Finding, check_conformance
from pipeline.binding.manifest import compare_pages, read_manifest
from pipeline.binding.pdfa.metadata import read_own, read_part, read_xmp
from pipeline.binding.revocation import RevocationState
from pipeline.binding.signatures import Found, SignatureReport, check_signatures
from schemas.errors import BadInputError
from schemas.signing import TrustServices

_UNREADABLE = (
    *PARSER_ERRORS,
    PdfError,
    PyHankoSigningError,
    SignatureValidationError,
    ValidationInfoReadingError,
)
HEADER_WITHIN = 1024
"""Bytes in which readers look for `%PDF-` (ISO 32000-1, annex H.3, note 13)."""
_SIGNED_TO = re.compile(rb"/ByteRange\s*\[\s*\d+\s+\d+\s+(\d{1,12})\s+(\d{1,12})")


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


def verify(
    pdf: bytes,
    *,
    trust_roots: Sequence[bytes | Certificate] = (),
    online: TrustServices | None = None,
    require_revocation: bool = False,
) -> VerifyReport:
    """Check `pdf` against its signatures, `trust_roots` (DER or certificates), its own record of its pages
    and PDF/A-2u.

    Whether a certificate was revoked is told by the answers kept in the file (B-LT, B-LTA); where they do
    not tell and `online` is given (its deadline and attempts are used), its authority is asked. That nobody
    was asked is reported, and a problem only with `require_revocation`: an archive's reading room has no
    network, a B-B file carries no answer by design, and a check that fails on every such file would be
    switched off by those who rely on it. Never raises on garbled PDFs: what cannot be read is a problem in
    the report.
    Raises `BadInputError` where the bytes are no PDF at all, `ValueError` for a root that is none.
    """
    if b"%PDF-" not in pdf[:HEADER_WITHIN]:
        raise BadInputError("the file is no PDF", advice="give a PDF made by sohoa")
    roots = [_load_root(root) for root in trust_roots]
    found = Found([], [])
    try:
        asyncio.run(check_signatures(pdf, roots, online, found))
    except _UNREADABLE as error:
        found.problems.append(f"the signatures cannot be read ({type(error).__name__})")
        if any(int(start) + int(length) < len(pdf) for start, length in _SIGNED_TO.findall(pdf)):
            found.problems.append("bytes were added after the last signature")
    if require_revocation:
        found.problems += [
            f"{signature.field_name}: it is not known whether a certificate was revoked"
            for signature in found.signatures
            if signature.revocation.state is RevocationState.NOT_CHECKED
        ]
    if found.signatures and not found.signatures[-1].whole_file and not found.additions_only:
        found.problems.append("bytes were added after the last signature")
    pages, recorded, part = _check_pages(pdf, found)
    return VerifyReport(
        signatures=tuple(found.signatures),
        pdfa_findings=tuple(check_conformance(pdf)),
        problems=tuple(found.problems),
        roots_given=bool(roots),
        pages=pages,
        pages_recorded=recorded,
        document_timestamps=found.timestamps,
        only_validation_data_added=found.additions_only,
        conformance=f"PDF/A-{part or 2}u",
    )


def _check_pages(pdf: bytes, found: Found) -> tuple[int | None, bool, str]:
    """How many pages there are, whether they were recorded, and the PDF/A part claimed; appends what differs
    to the problems.

    The record is taken from the first signed revision where there is one: an update cannot rewrite it.
    """
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            with pikepdf.open(io.BytesIO(pdf[: found.end_of_signed])) as signed:
                told = read_own(signed, "pages")
            part = read_part(read_xmp(opened))
            if told:
                found.problems.extend(compare_pages(opened, read_manifest(told)))
            return len(opened.pages), bool(told), part
    except _UNREADABLE as error:
        found.problems.append(f"the pages cannot be read ({type(error).__name__})")
        return None, False, ""


def _load_root(root: bytes | Certificate) -> x509.Certificate:
    der = root.public_bytes(Encoding.DER) if isinstance(root, Certificate) else root
    certificate = x509.Certificate.load(der)
    _ = certificate.native  # parsed lazily: raise here, not while judging a file
    return certificate
