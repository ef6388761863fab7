"""Reprocessing runs from outside: estimated, started, watched, paused."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pipeline.ledger.runs import count_selection, create_run, read_progress, set_run_state
from schemas.errors import ConflictError
from schemas.reprocess import ComparePolicy, RunProgress, RunState, Selection, SelectionCount
from workers.embedded import EmbeddedOffice
from workers.home import Home
from workers.submit import name_actor

_LOOK_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a run would cost. `hours`: None where no page was measured yet; `rate_hours`: what the rate alone
    asks for, None without one."""

    count: SelectionCount
    workers: int
    hours: float | None
    rate_hours: float | None


def estimate_run(home: Home, selection: Selection, pages_per_hour: float | None) -> Estimate:
    """Count and estimate; nothing is written. Hours are the reading's, with this machine's workers idle else:
    the mean seconds measured when those pages were read before, times pages, by workers."""
    with home.database.read() as connection:
        count = count_selection(connection, selection)
    workers = home.settings.jobs or len(os.sched_getaffinity(0))
    hours = None if count.read_s is None else count.pages * count.read_s / workers / 3600
    rate_hours = count.pages / pages_per_hour if pages_per_hour else None
    return Estimate(count, workers, hours, rate_hours)


def start_run(home: Home, selection: Selection, policy: ComparePolicy, pages_per_hour: float | None) -> int:
    """Write the run down; whatever server works this home goes on with it. Raises `NotFoundError`."""
    return home.database.transact(
        lambda c: create_run(c, selection, policy, pages_per_hour, name_actor(), home.now())
    )


def steer_run(home: Home, run_id: int, state: RunState) -> None:
    """Pause, resume or cancel. Raises `NotFoundError`, `ConflictError`."""
    home.database.transact(lambda c: set_run_state(c, run_id, state, name_actor(), home.now()))


def watch_run(
    office: EmbeddedOffice, home: Home, run_id: int, on_progress: Callable[[RunProgress], None]
) -> RunProgress:
    """Until the run rests: done, or paused or cancelled with nothing under way.

    Raises `NotFoundError`, and as `Server.start` where no server runs and none can be started.
    """
    while True:
        with home.database.read() as connection:
            progress = read_progress(connection, run_id)
        on_progress(progress)
        if progress.at_rest:
            return progress
        with suppress(ConflictError):  # another process may be first to serve this home
            office.ensure_server()
        time.sleep(_LOOK_EVERY_S)
