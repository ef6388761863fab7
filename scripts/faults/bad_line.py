"""A rural line, packet by packet: limited rate, long delay, loss, and silence for a while each minute.

A network namespace holds the station; between it and here lie two TUN devices, and this process carries the
packets from one to the other, or does not: what `tc netem` does where a kernel has it (this one lacks
sch_netem). TCP at both ends is the kernel's own. Needs root, /dev/net/tun and iproute2.
"""

import fcntl
import heapq
import os
import random
import select
import socket
import struct
import subprocess
import threading
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_PACKET_BYTES = 2048
_QUEUE_BYTES = 64 * 1024
"""What waits at a modem before packets are dropped: 2 s at 256 kbit/s."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How bad the line is. `delay_s` and `loss` are of one way; it is silent for `cut_for_s` in every
    `cut_every_s`."""

    kbit_s: float = 256.0
    delay_s: float = 0.3
    loss: float = 0.15
    cut_every_s: float = 60.0
    cut_for_s: float = 20.0


def can_be_made() -> bool:
    """Whether this machine lets us."""
    return os.geteuid() == 0 and Path("/dev/net/tun").exists() and _run("ip", "netns", "list")


class BadLine:
    """A line from a namespace of its own to `address` here, where `forward` brings it to a loopback port."""

    def __init__(self, shape: Shape, seed: int) -> None:
        self._shape = shape
        self._rng = random.Random(seed)
        number = 2 * (os.getpid() % 120)
        self.address = f"10.211.{number}.1"
        self._far = f"10.211.{number}.2"
        self._space = f"sohoa-{os.getpid()}"
        self._ends = (f"soh{os.getpid()}a", f"soh{os.getpid()}b")
        self.carried = self.lost = self.silenced = 0
        self._stopping = threading.Event()
        self._files: list[int] = []
        self._listeners: list[socket.socket] = []

    def __enter__(self) -> Self:
        near, far = self._ends
        self._files = [_open_tun(near), _open_tun(far)]
        for command in (
            f"ip netns add {self._space}",
            f"ip link set {far} netns {self._space}",
            f"ip addr add {self.address}/30 dev {near}",
            f"ip link set {near} up",
            f"ip -n {self._space} addr add {self._far}/30 dev {far}",
            f"ip -n {self._space} link set {far} up",
            f"ip -n {self._space} link set lo up",
        ):
            subprocess.run(command.split(), check=True)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopping.set()
        self._thread.join(5)
        for listener in self._listeners:
            listener.close()
        for file in self._files:
            os.close(file)
        subprocess.run(["ip", "netns", "del", self._space], check=False)

    @property
    def beyond(self) -> list[str]:
        """What a command begins with that is to run at the other end."""
        return ["ip", "netns", "exec", self._space]

    def forward(self, port: int) -> int:
        """A port at `address` that leads to a loopback port here."""
        listener = socket.create_server((self.address, 0))
        self._listeners.append(listener)
        threading.Thread(target=_accept, args=(listener, port), daemon=True).start()
        return int(listener.getsockname()[1])

    def _carry(self) -> None:
        """Both ways in one loop: arrivals are shaped, and delivered when their time has come."""
        began = time.monotonic()
        free_at = [0.0, 0.0]
        waiting: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._stopping.is_set():
            now = time.monotonic()
            while waiting and waiting[0][0] <= now:
                _, _, way, packet = heapq.heappop(waiting)
                with suppress(OSError):
                    os.write(self._files[1 - way], packet)
            pause = min(0.2, waiting[0][0] - now) if waiting else 0.2
            ready, _, _ = select.select(self._files, [], [], max(0.0, pause))
            for file in ready:
                way = self._files.index(file)
                packet = os.read(file, _PACKET_BYTES)
                now = time.monotonic()
                leaves_at = self._shape_packet(len(packet), now, now - began, free_at[way])
                if leaves_at is not None:
                    free_at[way] = leaves_at
                    count += 1
                    heapq.heappush(waiting, (leaves_at + self._shape.delay_s, count, way, packet))

    def _shape_packet(self, size: int, now: float, age_s: float, free_at: float) -> float | None:
        """When it has left; None where it is lost."""
        shape = self._shape
        if shape.cut_every_s and age_s % shape.cut_every_s >= shape.cut_every_s - shape.cut_for_s:
            self.silenced += 1
            return None
        bytes_per_s = shape.kbit_s * 1000 / 8
        full = (free_at - now) * bytes_per_s > _QUEUE_BYTES
        if full or self._rng.random() < shape.loss:
            self.lost += 1
            return None
        self.carried += 1
        return max(now, free_at) + size / bytes_per_s


def _open_tun(name: str) -> int:
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN | _IFF_NO_PI))
    return file


def _accept(listener: socket.socket, port: int) -> None:
    while True:
        try:
            near, _ = listener.accept()
        except OSError:
            return
        try:
            far = socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError:  # the gateway was killed: so is the connection
            near.close()
            continue
        far.settimeout(None)
        for source, sink in ((near, far), (far, near)):
            threading.Thread(target=_pump, args=(source, sink), daemon=True).start()


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(16_384):
            sink.sendall(data)
    for one, how in ((source, socket.SHUT_RD), (sink, socket.SHUT_WR)):
        with suppress(OSError):
            one.shutdown(how)


def _run(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False
