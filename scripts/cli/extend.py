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
    from schemas.ledger import HeldRendition
    from schemas.settings import Settings, SigningSettings
    from schemas.signing import TrustServices
    from workers.extending import LedgerExtension


@dataclass(frozen=True, slots=True)
class Extension:
    """What became of one file; `target` is None where it had the level already."""

    source: Path
    source_sha256: str
    reached: SignatureLevel
    target: Path | None
    target_sha256: str | None


def extend(
    targets: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[FILE.pdf|CODE|CODE.ORDINAL|DOSSIER]...",
            help="signed PDFs; papers of the ledger by record code, ordinal or dossier id",
        ),
    ] = None,
    level: Annotated[
        SignatureLevel | None, typer.Option(help="default: signing.signature_level of the settings")
    ] = None,
    renew: Annotated[
        bool, typer.Option("--renew", help="one more time-stamp on files at B-LTA, before the last runs out")
    ] = False,
    due: Annotated[
        bool, typer.Option("--due", help="all papers of the ledger that lack the level they were to have")
    ] = False,
) -> None:
    """Add trusted time and revocation status to signed PDFs, as signature level B-T, B-LT or B-LTA.

    FILE.pdf stays as it is; FILE.b-lta.pdf is written beside it (named after the level; after the day with
    --renew), whole or not at all, and never over another file. A paper of the ledger gets one more rendition;
    where a service is down it stays asked for, and 'sohoa serve' goes on. What has the level already is left
    alone. Everything is attempted; the exit code is the first failure's.
    """
    from schemas.settings import Settings
    from workers.extending import is_ledger_name

    settings = Settings()
    named = [target for target in targets or [] if is_ledger_name(target) and not Path(target).exists()]
    files = [Path(target) for target in targets or [] if target not in named]
    if not files and not named and not due:
        raise UsageError("nothing to extend", advice="name files or a record, or say --due")
    if renew and (named or due):
        raise UsageError("--renew takes files", advice="name the PDF itself")
    goal = SignatureLevel.B_LTA if renew else level or settings.signing.signature_level
    if goal is SignatureLevel.B_B and (files or named):
        raise UsageError("every signature is B-B", advice="say --level, or set signing.signature_level")
    failures = _extend_files(files, goal, settings.signing, renew=renew)
    if named or due:
        failures += _extend_ledger(named, None if due and level is None else goal, settings, due=due)
    if failures:
        raise typer.Exit(failures[0].exit_code)


def _extend_files(
    files: list[Path], goal: SignatureLevel, settings: "SigningSettings", *, renew: bool
) -> list[SohoaError]:
    from pipeline.binding.signing import open_services

    services = open_services(settings)
    failures: list[SohoaError] = []
    for file in files:
        try:
            print(tell_extension(renew_file(file, services) if renew else extend_file(file, goal, services)))
        except SohoaError as error:
            print(f"sohoa: {file}: {error}", file=sys.stderr)
            failures.append(error)
    return failures


def _extend_ledger(
    named: list[str], goal: SignatureLevel | None, settings: "Settings", *, due: bool
) -> list[SohoaError]:
    """`goal` None: each to the level it was to have."""
    from workers.embedded import EmbeddedOffice
    from workers.extending import Asked, ask_extension, await_extensions, find_due, find_renditions
    from workers.home import open_home

    home = open_home(settings)
    failures: list[SohoaError] = []
    try:
        found = [held for target in named for held in find_renditions(home, target)]
        found += find_due(home) if due else ()
        begun = {
            held.id: ask_extension(home, held, goal or held.level_due or settings.signing.signature_level)
            for held in found
        }
        asked = [one for one in begun.values() if isinstance(one, Asked)]
        for one in begun.values():
            if not isinstance(one, Asked):
                print(_tell_ledger(one))
        with EmbeddedOffice(settings) as office:
            for ended in await_extensions(office, home, asked):
                if isinstance(ended, tuple):
                    print(f"sohoa: {_name_paper(ended[0].held)}: {ended[1]}", file=sys.stderr)
                    failures.append(ended[1])
                else:
                    print(_tell_ledger(ended))
    finally:
        home.close()
    if not found:
        print("nothing is due")
    return failures


def _tell_ledger(done: "LedgerExtension") -> str:
    held = done.held
    old = f"{_name_paper(held)}: rendition {held.number} (sha256 {held.object.sha256})"
    if done.made is None:
        return f"{old}: {done.level} already"
    made = done.made
    return f"{old} -> rendition {made.number} (sha256 {made.object.sha256}): {made.level or done.level}"


def _name_paper(held: "HeldRendition") -> str:
    return f"{held.record_code}.{held.ordinal}"


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
