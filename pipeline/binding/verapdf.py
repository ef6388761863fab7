"""veraPDF, the reference validator of PDF/A, where it is on PATH."""

import shutil
import subprocess
from pathlib import Path
from xml.etree import ElementTree

from pipeline.binding.pdfa.finding import Finding
from schemas.errors import MissingDependencyError

TIMEOUT_S = 300.0


def find_verapdf() -> str | None:
    """Its path, or None."""
    return shutil.which("verapdf")


def ask_verapdf(program: str, pdf: Path, flavour: str = "2u") -> tuple[Finding, ...]:
    """What veraPDF finds against PDF/A of that flavour; empty where it finds the file compliant.

    Raises `MissingDependencyError` where it does not answer as veraPDF does.
    """
    command = (program, "--flavour", flavour, "--format", "xml", str(pdf))
    try:
        ran = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)
        # our own child's report, not a stranger's file
        report = ElementTree.fromstring(ran.stdout).find(".//validationReport")  # noqa: S314
    except (OSError, subprocess.TimeoutExpired, ElementTree.ParseError) as error:
        raise _silent(program) from error
    if report is None:
        raise _silent(program)
    failed = [rule for rule in report.iter("rule") if rule.get("status") == "failed"]
    findings = tuple(
        Finding(rule.get("clause", "?"), (rule.findtext("description") or "").strip()) for rule in failed
    )
    if report.get("isCompliant") == "true":
        return ()
    return findings or (Finding("?", "veraPDF calls the file not compliant and names no rule"),)


def _silent(program: str) -> MissingDependencyError:
    return MissingDependencyError(f"{program} gives no report", advice="run it by hand to see why")
