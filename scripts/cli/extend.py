"""`sohoa extend`: bring signed PDFs to a stronger signature level, each as a new file beside the old one."""

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BadInputError, OutputError, SohoaError, UsageError
from schemas.signing import SignatureLevel

if TYPE_CHECKING:
    from schemas.signing import TrustServices


@dataclass(frozen=True, slots=True)
class Extension:
    """What became of one file; `target` is None where it had the level already."""

    source: Path
    source_sha256: str
    reached: SignatureLevel
    target: Path | None
    target_sha256: str | None


def extend(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="signed PDFs")],
    level: Annotated[
        SignatureLevel | None, typer.Option(help="default: signing.signature_level of the settings")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="one more time-stamp on files at B-LTA, before the last runs out")
    ] = False,
) -> None:
    """Add trusted time and revocation status to signed PDFs, as signature level B-T, B-LT or B-LTA.

    FILE.pdf stays as it is; FILE.b-lta.pdf is written beside it (named after the level; after the day with
    --renew), whole or not at all, and never over another file. Every file is attempted; the exit code is
    the first failure's.
    """
    from pipeline.binding.signing import open_services
    from schemas.settings import Settings

    settings = Settings().signing
    goal = SignatureLevel.B_LTA if renew else level or settings.signature_level
    if goal is SignatureLevel.B_B:
        raise UsageError("every signature is B-B", advice="say --level, or set signing.signature_level")
    services = open_services(settings)
    failures: list[SohoaError] = []
    for file in files:
        try:
            print(tell_extension(renew_file(file, services) if renew else extend_file(file, goal, services)))
        except SohoaError as error:
            print(f"sohoa: {file}: {error}", file=sys.stderr)
            failures.append(error)
    if failures:
        raise typer.Exit(failures[0].exit_code)


def extend_file(file: Path, goal: SignatureLevel, services: "TrustServices") -> Extension:
    """One file. Raises `BadInputError`, `OutputError`, `SigningError`, `SigningServiceError`."""
    from pipeline.binding.levels import extend as extend_pdf
    from pipeline.binding.levels import find_level

    pdf = _read(file)
    reached = find_level(pdf)
    if reached is not None and reached.rung >= goal.rung:
        return Extension(file, sha256(pdf).hexdigest(), reached, None, None)
    target = _name_target(file, goal.lower())
    return _keep(file, pdf, extend_pdf(pdf, level=goal, services=services), target, goal)


def renew_file(file: Path, services: "TrustServices") -> Extension:
    """One file at B-LTA. Raises as `extend_file`."""
    from pipeline.binding.levels import renew

    pdf = _read(file)
    target = _name_target(file, f"renewed-{datetime.now(UTC):%Y%m%d}")
    return _keep(file, pdf, renew(pdf, services=services), target, SignatureLevel.B_LTA)


def tell_extension(done: Extension) -> str:
    """One line with both digests."""
    old = f"{done.source} (sha256 {done.source_sha256})"
    if done.target is None:
        return f"{old}: {done.reached} already"
    return f"{old} -> {done.target} (sha256 {done.target_sha256}): {done.reached}"


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise BadInputError(f"cannot be read: {error.strerror}", advice="check the name") from error


def _name_target(file: Path, mark: str) -> Path:
    """Known to be free before any service is asked."""
    target = file.with_name(f"{file.stem}.{mark}.pdf")
    if target.exists():
        raise OutputError(f"{target} exists already", advice="look at it; it is not replaced")
    return target


def _keep(file: Path, old: bytes, new: bytes, target: Path, level: SignatureLevel) -> Extension:
    _write_once(target, new)
    return Extension(file, sha256(old).hexdigest(), level, target, sha256(new).hexdigest())


def _write_once(target: Path, content: bytes) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            with draft.open("xb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.link(draft, target)  # fails where the name exists; a rename would replace it
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError as error:
        raise OutputError(f"{target} exists already", advice="look at it; it is not replaced") from error
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror}") from error
