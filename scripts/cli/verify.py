"""`sohoa verify`: is this PDF what was signed, by whom, is it PDF/A, and does it show the original scans?"""

import json
import logging
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import BadInputError

if TYPE_CHECKING:
    from scripts.cli.evidence import Claim, Exhibit

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
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Check signatures and what they cover, every page's picture and text, PDF/A, and the original scans.

    Exit code 0 only if all holds, 1 if not. Trusted are the roots in signing.trust_roots and the local
    test certificates of this SOHOA_HOME, which are named as such. A record code is looked up in the
    ledger of SOHOA_HOME. veraPDF is asked too where it is on PATH.
    """
    from scripts.cli.evidence import collect_exhibits

    logging.getLogger("pyhanko").addHandler(logging.NullHandler())  # what it warns of is in the claims
    logging.getLogger("pyhanko").propagate = False
    answers = []
    for exhibit in collect_exhibits(targets, originals):
        answer, claims = _examine(exhibit)
        answers.append(answer)
        if not as_json:
            for held, claim in claims:
                print(f"{'✓' if held else '✗'} {claim}")
            print(f"{exhibit.name}: {'holds' if answer['holds'] else 'does NOT hold'}")
    if as_json:
        print(json.dumps({"schema": "sohoa/verify-report@1", "files": answers}, ensure_ascii=False, indent=1))
    if not all(answer["holds"] for answer in answers):
        raise typer.Exit(NOT_HELD)


def _examine(exhibit: "Exhibit") -> "tuple[dict[str, Any], list[Claim]]":
    """The answer for one file, for a machine and in words."""
    from hashlib import sha256

    from pipeline.binding.keys import load_trust_roots
    from pipeline.binding.verapdf import ask_verapdf, find_verapdf
    from pipeline.binding.verify import verify as verify_pdf
    from schemas.settings import Settings
    from scripts.cli.evidence import tell_report

    settings = Settings()
    roots = load_trust_roots(settings.signing, settings.home / "keys")
    try:
        report = verify_pdf(exhibit.pdf, trust_roots=roots)
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
        "holds": all(held for held, _ in claims),
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


def _tell_times(signature: dict[str, Any]) -> dict[str, Any]:
    times = {name: signature[name].isoformat() for name in ("signing_time", "timestamp") if signature[name]}
    return {**signature, **times}
