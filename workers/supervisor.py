"""Keeps N worker processes: one that dies is replaced, and what it was at is queued again at once."""

import logging
import os
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import uuid4

from pipeline.ledger.jobs import find_expired
from pipeline.ledger.settling import requeue_lost
from schemas.errors import (
    MissingDependencyError,
    SigningError,
    SohoaError,
    StoreError,
    UsageError,
)
from schemas.settings import Settings
from workers.home import open_home
from workers.patience import FIRST_DELAY_S, LONGEST_DELAY_S

_HOPELESS = {UsageError.exit_code, MissingDependencyError.exit_code, SigningError.exit_code}
"""A worker that ended so would end so again."""

_LOOK_EVERY_S = 0.2
_STEADY_AFTER_S = 60.0
STOPS_WITHIN_S = 10.0
"""So much longer than `stop_timeout_s` a worker may take before it is killed; an engine waits longer."""

_log = logging.getLogger("sohoa.worker")


class WorkerEndedError(SohoaError):
    """A worker process ended for a reason that starting it again would not change; it has said why."""

    problem_code = "worker_ended"
    advice = "its own message is above"

    def __init__(self, code: int) -> None:
        super().__init__("a worker could not start")
        self.exit_code = code


@dataclass(slots=True)
class _Child:
    name: str
    command: list[str]
    process: "subprocess.Popen[bytes]"
    started: float


class Supervisor:
    """Runs each of `commands`, `--name NAME --parent PID` added, `count` times."""

    def __init__(self, settings: Settings, commands: Sequence[Sequence[str]], count: int) -> None:
        self._settings = settings
        self._commands = [list(command) for command in commands]
        self._count = count
        self._stopping = threading.Event()
        self._children: list[_Child] = []
        self._delay_s = FIRST_DELAY_S

    def run(self) -> None:
        """Until SIGTERM or SIGINT; every worker has ended then. Raises `WorkerEndedError`."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stopping.set())
        try:
            self._children = [self._start(command) for command in self._commands * self._count]
            while not self._stopping.wait(_LOOK_EVERY_S):
                for child in list(self._children):
                    if child.process.poll() is not None:
                        self._replace(child)
        finally:
            self._end_all()

    def _start(self, command: list[str]) -> _Child:
        name = f"{socket.gethostname()}:{uuid4()}"
        process = subprocess.Popen([*command, "--name", name, "--parent", str(os.getpid())])
        return _Child(name, command, process, time.monotonic())

    def _replace(self, child: _Child) -> None:
        code = child.process.returncode
        if code in _HOPELESS:
            raise WorkerEndedError(code)
        _log.warning("a worker ended name=%s code=%d", child.name, code)
        self._children.remove(child)
        self._take_back(child.name)
        steady = time.monotonic() - child.started > _STEADY_AFTER_S
        self._delay_s = FIRST_DELAY_S if steady else min(2 * self._delay_s, LONGEST_DELAY_S)
        if not self._stopping.wait(self._delay_s):
            self._children.append(self._start(child.command))

    def _take_back(self, name: str) -> None:
        """Its leases need not run out: nobody is there to hold them."""
        try:
            home = open_home(self._settings)
        except SohoaError as error:
            _log.warning("its jobs wait for their leases: %s", error)
            return
        try:
            with home.database.read() as connection:
                held = [
                    claim
                    for claim in find_expired(connection, home.now(), f"{name}/")
                    if claim.owner.startswith(f"{name}/")
                ]
            for claim in held:
                home.database.transact(
                    lambda connection, claim=claim: requeue_lost(
                        connection, claim, home.retry_policy, home.now(), known_dead=True
                    )
                )
            if held:
                _log.warning("taken back jobs=%d of name=%s", len(held), name)
        except StoreError as error:
            _log.warning("its jobs wait for their leases: %s", error)
        finally:
            home.close()

    def _end_all(self) -> None:
        for child in self._children:
            child.process.terminate()
        deadline = time.monotonic() + self._settings.stop_timeout_s + STOPS_WITHIN_S
        for child in self._children:
            try:
                child.process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _log.warning("killed: it did not stop name=%s", child.name)
                child.process.kill()
                child.process.wait()
                self._take_back(child.name)
