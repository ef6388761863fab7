"""The sweeper sends hints for due jobs, takes jobs back from dead workers and numbers events."""

import logging
import threading
import time
from collections.abc import Mapping

from pipeline.ledger.jobs import has_due, take_due
from pipeline.ledger.outbox import count_unpublished, publish_events
from pipeline.ledger.settling import requeue_expired
from schemas.dossier import JobKind
from schemas.errors import StoreError
from workers.broker import JobActor
from workers.home import Home

_log = logging.getLogger("sohoa.sweeper")


class Sweeper(threading.Thread):
    """Sweeps every `sweep_interval_s`, and at once when nudged. `room`: hints under way per kind."""

    def __init__(self, home: Home, actors: Mapping[JobKind, JobActor], room: Mapping[JobKind, int]) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._home = home
        self._actors = actors
        self._room = room
        self._awake = threading.Event()
        self._stopping = False

    def nudge(self) -> None:
        """Something changed: do not wait for the next round."""
        self._awake.set()

    def stop(self) -> None:
        """End after the current round."""
        self._stopping = True
        self._awake.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped; a ledger that is busy or full is asked again the next time."""
        while not self._stopping:
            self._awake.clear()
            try:
                self.sweep(time.time())
            except StoreError as error:
                _log.warning("sweep failed: %s", error)
            self._awake.wait(self._home.settings.sweep_interval_s)

    def sweep(self, now: float) -> None:
        """One round. Raises `StoreError`."""
        with self._home.database.read() as connection:
            if not has_due(connection, now) and not count_unpublished(connection):
                return
        with self._home.database.write() as connection:
            lost = requeue_expired(connection, self._home.retry_policy, now)
            published = publish_events(connection)
            due = {kind: take_due(connection, kind, room, now) for kind, room in self._room.items()}
        for kind, job_ids in due.items():
            for job_id in job_ids:
                self._actors[kind].send(job_id)
        if lost or published:
            _log.info("swept lost=%d published=%d", lost, published)
