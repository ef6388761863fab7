"""Apache PDFBox Preflight, an outside validator of PDF/A-1b, asked about the 1b twin of a document.

The twin has the same pages, fonts, profile and XMP; only its header and its claim say 1b. What 2u adds to
1b (ToUnicode) and what 2 forbids anew is left to our own checks.
"""

import io
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import pikepdf

from schemas.errors import MissingDependencyError

JARS = ("preflight", "pdfbox2", "fontbox2", "xmpbox", "commons-logging", "javax.activation", "jaxb-api")
ONLY_1B = ("CIDSet entry is missing", "widget annotation lacks an appearance dictionary")
"""What Preflight says of signed twins and PDF/A-2 allows: ISO 19005-2, 6.2.11.4.2 makes CIDSet optional, and
6.3.3 asks for no appearance of an annotation without extent (an invisible signature)."""
_FOLDER = Path("/usr/share/java")


def find_preflight() -> str | None:
    """Its class path; None where Java or one of its packages is missing (scripts/apt-packages-test.txt)."""
    jars = [_FOLDER / f"{jar}.jar" for jar in JARS]
    if shutil.which("java") is None or not all(jar.is_file() for jar in jars):
        return None
    return ":".join(map(str, jars))


def make_twin(pdf: bytes) -> bytes:
    """The same document as PDF/A-1b."""
    twin = io.BytesIO()
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        xmp = opened.Root.Metadata.read_bytes()
        for ours, theirs in ((b"part>2<", b"part>1<"), (b"conformance>U<", b"conformance>B<")):
            if ours not in xmp:
                raise ValueError("no PDF/A-2u of ours")
            xmp = xmp.replace(ours, theirs)
        opened.Root.Metadata.write(xmp)
        opened.save(
            twin,
            force_version="1.4",
            fix_metadata_version=False,
            object_stream_mode=pikepdf.ObjectStreamMode.disable,
        )
    return twin.getvalue()


def run_preflight(pdf: Path) -> list[str]:
    """What Preflight finds wrong, one line a finding; empty for a valid PDF/A-1b file.

    Raises `MissingDependencyError` where it is not there or gives no answer.
    """
    classes = find_preflight()
    if classes is None:
        raise MissingDependencyError("Preflight is missing")
    command = ("java", "-Xshare:auto", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b", str(pdf))
    ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    said = (ran.stdout + ran.stderr).strip().splitlines()
    if any("is a valid PDF/A-1b file" in line for line in said):
        return []
    if not any("is not a valid PDF/A-1b file" in line for line in said):
        raise MissingDependencyError(f"Preflight does not work: {said[-1] if said else 'no answer'}")
    return [line for line in said if line and "is not a valid" not in line]


def run_preflight_on_all(pdfs: Sequence[Path], folder: Path) -> dict[str, list[str]]:
    """The same for many files of different names in one Java process, by file name. `folder` is for its use.

    Raises `MissingDependencyError`.
    """
    classes = find_preflight()
    if classes is None:
        raise MissingDependencyError("Preflight is missing")
    names = folder / "preflight-files.txt"
    names.write_text("".join(f"{pdf}\n" for pdf in pdfs), encoding="utf-8")
    command = ("java", "-Xshare:auto", "-cp", classes, "org.apache.pdfbox.preflight.Validator_A1b",
               "xml", "group", str(names))  # fmt: skip
    subprocess.run(command, capture_output=True, check=False, timeout=540)
    answer = folder / f"{names.name}.preflight.xml"
    if not answer.is_file():
        raise MissingDependencyError("Preflight gives no answer")
    found = {}
    for told in ElementTree.parse(answer).getroot():  # noqa: S314 -- written by the line above
        valid = told.findtext("isValid") == "true"
        errors = [f"{error.findtext('code')} : {error.findtext('details')}" for error in told.iter("error")]
        found[str(told.get("name"))] = [] if valid else errors or ["no answer"]
    return {pdf.name: found.get(pdf.name, ["no answer"]) for pdf in pdfs}
