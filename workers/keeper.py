"""The keeper: what nobody waits for. It hands out the pages of reprocessing runs, a few at a time, writes
dossiers' manifests into the store, and reads the store through against the ledger, at a set rate."""

import logging
import threading
from collections.abc import Callable
from contextlib import suppress

from pipeline.ledger.fixity import find_last_check
from pipeline.ledger.runs import end_dead_item, feed_run, find_dead_items, list_running
from schemas.errors import StoreError
from schemas.fixity import CheckOptions
from workers.describing import DESCRIBED_A_ROUND, describe_changed
from workers.fixity import BATCH, StoreCheck, open_check
from workers.home import Home

CHECK_EVERY_S = 24 * 3600.0
"""A small store is not read through more often than this."""

_log = logging.getLogger("sohoa.keeper")


class Keeper(threading.Thread):
    """Looks every `sweep_interval_s`; several may run at once. `nudge_sweeper`: there are new jobs."""

    def __init__(self, home: Home, nudge_sweeper: Callable[[], None]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._home = home
        self._nudge_sweeper = nudge_sweeper
        self._stopping = threading.Event()
        self._check: StoreCheck | None = None
        self._checked_at = home.now()

    def stop(self) -> None:
        """End after the current round."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped; a ledger or a store that is away is asked again the next time."""
        while not self._stopping.is_set():
            more = False
            try:
                more = self.keep(self._home.now())
            except StoreError as error:
                self._check = None
                _log.warning("kept nothing: %s", error)
            self._stopping.wait(0.0 if more else self._home.settings.sweep_interval_s)
        with suppress(StoreError):  # else the next process does it
            describe_changed(self._home)

    def keep(self, now: float) -> bool:
        """One round; is there more to do at once? Raises `StoreError`."""
        more = self._feed_runs(now)
        more |= describe_changed(self._home) == DESCRIBED_A_ROUND
        self._check_store(now)
        return more

    def _check_store(self, now: float) -> None:
        """Read as many objects as the rate allows since the last batch; findings go to the ledger."""
        rate = self._home.settings.check_objects_per_hour
        if not rate:
            return
        allowed = int((now - self._checked_at) * rate / 3600)
        if allowed < 1:
            return
        self._checked_at = now
        if self._check is None or self._check.done:
            self._check = self._begin_check(now)
        if self._check is None:
            return
        self._check.step(min(allowed, BATCH))
        if self._check.done:
            _log.info("store checked check=%d", self._check.status.id)

    def _begin_check(self, now: float) -> StoreCheck | None:
        with self._home.database.read() as connection:
            last = find_last_check(connection, "scheduled")
        if last is not None and last.ended_at is not None and now < last.started_at + CHECK_EVERY_S:
            return None
        return open_check(self._home, "scheduled", CheckOptions())

    def _feed_runs(self, now: float) -> bool:
        database, more = self._home.database, False
        with database.read() as connection:
            running = list_running(connection)
        window = self._home.settings.reprocess.window
        for run_id in running:
            with database.read() as connection:
                dead = find_dead_items(connection, run_id)
            for item in dead:
                database.transact(lambda c, run=run_id, item=item: end_dead_item(c, run, item, now))
            under_way, again = database.transact(
                lambda c, run=run_id, window=window: feed_run(c, run, window, now)
            )
            window, more = window - under_way, more or again
        if running:
            self._nudge_sweeper()
        return more
