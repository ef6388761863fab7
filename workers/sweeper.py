"""The sweeper sends hints for due jobs, takes jobs back from dead workers and numbers events."""

import logging
import threading
from collections.abc import Mapping

from sqlalchemy import Connection

from pipeline.ledger.clock_jumps import mend_times
from pipeline.ledger.jobs import find_expired, has_due, read_priorities, take_due
from pipeline.ledger.outbox import count_unpublished, publish_events
from pipeline.ledger.settling import requeue_lost
from schemas.dossier import JobKind
from schemas.errors import BrokerAwayError, StoreError
from workers.broker import JobActor, Lane, choose_lane, send_hint
from workers.home import Home

_log = logging.getLogger("sohoa.sweeper")


class Hinter:
    """Sends hints for due jobs. `room`: hints under way per kind; see `take_due`."""

    def __init__(self, home: Home, actors: Mapping[Lane, JobActor], room: Mapping[JobKind, int]) -> None:
        self._home = home
        self._actors = actors
        self._room = room

    def hint(self) -> None:
        """Send what there is room for. Raises `StoreError`."""
        now = self._home.now()
        for kind, room in self._room.items():
            try:
                self._home.database.transact(lambda c, kind=kind, room=room: self._send(c, kind, room, now))
            except BrokerAwayError as error:
                _log.warning("hints not sent kind=%s: %s", kind, error)

    def _send(self, connection: Connection, kind: JobKind, room: int, now: float) -> None:
        """Sent before it is committed that they were: who dies in between leaves doubles, which do no harm,
        and never a hint that the ledger believes in and no broker has."""
        job_ids = take_due(connection, kind, room, now)
        priorities = read_priorities(connection, job_ids) if job_ids else {}
        for job_id in job_ids:
            priority = priorities[job_id]
            send_hint(self._actors[choose_lane(kind, priority)], job_id, priority)


class Sweeper(threading.Thread):
    """Sweeps every `sweep_interval_s`, and at once when nudged. Several may run on one ledger."""

    def __init__(self, home: Home, actors: Mapping[Lane, JobActor], room: Mapping[JobKind, int]) -> None:
        super().__init__(name="sweeper", daemon=True)
        self._home = home
        self._hinter = Hinter(home, actors, room)
        self._awake = threading.Event()
        self._stopping = False
        self._mended: tuple[int, bool] | None = None

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
        """Until stopped; a ledger that is busy, full or away is asked again the next time."""
        while not self._stopping:
            self._awake.clear()
            try:
                self._mend_times()
                self.sweep(self._home.now())
            except StoreError as error:
                _log.warning("sweep failed: %s", error)
            self._awake.wait(self._home.settings.sweep_interval_s)

    def _mend_times(self) -> None:
        """At the start, when the ledger's clock jumped, and once every process has followed it."""
        clock, policy, lease_s = self._home.clock, self._home.retry_policy, self._home.settings.job_lease_s
        seen = (clock.jumps, clock.is_settled())
        if seen == self._mended:
            return
        now = clock.now()
        mended = self._home.database.transact(lambda c: mend_times(c, policy, lease_s, now))
        self._mended = seen
        if mended:
            _log.warning("times that lay too far ahead mended jobs=%d", mended)

    def sweep(self, now: float) -> None:
        """One round. Raises `StoreError`."""
        database, policy = self._home.database, self._home.retry_policy
        with database.read() as connection:
            due, unpublished = has_due(connection, now), count_unpublished(connection)
            expired = find_expired(connection, now) if due and self._home.clock.is_settled() else []
        lost = sum(
            database.transact(lambda c, claim=claim: requeue_lost(c, claim, policy, now)) for claim in expired
        )
        published = database.transact(publish_events) if unpublished else 0
        if due:
            self._hinter.hint()
        if lost or published:
            _log.info("swept lost=%d published=%d", lost, published)


class Nudged(threading.Thread):
    """Hints at once when a job of this process ended: the next one need not wait for the sweeper's round."""

    def __init__(self, hinter: Hinter) -> None:
        super().__init__(name="hints", daemon=True)
        self._hinter = hinter
        self._awake = threading.Event()
        self._stopping = False

    def nudge(self) -> None:
        """A job ended."""
        self._awake.set()

    def stop(self) -> None:
        """End after the current round."""
        self._stopping = True
        self._awake.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped; what fails here the sweeper does a second later."""
        while not self._stopping:
            self._awake.wait()
            self._awake.clear()
            try:
                self._hinter.hint()
            except StoreError as error:
                _log.warning("hints not sent: %s", error)
