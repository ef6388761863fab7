"""The agent as on Windows, as far as Linux can tell: without the modules and calls that Windows lacks."""

import os
import subprocess
import sys
from pathlib import Path

from station_outside import QUICK, Pages, Station

LACKING = """
import os, signal, socket, sys
for name in ("fcntl", "resource", "pwd", "grp", "termios", "pty", "tty", "syslog"):
    sys.modules[name] = None
for name in ("fork forkpty pread preadv pwrite memfd_create MFD_CLOEXEC O_DIRECTORY O_CLOEXEC O_NOFOLLOW "
             "O_NONBLOCK register_at_fork sched_getaffinity setsid setpgid killpg pidfd_open "
             "mkfifo chown fchown sendfile").split():
    if hasattr(os, name):
        delattr(os, name)
for name in ("AF_UNIX", "SOCK_SEQPACKET", "TCP_CONGESTION", "send_fds", "recv_fds"):
    if hasattr(socket, name):
        delattr(socket, name)
for name in ("SIGURG", "SIGHUP", "SIGIO"):
    if hasattr(signal, name):
        delattr(signal, name)
"""
BOOT = f"""{LACKING}
import workers.station.glance as glance
glance._BOOT = {LACKING!r} + glance._BOOT
from scripts.cli import main
main()
"""


def test_from_the_scanner_to_the_verdict_without_posix(
    station: Station, pages: Pages, tmp_path: Path
) -> None:
    folder = "H21.65-220914-0031"
    key_file = tmp_path / "key"
    key_file.write_text(station.key)
    station.folder.mkdir()
    station.running.append(
        subprocess.Popen(
            [
                *(sys.executable, "-c", BOOT, "station", "watch", str(station.folder)),
                *("--server", station.server, "--key-file", str(key_file)),
            ],
            env=os.environ | QUICK,
            stdout=(tmp_path / "agent.out").open("w"),
            stderr=subprocess.STDOUT,
            text=True,
        )
    )
    station.scan(f"{folder}/01 Đơn đề nghị (bản chính)/Trang số 0001.JPG", pages.good)
    station.scan(f"{folder}/02 Ảnh thẻ.tif", pages.two)
    station.scan(f"{folder}/xong.txt", "\ufeff3\r\n".encode())
    station.await_said("trang 1:1: đọc được [readable]")  # the child, too, got on without
    station.await_said(f"{folder}: hoàn thành [complete]")
