"""`sohoa check-store`: is everything in the store that the ledger knows, unchanged, and nothing else?"""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from schemas.errors import UsageError

if TYPE_CHECKING:
    from schemas.fixity import CheckStatus, StoreFinding
    from workers.fixity import StoreCheck
    from workers.home import Home

NOT_WELL = 1
"""Exit code where something is missing, changed or unknown."""


def check_store(
    sample: Annotated[
        float, typer.Option(min=0.0001, max=1.0, help="share of the objects to read; names are always listed")
    ] = 1.0,
    signatures: Annotated[
        bool, typer.Option("--signatures/--no-signatures", help="verify the signatures of renditions too")
    ] = True,
    relink: Annotated[
        bool,
        typer.Option("--relink", help="take dossiers the ledger lost up again from their manifests"),
    ] = False,
    restart: Annotated[
        bool, typer.Option("--restart", help="begin anew; else an unfinished check goes on")
    ] = False,
    settle: Annotated[
        str | None, typer.Option(metavar="KEY", help="a finding that was looked at and may stay so")
    ] = None,
    reason: Annotated[str, typer.Option(help="with --settle: why; for the audit log")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Read every object the ledger knows, check its hash and each rendition's signatures, and list the store
    for what the ledger does not know.

    Exit code 0 only if all is well. Ctrl-C or a kill loses nothing: the next call goes on. The server may
    run meanwhile, but not while dossiers are relinked after a restore (docs/backup.md).
    """
    from schemas.fixity import CheckOptions
    from schemas.settings import Settings
    from workers.fixity import open_check
    from workers.home import open_home

    home = open_home(Settings())
    try:
        if settle is not None:
            _settle(home, settle, reason)
            return
        check = open_check(home, "asked", CheckOptions(sample, signatures, relink), restart=restart)
        findings = _run(home, check)
        if as_json:
            print(json.dumps(_tell(check, findings), indent=1))
        else:
            _print(check, findings)
    finally:
        home.close()
    if any(_is_bad(finding) for finding in findings):
        raise typer.Exit(NOT_WELL)


def _run(home: "Home", check: "StoreCheck") -> "tuple[StoreFinding, ...]":
    from pipeline.ledger.fixity import list_findings
    from workers.fixity import run_check

    with _Watch() as watch:
        run_check(check, watch.show)
    with home.database.read() as connection:
        return list_findings(connection, check.status.id)


def _settle(home: "Home", key: str, reason: str) -> None:

    from pipeline.ledger.fixity import settle_finding
    from schemas.errors import NotFoundError
    from workers.submit import name_actor

    if not reason.strip():
        raise UsageError("settling a finding needs a reason", advice="give --reason TEXT")
    with home.database.write() as connection:
        ended = settle_finding(connection, key, reason.strip(), name_actor(), home.now())
    if not ended:
        raise NotFoundError("no open finding of this key", advice="'sohoa check-store' lists them")
    print(f"settled: {key}")


def _is_bad(finding: "StoreFinding") -> bool:
    from pipeline.ledger.fixity import HARMLESS

    return finding.kind not in HARMLESS


def _tell(check: "StoreCheck", findings: "tuple[StoreFinding, ...]") -> dict[str, Any]:
    return {
        "schema": "sohoa/store-report@1",
        "check": check.status.id,
        "well": not any(_is_bad(finding) for finding in findings),
        "checked": check.status.checked,
        "relinked": check.relinked,
        "findings": [
            {"key": finding.key, "kind": finding.kind, "detail": finding.detail} for finding in findings
        ],
    }


def _print(check: "StoreCheck", findings: "tuple[StoreFinding, ...]") -> None:
    from schemas.fixity import CheckPhase

    counts = check.status.checked
    keys = counts.get(CheckPhase.KEYS, 0)
    objects = sum(counts.values()) - keys - counts.get(CheckPhase.MANIFESTS, 0)
    print(f"check {check.status.id}: {objects} objects read, {keys} keys listed")
    if check.relinked:
        print(f"{check.relinked} dossiers taken up again from their manifests")
    bad = [finding for finding in findings if _is_bad(finding)]
    for finding in bad:
        print(f"{finding.kind}: {finding.key}: {finding.detail}")
    if len(findings) > len(bad):
        print(f"{len(findings) - len(bad)} leftovers of attempts that died; harmless (--json lists them)")
    print("all is well" if not bad else f"{len(bad)} findings")


class _Watch:
    """Progress of a check: a bar on a terminal, a line a phase in a log; both on stderr."""

    def __init__(self) -> None:
        self._phase = ""
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import Progress

            self._bar = Progress(console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("checking")

    def __enter__(self) -> "_Watch":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, status: "CheckStatus") -> None:
        """Tell what is new."""
        from schemas.fixity import CheckPhase

        beside = (CheckPhase.MANIFESTS, CheckPhase.KEYS)
        objects = sum(count for phase, count in status.checked.items() if phase not in beside)
        if self._bar is not None:
            total = max(status.expected * status.options.sample, 1)
            self._bar.update(
                self._task, total=total, completed=objects, description=f"checking {status.phase}"
            )
        elif status.phase != self._phase:
            self._phase = status.phase
            if status.phase is not CheckPhase.DONE:
                print(f"check {status.id}: {status.phase}, {objects} of {status.expected} objects so far",
                      file=sys.stderr, flush=True)  # fmt: skip
