# mypy: disable-error-code="no-untyped-call, import-untyped"
"""What may stand behind a signature: updates that extend its level, and the time-stamps in them must hold."""

import re
from collections.abc import Sequence

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_timestamp
from pyhanko.sign.validation.status import PdfSignatureStatus, SignatureCoverageLevel
from pyhanko_certvalidator import ValidationContext

_END = re.compile(rb"startxref\s+\d+\s+%%EOF\s*\Z")


def covers_file(pdf: bytes, status: PdfSignatureStatus) -> bool:
    """Does the signature reach to the last byte, but for updates that only extend its level?

    Such an update ends with its own cross-reference; bytes behind that belong to nobody.
    """
    if status.coverage == SignatureCoverageLevel.ENTIRE_FILE:
        return True
    extended = bool(status.docmdp_ok) and status.modification_level == ModificationLevel.LTA_UPDATES
    return extended and _END.search(pdf[-64:]) is not None


def check_timestamps(reader: PdfFileReader, roots: Sequence[x509.Certificate]) -> list[str]:
    """What is wrong with the document time-stamps; a chain is judged only where roots are given."""
    problems = []
    for stamp in reader.embedded_timestamp_signatures:
        context = ValidationContext(
            trust_roots=list(roots), allow_fetching=False, revocation_mode="soft-fail"
        )
        status = validate_pdf_timestamp(stamp, context)
        if not (status.intact and status.valid):
            problems.append(f"{stamp.field_name}: the file was changed after this time-stamp, or it is false")
        elif roots and not status.trusted:
            problems.append(f"{stamp.field_name}: the time-stamp does not lead to a trusted root")
    return problems
