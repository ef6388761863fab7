"""Decoding in a child process with limits, seen from the parent.

One fork server per process (see `fork_server.py`; started afresh at the first use, or earlier as a copy
of this process by `warm_up`), one child per open document. Works from any thread; a forked copy of this
process starts a server of its own. When this process dies, however it dies, its sockets close and server
and children go with it.
"""

import atexit
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TypeAlias

from pipeline.intake.wire import DecodeLimits, Message, receive, send
from schemas.errors import DamagedInputError, OverLimitError, SohoaError
from schemas.settings import Limits

Answer: TypeAlias = tuple[Message, list[int]]

_START_TIMEOUT_S = 60.0
_EXIT_TIMEOUT_S = 10.0
_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from pipeline.intake.fork_server import serve; serve(int(sys.argv[2]), sys.argv[3])"
)
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""The child needs no secrets of ours, so it gets no other variables."""

_CHILD_ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    # Large pages for 26-MB pictures: 56 -> 46 CPU ms for a fresh child's first A4 page at 300 dpi.
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
}


class DecoderLostError(SohoaError):
    """The decoding process was ended from outside; the file is not to blame."""

    problem_code = "decoder_lost"
    advice = "try again"


class _Copy:
    """A fork server that is a copy of this process, waited for as a `subprocess.Popen` is."""

    def __init__(self, control_fd: int, folder: str) -> None:
        from pipeline.intake.fork_server import serve_as_copy  # noqa: PLC0415 - the decoders, 0.02 CPU s

        self.returncode: int | None = None
        self.pid = os.fork()
        if self.pid == 0:
            serve_as_copy(control_fd, folder, {*_PASSED_ON, *_CHILD_ENVIRONMENT})
        self._pidfd = os.pidfd_open(self.pid)

    def wait(self, timeout_s: float | None = None) -> int:
        """Reap it. Raises `subprocess.TimeoutExpired`."""
        if self.returncode is None:
            ready, _, _ = select.select([self._pidfd], [], [], timeout_s)
            if not ready:
                raise subprocess.TimeoutExpired("the fork server", timeout_s or 0.0)
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
            os.close(self._pidfd)
        return self.returncode

    def kill(self) -> None:
        """End it, unless it was reaped already."""
        if self.returncode is None:
            os.kill(self.pid, signal.SIGKILL)


def _start_afresh(control_fd: int, folder: str) -> "subprocess.Popen[bytes]":
    environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return subprocess.Popen(
        [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), str(control_fd), folder],
        pass_fds=[control_fd],
        stdin=subprocess.DEVNULL,
        env=environment | _CHILD_ENVIRONMENT,
        start_new_session=True,  # Ctrl-C is the parent's to handle
    )


class _ForkServer:
    """The running server: its process and the socket that keeps it alive."""

    def __init__(self, *, copied: bool = False) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        # Both sides remove it: only if both are killed at once does it stay.
        self._folder = tempfile.mkdtemp(prefix="sohoa-intake-")
        with theirs:
            start = _Copy if copied else _start_afresh
            self.process = start(theirs.fileno(), self._folder)
        self.control = ours
        ours.settimeout(_START_TIMEOUT_S)
        try:
            ready, _ = receive(ours)
        except OSError:
            ready = None
        if ready is None:
            self.stop()
            raise SohoaError("the decoding process does not start", advice="run 'sohoa doctor'")
        ours.settimeout(_EXIT_TIMEOUT_S)

    def stop(self) -> None:
        """Close the socket, which ends the server, and reap it."""
        self.control.close()
        try:
            self.process.wait(_EXIT_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)


class _Servers:
    """At most one server in this process. The only state of this room that outlives a call."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._server: _ForkServer | None = None

    def fork(self, limits: DecodeLimits) -> "_Process":
        with self._lock:
            if self._server is not None and _hung_up(self._server.control):
                self._server.stop()
                self._server = None
            if self._server is None:
                self._server = _ForkServer()
            return _Process(self._server.control, limits)

    def warm(self) -> None:
        with self._lock:
            self._server = self._server or _ForkServer(copied=_has_one_thread())

    def stop(self) -> None:
        with self._lock:
            if self._server is not None:
                self._server.stop()
                self._server = None

    def forget(self) -> None:
        """In a forked copy of this process: the server is the original's."""
        self._lock = threading.Lock()
        if self._server is not None:
            self._server.control.close()
            self._server.process.returncode = 0  # not ours to wait for
            self._server = None


