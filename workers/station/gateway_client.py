"""A station's side of the gateway: every call may be repeated, and is, until the line holds."""

import base64
import hashlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

import httpx

from schemas.api import DossierView, FileReceiptView, PageReceiptView, PieceView
from schemas.errors import SohoaError, StoreError, UsageError

ATTEMPTS = 8
FIRST_DELAY_S = 0.5
MAX_DELAY_S = 30.0
TIMEOUT = httpx.Timeout(60.0, connect=15.0)
LONG_POLL_S = 20

_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
"""Answers after which the same request may well succeed."""


class GatewayError(SohoaError):
    """The gateway refused; `code`, `title`, `missing` and `offset` are its problem document's.

    `retry_after_s`: how long it asks to be left alone.
    """

    problem_code = "gateway"

    def __init__(self, problem: dict[str, Any], status: int, retry_after_s: float = 0.0) -> None:
        missing = problem.get("missing") or []
        what = f"the gateway refused: {problem.get('detail') or f'HTTP {status}'}"
        super().__init__(
            f"{what}: {', '.join(missing[:20])}" if missing else what,
            advice=str(problem.get("advice") or "look at the gateway's log"),
        )
        self.code = str(problem.get("code") or status)
        self.title = str(problem.get("title") or self.code)
        self.status = status
        self.retry_after_s = retry_after_s
        self.missing: tuple[str, ...] = tuple(missing)
        offset = problem.get("offset")
        self.offset = offset if isinstance(offset, int) and offset >= 0 else None
        self.exit_code = 3 if self.code in _BAD_INPUT else 2 if status < 500 else 70


_BAD_INPUT = {"bad_input", "unsupported_input", "encrypted_input", "damaged_input", "over_limit"}


@dataclass(frozen=True, slots=True)
class Whole:
    """A file that goes in pieces. `place`: the path that it is sent to."""

    place: str
    size: int
    sha256: str


