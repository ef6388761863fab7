"""A TCP proxy on loopback that makes the line behind it slow, breaks it, or answers for the service."""

import random
import select
import socket
import threading
import time
from contextlib import suppress
from enum import StrEnum

_CHUNK_BYTES = 16_384
_LOOK_EVERY_S = 0.2

_UNAVAILABLE = (
    b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/xml\r\nContent-Length: 79\r\n"
    b"Connection: close\r\n\r\n"
    b"<Error><Code>SlowDown</Code><Message>reduce your request rate</Message></Error>"
)


class Line(StrEnum):
    """What the line does."""

    GOOD = "good"
    SLOW = "slow"
    """Every chunk of 16 KiB waits `delay_s`, both ways."""
    CUT = "cut"
    """Each connection is reset after 1 to 60 KB, at random."""
    DOWN = "down"
    """Every connection is reset, new ones are refused their first byte."""
    ERRORS = "errors"
    """Every other connection gets HTTP 503 and is closed."""


class Proxy:
    """Listens on `port` and passes on to `target_port`, as `line` says at that moment."""

    def __init__(self, target_port: int, *, seed: int = 0, delay_s: float = 0.05) -> None:
        self.line = Line.GOOD
        self._target = target_port
        self._open: set[socket.socket] = set()
        self._delay_s = delay_s
        self._rng = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(_LOOK_EVERY_S)
        self.port: int = self._listener.getsockname()[1]
        self._stopping = False
        self._count = 0
        threading.Thread(target=self._listen, daemon=True).start()

    def change(self, line: Line) -> None:
        """Be like this from now on; connections from before are reset where they would not feel it."""
        self.line = line
        if line is Line.ERRORS:
            for connection in list(self._open):
                _reset(connection)

    def close(self) -> None:
        """Listen no more."""
        self._stopping = True
        self._listener.close()

    def _listen(self) -> None:
        while not self._stopping:
            try:
                client, _ = self._listener.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._count += 1
        if self.line is Line.DOWN:
            _reset(client)
            return
        if self.line is Line.ERRORS and self._count % 2:
            with suppress(OSError):
                client.settimeout(1.0)
                client.recv(_CHUNK_BYTES)
                client.sendall(_UNAVAILABLE)
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=5.0)
        except OSError:
            _reset(client)
            return
        budget = [self._rng.randint(1_000, 60_000)]
        server.settimeout(None)
        client.settimeout(None)
        self._open |= {client, server}
        ended: list[socket.socket] = []
        for source, sink in ((client, server), (server, client)):
            threading.Thread(target=self._pump, args=(source, sink, budget, ended), daemon=True).start()

    def _pump(
        self, source: socket.socket, sink: socket.socket, budget: list[int], ended: list[socket.socket]
    ) -> None:
        """One direction; whoever ends last closes both sockets."""
        coming = select.poll()  # select() knows no descriptor above 1023
        if source.fileno() < 0:  # the other direction was quicker to end
            return
        coming.register(source, select.POLLIN)
        while not self._stopping:
            if self.line is Line.DOWN:
                break
            try:
                if not coming.poll(1000 * _LOOK_EVERY_S):
                    continue
                chunk = source.recv(_CHUNK_BYTES)
            except OSError:
                break
            if not chunk:
                with suppress(OSError):
                    sink.shutdown(socket.SHUT_WR)
                ended.append(source)
                if len(ended) == 2:
                    self._open -= {source, sink}
                    source.close()
                    sink.close()
                return
            if self.line is Line.SLOW:
                time.sleep(self._delay_s)
            if self.line is Line.CUT:
                budget[0] -= len(chunk)
                if budget[0] < 0:
                    break
            try:
                sink.sendall(chunk)
            except OSError:
                break
        self._open -= {source, sink}
        _reset(source)
        _reset(sink)


def _reset(connection: socket.socket) -> None:
    """RST instead of FIN: what a broken line looks like."""
    with suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()
