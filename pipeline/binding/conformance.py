"""Own checks of PDF/A-2u (ISO 19005-2) on a finished PDF; what they pass is no certificate.

They are veraPDF's public rules for 2b and 2u, read as text and written anew, as far as they can apply to
files made, signed or tampered with here; each finding names its clause. Not among them: simple fonts' cmaps
and encodings by differences, spot colours, overprint in CMYK, embedded files' own conformance. Where
veraPDF is on PATH, `verapdf.ask_verapdf` asks it too.
"""

import io

import pikepdf
from pikepdf import Pdf

from pipeline.binding.pdfa.annotations import check_pages, check_signatures
from pipeline.binding.pdfa.document import check_document, check_intents, check_values
from pipeline.binding.pdfa.file_bytes import check_bytes
from pipeline.binding.pdfa.finding import PARSER_ERRORS, Finding
from pipeline.binding.pdfa.fonts import check_fonts, check_text
from pipeline.binding.pdfa.graphics import check_drawing, check_streams
from pipeline.binding.pdfa.metadata import check_metadata

__all__ = ["PARSER_ERRORS", "Finding", "check_conformance"]

_CHECKS = (
    check_document,
    check_intents,
    check_metadata,
    check_values,
    check_streams,
    check_fonts,
    check_pages,
    check_drawing,
    check_text,
)


def check_conformance(data: bytes) -> list[Finding]:
    """Breaches of PDF/A-2u found in `data`; never raises, garbled parts are findings themselves."""
    findings = list(check_bytes(data))
    try:
        with Pdf.open(io.BytesIO(data), attempt_recovery=True) as pdf:
            for check in (*_CHECKS, lambda opened: check_signatures(opened, len(data))):
                try:
                    findings += check(pdf)
                except UnicodeDecodeError:
                    findings.append(
                        Finding("6.1.8", "a name is not UTF-8; what lies behind it was not checked")
                    )
                except PARSER_ERRORS as error:
                    findings.append(Finding("6.1", f"structure cannot be read ({type(error).__name__})"))
            if pdf.get_warnings():
                findings.append(Finding("6.1", "the file structure is damaged and had to be repaired"))
    except pikepdf.PasswordError:
        findings.append(Finding("6.1.3", "the file is encrypted"))
    except PARSER_ERRORS as error:
        findings.append(Finding("6.1", f"the file cannot be opened ({type(error).__name__})"))
    return list(dict.fromkeys(findings))
