# mypy: disable-error-code="no-untyped-call"
"""One PAdES signature on a finished PDF/A, in an incremental update that keeps it PDF/A.

The first signature certifies the file and leaves a field for one more signer; `levels` goes on from here.
"""

import asyncio
import io
from dataclasses import dataclass
from datetime import datetime

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import (
    MDPPerm,
    SigFieldSpec,
    SigSeedSubFilter,
    append_signature_field,
    enumerate_sig_fields,
)
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.timestamps.api import TimeStamper

from pipeline.binding.appearance import LetteringStyle
from pipeline.binding.lettering import (
    EMPTY_AGENCY_PT,
    EMPTY_DIGITISER_PT,
    INVISIBLE,
    Lettering,
    Rectangle,
    Size,
    letter,
    place_fields,
)
from pipeline.binding.signer import Signer, load_local_trust_roots, load_or_create_local_signer
from schemas.errors import SigningError
from schemas.signing import NO_AGENCY, AgencyMark, AppearanceProfile, SignatureLevel, SignatureOutcome

__all__ = ["Signer", "load_local_trust_roots", "load_or_create_local_signer", "sign"]

DIGITISER_FIELD = "NguoiQuet"
AGENCY_FIELD = "CoQuan"
"""Both exist before the first signature: a field made after it counts as an illegal change (facts)."""
_FIELDS: dict[AppearanceProfile, str] = {
    "ca-nhan": DIGITISER_FIELD,
    "invisible": DIGITISER_FIELD,
    "sao-y": AGENCY_FIELD,
    "luu-tru": AGENCY_FIELD,
}
ATTRIBUTE_BYTES = 2_048
"""Room for the CMS beside its certificates and the raw signature; ours takes about 700 bytes."""

NOT_SIGNABLE = (PdfError, PyHankoSigningError, ValueError, KeyError, IndexError, TypeError, OSError)
"""What pyHanko raises on a PDF or key that it cannot use."""


@dataclass(frozen=True, slots=True)
class SignatureText:
    """Who signs and what is shown. `scan_time` is ISO 8601; an agency's signing time takes its zone."""

    signer_name: str
    scan_time: str
    profile: AppearanceProfile = "ca-nhan"
    agency: AgencyMark = NO_AGENCY

    def letter(self) -> Lettering:
        """The lettering at this moment. Raises `SigningError` as `lettering.letter`."""
        zone = datetime.fromisoformat(self.scan_time).tzinfo
        return letter(
            self.profile,
            signer_name=self.signer_name,
            scan_time=self.scan_time,
            agency=self.agency,
            signed_at=datetime.now(zone).isoformat(timespec="seconds"),
        )


@dataclass(frozen=True, slots=True)
class SignedPdf:
    """A signed PDF and the level it reached."""

    pdf: bytes
    outcome: SignatureOutcome


def sign(
    pdf: bytes,
    signer: Signer,
    *,
    signer_name: str,
    scan_time: str,
    profile: AppearanceProfile = "ca-nhan",
    agency: AgencyMark = NO_AGENCY,
) -> bytes:
    """`pdf` with a B-B signature. The first one certifies, and lets one more sign in the field left for that.

    `ca-nhan` and `invisible` sign as the digitiser, `sao-y` and `luu-tru` as the agency; the second signer
    calls this again with the signed file. Raises `SigningError` where the name has a letter the font lacks,
    the certificate is out of date, the field is signed already or missing from a signed PDF, or the PDF or
    key cannot be used.
    """
    return sign_plainly(pdf, signer, SignatureText(signer_name, scan_time, profile, agency)).pdf


def sign_plainly(pdf: bytes, signer: Signer, text: SignatureText) -> SignedPdf:
    """As `sign`. Nothing waits for a network here: `asyncio.run` would cost 2 ms more, for signals."""
    loop = asyncio.new_event_loop()
    try:
        signed = loop.run_until_complete(add_signature(pdf, signer, text))
    finally:
        loop.close()
    return SignedPdf(signed, SignatureOutcome(SignatureLevel.B_B, SignatureLevel.B_B))


