"""The gateway's socket: uvicorn on h11, with a deadline for headers, which uvicorn itself has not."""

import asyncio
import ipaddress
import signal
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from schemas.errors import OutputError, UsageError
from schemas.settings import Settings
from workers.gateway.app import create_app
from workers.home import Home, open_home

KEEP_ALIVE_S = 15
BACKLOG = 512
MOST_CONNECTIONS = 2000
SHUTDOWN_S = 10
"""How long a stop waits for uploads; streams end then, and their clients come again."""

_MOST_HEADER_BYTES = 32 * 1024


def make_protocol(header_timeout_s: float) -> type[H11Protocol]:
    """The HTTP protocol with a deadline from the first moment to the end of a request's headers."""

    class Deadlined(H11Protocol):
        """Closes connections that do not get to the end of their headers in time."""

        _deadline: asyncio.TimerHandle | None = None

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
            super().connection_made(transport)
            self._set_deadline()

        def connection_lost(self, exc: Exception | None) -> None:
            self._clear_deadline()
            super().connection_lost(exc)

        def handle_events(self) -> None:
            super().handle_events()
            self._set_deadline()

        def on_response_complete(self) -> None:
            super().on_response_complete()
            self._set_deadline()

        def _set_deadline(self) -> None:
            if self.conn.their_state is not h11.IDLE:
                self._clear_deadline()
            elif self._deadline is None:
                self._deadline = self.loop.call_later(header_timeout_s, self._give_up)

        def _clear_deadline(self) -> None:
            if self._deadline is not None:
                self._deadline.cancel()
                self._deadline = None

        def _give_up(self) -> None:
            self._deadline = None
            if self.conn.their_state is h11.IDLE:
                self.transport.close()

    return Deadlined


def open_socket(host: str, port: int) -> socket.socket:
    """A bound socket. Raises `OutputError` where the address is taken, `UsageError` where it is none."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
    except (socket.gaierror, UnicodeError) as error:
        raise UsageError(f"no such address: {host[:80]!r}") from error
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise OutputError(f"cannot listen on {host}:{port}: {error}", advice="choose another port") from error
    bound.set_inheritable(True)
    return bound


def needs_tls(settings: Settings, host: str) -> bool:
    """As set; where nothing is set, whatever is bound to more than loopback."""
    if settings.gateway.require_tls is not None:
        return settings.gateway.require_tls
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


class GatewayServer:
    """The gateway over an opened home, on a bound socket."""

    def __init__(self, home: Home, bound: socket.socket, host: str, on_change: Callable[[], None]) -> None:
        app = create_app(home, time.time(), require_tls=needs_tls(home.settings, host), on_change=on_change)
        config = uvicorn.Config(
            app,
            http=make_protocol(home.settings.gateway.header_timeout_s),
            ws="none",
            loop="asyncio",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # the gateway's own door reads them, and tells http from https for itself
            timeout_keep_alive=KEEP_ALIVE_S,
            timeout_graceful_shutdown=SHUTDOWN_S,
            backlog=BACKLOG,
            limit_concurrency=MOST_CONNECTIONS,
            h11_max_incomplete_event_size=_MOST_HEADER_BYTES,
        )
        self._server = uvicorn.Server(config)
        self._bound = bound
        self._thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        """Where it listens."""
        host, port = self._bound.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def start(self) -> None:
        """In a thread of its own; listens when this returns. Signals are the caller's."""
        self._thread = threading.Thread(
            target=self._server.run, args=([self._bound],), name="gateway", daemon=True
        )
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(0.01)

    def stop(self) -> None:
        """End what `start` began, after the requests at work."""
        self._server.should_exit = True
        if self._thread is not None:
            self._thread.join(SHUTDOWN_S + 5)


def run_api(settings: Settings, host: str, port: int, tell: Callable[[str], Any]) -> None:
    """The gateway alone, in production form, until SIGTERM or SIGINT; `tell` hears where it listens."""
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    home = open_home(settings)
    try:
        with open_socket(host, port) as bound:
            server = GatewayServer(home, bound, host, lambda: None)
            server.start()
            tell(server.url)
            stopping.wait()
            server.stop()
    finally:
        home.close()
