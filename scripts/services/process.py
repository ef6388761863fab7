"""One service process: started in a group of its own, ended surely."""

import ctypes
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from schemas.errors import MissingDependencyError, SohoaError

START_PATIENCE_S = 90.0
"""RabbitMQ takes about 8 s and Ceph about 12 s on an idle core; the machine may be busy."""

_PR_SET_PDEATHSIG = 1


class ServiceError(SohoaError):
    """A throw-away service did not start."""

    problem_code = "test_service"
    advice = "read the log it names"


class ServiceProcess:
    """A command that runs until it is ended; what it says goes to `log`."""

    def __init__(
        self,
        arguments: Sequence[str | Path],
        log: Path,
        *,
        environment: Mapping[str, str] | None = None,
        user: str | None = None,
    ) -> None:
        self._arguments = [str(argument) for argument in arguments]
        self._environment = dict(environment or {})
        self._log = log
        self._user = user if os.geteuid() == 0 else None
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The first process of the group. Raises `ServiceError` where none was started."""
        if self._process is None:
            raise ServiceError(f"{self._arguments[0]} was not started")
        return self._process.pid

    @property
    def running(self) -> bool:
        """Is it there?"""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it, and return at once. Raises `MissingDependencyError`."""
        account = pwd.getpwnam(self._user) if self._user else None
        try:
            with self._log.open("ab") as log:
                self._process = subprocess.Popen(
                    self._arguments,
                    env=os.environ | self._environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    cwd="/",
                    user=account.pw_uid if account else None,
                    group=account.pw_gid if account else None,
                    extra_groups=[] if account else None,
                    preexec_fn=_die_with_parent,  # noqa: PLW1509 -- one prctl call; takes no lock
                )
        except FileNotFoundError as error:
            raise MissingDependencyError(f"no {self._arguments[0]} on this machine") from error

    def kill(self) -> None:
        """`kill -9` of the whole group, waited for."""
        self._end(signal.SIGKILL, 30.0)

    def ask_to_stop(self) -> None:
        """SIGTERM to the whole group, not waited for."""
        if self._process is not None:
            _signal_group(self._process.pid, signal.SIGTERM)

    def stop(self, number: int = signal.SIGTERM, patience_s: float = 20.0) -> None:
        """Ask it to end; kill what has not after `patience_s`."""
        self._end(number, patience_s)

    def _end(self, number: int, patience_s: float) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        _signal_group(process.pid, number)
        with suppress(subprocess.TimeoutExpired):
            process.wait(patience_s)
        _signal_group(process.pid, signal.SIGKILL)  # what the first one left behind
        process.wait()

    def await_end(self) -> None:
        """Until it ends by itself. Raises `ServiceError` where it failed."""
        if self._process is not None and self._process.wait(START_PATIENCE_S):
            raise ServiceError(f"{self._arguments[0]} failed", advice=f"read {self._log}: {tail(self._log)}")

    def await_answer(self, ask: Callable[[], bool], what: str) -> None:
        """Until `ask` says yes. Raises `ServiceError` where it ended, or did not answer in time."""
        deadline = time.monotonic() + START_PATIENCE_S
        while not ask():
            if not self.running or time.monotonic() > deadline:
                raise ServiceError(f"{what} did not start", advice=f"read {self._log}: {tail(self._log)}")
            time.sleep(0.05)


def make_folder(name: str) -> Path:
    """A folder that service users may walk into."""
    folder = Path(tempfile.mkdtemp(prefix=f"sohoa-{name}-"))
    folder.chmod(0o755)
    return folder


def remove_folder(folder: Path) -> None:
    """With all that is in it; a file that vanishes meanwhile is no error."""
    shutil.rmtree(folder, ignore_errors=True)


def find_ports(count: int) -> list[int]:
    """Loopback ports that are free now."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def is_listening(port: int) -> bool:
    """Does anything take connections on this loopback port?"""
    with socket.socket() as one:
        one.settimeout(1.0)
        return one.connect_ex(("127.0.0.1", port)) == 0


def run_quietly(arguments: Sequence[str | Path], log: Path, **environment: str) -> None:
    """Run one command to its end. Raises `ServiceError`, `MissingDependencyError`."""
    try:
        with log.open("ab") as out:
            done = subprocess.run(
                [str(argument) for argument in arguments],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                check=False,
                timeout=START_PATIENCE_S,
            )
    except FileNotFoundError as error:
        raise MissingDependencyError(f"no {arguments[0]} on this machine") from error
    if done.returncode:
        raise ServiceError(f"{arguments[0]} failed", advice=f"read {log}: {tail(log)}")


def tail(log: Path) -> str:
    """The end of a log on one line."""
    return " / ".join(log.read_text(errors="replace").splitlines()[-4:]) if log.exists() else ""


def _signal_group(leader: int, number: int) -> None:
    try:
        os.killpg(leader, number)
    except ProcessLookupError:
        return


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
