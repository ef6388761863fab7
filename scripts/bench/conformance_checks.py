# mypy: disable-error-code="no-untyped-call, import-untyped"
"""The checks of one finished PDF: each says what is wrong, `""` for nothing, None where it has no say."""

import io
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from asn1crypto import cms, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature
from pyhanko_certvalidator import ValidationContext

from pipeline.binding.conformance import check_conformance
from pipeline.binding.levels import find_level
from pipeline.binding.sign import Signer, sign
from pipeline.binding.verify import verify
from schemas.signing import AgencyMark, SignatureLevel, TrustServices
from scripts.samples.drawn import SCAN_TIME

PROGRAMS = ("qpdf", "pdfsig", "openssl")
AGENCY = AgencyMark("Ủy ban nhân dân phường Phù Đổng")


@dataclass(frozen=True, slots=True)
class Specimen:
    """A PDF signed at `level` (or "none") by `signer`. `folder` is for files that programs read."""

    pdf: bytes
    level: str
    signer: Signer
    services: TrustServices
    folder: Path

    @property
    def rung(self) -> int:
        """0 for B-B to 3 for B-LTA, -1 for none."""
        return -1 if self.level == "none" else SignatureLevel(self.level).rung


def check_own(specimen: Specimen) -> str:
    """Our `verify` (revocation required from B-LT on), or for unsigned files our PDF/A rules."""
    if specimen.rung < 0:
        return "; ".join(map(str, check_conformance(specimen.pdf)))
    report = verify(
        specimen.pdf,
        trust_roots=specimen.services.trust_roots,
        require_revocation=specimen.rung >= SignatureLevel.B_LT.rung,
    )
    if find_level(specimen.pdf) != specimen.level:
        return f"the level is {find_level(specimen.pdf)}"
    return "" if report.ok else "; ".join([*report.problems, *map(str, report.pdfa_findings)]) or "not ok"


def check_qpdf(specimen: Specimen) -> str:
    """`qpdf --check`."""
    (specimen.folder / "looked-at.pdf").write_bytes(specimen.pdf)
    return _run(specimen.folder, "qpdf --check looked-at.pdf")


def check_pdfsig(specimen: Specimen) -> str | None:
    """Poppler's `pdfsig`: one signature, valid (this poppler does not judge document time-stamps)."""
    if specimen.rung < 0:
        return None
    (specimen.folder / "looked-at.pdf").write_bytes(specimen.pdf)
    said = subprocess.run(
        ["pdfsig", "looked-at.pdf"], cwd=specimen.folder, capture_output=True, text=True, check=False
    ).stdout
    return "" if said.count("Signature is Valid") == 1 else said[-200:] or "no answer"


def check_cms(specimen: Specimen) -> str | None:
    """`openssl cms -verify -cades` of the signature over the bytes it covers."""
    if specimen.rung < 0:
        return None
    (signature,) = PdfFileReader(io.BytesIO(specimen.pdf)).embedded_regular_signatures
    _write_parts(signature, specimen)
    return _run(
        specimen.folder,
        "openssl cms -verify -cades -binary -inform DER -in cms.der -content covered -CAfile root.pem "
        "-purpose any -out /dev/null",
    )


def check_timestamps(specimen: Specimen) -> str | None:
    """`openssl ts -verify` of the signature's token and of every document time-stamp."""
    if specimen.rung < SignatureLevel.B_T.rung:
        return None
    reader = PdfFileReader(io.BytesIO(specimen.pdf))
    (signature,) = reader.embedded_regular_signatures
    _write_parts(signature, specimen)
    token = signature.signer_info["unsigned_attrs"][0]["values"][0]
    (specimen.folder / "token.der").write_bytes(token.dump())
    (specimen.folder / "value").write_bytes(signature.signer_info["signature"].native)
    command = "openssl ts -verify -token_in -CAfile root.pem"
    wrong = _run(specimen.folder, f"{command} -in token.der -data value")
    stamps = reader.embedded_timestamp_signatures
    for stamp in stamps:
        _write_parts(stamp, specimen)
        wrong = wrong or _run(specimen.folder, f"{command} -in cms.der -data covered")
    expected = int(specimen.rung == SignatureLevel.B_LTA.rung)
    return wrong or ("" if len(stamps) == expected else f"{len(stamps)} document time-stamps")


def check_second_signer(specimen: Specimen) -> str | None:
    """An agency signs after: pyHanko's difference analysis sees form filling at most, and both hold."""
    if specimen.rung < 0:
        return None
    twice = sign(
        specimen.pdf, specimen.signer, signer_name="", scan_time=SCAN_TIME, profile="sao-y", agency=AGENCY
    )
    roots = [x509.Certificate.load(root) for root in specimen.services.trust_roots]
    context = ValidationContext(trust_roots=roots, allow_fetching=False)
    for signature in PdfFileReader(io.BytesIO(twice)).embedded_regular_signatures:
        status = validate_pdf_signature(signature, context)
        level = status.modification_level
        if level is None or level.value > ModificationLevel.FORM_FILLING.value or not status.docmdp_ok:
            return f"{signature.field_name}: {level}"
        if not status.bottom_line:
            return f"{signature.field_name}: not valid"
    report = verify(twice, trust_roots=specimen.services.trust_roots)
    return "" if report.ok and len(report.signatures) == 2 else "; ".join(report.problems) or "not ok"


CHECKS: dict[str, Callable[[Specimen], str | None]] = {
    "own": check_own,
    "qpdf": check_qpdf,
    "pdfsig": check_pdfsig,
    "cms": check_cms,
    "ts": check_timestamps,
    "two": check_second_signer,
}


def _write_parts(signature: EmbeddedPdfSignature, specimen: Specimen) -> None:
    """The CMS object without its padding, the bytes it covers, and the root."""
    folder = specimen.folder
    (folder / "cms.der").write_bytes(cms.ContentInfo.load(bytes(signature.pkcs7_content)).dump())
    start, length, second, rest = (int(value) for value in signature.byte_range)
    (folder / "covered").write_bytes(
        specimen.pdf[start : start + length] + specimen.pdf[second : second + rest]
    )
    if not (folder / "root.pem").exists():
        (folder / "root.der").write_bytes(specimen.services.trust_roots[0])
        _run(folder, "openssl x509 -inform DER -in root.der -out root.pem")


def _run(folder: Path, command: str) -> str:
    done = subprocess.run(command.split(), cwd=folder, capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else (done.stdout + done.stderr)[-200:] or f"exit {done.returncode}"
