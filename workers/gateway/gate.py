"""The gate: who asks, and whether the table lets them. It stands before any body is read."""

import asyncio
import re
import time
from collections.abc import Callable, Coroutine
from ipaddress import ip_address
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from pipeline.ledger.access_keys import check_key, find_principal
from pipeline.ledger.holdings import holds_record, read_file, read_owner
from schemas.access import KEY_MARKS, Owner, Principal, Role
from schemas.api import DOSSIER_ID_PATTERN, RECORD_CODE_PATTERN
from schemas.errors import (
    ForbiddenError,
    NotFoundError,
    OverLimitError,
    RateLimitedError,
    SlowRequestError,
    UnauthenticatedError,
)
from workers.gateway.limits import Buckets
from workers.gateway.proofs import Proofs
from workers.gateway.rules import RULES, Rule, Scope, may_touch
from workers.gateway.tokens import Tokens
from workers.home import Home

_DOSSIER_ID = re.compile(DOSSIER_ID_PATTERN, re.ASCII)
_RECORD_CODE = re.compile(RECORD_CODE_PATTERN, re.ASCII)
_NO_SUCH = "nothing of that name here, or not for this key"
_MOST_TOKEN_CHARS = 4096


class Gate:
    """Knows every principal and lets it through, or not."""

    def __init__(self, home: Home, tokens: Tokens, proofs: Proofs) -> None:
        settings = home.settings.gateway
        self._home = home
        self._tokens = tokens
        self._proofs = proofs
        self._requests = Buckets(settings.requests_per_s, settings.request_burst)
        self._failures = Buckets(settings.failed_logins_per_minute / 60, settings.failed_logins_per_minute)

    def admit(self, request: Request, rule: Rule) -> Principal:
        """Who asks, if it may use this endpoint and what its path names.

        Raises `UnauthenticatedError`, `ForbiddenError`, `NotFoundError` (also for what is another's),
        `RateLimitedError`.
        """
        principal = self._identify(request)
        self.note_use(principal.key_id)
        scope = rule.of(principal.role)
        if scope is Scope.NONE:
            raise ForbiddenError(f"role {principal.role} may not do this")
        self._check_named(request.path_params, principal, scope)
        return principal

    def note_use(self, key_id: str) -> None:
        """One request of this key. Raises `RateLimitedError`."""
        self._requests.take(key_id)

    def note_failure(self, address: str) -> None:
        """A key, secret or token was wrong. Raises `RateLimitedError` where that was so too often.

        A valid key is let in from the same address all the same: a station beside a misled one works on.
        """
        try:
            self._failures.take(address)
        except RateLimitedError as error:
            raise RateLimitedError("too many failed attempts from this address") from error

    def _identify(self, request: Request) -> Principal:
        scheme, _, credential = request.headers.get("authorization", "").partition(" ")
        try:
            return self._recognise(request, scheme.lower(), credential.strip())
        except UnauthenticatedError:
            if credential:
                self.note_failure(name_address(request))
            raise

    def _recognise(self, request: Request, scheme: str, credential: str) -> Principal:
        if scheme not in {"bearer", "dpop"} or not 0 < len(credential) <= _MOST_TOKEN_CHARS:
            raise UnauthenticatedError("no key or token came with the request")
        principal: Principal | None
        if scheme == "bearer" and credential.startswith(tuple(KEY_MARKS.values())):
            with self._home.database.read() as connection:
                principal = check_key(connection, credential)
            if principal is None or principal.role is Role.ONESTOP:
                raise UnauthenticatedError("the key is not valid", advice="ask for a key that is")
            return principal
        claims = self._tokens.check(credential)
        if (claims.thumbprint is not None) != (scheme == "dpop"):
            raise UnauthenticatedError(
                "a bound token is sent with the scheme DPoP and a proof, others are not"
            )
        if claims.thumbprint is not None:
            shown = self._proofs.check(request, credential)
            if shown != claims.thumbprint:
                raise UnauthenticatedError("the token is bound to another key")
        with self._home.database.read() as connection:
            principal = find_principal(connection, claims.client)
        if principal is None:
            raise UnauthenticatedError("the client was revoked")
        return principal

    def _check_named(self, named: dict[str, Any], principal: Principal, scope: Scope) -> None:
        """Whose is what the path names? What is another's is as good as not there."""
        owner: Owner | None = None
        with self._home.database.read() as connection:
            if "dossier_id" in named:
                if _DOSSIER_ID.fullmatch(named["dossier_id"]):
                    owner = read_owner(connection, named["dossier_id"])
            elif "file_id" in named:
                text = str(named["file_id"])
                found = (
                    read_file(connection, int(text))
                    if text.isascii() and text.isdigit() and len(text) < 16
                    else None
                )
                owner = found[1] if found else None
            elif "record_code" in named:
                code = named["record_code"]
                if not _RECORD_CODE.fullmatch(code) or not holds_record(connection, principal, code):
                    raise NotFoundError(_NO_SUCH, advice="check the code")
                return
            else:
                return
        if owner is None or not may_touch(principal, scope, owner):
            raise NotFoundError(_NO_SUCH, advice="check the id")


class GuardedRoute(APIRoute):
    """A route that asks the gate first, and reads small bodies with a limit and a deadline."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The framework's handler, behind the gate."""
        handle = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            rule = RULES[request.method, self.path]
            gateway = request.app.state.gateway
            if not rule.public:
                principal = await run_in_threadpool(gateway.gate.admit, request, rule)
                request.scope["sohoa_principal"] = principal
            if self.body_field is not None or self.path == "/v1/oauth/token":
                settings = gateway.home.settings.gateway
                request._body = await _read_small(
                    request, settings.max_json_bytes, settings.body_idle_timeout_s
                )
            return await handle(request)

        return guarded


def name_address(request: Request) -> str:
    """Where the request came from, as far as trusted proxies tell (`guards.Doorkeeper`)."""
    return str(request.scope.get("sohoa_address", "?"))


def pick_address(peer: str, forwarded: str, trusted: frozenset[str]) -> str:
    """The last address in `X-Forwarded-For` that no trusted proxy is; the peer's where it is none itself."""
    if peer not in trusted:
        return peer
    for part in reversed(forwarded.split(",")):
        text = part.strip()
        try:
            ip_address(text)
        except ValueError:
            return peer
        if text not in trusted:
            return text
    return peer


async def _read_small(request: Request, limit: int, timeout_s: float) -> bytes:
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise OverLimitError(f"the body has more than {limit} bytes")
    deadline = time.monotonic() + timeout_s
    body = bytearray()
    while True:
        try:
            message = await asyncio.wait_for(request.receive(), max(0.0, deadline - time.monotonic()))
        except TimeoutError as error:
            raise SlowRequestError("the body did not come in time") from error
        if message["type"] == "http.disconnect":
            raise SlowRequestError("the line dropped")
        body += message.get("body", b"")
        if len(body) > limit:
            raise OverLimitError(f"the body has more than {limit} bytes")
        if not message.get("more_body", False):
            return bytes(body)
