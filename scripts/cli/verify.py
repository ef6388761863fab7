"""`sohoa verify`: is this PDF what was signed, by whom, is it PDF/A, and does it show the original scans?"""

import json
import logging
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import BadInputError

if TYPE_CHECKING:
    from schemas.settings import Settings
    from scripts.cli.evidence import Claim, Exhibit

MARKS = {True: "✓", False: "✗", None: "·"}
NOT_HELD = 1
"""Exit code where a PDF was read and does not hold."""


def verify(
    targets: Annotated[
        list[str],
        typer.Argument(metavar="FILE.pdf|FOLDER|CODE...", help="PDFs, folders of them, record codes"),
    ],
    originals: Annotated[
        Path | None, typer.Option(help="folder of original scans to compare the pictures with")
    ] = None,
    online: Annotated[
        bool | None,
        typer.Option(
            "--online/--offline",
            help="ask certificates' authorities whether they were revoked, where the file does not tell; "
            "default: signing.revocation_online of the settings",
        ),
    ] = None,
    require_revocation: Annotated[
        bool, typer.Option("--require-revocation", help="not known whether a certificate was revoked: fails")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check signatures and what they cover, every page's picture and text, PDF/A, and the original scans.

    Exit code 0 only if all holds, 1 if not; · marks what was not judged. Trusted are the roots in
    signing.trust_roots and the local test certificates of this SOHOA_HOME, which are named as such. A record
    code is looked up in the ledger of SOHOA_HOME. veraPDF is asked too where it is on PATH.
    """
    from schemas.settings import Settings
    from scripts.cli.evidence import collect_exhibits

    logging.getLogger("pyhanko").addHandler(logging.NullHandler())  # what it warns of is in the claims
    logging.getLogger("pyhanko").propagate = False
    settings = Settings()
    ask = settings.signing.revocation_online if online is None else online
    answers = []
    for exhibit in collect_exhibits(targets, originals):
        answer, claims = _examine(exhibit, settings, online=ask, require_revocation=require_revocation)
        answers.append(answer)
        if not as_json:
            for held, claim in claims:
                print(f"{MARKS[held]} {claim}")
            print(f"{exhibit.name}: {'holds' if answer['holds'] else 'does NOT hold'}")
    if as_json:
        print(json.dumps({"schema": "sohoa/verify-report@1", "files": answers}, ensure_ascii=False, indent=1))
    if not all(answer["holds"] for answer in answers):
        raise typer.Exit(NOT_HELD)


def _examine(
    exhibit: "Exhibit", settings: "Settings", *, online: bool, require_revocation: bool
) -> "tuple[dict[str, Any], list[Claim]]":
    """The answer for one file, for a machine and in words."""
    from hashlib import sha256

    from pipeline.binding.keys import load_trust_roots
    from pipeline.binding.verapdf import ask_verapdf, find_verapdf
    from pipeline.binding.verify import verify as verify_pdf
    from schemas.signing import TrustServices
    from scripts.cli.evidence import tell_report

    patience = TrustServices(
        timeout_s=settings.signing.service_timeout_s, attempts=settings.signing.service_attempts
    )
    roots = load_trust_roots(settings.signing, settings.home / "keys")
    try:
        report = verify_pdf(
            exhibit.pdf,
            trust_roots=roots,
            online=patience if online else None,
            require_revocation=require_revocation,
        )
    except BadInputError as error:
        raise type(error)(f"{exhibit.name}: {error.what}", advice=error.advice) from error
    claims = tell_report(report) + exhibit.compare(exhibit.pdf)
    program = find_verapdf()
    found = (
        None
        if program is None
        else ask_verapdf(program, exhibit.path, report.conformance.removeprefix("PDF/A-"))
    )
    if found is not None:
        claims += [(False, f"veraPDF: {finding}") for finding in found] or [
            (True, f"veraPDF: {report.conformance}")
        ]
    answer = {
        "file": exhibit.name,
        "sha256": sha256(exhibit.pdf).hexdigest(),
        "size": len(exhibit.pdf),
        "holds": all(held is not False for held, _ in claims),
        "claims": [{"holds": held, "claim": claim} for held, claim in claims],
        "conformance": report.conformance,
        "pages": report.pages,
        "covers_whole_file": report.covers_whole_file,
        "document_timestamps": report.document_timestamps,
        "signatures": [_tell_times(asdict(signature)) for signature in report.signatures],
        "pdfa": [asdict(finding) for finding in report.pdfa_findings],
        "verapdf": None if found is None else [asdict(finding) for finding in found],
        "problems": list(report.problems),
    }
    return answer, claims


def _tell_times(told: dict[str, Any]) -> dict[str, Any]:
    """With times as ISO 8601, in the answer on revocation, too."""
    return {
        name: value.isoformat()
        if isinstance(value, datetime)
        else _tell_times(value)
        if isinstance(value, dict)
        else value
        for name, value in told.items()
    }
