"""The outermost door: request ids, TLS, headers, the line in the log, and the last catch of errors."""

import asyncio
import logging
import re
import time
from typing import Any
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from schemas.errors import SohoaError, TlsRequiredError
from schemas.gateway_settings import GatewaySettings
from workers.gateway.gate import pick_address
from workers.gateway.metrics import Metrics
from workers.gateway.problems import respond

_REQUEST_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
"""A UUID is taken over; any other word might be a person's number, and would be logged."""
_WITHOUT_TLS = frozenset({"/healthz", "/readyz"})
"""A local supervisor asks these, with no secret and for none."""

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
"""What is told by name; anyone may send any word."""

_TOO_SLOW = 408
_DRAIN_BYTES = 16 * 2**20
_DRAIN_S = 5.0

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cross-Origin-Resource-Policy": "same-origin",
}

_log = logging.getLogger("sohoa.gateway")


class Doorkeeper:
    """ASGI middleware. No header of CORS is ever sent: no browser page of another origin may ask."""

    def __init__(
        self, app: ASGIApp, settings: GatewaySettings, metrics: Metrics, *, require_tls: bool
    ) -> None:
        self._app = app
        self._require_tls = require_tls
        self._trusted = frozenset(settings.trusted_proxies)
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        visit = _Visit(scope, receive, send, self._trusted)
        try:
            if self._require_tls and scope["scheme"] != "https" and scope["path"] not in _WITHOUT_TLS:
                error = TlsRequiredError("this gateway is used by TLS only")
                await respond(error, visit.request_id)(scope, visit.receive, visit.send)
            else:
                await self._app(scope, visit.receive, visit.send)
        except Exception as error:  # noqa: BLE001 -- the last door: its text may carry what was sent
            await visit.fail(error)
        finally:
            visit.tell(self._metrics)


class _Visit:
    """One request on its way in and out."""

    def __init__(self, scope: Scope, receive: Receive, send: Send, trusted: frozenset[str]) -> None:
        headers = Headers(scope=scope)
        given = headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else uuid4().hex
        peer = scope["client"][0] if scope.get("client") else "local"
        if peer in trusted and headers.get("x-forwarded-proto", "").strip().lower() == "https":
            scope["scheme"] = "https"
        scope["sohoa_request_id"] = self.request_id
        scope["sohoa_address"] = pick_address(peer, headers.get("x-forwarded-for", ""), trusted)
        self._scope, self._receive, self._send = scope, receive, send
        announced = headers.get("content-length", "")
        self._has_body = announced not in {"", "0"} or "transfer-encoding" in headers
        self._body_read = not self._has_body
        self._status = 0
        self._in = self._out = 0
        self._started = time.perf_counter()

    async def receive(self) -> Message:
        """The next part of the request."""
        message = await self._receive()
        if message["type"] == "http.request":
            self._in += len(message.get("body", b""))
            self._body_read = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """The next part of the answer."""
        if message["type"] == "http.response.start":
            self._status = message["status"]
            headers = MutableHeaders(scope=message)
            headers["X-Request-Id"] = self.request_id
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            headers.setdefault("Cache-Control", "no-store")
            if self._scope["scheme"] == "https":
                headers["Strict-Transport-Security"] = "max-age=31536000"
            if not self._body_read and self._status != _TOO_SLOW:
                await self._drain()
            if not self._body_read:
                headers["Connection"] = "close"
        elif message["type"] == "http.response.body":
            self._out += len(message.get("body", b""))
        await self._send(message)

    async def fail(self, error: Exception) -> None:
        """Nobody foresaw this: where it happened is logged, never its text."""
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        where = f"{trace.tb_frame.f_code.co_filename.rpartition('/')[2]}:{trace.tb_lineno}" if trace else "?"
        told = {"request_id": self.request_id, "kind": type(error).__name__, "where": where}
        _log.error("unforeseen error", extra=told)
        if not self._status:
            answer = respond(SohoaError("internal error"), self.request_id)
            await answer(self._scope, self.receive, self.send)

    def tell(self, metrics: Metrics) -> None:
        """One line in the log, without anything that was sent but ids."""
        seconds = time.perf_counter() - self._started
        route = getattr(self._scope.get("route"), "path", "-")
        principal = self._scope.get("sohoa_principal")
        method = self._scope["method"] if self._scope["method"] in _METHODS else "?"
        metrics.note_request(method, route, self._status, seconds)
        told: dict[str, Any] = {
            "request_id": self.request_id,
            "method": method,
            "route": route,
            "status": self._status,
            "ms": round(seconds * 1000, 1),
            "bytes_in": self._in,
            "bytes_out": self._out,
            "key": principal.key_id if principal else None,
            "role": str(principal.role) if principal else None,
        }
        _log.info("request", extra=told)

    async def _drain(self) -> None:
        """Take in what is left of a small body, so that the sender gets to read the answer."""
        left, deadline = _DRAIN_BYTES, time.monotonic() + _DRAIN_S
        while not self._body_read and left > 0:
            try:
                message = await asyncio.wait_for(self.receive(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                return
            if message["type"] != "http.request":
                return
            left -= len(message.get("body", b""))
