# mypy: disable-error-code="no-untyped-call, import-untyped"
"""The ladder of PAdES levels: each rung is one incremental update that no earlier signature forbids.

B-T: a time-stamp of the signature, or of the whole file where it was signed without one. B-LT: chain and
revocation status of every signer and time-stamp. B-LTA: a time-stamp over all of it.
"""

import asyncio
import io

from asn1crypto import x509
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.signers import PdfTimeStamper
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko.sign.validation.dss import DocumentSecurityStore, collect_validation_info
from pyhanko.sign.validation.errors import ValidationInfoReadingError
from pyhanko.sign.validation.generic_cms import extract_tst_data_iter
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.path import ValidationPath

from pipeline.binding.conformance import PARSER_ERRORS
from pipeline.binding.services import Connection, connect
from pipeline.binding.sign import (
    NOT_SIGNABLE,
    PdfUpdate,
    SignatureText,
    SignedPdf,
    add_signature,
    sign_plainly,
)
from pipeline.binding.signer import Signer
from schemas.errors import SigningError, SigningServiceError
from schemas.signing import OnFailure, SignatureLevel, SignatureOutcome, TrustServices

_UNREADABLE = (*PARSER_ERRORS, PdfError, PyHankoSigningError, ValidationInfoReadingError)


def sign_to_level(
    pdf: bytes,
    signer: Signer,
    text: SignatureText,
    *,
    level: SignatureLevel,
    services: TrustServices,
    on_failure: OnFailure = "fail",
) -> SignedPdf:
    """Sign, and climb to `level`.

    Where a service is down, `fail` raises `SigningServiceError`; `sign-b-b` stops at the rung that was
    reached and says why in the outcome. Raises `SigningError` as `sign.sign`, and for a chain that does not
    hold.
    """
    if level is SignatureLevel.B_B:
        return sign_plainly(pdf, signer, text)
    return asyncio.run(_sign_to_level(pdf, signer, text, level, services, on_failure))


def extend(pdf: bytes, *, level: SignatureLevel, services: TrustServices) -> bytes:
    """A signed PDF brought to `level` by updates behind its last byte; itself where it is there already.

    Raises `SigningError` where it is not signed or a signature in it does not hold, `SigningServiceError`
    where a service is down.
    """
    return asyncio.run(_extend(pdf, level, services))


def renew(pdf: bytes, *, services: TrustServices) -> bytes:
    """A B-LTA file with one more time-stamp, and the status of the last one, by updates behind its last byte.

    Due before the certificate of the last time-stamp runs out. Raises as `extend`, and `SigningError` for a
    lower level.
    """
    return asyncio.run(_renew(pdf, services))


def find_level(pdf: bytes) -> SignatureLevel | None:
    """The level whose parts the file carries for all its signatures; None where it is not signed.

    It says what is there, not that it holds: that is `verify`. Raises `SigningError` for an unreadable PDF.
    """
    try:
        reader = PdfFileReader(io.BytesIO(pdf))
        signatures = reader.embedded_regular_signatures
        stamps = reader.embedded_timestamp_signatures
        if not signatures:
            return None
        if not all(_is_timed(signature, stamps) for signature in signatures):
            return SignatureLevel.B_B
        last = max(signature.signed_revision for signature in signatures)
        if not _has_status(reader, reader.xrefs.total_revisions - 1, last):
            return SignatureLevel.B_T
        if not any(_has_status(reader, stamp.signed_revision, last) for stamp in stamps):
            return SignatureLevel.B_LT
    except _UNREADABLE as error:
        raise SigningError(f"the signatures cannot be read ({type(error).__name__})") from error
    return SignatureLevel.B_LTA


def _is_timed(signature: EmbeddedPdfSignature, stamps: list[EmbeddedPdfSignature]) -> bool:
    attached = any(True for _ in extract_tst_data_iter(signature.signer_info, signed=False))
    return attached or any(stamp.signed_revision > signature.signed_revision for stamp in stamps)


def _has_status(reader: PdfFileReader, revision: int, last_signature: int) -> bool:
    """Does the file as of `revision` carry revocation status that was added after the last signature?"""
    if revision <= last_signature:
        return False
    root = reader.get_historical_root(revision)
    return "/DSS" in root and any(key in root["/DSS"] for key in ("/OCSPs", "/CRLs"))


