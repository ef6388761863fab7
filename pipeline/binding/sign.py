# mypy: disable-error-code="no-untyped-call"
"""One PAdES B-B signature on a finished PDF/A, in an incremental update that keeps it PDF/A."""

import io
from typing import Literal

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.sign import PdfSignatureMetadata, PdfSigner
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, append_signature_field
from pyhanko.sign.general import SigningError as PyHankoSigningError

from pipeline.binding.appearance import LetteringStyle, Rectangle, letter, place_fields
from pipeline.binding.signer import Signer, load_local_trust_roots, load_or_create_local_signer
from schemas.errors import SigningError

__all__ = ["Signer", "load_local_trust_roots", "load_or_create_local_signer", "sign"]

DIGITISER_FIELD = "NguoiQuet"
AGENCY_FIELD = "CoQuan"
"""Both exist before the first signature: a field made after it counts as an illegal change (facts)."""
RESERVED_HEX_DIGITS = 8192
"""Room for the CMS; one of RSA-2048 with a leaf of ours takes about 4000."""


def sign(
    pdf: bytes,
    signer: Signer,
    *,
    signer_name: str,
    scan_time: str,
    profile: Literal["ca-nhan"] = "ca-nhan",
) -> bytes:
    """`pdf` with a certifying signature that lets the agency sign later (MDP: fill forms).

    `ca-nhan` shows name and ISO 8601 scan time at the top left of page 1 (TT 01/2023/TT-VPCP, Điều 8).
    Raises `SigningError` where the name has a letter the font lacks, the PDF is signed already, or
    the PDF or key cannot be used.
    """
    lettering = letter(signer_name, scan_time)
    try:
        writer = _Update(io.BytesIO(pdf))
        boxes = place_fields(_find_visible_box(writer), lettering)
        for name, box in zip((DIGITISER_FIELD, AGENCY_FIELD), boxes, strict=True):
            # pyHanko wants whole points in its types only; it writes the numbers as they are
            append_signature_field(writer, SigFieldSpec(name, on_page=0, box=box))  # type: ignore[arg-type]
        metadata = PdfSignatureMetadata(
            field_name=DIGITISER_FIELD,
            md_algorithm="sha256",
            subfilter=SigSeedSubFilter.PADES,
            certify=True,
            docmdp_permissions=MDPPerm.FILL_FORMS,
            name=signer_name,
        )
        pdf_signer = PdfSigner(metadata, signer.pyhanko, stamp_style=LetteringStyle(lettering=lettering))
        signed = pdf_signer.sign_pdf(writer, existing_fields_only=True, bytes_reserved=RESERVED_HEX_DIGITS)
    except (PdfError, PyHankoSigningError, ValueError, KeyError, IndexError, TypeError, OSError) as error:
        raise SigningError(f"the PDF could not be signed: {type(error).__name__}: {error}") from error
    return bytes(signed.getbuffer())


class _Update(IncrementalPdfFileWriter):
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
