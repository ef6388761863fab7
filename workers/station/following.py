"""Full verdicts, as the gateway pushes them: the dossiers at hand live, the others now and then."""

import logging
import threading
import time
from collections.abc import Callable

from schemas.dossier import DossierState
from schemas.errors import StoreError
from schemas.station import DossierStage, SpooledDossier, StationSettings
from workers.station.gateway_client import GatewayClient, GatewayError
from workers.station.line import Backoff
from workers.station.spool import Spool

LIVE = 2
"""Dossiers followed at once: the one at the counter and the one before it."""

_AT_REST = frozenset({DossierState.COMPLETE, DossierState.NEEDS_RESCAN, DossierState.FAILED})
_LOOK_EVERY_S = 0.2

_log = logging.getLogger("sohoa.station")


class Follower:
    """Keeps the spool's verdicts up to date. `connect` makes a client of its own for each thread."""

    def __init__(
        self,
        spool: Spool,
        connect: Callable[[], GatewayClient],
        settings: StationSettings,
        on_change: Callable[[], None],
    ) -> None:
        self._spool, self._connect, self._on_change = spool, connect, on_change
        self._settings = settings
        self._stopping = threading.Event()
        self._live: dict[int, threading.Thread] = {}
        self._polled: dict[int, float] = {}
        self._thread = threading.Thread(target=self._run, name="follow", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Begin nothing more; streams under way end with the process."""
        self._stopping.set()
        self._thread.join(2.0)

    def _run(self) -> None:
        backoff = self._make_backoff()
        with self._connect() as client:
            while not self._stopping.wait(_LOOK_EVERY_S):
                try:
                    wanted = self._list_wanted()
                    self._live = {key: one for key, one in self._live.items() if one.is_alive()}
                    for dossier in wanted[:LIVE]:
                        if dossier.id not in self._live and len(self._live) < LIVE:
                            self._follow(dossier)
                    due = self._find_due(wanted)
                    if due is not None and backoff.left_s <= 0:
                        self._polled[due.id] = time.monotonic()
                        self._read(client, due)
                        backoff.succeed()
                except (StoreError, GatewayError) as error:
                    backoff.fail()
                    _log.info("polling failed: %s", error.problem_code)

    def _list_wanted(self) -> list[SpooledDossier]:
        """Those that the gateway has and is not through with, the last changed first."""
        known = self._spool.list_dossiers(DossierStage.OPEN, DossierStage.SUBMITTED)
        return [one for one in known if one.gateway_id and not _is_settled(one)]

    def _find_due(self, wanted: list[SpooledDossier]) -> SpooledDossier | None:
        """Of those not followed live, and those that wait for a rescan: the one asked longest ago."""
        now = time.monotonic()
        waiting = [one for one in self._spool.list_dossiers(DossierStage.SUBMITTED) if _is_settled(one)]
        others = [
            one
            for one in [*wanted, *waiting]
            if one.id not in self._live
            and one.gateway_state != DossierState.COMPLETE
            and now - self._polled.get(one.id, -1e9) >= self._settings.poll_every_s
        ]
        return min(others, key=lambda one: self._polled.get(one.id, 0.0), default=None)

    def _follow(self, dossier: SpooledDossier) -> None:
        thread = threading.Thread(
            target=self._listen, args=(dossier,), name=f"follow-{dossier.id}", daemon=True
        )
        self._live[dossier.id] = thread
        self._polled[dossier.id] = time.monotonic()
        thread.start()

    def _listen(self, dossier: SpooledDossier) -> None:
        backoff = self._make_backoff()
        with self._connect() as client, self._connect() as reader:
            while not self._stopping.is_set():
                try:
                    for event in client.listen(dossier.gateway_id or ""):
                        backoff.succeed()
                        if event:
                            self._read(reader, dossier)
                        if event == "end" or self._stopping.is_set():
                            return
                        if not event and not self._is_wanted(dossier):
                            return
                except (StoreError, GatewayError) as error:
                    backoff.fail()
                    _log.info("following dossier=%s failed: %s", dossier.gateway_id, error.problem_code)
                else:
                    backoff.succeed()
                if self._stopping.wait(backoff.left_s) or not self._is_wanted(dossier):
                    return

    def _is_wanted(self, dossier: SpooledDossier) -> bool:
        return dossier.id in {one.id for one in self._list_wanted()[:LIVE]}

    def _read(self, client: GatewayClient, dossier: SpooledDossier) -> None:
        view = client.read(dossier.gateway_id or "")
        self._spool.note_contact(time.time())
        if self._spool.note_view(dossier.id, view, time.time()):
            self._on_change()

    def _make_backoff(self) -> Backoff:
        return Backoff(self._settings.retry_first_s, self._settings.retry_most_s)


def _is_settled(dossier: SpooledDossier) -> bool:
    """Nothing will change at the gateway until someone does something."""
    return dossier.stage is DossierStage.SUBMITTED and dossier.gateway_state in _AT_REST
