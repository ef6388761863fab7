"""`sohoa verify`: is this PDF what was signed, by whom, and is it PDF/A?"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BadInputError

if TYPE_CHECKING:
    from pipeline.binding.verify import VerifyReport

NOT_HELD = 1
"""Exit code of a PDF that was read and does not hold."""


def verify(
    pdf: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="a PDF made by sohoa")],
) -> None:
    """Check integrity, signature, what it covers, and PDF/A facts; exit code 0 only if all hold, 1 if not.

    Trusted are the roots in signing.trust_roots, and the local test certificate of this SOHOA_HOME, which is
    named as a test certificate.
    """
    from pipeline.binding.keys import load_trust_roots
    from pipeline.binding.verify import verify as verify_pdf
    from schemas.settings import Settings

    try:
        content = pdf.read_bytes()
    except OSError as error:
        raise BadInputError(
            f"{pdf}: cannot be read: {error.strerror}", advice="check the name and its permissions"
        ) from error
    try:
        settings = Settings()
        roots = load_trust_roots(settings.signing, settings.home / "keys")
        report = verify_pdf(content, trust_roots=roots)
    except BadInputError as error:
        raise type(error)(f"{pdf}: {error.what}", advice=error.advice) from error
    claims = list_claims(report)
    for held, claim in claims:
        print(f"{'✓' if held else '✗'} {claim}")
    holds = all(held for held, _ in claims)
    print(f"{pdf}: {'holds' if holds else 'does NOT hold'}")
    if not holds:
        raise typer.Exit(NOT_HELD)


def list_claims(report: "VerifyReport") -> list[tuple[bool, str]]:
    """What was checked, in words, each with whether it holds."""
    claims = [(False, problem) for problem in report.problems]
    for signature in report.signatures:
        when = signature.signing_time.isoformat() if signature.signing_time else "at a time not told"
        test = ", a TEST certificate without legal value" if signature.certificate_is_test else ""
        trusted = "of a trusted root" if signature.trusted else "whose root is not trusted on this machine"
        claims += [
            (signature.intact, f"signature {signature.field_name}: unchanged since it was signed {when}"),
            (
                signature.trusted,
                f"signed by {signature.signer_common_name}, certificate {trusted}{test}",
            ),
        ]
    if report.signatures:
        claims.append((report.covers_whole_file, "the last signature covers the whole file"))
    claims += [(False, f"PDF/A-2u: {finding}") for finding in report.pdfa_findings]
    if not report.pdfa_findings:
        claims.append((True, "PDF/A-2u: no rule broken of those checked"))
    return claims
