"""Leases of the jobs at work in this process, renewed while they last."""

import logging
import threading

from pipeline.ledger.jobs import release_job, renew_lease
from schemas.errors import StoreError
from schemas.ledger import Claim
from workers.home import Home

_log = logging.getLogger("sohoa.work")


class Leases(threading.Thread):
    """Renews every held lease three times in its term."""

    def __init__(self, home: Home) -> None:
        super().__init__(name="leases", daemon=True)
        self._home = home
        self._held: dict[str, Claim] = {}
        self._lock = threading.Lock()
        self._stopping = threading.Event()

    def add(self, claim: Claim) -> None:
        """Keep this one alive."""
        with self._lock:
            self._held[claim.job_id] = claim

    def drop(self, job_id: str) -> Claim | None:
        """It ended; the claim, if it was held."""
        with self._lock:
            return self._held.pop(job_id, None)

    def run(self) -> None:
        """Until stopped."""
        while not self._stopping.wait(self._home.settings.job_lease_s / 3):
            self.renew()

    def renew(self) -> None:
        """Renew all now; a ledger that is busy or full is asked again the next time."""
        with self._lock:
            held = list(self._held.values())
        lease_s = self._home.settings.job_lease_s
        for claim in held:
            try:  # one transaction each: none waits for a job while it holds another
                with self._home.database.write() as connection:
                    renew_lease(connection, claim, lease_s, self._home.now())
            except StoreError as error:
                _log.warning("lease not renewed job=%s: %s", claim.job_id, error)

    def stop(self) -> None:
        """End the thread and give back what is still held: those attempts do not count."""
        self._stopping.set()
        if self.is_alive():
            self.join()
        with self._lock:
            held, self._held = list(self._held.values()), {}
        for claim in held:
            try:
                with self._home.database.write() as connection:
                    release_job(connection, claim)
            except StoreError as error:  # its lease runs out by itself
                _log.warning("not given back job=%s: %s", claim.job_id, error)
