"""A worker process: takes hints of one queue from RabbitMQ, one job at a time, until told to stop."""

import logging
import os
import signal
import threading
import time
from collections.abc import Callable

import cv2
import dramatiq

from pipeline.digitise import open_tools
from pipeline.intake.sandbox import warm_up
from pipeline.ledger.jobs import forget_hints
from schemas.dossier import JobKind
from schemas.errors import UsageError
from schemas.settings import Settings
from workers.actors import NICENESS, JobWorker, ReportUnforeseen, declare_actors
from workers.broker import Lane, open_broker
from workers.home import Home, open_home, read_broker_url
from workers.keeper import Keeper
from workers.leases import Leases
from workers.patience import Patience
from workers.sweeper import Hinter, Nudged, Sweeper

_CLOSING_S = 5.0  # after `stop_timeout_s`: connections, leases
_PARENT_CHECK_S = 1.0
_STUCK_EXIT = 75

_log = logging.getLogger("sohoa.worker")


def run_worker(settings: Settings, lane: Lane, name: str, parent: int | None = None) -> None:
    """Work the queue of `lane` until SIGTERM or SIGINT, or until the process `parent` is gone.

    A job at work is finished within `settings.stop_timeout_s`, or given back uncounted. `name` begins the
    owner of its leases. Raises `UsageError`, `MissingDependencyError`, `SigningError` before any work.
    """
    stopping = _await_signals()
    cv2.setNumThreads(1)
    os.nice(NICENESS[lane])  # the decoding child, too
    if lane is not Lane.IO:
        warm_up()  # while this process has one thread, and no keys
        open_tools(settings).engine.close()  # what is missing shows here, not in every job
    url = require_broker(settings)
    home = _open_patiently(lambda: open_home(settings), stopping)
    if home is None:
        return
    guard = ReportUnforeseen()
    broker = open_broker(url, [guard])
    leases = Leases(home)

    def job_ended() -> None:
        hints.nudge()

    jobs = guard.worker = JobWorker(home, name, leases, job_ended)
    hints = Nudged(Hinter(home, declare_actors(broker, jobs), _room(settings)))
    if lane is Lane.IO:
        jobs.open_signing()
    worker = dramatiq.Worker(broker, queues={lane}, worker_threads=1)
    worker.queue_prefetch = worker.delay_prefetch = 1  # a hint that waits here is one no idle worker takes
    for part in (worker, leases, hints):
        part.start()
    _log.info("working queue=%s name=%s", lane, name)
    while not stopping.wait(_PARENT_CHECK_S):
        if parent is not None and os.getppid() != parent:
            _log.warning("the supervisor is gone")
            break
    _stop(home, worker, jobs, leases, hints)


def run_sweeper(settings: Settings) -> None:
    """Sweep until SIGTERM or SIGINT. Several may run; what one is at, the others leave alone.

    Raises `UsageError`, `MissingDependencyError`.
    """
    stopping = _await_signals()
    url = require_broker(settings)
    home = _open_patiently(lambda: open_home(settings), stopping)
    if home is None:
        return
    broker = open_broker(url, [])
    worker = JobWorker(home, "sweeper", Leases(home), lambda: None)  # declares the queues; works nothing
    sweeper = Sweeper(home, declare_actors(broker, worker), _room(settings))
    # a broker that lost its messages is started with a sweeper, most often; a duplicate does no harm
    Patience().insist(lambda: home.database.transact(forget_hints))
    keeper = Keeper(home, sweeper.nudge)
    for part in (sweeper, keeper):
        part.start()
    _log.info("sweeping every_s=%.1f", settings.sweep_interval_s)
    stopping.wait()
    keeper.stop()
    sweeper.stop()
    broker.close()
    home.close()
    _log.info("stopped")


def require_broker(settings: Settings) -> str:
    """RabbitMQ's address. Raises `UsageError` where none is set."""
    url = read_broker_url(settings)
    if url is None:
        raise UsageError(
            "no broker is set", advice="set SOHOA_BROKER_URL, or run 'sohoa serve', which needs none"
        )
    return url


def _room(settings: Settings) -> dict[JobKind, int]:
    return dict.fromkeys(JobKind, settings.hints_ahead)


def _await_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _open_patiently(ask: Callable[[], Home], stopping: threading.Event) -> Home | None:
    """Services may come up later than we do; None where we are to stop before they did."""
    patience = Patience()
    opened: list[Home] = []
    failures: list[BaseException] = []

    def insist() -> None:
        try:
            opened.append(patience.insist(ask))
        except BaseException as error:  # noqa: BLE001 -- raised again by the thread that waits
            failures.append(error)

    asking = threading.Thread(target=insist, daemon=True)
    asking.start()
    while asking.is_alive() and not stopping.is_set():
        asking.join(0.1)
    patience.give_up()
    if failures and not stopping.is_set():
        raise failures[0]
    return opened[0] if opened else None


def _stop(home: Home, worker: dramatiq.Worker, jobs: JobWorker, leases: Leases, hints: Nudged) -> None:
    patience_s = home.settings.stop_timeout_s
    _log.info("stopping within_s=%.0f", patience_s + _CLOSING_S)
    last = threading.Timer(patience_s + _CLOSING_S, os._exit, (_STUCK_EXIT,))
    last.daemon = True
    last.start()
    began = time.monotonic()
    jobs.give_up_waiting()
    worker.stop(timeout=int(patience_s * 1000))
    hints.stop()
    leases.stop()
    jobs.close()
    worker.broker.close()
    home.close()
    last.cancel()
    _log.info("stopped after_s=%.1f", time.monotonic() - began)
