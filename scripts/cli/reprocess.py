"""`sohoa reprocess`: read pages again with a better engine; keep the better text; sign new renditions."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import UsageError
from schemas.page import Verdict
from schemas.reprocess import ComparePolicy, RunState, Selection

if TYPE_CHECKING:
    from schemas.reprocess import RunProgress
    from schemas.settings import ReprocessSettings
    from workers.home import Home
    from workers.reprocessing import Estimate

ENDED_SHORT = 1
"""Exit code of a run that ended with pages or documents that failed."""


def reprocess(  # noqa: PLR0913, PLR0917 -- one parameter an option
    record: Annotated[list[str] | None, typer.Option(help="record code; may be repeated")] = None,
    office: Annotated[list[str] | None, typer.Option(help="post office; may be repeated")] = None,
    station: Annotated[list[str] | None, typer.Option(help="scanning station; may be repeated")] = None,
    procedure: Annotated[list[str] | None, typer.Option(help="procedure code; may be repeated")] = None,
    since: Annotated[datetime | None, typer.Option(help="handed over on or after, local time")] = None,
    before: Annotated[datetime | None, typer.Option(help="handed over before, local time")] = None,
    engine: Annotated[
        str | None, typer.Option(help="read by this engine, e.g. 'tesserocr 5.3.0', or 'unknown'")
    ] = None,
    not_engine: Annotated[
        str | None, typer.Option("--not-engine", help="read by any other engine than this one")
    ] = None,
    verdict: Annotated[list[Verdict] | None, typer.Option(help="may be repeated")] = None,
    confidence_below: Annotated[
        float | None, typer.Option(min=0.01, max=1.0, help="mean confidence of the page, 0 to 1")
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="every page that was ever read")] = False,
    policy: Annotated[
        str | None, typer.Option(help="better | always | never; default: reprocess.policy of the settings")
    ] = None,
    pages_per_hour: Annotated[
        float | None, typer.Option(min=0.001, help="go no faster; default: reprocess.pages_per_hour")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="count and estimate only")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="show progress until it rests; Ctrl-C leaves it running")
    ] = True,
    run: Annotated[int | None, typer.Option(help="a run that was started: watch it")] = None,
    pause: Annotated[bool, typer.Option("--pause", help="with --run: hand out no more pages")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="with --run: go on")] = False,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="with --run: end it; what was adopted stays")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(metavar="DIR", help="write the summary there: a CSV and a picture")
    ] = None,
) -> None:
    """Read pages again, compare, keep the better text, and sign a new rendition of each document that gained.

    No rendition is ever touched. The run is kept in the ledger: after a kill it goes on by itself with the
    server. Counter work always goes first. Without options all runs are listed. Exit code 1 if a page or
    document of the run failed.
    """
    from schemas.settings import Settings
    from workers.home import open_home

    steering = [
        state
        for asked, state in (
            (pause, RunState.PAUSED),
            (resume, RunState.RUNNING),
            (cancel, RunState.CANCELLED),
        )
        if asked
    ]
    selection = Selection(
        record_codes=tuple(record or ()),
        offices=tuple(office or ()),
        stations=tuple(station or ()),
        procedure_codes=tuple(procedure or ()),
        submitted_from=since.timestamp() if since else None,
        submitted_before=before.timestamp() if before else None,
        engine=engine,
        not_engine=not_engine,
        verdicts=tuple(verdict or ()),
        confidence_below=confidence_below,
    )
    selects = everything or selection != Selection()
    if run is None and steering:
        raise UsageError("which run?", advice="say --run N; 'sohoa reprocess' lists them")
    if run is not None and (selects or dry_run or policy or pages_per_hour or len(steering) > 1):
        raise UsageError("--run takes one of --pause, --resume, --cancel, and --out")
    if run is None and not selects and (dry_run or policy or pages_per_hour):
        raise UsageError("nothing is selected", advice="say which pages, or --all")
    home = open_home(Settings())
    try:
        if run is not None:
            _steer(home, run, steering)
        elif selects:
            rate = pages_per_hour or home.settings.reprocess.pages_per_hour
            run = _start(
                home, selection, _choose_policy(policy, home.settings.reprocess), rate, dry_run=dry_run
            )
        else:
            _list_runs(home)
        if run is not None:
            _follow(home, run, out, wait=wait and steering in ([], [RunState.RUNNING]))
    finally:
        home.close()


def _steer(home: "Home", run_id: int, steering: list[RunState]) -> None:
    from workers.reprocessing import steer_run

    for state in steering:
        steer_run(home, run_id, state)


def _choose_policy(name: str | None, settings: "ReprocessSettings") -> ComparePolicy:
    if name is None:
        return settings.policy
    if name not in {"better", "always", "never"}:
        raise UsageError(f"no policy {name[:20]!r}", advice="better, always or never")
    return ComparePolicy.model_validate({**settings.policy.model_dump(), "name": name})


def _start(
    home: "Home", selection: Selection, policy: ComparePolicy, rate: float | None, *, dry_run: bool
) -> int | None:
    from workers.reprocessing import estimate_run, start_run

    estimate = estimate_run(home, selection, rate)
    _tell_estimate(estimate)
    if dry_run:
        return None
    run_id = start_run(home, selection, policy, rate)
    print(f"run {run_id}")
    return run_id


def _tell_estimate(estimate: "Estimate") -> None:
    count = estimate.count
    print(f"{count.pages:,} pages of {count.documents:,} documents in {count.dossiers:,} dossiers")
    for what, groups in (("engine", count.by_engine), ("verdict", count.by_verdict)):
        print(f"  by {what}: " + (", ".join(f"{name} {pages:,}" for name, pages in groups) or "-"))
    print(
        f"  the store grows by at most {count.result_bytes / 1e9:.3f} GB of page results, and new renditions"
    )
    if estimate.hours is None:
        print("  no page was measured when it was read: the time cannot be estimated")
    else:
        print(f"  about {_tell_hours(estimate.hours)} of reading "
              f"({count.read_s:.2f} s a page as measured, {estimate.workers} workers)")  # fmt: skip
    if estimate.rate_hours is not None:
        print(f"  at least {_tell_hours(estimate.rate_hours)} at the rate asked for")


def _follow(home: "Home", run_id: int, out: Path | None, *, wait: bool) -> None:
    from pipeline.ledger.runs import read_progress
    from workers.embedded import EmbeddedOffice
    from workers.reprocessing import watch_run

    if wait:
        with EmbeddedOffice(home.settings) as office, _Watch() as watch:
            try:
                progress = watch_run(office, home, run_id, watch.show)
            except KeyboardInterrupt:
                print(
                    f"run {run_id} goes on with the server; --run {run_id} --pause stops it", file=sys.stderr
                )
                return
    else:
        with home.database.read() as connection:
            progress = read_progress(connection, run_id)
    print(tell_run(progress))
    if out is not None:
        from scripts.reprocess_summary import write_summary

        for path in write_summary(home, run_id, out):
            print(path)
    if progress.at_rest and (progress.outcomes.get(_FAILED, 0) or progress.failed_bindings):
        raise typer.Exit(ENDED_SHORT)


def _list_runs(home: "Home") -> None:
    from pipeline.ledger.runs import list_runs

    with home.database.read() as connection:
        runs = list_runs(connection)
    for progress in runs:
        print(tell_run(progress))
    if not runs:
        print("no run; say which pages, or --all")


_FAILED = "failed"


def tell_run(progress: "RunProgress") -> str:
    """One line: `run 3: running, 120 of 500 pages: 80 adopted, 40 kept; 12 new renditions`."""
    started = datetime.fromtimestamp(progress.created_at, UTC).astimezone()
    told = ", ".join(
        f"{count} {outcome}" for outcome, count in progress.outcomes.items() if outcome != "open"
    )
    line = (
        f"run {progress.id} ({started:%Y-%m-%d %H:%M}): {progress.state}, "
        f"{progress.ended_pages} of {progress.expected_pages} pages"
    )
    line += f": {told}" if told else ""
    line += f"; {progress.renditions} new renditions"
    if progress.open_bindings:
        line += f", {progress.open_bindings} under way"
    if progress.failed_bindings:
        line += f", {progress.failed_bindings} failed (sohoa status tells why)"
    return line


def _tell_hours(hours: float) -> str:
    if hours < 1 / 60:
        return f"{hours * 3600:.0f} s"
    return f"{hours * 60:.0f} min" if hours < 2 else f"{hours:.1f} h"


class _Watch:
    """Progress of a run: a bar with an ETA on a terminal; else a line whenever a twentieth more is done."""

    def __init__(self) -> None:
        from time import monotonic

        self._now = monotonic
        self._begun: tuple[float, int] | None = None
        self._told = -1
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[eta]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True), transient=True)
            self._task = self._bar.add_task("reading", eta="")

    def __enter__(self) -> "_Watch":
        if self._bar is not None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, progress: "RunProgress") -> None:
        """Tell what is new."""
        eta = self._tell_eta(progress)
        if self._bar is not None:
            self._bar.update(
                self._task,
                total=progress.expected_pages,
                completed=progress.ended_pages,
                description=f"run {progress.id}: {progress.state}",
                eta=eta,
            )
            return
        twentieth = 20 * progress.ended_pages // max(progress.expected_pages, 1)
        if twentieth != self._told:
            self._told = twentieth
            print(f"{tell_run(progress)}{eta and f'; {eta}'}", file=sys.stderr, flush=True)

    def _tell_eta(self, progress: "RunProgress") -> str:
        """From the pages ended since this watch began."""
        now, ended = self._now(), progress.ended_pages
        if self._begun is None:
            self._begun = (now, ended)
        took_s, done = now - self._begun[0], ended - self._begun[1]
        if done < 1 or progress.state is not RunState.RUNNING:
            return ""
        left = max(progress.expected_pages - ended, 0)
        return f"about {_tell_hours(left * took_s / done / 3600)} left" if left else "binding"
