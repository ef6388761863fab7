"""The courier: queues what was published, claims what is due, sends it, writes down what came of it.

Any number of them may run on one ledger. What one holds, the others leave alone until its lease is over, and
an attempt ends well before that: its deadline is at most half of the lease.
"""

import asyncio
import logging
import random
import socket
import threading
from uuid import uuid4

from pipeline.ledger.deliveries import (
    claim_deliveries,
    end_attempt,
    feed_endpoint,
    find_due,
    release_delivery,
    requeue_lost,
)
from schemas.delivery import DeliveryClaim, DeliveryPolicy, Endpoint, SendOutcome
from schemas.errors import LeaseLostError, SohoaError, StoreError
from workers.delivery.composing import Composer
from workers.delivery.links import open_link_key
from workers.delivery.secrets import open_secrets
from workers.delivery.sending import Answer, open_trust, post
from workers.home import Home

_log = logging.getLogger("sohoa.delivery")


class Courier(threading.Thread):
    """Delivers until stopped; a ledger that is away is asked again the next time."""

    def __init__(self, home: Home) -> None:
        super().__init__(name="courier", daemon=True)
        self._home = home
        self._settings = home.settings.delivery
        self._policy = DeliveryPolicy(
            self._settings.attempts, self._settings.first_delay_s, self._settings.max_delay_s
        )
        self._owner = f"deliver:{socket.gethostname()}:{uuid4()}"
        self._composer = Composer(home, open_secrets(home.settings), open_link_key(home.settings))
        self._trust = open_trust(self._settings)
        self._under_way: dict[str, int] = {}
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Claim nothing more, and end what is under way."""
        self._stopping.set()
        if self.is_alive():
            self.join()

    def run(self) -> None:
        """Until stopped."""
        asyncio.run(self._deliver_all())

    async def _deliver_all(self) -> None:
        tasks: set[asyncio.Task[None]] = set()
        while not self._stopping.is_set():
            try:
                claims = await asyncio.to_thread(
                    self._take, self._settings.at_once - len(tasks), self._home.now()
                )
            except StoreError as error:
                _log.warning("took nothing: %s", error)
                claims = []
            for claim in claims:
                self._under_way[claim.endpoint.id] = self._under_way.get(claim.endpoint.id, 0) + 1
                task = asyncio.create_task(self._deliver(claim))
                tasks.add(task)
                task.add_done_callback(tasks.discard)
            if claims and len(tasks) < self._settings.at_once:
                continue
            pause = asyncio.create_task(asyncio.sleep(self._settings.poll_s))
            await asyncio.wait([pause, *tasks], return_when=asyncio.FIRST_COMPLETED)
            pause.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=2 * self._settings.timeout_s)

    def _take(self, free: int, now: float) -> list[DeliveryClaim]:
        """One round: due endpoints are fed, cleared of what was lost, claimed from. Raises `StoreError`."""
        if free <= 0:
            return []
        database, claims = self._home.database, []
        with database.read() as connection:
            due = list(find_due(connection, now))
        random.shuffle(due)
        for endpoint in due:
            claims += self._take_from(endpoint, free - len(claims), now)
        return claims

    def _take_from(self, endpoint: Endpoint, free: int, now: float) -> tuple[DeliveryClaim, ...]:
        database = self._home.database
        while database.transact(lambda c: feed_endpoint(c, endpoint.id, now)):
            pass
        lost = database.transact(lambda c: requeue_lost(c, endpoint.id, self._policy, now))
        if lost:
            _log.warning("took back endpoint=%s deliveries=%d", endpoint.id, lost)
        room = min(free, self._settings.at_once_per_endpoint - self._under_way.get(endpoint.id, 0))
        if room <= 0:
            return ()
        return database.transact(
            lambda c: claim_deliveries(
                c, endpoint.id, self._owner, self._settings.lease_s, room, self._home.now()
            )
        )

    async def _deliver(self, claim: DeliveryClaim) -> None:
        try:
            outcome = await self._attempt(claim)
            await asyncio.to_thread(self._end, claim, outcome)
        except LeaseLostError as error:
            _log.warning("not ours any more delivery=%d: %s", claim.id, error.what)
        except StoreError as error:  # its lease runs out, and it is sent again: at least once
            _log.warning("not written down delivery=%d: %s", claim.id, error)
        finally:
            self._under_way[claim.endpoint.id] -= 1

    async def _attempt(self, claim: DeliveryClaim) -> SendOutcome | None:
        """What came of it; None: it was not tried. Raises `StoreError`."""
        try:
            message, judge = await asyncio.to_thread(self._composer.compose, claim)
        except StoreError:
            raise
        except SohoaError as error:
            return SendOutcome(None, f"not sent: {error.what}")
        if self._home.now() > claim.lease_until - self._settings.timeout_s:
            return None  # this process slept; another one may hold it by the end of an attempt
        answer = await post(message, self._settings, self._trust)
        return judge(answer) if isinstance(answer, Answer) else answer

    def _end(self, claim: DeliveryClaim, outcome: SendOutcome | None) -> None:
        database, now = self._home.database, self._home.now()
        if outcome is None:
            database.transact(lambda c: release_delivery(c, claim))
            return
        state = database.transact(
            lambda c: end_attempt(c, claim, outcome, self._policy, random.random(), now)  # noqa: S311 -- jitter
        )
        _log.info(
            "delivery=%d endpoint=%s event=%s attempt=%d status=%s state=%s%s",
            claim.id,
            claim.endpoint.id,
            claim.event_id,
            claim.attempt,
            outcome.status,
            state,
            f": {outcome.failure}" if outcome.failure else "",
        )
