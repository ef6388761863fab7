"""`sohoa verify`: is this PDF what was signed, by whom, and is it PDF/A?"""

from pathlib import Path
from typing import Annotated

import typer


def verify(
    pdf: Annotated[Path, typer.Argument(metavar="FILE.pdf", help="a PDF made by sohoa")],
) -> None:
    """Check integrity, signature, what it covers, and PDF/A facts; exit code 0 only if all hold.

    The local test certificate of this SOHOA_HOME is trusted, and named as a test certificate.
    """
    raise NotImplementedError
