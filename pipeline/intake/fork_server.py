"""A small process that has the decoders loaded and forks one child per open document.

It is started once per parent process with `python -c` (so the parent's main module is never run
again) or forked off a parent that still has one thread, has a single thread itself, and never decodes
anything. It kills and reaps children with their whole process group, removes their private folders, and
ends when the parent is gone, however the parent went: the control socket reads as closed.
"""

import contextlib
import ctypes
import gc
import os
import selectors
import shutil
import signal
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from pipeline.intake import decoder
from pipeline.intake.wire import DecodeLimits, Message, receive, send

_PR_SET_PDEATHSIG = 1
_PR_SET_NO_NEW_PRIVS = 38


@dataclass(frozen=True, slots=True)
class _Child:
    pid: int
    pidfd: int
    status: socket.socket
    folder: str


def serve(control_fd: int, folder: str) -> NoReturn:
    """Fork children on request until the control socket closes; `folder` is removed then.

    Every child gets a folder of its own within it.
    """
    tempfile.tempdir = folder
    control = socket.socket(fileno=control_fd)
    _silence()
    gc.freeze()  # children share these pages; collecting would copy them
    send(control, {"ready": True})
    selector = selectors.DefaultSelector()
    selector.register(control, selectors.EVENT_READ, None)
    children: set[_Child] = set()
    while True:
        for key, _ in selector.select():
            child = key.data
            if child is None:
                if not _accept(control, selector, children):
                    for orphan in tuple(children):
                        _kill_group(orphan.pid)
                        _finish(orphan, selector, children)
                    shutil.rmtree(folder, ignore_errors=True)
                    os._exit(0)
            elif child in children:
                if key.fd == child.pidfd:
                    _finish(child, selector, children)
                else:  # the parent closed the document, or is gone
                    _kill_group(child.pid)
                    selector.unregister(child.status)


def serve_as_copy(control_fd: int, folder: str, kept_variables: set[str]) -> NoReturn:
    """`serve`, in a process just forked: what was the parent's alone is let go of first."""
    try:
        os.setsid()  # Ctrl-C is the parent's to handle
        for number in signal.valid_signals():
            if callable(signal.getsignal(number)):
                signal.signal(number, signal.SIG_DFL)
        for name in set(os.environ) - kept_variables:
            del os.environ[name]
        for fd in [int(entry.name) for entry in Path("/proc/self/fd").iterdir()]:
            if fd > 2 and fd != control_fd:
                with contextlib.suppress(OSError):  # the listing itself
                    os.close(fd)
        serve(control_fd, folder)
    finally:
        os._exit(1)


def _accept(control: socket.socket, selector: selectors.BaseSelector, children: set[_Child]) -> bool:
    message, fds = receive(control)
    if message is None or len(fds) != 2:
        return False
    channel_fd, status_fd = fds
    folder = tempfile.mkdtemp()
    pid = os.fork()
    if pid == 0:
        _run_child(channel_fd, status_fd, folder, message, [control.fileno(), *_descriptors(children)])
    os.close(channel_fd)
    _own_group(pid)
    child = _Child(pid, os.pidfd_open(pid), socket.socket(fileno=status_fd), folder)
    children.add(child)
    selector.register(child.pidfd, selectors.EVENT_READ, child)
    selector.register(child.status, selectors.EVENT_READ, child)
    return True


def _run_child(
    channel_fd: int, status_fd: int, folder: str, message: Message, foreign: list[int]
) -> NoReturn:
    code = 1
    try:
        _die_with(os.getppid())
        os.setpgid(0, 0)
        for fd in (status_fd, *foreign):
            os.close(fd)
        os.chdir(folder)
        os.environ["TMPDIR"] = folder
        tempfile.tempdir = folder
        decoder.answer(socket.socket(fileno=channel_fd), DecodeLimits(**message))
        code = 0
    finally:  # an exception nobody expected ends the child; the parent calls the file damaged
        os._exit(code)


def _descriptors(children: set[_Child]) -> list[int]:
    return [fd for child in children for fd in (child.pidfd, child.status.fileno())]


def _die_with(parent_pid: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(0)


def _own_group(pid: int) -> None:
    try:
        os.setpgid(pid, pid)  # the child does the same; whoever comes first
    except (ProcessLookupError, PermissionError):
        return


def _kill_group(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)  # the child is not reaped yet, so the number is still its own
    except (ProcessLookupError, PermissionError):
        return


def _finish(child: _Child, selector: selectors.BaseSelector, children: set[_Child]) -> None:
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    _kill_group(child.pid)  # pdftoppm and whatever else it started
    _, wait_status = os.waitpid(child.pid, 0)
    shutil.rmtree(child.folder, ignore_errors=True)
    selector.unregister(child.pidfd)
    os.close(child.pidfd)
    if child.status in {key.fileobj for key in selector.get_map().values()}:
        selector.unregister(child.status)
    exit_code = os.waitstatus_to_exitcode(wait_status)
    with contextlib.suppress(OSError):  # the parent no longer listens
        send(child.status, {"exit": exit_code})
    child.status.close()
    children.discard(child)


def _silence() -> None:
    with Path(os.devnull).open("r+b") as null:
        for fd in (0, 1, 2):
            os.dup2(null.fileno(), fd)