async def _sign_to_level(
    pdf: bytes,
    signer: Signer,
    text: SignatureText,
    level: SignatureLevel,
    services: TrustServices,
    on_failure: OnFailure,
) -> SignedPdf:
    async with connect(services) as connection:
        reached = signed = None
        try:
            room = await connection.find_token_room()
            signed = await add_signature(pdf, signer, text, connection.timestamper, room)
            reached = SignatureLevel.B_T
            while reached is not level:
                signed = await _climb(signed, reached, connection)
                reached = _next(reached)
        except SigningServiceError as error:
            if on_failure == "fail":
                raise
            if signed is None or reached is None:
                signed, reached = await add_signature(pdf, signer, text), SignatureLevel.B_B
            return SignedPdf(signed, SignatureOutcome(level, reached, error.what))
    return SignedPdf(signed, SignatureOutcome(level, level))


async def _extend(pdf: bytes, level: SignatureLevel, services: TrustServices) -> bytes:
    reached = find_level(pdf)
    if reached is None:
        raise SigningError("the PDF is not signed", advice="sign it first")
    if reached.rung >= level.rung:
        return pdf
    await _check_intact(pdf, services)
    async with connect(services) as connection:
        while reached is not level:
            pdf = await _climb(pdf, reached, connection)
            reached = _next(reached)
    return pdf


async def _renew(pdf: bytes, services: TrustServices) -> bytes:
    if find_level(pdf) is not SignatureLevel.B_LTA:
        raise SigningError("the PDF is not at level B-LTA", advice="extend it first")
    await _check_intact(pdf, services)
    async with connect(services) as connection:
        with_status = await _climb(pdf, SignatureLevel.B_T, connection)
        return await _climb(with_status, SignatureLevel.B_LT, connection)


def _next(level: SignatureLevel) -> SignatureLevel:
    return list(SignatureLevel)[level.rung + 1]


async def _climb(pdf: bytes, level: SignatureLevel, connection: Connection) -> bytes:
    """One rung up from `level`."""
    try:
        if level is SignatureLevel.B_T:
            return await _add_status(pdf, connection)
        return await _add_timestamp(pdf, connection)
    except NOT_SIGNABLE as error:
        raise SigningError(f"the PDF could not be extended: {type(error).__name__}: {error}") from error


async def _add_timestamp(pdf: bytes, connection: Connection) -> bytes:
    """A document time-stamp over every byte so far."""
    room = await connection.find_token_room()
    stamped = await PdfTimeStamper(connection.timestamper).async_timestamp_pdf(
        PdfUpdate(io.BytesIO(pdf)), "sha256", bytes_reserved=2 * room
    )
    return bytes(stamped.getbuffer())


async def _add_status(pdf: bytes, connection: Connection) -> bytes:
    """Chain and revocation status of all signatures and time-stamps, in the document security store."""

    async def collect(context: ValidationContext) -> tuple[ValidationContext, list[ValidationPath]]:
        reader = PdfFileReader(io.BytesIO(pdf))
        paths: list[ValidationPath] = []
        for signature in reader.embedded_signatures:
            paths += await collect_validation_info(signature, context)
        return context, paths

    context, paths = await connection.with_revocation(collect)
    writer = PdfUpdate(io.BytesIO(pdf))
    DocumentSecurityStore.supply_dss_in_writer(writer, None, paths=paths, validation_context=context)
    held = io.BytesIO()
    writer.write(held)
    return held.getvalue()


async def _check_intact(pdf: bytes, services: TrustServices) -> None:
    """Time must not be lent to a false or changed file. Raises `SigningError`."""
    roots = [x509.Certificate.load(root) for root in services.trust_roots]
    context = ValidationContext(trust_roots=roots, allow_fetching=False, revocation_mode="soft-fail")
    try:
        for signature in PdfFileReader(io.BytesIO(pdf)).embedded_regular_signatures:
            status = await async_validate_pdf_signature(signature, context)
            if not (status.intact and status.valid and status.docmdp_ok):
                raise SigningError(
                    f"{signature.field_name}: the file was changed after signing, or the signature is false",
                    advice="run 'sohoa verify'; a file that does not hold is not extended",
                )
    except _UNREADABLE as error:
        raise SigningError(f"the signatures cannot be read ({type(error).__name__})") from error
