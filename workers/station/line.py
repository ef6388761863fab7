"""The line to the gateway: when to try again, how large a piece to send, how fast."""

import random
import socket
import time
from collections.abc import Callable, Iterator
from typing import BinaryIO

import httpx

TIMEOUT = httpx.Timeout(connect=20.0, write=30.0, read=45.0, pool=5.0)
"""Without a byte of progress, not for a whole page. A line that is cut for 20 s comes back within these;
where TCP has doubled its pauses beyond them, a new connection is the quicker way on."""

_CHUNK_BYTES = 4096
_FIRST_PIECE = 64 * 1024
_LEAST_PIECE, _LARGEST_PIECE = 16 * 1024, 8 * 2**20
_PIECE_S = 10.0
"""A piece is as much as took about so long at the last piece's rate."""


class Backoff:
    """Pauses of a line that fails: doubling, with jitter, so that stations do not all come back at once."""

    def __init__(self, first_s: float, most_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._first_s, self._most_s, self._clock = first_s, most_s, clock
        self._failures = 0
        self._until = 0.0

    @property
    def left_s(self) -> float:
        """How long to keep still."""
        return max(0.0, self._until - self._clock())

    def fail(self, at_least_s: float = 0.0) -> None:
        """It failed again."""
        pause = min(self._most_s, self._first_s * 2 ** min(self._failures, 20))
        self._failures += 1
        jittered = pause * random.uniform(0.5, 1.0)  # noqa: S311 -- jitter, no secret
        self._until = self._clock() + max(jittered, min(at_least_s, self._most_s))

    def succeed(self) -> None:
        """It works."""
        self._failures, self._until = 0, 0.0


class Pace:
    """How large pieces are: some seconds' worth, so that little is under way when the line is cut."""

    def __init__(self) -> None:
        self.piece_bytes = _FIRST_PIECE

    def note(self, size: int, seconds: float) -> None:
        """A piece arrived."""
        wanted = int(size / max(seconds, 0.01) * _PIECE_S)
        self.piece_bytes = max(_LEAST_PIECE, min(_LARGEST_PIECE, wanted, 4 * self.piece_bytes))

    def fail(self) -> None:
        """One did not."""
        self.piece_bytes = max(_LEAST_PIECE, self.piece_bytes // 2)


class Throttle:
    """A cap on the bandwidth of uploads; `kbit_s` None: none."""

    def __init__(self, kbit_s: float | None) -> None:
        self._bytes_per_s = None if kbit_s is None else kbit_s * 1000 / 8
        self._free_at = 0.0

    def read(self, file: BinaryIO, size: int) -> Iterator[bytes]:
        """`size` bytes of a file from where it stands, no faster than the cap."""
        while size > 0 and (chunk := file.read(min(_CHUNK_BYTES, size))):
            if self._bytes_per_s is not None:
                now = time.monotonic()
                if self._free_at > now:
                    time.sleep(self._free_at - now)
                self._free_at = max(now, self._free_at) + len(chunk) / self._bytes_per_s
            size -= len(chunk)
            yield chunk


def make_transport() -> httpx.HTTPTransport:
    """One connection at a time that is kept; by BBR where the system lets us choose.

    TCP's usual control takes every lost packet for congestion and all but stops at 15 % loss.
    """
    options: list[tuple[int, int, int | bytes]] = []
    if hasattr(socket, "TCP_CONGESTION") and _may_use_bbr():
        options.append((socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr"))
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    return httpx.HTTPTransport(limits=limits, socket_options=options)


def _may_use_bbr() -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        try:
            probe.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, b"bbr")
        except OSError:  # the kernel has none, or does not let this user choose it
            return False
    return True