async def add_signature(
    pdf: bytes,
    signer: Signer,
    text: SignatureText,
    timestamper: TimeStamper | None = None,
    token_bytes: int = 0,
) -> bytes:
    """As `sign`; with `timestamper`, whose tokens have `token_bytes` at most, B-T. Raises as it does, too."""
    signer.check_date()
    lettering = text.letter()
    field = _FIELDS[text.profile]
    try:
        writer = PdfUpdate(io.BytesIO(pdf))
        first, size = _prepare_fields(writer, field, lettering)
        metadata = PdfSignatureMetadata(
            field_name=field,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=first,
            docmdp_permissions=MDPPerm.FILL_FORMS,
            name=text.signer_name if field == DIGITISER_FIELD else text.agency.name,
        )
        pdf_signer = PdfSigner(
            metadata,
            signer.pyhanko,
            timestamper=timestamper,
            stamp_style=LetteringStyle(lettering=lettering, size_pt=size),
        )
        signed = await pdf_signer.async_sign_pdf(
            writer,
            existing_fields_only=True,
            bytes_reserved=2 * (ATTRIBUTE_BYTES + signer.chain_bytes + token_bytes),
        )
    except NOT_SIGNABLE as error:
        raise SigningError(f"the PDF could not be signed: {type(error).__name__}: {error}") from error
    return bytes(signed.getbuffer())


def _prepare_fields(writer: IncrementalPdfFileWriter, field: str, lettering: Lettering) -> tuple[bool, Size]:
    """Make both fields in an unsigned PDF; whether this is its first signature, and the size of `field`."""
    existing = {name: value is not None for name, value, _ in enumerate_sig_fields(writer)}
    first = not any(existing.values())
    if not first and (field not in existing or existing[field]):
        raise ValueError(f"the field {field} is {'signed already' if field in existing else 'not there'}")
    sizes = {DIGITISER_FIELD: EMPTY_DIGITISER_PT, AGENCY_FIELD: EMPTY_AGENCY_PT}
    sizes[field] = (lettering.width_pt, lettering.height_pt)
    boxes = place_fields(_find_visible_box(writer), sizes[DIGITISER_FIELD], sizes[AGENCY_FIELD])
    for name, box in zip(sizes, boxes, strict=True):
        if name not in existing:
            shown = name != field or lettering != INVISIBLE
            # pyHanko wants whole points in its types only; it writes the numbers as they are
            spec = SigFieldSpec(name, on_page=0, box=box if shown else None)  # type: ignore[arg-type]
            append_signature_field(writer, spec)
    rectangles = {name: made.get_object()["/Rect"] for name, _, made in enumerate_sig_fields(writer)}
    x0, y0, x1, y1 = (float(value) for value in rectangles[field])
    return first, (abs(x1 - x0), abs(y1 - y0))


class PdfUpdate(IncrementalPdfFileWriter):
    """Leaves document info and XMP as composed: they must keep agreeing, and their rewriting costs time."""

    def _update_meta(self) -> None:
        return


def _find_visible_box(writer: IncrementalPdfFileWriter) -> Rectangle:
    page = writer.find_page_for_modification(0)[0].get_object()
    box = _inherit(page, "/CropBox") or _inherit(page, "/MediaBox")
    if box is None:
        raise ValueError("page 1 has no MediaBox")
    x0, y0, x1, y1 = (float(value) for value in box)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _inherit(page: generic.DictionaryObject, key: str) -> generic.ArrayObject | None:
    node = page
    for _ in range(64):  # deeper page trees than this are loops
        if key in node:
            value: generic.ArrayObject = node[key]
            return value
        if "/Parent" not in node:
            break
        node = node["/Parent"]
    return None