class GatewayClient:
    """One station's conversation. `pause` waits between attempts."""

    def __init__(
        self,
        url: str,
        key: str,
        pause: Callable[[float], None] = time.sleep,
        *,
        attempts: int = ATTEMPTS,
        timeout: httpx.Timeout = TIMEOUT,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise UsageError("the server's address must begin with https:// or http://")
        headers = {"Authorization": f"Bearer {key}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)
        self._pause = pause
        self._attempts = attempts

    def open_dossier(
        self,
        record_code: str,
        papers: list[dict[str, Any]],
        procedure_code: str | None = None,
        idempotency_key: str | None = None,
        *,
        kind: str = "intake",
    ) -> DossierView:
        """Open it, once however often this is tried. Raises `GatewayError`, `StoreError`."""
        asked: dict[str, Any] = {"record_code": record_code, "papers": papers, "kind": kind}
        if procedure_code is not None:
            asked["procedure_code"] = procedure_code
        answer = self._ask(
            "POST",
            "/v1/dossiers",
            json=asked,
            headers={"Idempotency-Key": idempotency_key or uuid4().hex},
        )
        return DossierView.model_validate_json(answer.content)

    def put_page(self, dossier_id: str, ordinal: int, number: int, path: Path) -> PageReceiptView:
        """Send one page; its SHA-256 in the receipt is that of the file. Raises as `open_dossier`."""
        place = f"/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}"
        return PageReceiptView.model_validate_json(self._put(place, path).content)

    def put_file(self, dossier_id: str, ordinal: int, path: Path) -> FileReceiptView:
        """Send a whole document. Raises as `open_dossier`."""
        place = f"/v1/dossiers/{dossier_id}/documents/{ordinal}/file"
        return FileReceiptView.model_validate_json(self._put(place, path).content)

    def send_piece(self, whole: Whole, offset: int, body: Iterator[bytes], size: int) -> PieceView | str:
        """Send `size` bytes from `offset` on, once. The receipt's JSON when the file is whole there.

        No bytes at offset 0 ask where to go on. Raises as `open_dossier`; `GatewayError.offset` where the
        file goes on elsewhere.
        """
        digest = base64.b64encode(bytes.fromhex(whole.sha256)).decode()
        headers = {
            "Upload-Offset": str(offset),
            "Upload-Length": str(whole.size),
            "Repr-Digest": f"sha-256=:{digest}:",
            "Content-Length": str(size),
            "Content-Type": "application/octet-stream",
        }
        try:
            answer = _check(self._http.request("PATCH", whole.place, content=body, headers=headers))
        except httpx.TransportError as error:
            raise _unreachable(error) from error
        return PieceView.model_validate_json(answer.content) if answer.status_code == 202 else answer.text

    def read(self, dossier_id: str) -> DossierView:
        """The dossier now. Raises as `open_dossier`."""
        return DossierView.model_validate_json(self._ask("GET", f"/v1/dossiers/{dossier_id}").content)

    def listen(self, dossier_id: str) -> Iterator[str]:
        """The name of every event of a dossier, as the gateway pushes them, and "" at each sign of life.

        Ends when the gateway ends it. Raises as `open_dossier`.
        """
        try:
            with self._http.stream("GET", f"/v1/dossiers/{dossier_id}/events") as answer:
                if answer.status_code >= 400:
                    answer.read()
                    _check(answer)
                for line in answer.iter_lines():
                    name, _, value = line.partition(": ")
                    if name == "event":
                        yield value
                    elif not name:
                        yield ""
        except httpx.TransportError as error:
            raise _unreachable(error) from error

    def submit(self, dossier_id: str) -> DossierView:
        """Everything has come. Raises as `open_dossier`."""
        answer = self._ask("POST", f"/v1/dossiers/{dossier_id}/submit", json={})
        return DossierView.model_validate_json(answer.content)

    def accept_page(self, dossier_id: str, ordinal: int, number: int, reason: str) -> DossierView:
        """With a supervisor's key. Raises as `open_dossier`."""
        place = f"/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}/acceptance"
        return DossierView.model_validate_json(self._ask("POST", place, json={"reason": reason}).content)

    def retry(self, dossier_id: str) -> None:
        """With an operator's key. Raises as `open_dossier`."""
        self._ask("POST", f"/v1/dossiers/{dossier_id}/retry")

    def watch(self, dossier_id: str) -> Iterator[DossierView]:
        """The dossier now and after every change, for ever. Raises as `open_dossier`."""
        tag = ""
        while True:
            answer = self._ask(
                "GET",
                f"/v1/dossiers/{dossier_id}",
                params={"wait": LONG_POLL_S},
                headers={"If-None-Match": tag} if tag else {},
            )
            if answer.status_code == 200:
                tag = answer.headers.get("etag", "")
                yield DossierView.model_validate_json(answer.content)

    def _put(self, place: str, path: Path) -> httpx.Response:
        data = path.read_bytes()
        digest = hashlib.sha256(data)
        field = f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"
        answer = self._ask("PUT", place, content=data, headers={"Content-Digest": field})
        if answer.json().get("sha256") != digest.hexdigest():
            raise StoreError("the gateway's receipt is for other bytes", advice="send the file again")
        return answer

    def _ask(self, method: str, place: str, **arguments: Any) -> httpx.Response:
        delay_s = FIRST_DELAY_S
        for attempt in range(1, self._attempts + 1):
            try:
                answer = self._http.request(method, place, **arguments)
            except httpx.TransportError as error:
                if attempt == self._attempts:
                    raise _unreachable(error) from error
            else:
                if answer.status_code not in _AGAIN or attempt == self._attempts:
                    return _check(answer)
            self._pause(delay_s * random.uniform(0.5, 1.5))  # noqa: S311 -- jitter, no secret
            delay_s = min(MAX_DELAY_S, 2 * delay_s)
        raise AssertionError  # the last attempt returns or raises

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()


def _unreachable(error: httpx.TransportError) -> StoreError:
    return StoreError(f"the gateway cannot be reached: {type(error).__name__}", advice="check the line")


def _check(answer: httpx.Response) -> httpx.Response:
    if answer.status_code < 400:
        return answer
    try:
        problem = answer.json()
    except ValueError:
        problem = {}
    wait = answer.headers.get("Retry-After", "")
    raise GatewayError(
        problem if isinstance(problem, dict) else {},
        answer.status_code,
        float(wait[:6]) if wait.isascii() and wait.isdigit() else 0.0,
    )
