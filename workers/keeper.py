"""The keeper: what nobody waits for. Hands out the pages of reprocessing runs, a few at a time."""

import logging
import threading
import time
from collections.abc import Callable

from pipeline.ledger.runs import end_dead_item, feed_run, find_dead_items, list_running
from schemas.errors import StoreError
from workers.home import Home

_log = logging.getLogger("sohoa.keeper")


class Keeper(threading.Thread):
    """Looks every `sweep_interval_s`; several may run at once. `nudge_sweeper`: there are new jobs."""

    def __init__(self, home: Home, nudge_sweeper: Callable[[], None]) -> None:
        super().__init__(name="keeper", daemon=True)
        self._home = home
        self._nudge_sweeper = nudge_sweeper
        self._stopping = threading.Event()

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
                more = self.keep(time.time())
            except StoreError as error:
                _log.warning("kept nothing: %s", error)
            self._stopping.wait(0.0 if more else self._home.settings.sweep_interval_s)

    def keep(self, now: float) -> bool:
        """One round; is there more to do at once? Raises `StoreError`."""
        return self._feed_runs(now)

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