_servers = _Servers()
atexit.register(_servers.stop)
os.register_at_fork(after_in_child=_servers.forget)


def warm_up() -> None:
    """Start the fork server now; as a copy of this process where that has a single thread.

    A copy has numpy, OpenCV and qpdf loaded: 0.02 CPU s instead of 0.3. It holds what this process holds, so
    call this before secrets are loaded. (Its environment is no secret from a child of the same user either
    way: that could read /proc of its parent.)
    """
    _servers.warm()


def stop() -> None:
    """End the fork server; the next document starts another."""
    _servers.stop()


def _has_one_thread() -> bool:
    """Of any library, not of Python alone: a copied lock that another thread held would never open."""
    return sum(1 for _ in Path("/proc/self/task").iterdir()) == 1


class _Process:
    """One forked child: a channel to it, and a status socket that ends it when closed."""

    def __init__(self, control: socket.socket, limits: DecodeLimits) -> None:
        self.channel, channel = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.status, status = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with channel, status:
            try:
                send(control, limits.to_message(), (channel.fileno(), status.fileno()))
            except OSError as error:
                self.close()
                raise SohoaError("the decoding process is gone", advice="try again") from error

    def close(self) -> None:
        self.channel.close()
        self.status.close()

    def exit_code(self) -> int | None:
        """As `subprocess` tells it: negative for a signal; None where the server itself is gone.

        Waits for the child to be reaped.
        """
        self.status.settimeout(_EXIT_TIMEOUT_S)
        try:
            message, _ = receive(self.status)
        except OSError:
            message = None
        return int(message["exit"]) if message else None


class Sandbox:
    """A child that decodes one document. Not for use by two threads at once (the caller locks)."""

    def __init__(self, limits: Limits) -> None:
        self._timeout_s = limits.decode_timeout_s
        self._limits = DecodeLimits(
            max_bytes=limits.max_bytes,
            max_pages=limits.max_pages,
            max_pixels=limits.max_pixels,
            memory_bytes=limits.decode_memory_bytes,
            cpu_s=limits.decode_cpu_s,
            timeout_s=limits.decode_timeout_s,
        )
        self._process: _Process | None = None

    @property
    def alive(self) -> bool:
        """Whether the child of the last request still holds what it opened."""
        if self._process is not None and _hung_up(self._process.channel):
            self.close()  # it died idle: nobody's page is to blame
        return self._process is not None

    def ask(self, request: Message, fds: tuple[int, ...] = ()) -> Answer:
        """One request, one answer with its descriptors (the caller closes them).

        Raises `OverLimitError` where the child ran out of time, CPU or memory, `DamagedInputError` where
        it crashed, `DecoderLostError` where others ended it; the child is then gone and the next request
        starts a fresh one.
        """
        if self._process is None:
            self._process = _servers.fork(self._limits)
        process = self._process
        try:
            send(process.channel, request, fds)
            if not _readable(process.channel, self._timeout_s):
                self.close()
                raise OverLimitError(
                    f"decoding took longer than {self._timeout_s:g} s and was stopped",
                    advice="scan at a lower resolution or raise the limit in the settings",
                )
            message, received = receive(process.channel)
        except OSError:  # the child died before or while it was asked
            message, received = None, []
        if message is None:
            code = process.exit_code() if _hung_up(process.channel) else -signal.SIGABRT
            self.close()
            raise _explain(code)
        return message, received

    def close(self) -> None:
        """End the child, with everything it started and its temporary files."""
        if self._process is not None:
            self._process.close()
            self._process = None


def _readable(channel: socket.socket, timeout_s: float) -> bool:
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(timeout_s * 1000))


def _hung_up(channel: socket.socket) -> bool:
    poll = select.poll()
    poll.register(channel, 0)
    return any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))


def _explain(exit_code: int | None) -> SohoaError:
    if exit_code is None:
        return DecoderLostError("the decoding process was ended from outside")
    if exit_code == -signal.SIGXCPU:
        return OverLimitError("decoding needs more CPU time than the limit allows")
    if exit_code == -signal.SIGXFSZ:
        return OverLimitError("decoding writes more data than the limit allows")
    if exit_code == -signal.SIGKILL:
        return OverLimitError("decoding was stopped, most likely for want of memory")
    return DamagedInputError("the file is so damaged that its decoder failed")
