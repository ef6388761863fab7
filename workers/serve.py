"""Everything in one process on the embedded default: broker, workers, sweeper."""

import logging
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self
from uuid import uuid4

import cv2
import dramatiq

from pipeline.digitise import open_tools
from pipeline.ledger.jobs import forget_hints
from pipeline.ledger.settling import requeue_expired
from schemas.dossier import JobKind
from schemas.errors import UsageError
from schemas.settings import Settings
from workers.actors import JobWorker, ReportUnforeseen, declare_actors
from workers.broker import Lane, open_broker
from workers.home import Home, ServerLock, open_home, read_broker_url
from workers.keeper import Keeper
from workers.leases import Leases
from workers.sweeper import Sweeper

OWNER = "serve:"
"""Owners of embedded servers begin so. Who holds the lock knows that all others of them are dead."""

STOP_TIMEOUT_S = 30.0
"""How long a stop waits for jobs at work; a page takes about a second, a long binding some ten."""

BINDING_THREADS = 1

LOOPBACK = "127.0.0.1"

_WAKE_MS = 100  # how often an idle dramatiq thread looks whether it should stop

_log = logging.getLogger("sohoa.serve")


class Server:
    """The one server of a home."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = ServerLock(home.settings.home)
        self._leases = Leases(home)
        guard = ReportUnforeseen()
        self._broker = open_broker(None, [guard])
        self._jobs = JobWorker(home, f"{OWNER}{uuid4()}", self._leases, self.nudge)
        guard.worker = self._jobs
        actors = declare_actors(self._broker, self._jobs)
        reading = home.settings.jobs or len(os.sched_getaffinity(0))
        self._threads = {Lane.COUNTER: reading, Lane.PAGE: reading, Lane.IO: BINDING_THREADS}
        # As many hints again wait as are worked on: no thread idles, no backlog outruns the priorities.
        room = {JobKind.PAGE: 2 * reading, JobKind.DOCUMENT: 2 * BINDING_THREADS}
        self._sweeper = Sweeper(home, actors, room)
        self._keeper = Keeper(home, self._sweeper.nudge)
        self._workers: list[dramatiq.Worker] = []

    def start(self) -> None:
        """Begin, taking over what a killed server left.

        Raises `ConflictError`, `MissingDependencyError`, `SigningError`.
        """
        self._lock.acquire()
        try:
            cv2.setNumThreads(1)
            # what is missing shows here, not in every job
            open_tools(self._home.settings).engine.close()
            self._jobs.open_signing()
            self._home.store.clear_stale()
            with self._home.database.write() as connection:
                lost = requeue_expired(
                    connection, self._home.retry_policy, self._home.now(), dead_owners=OWNER
                )
                forget_hints(connection)
        except BaseException:
            self._lock.release()
            raise
        if lost:
            _log.warning("took over jobs=%d from a server that died", lost)
        for lane, count in self._threads.items():
            worker = dramatiq.Worker(
                self._broker, queues={lane}, worker_threads=count, worker_timeout=_WAKE_MS
            )
            worker.start()
            self._workers.append(worker)
        self._leases.start()
        self._sweeper.start()
        self._keeper.start()
        _log.info("serving page_threads=%d", self._threads[Lane.PAGE])

    def stop(self) -> None:
        """Finish the jobs at work, within `STOP_TIMEOUT_S`, and let go of the home."""
        self._keeper.stop()
        self._sweeper.stop()
        self._jobs.give_up_waiting()
        for worker in self._workers:
            worker.stop(timeout=int(STOP_TIMEOUT_S * 1000))
        self._jobs.close()
        self._leases.stop()
        self._lock.release()
        _log.info("stopped")

    def nudge(self) -> None:
        """There is new work: do not wait for the sweeper's next round."""
        self._sweeper.nudge()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def serve(settings: Settings, port: int | None = None, tell: Callable[[str], object] = print) -> None:
    """Serve until SIGTERM or SIGINT, with gateway and webhooks where a loopback `port` is given (0: any free
    one); `tell` hears where it listens.

    Raises as `Server.start`, `UsageError` where settings name services outside, and `OutputError` for a port
    that is taken.
    """
    shared = settings.database_url or settings.database_url_file or read_broker_url(settings)
    if shared or settings.s3:
        raise UsageError(
            "these settings name services outside, and 'sohoa serve' works one SOHOA_HOME alone",
            advice="run 'sohoa worker', 'sohoa sweeper' and 'sohoa api'",
        )
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    home = open_home(settings)
    try:
        with Server(home) as server:
            if port is None:
                stopping.wait()
                return
            from workers.delivery.courier import Courier  # noqa: PLC0415 -- 0.4 s with the gateway
            from workers.gateway.listening import GatewayServer, open_socket  # noqa: PLC0415

            courier = Courier(home)
            with open_socket(LOOPBACK, port) as bound:
                gateway = GatewayServer(home, bound, LOOPBACK, server.nudge)
                gateway.start()
                courier.start()
                tell(gateway.url)
                stopping.wait()
                courier.stop()
                gateway.stop()
    finally:
        home.close()
