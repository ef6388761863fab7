"""One attempt: a POST with a deadline over all of it, an answer of bounded size, no redirects."""

import asyncio
import email.utils
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore

from schemas.delivery import SendOutcome
from schemas.delivery_settings import DeliverySettings
from schemas.errors import UsageError
from workers.delivery.addresses import AddressRefusedError, GuardedBackend, check_url

GONE = 410
_MOST_HEADER_CHARS = 40


@dataclass(frozen=True, slots=True)
class Message:
    """What one attempt sends."""

    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; `body` is cut at the limit, and `cut` says so."""

    status: int
    body: bytes
    cut: bool
    retry_after_s: float | None


def open_trust(settings: DeliverySettings) -> ssl.SSLContext:
    """The authorities that receivers' certificates are checked against. Raises `UsageError`."""
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except (OSError, ssl.SSLError) as error:
        raise UsageError("the file of certificate authorities cannot be read") from error


async def post(message: Message, settings: DeliverySettings, trust: ssl.SSLContext) -> Answer | SendOutcome:
    """The answer, or what went wrong without one. Proxies of the environment are not asked."""
    check_url(message.url)
    tls = urlsplit(message.url).scheme == "https"
    backend = GuardedBackend(settings.allowed_networks, tls=tls)
    try:
        async with (
            asyncio.timeout(settings.timeout_s),
            httpcore.AsyncConnectionPool(trust, network_backend=backend, retries=0) as pool,
            pool.stream(
                "POST",
                message.url,
                headers=[(name.encode(), value.encode()) for name, value in message.headers.items()],
                content=message.body,
                extensions={"timeout": dict.fromkeys(("connect", "read", "write"), settings.timeout_s)},
            ) as response,
        ):
            return await _read(response, settings.answer_bytes)
    except AddressRefusedError as error:
        return SendOutcome(None, f"address refused: {error.what}")
    except (TimeoutError, httpcore.TimeoutException):
        return SendOutcome(None, f"no whole answer within {settings.timeout_s:g} s")
    except (httpcore.NetworkError, ssl.SSLError, OSError) as error:
        return SendOutcome(None, f"no connection: {_name(error)}")
    except (httpcore.ProtocolError, httpcore.UnsupportedProtocol) as error:
        return SendOutcome(None, f"the answer is no HTTP: {type(error).__name__}")


def judge_status(answer: Answer) -> SendOutcome:
    """2xx is taken; 410 ends the endpoint; anything else, a redirect too, is tried again."""
    status = answer.status
    if 200 <= status < 300:
        return SendOutcome(status)
    if status == GONE:
        return SendOutcome(status, "the receiver says that it is gone (410)", gone=True)
    if 300 <= status < 400:
        return SendOutcome(status, f"HTTP {status}: redirects are not followed")
    return SendOutcome(status, f"HTTP {status}", retry_after_s=answer.retry_after_s)


async def _read(response: httpcore.Response, limit: int) -> Answer:
    body, cut = bytearray(), False
    async for chunk in response.aiter_stream():
        body += chunk
        if len(body) > limit:
            del body[limit:]
            cut = True
            break
    headers = {name.lower(): value for name, value in response.headers}
    return Answer(response.status, bytes(body), cut, _read_retry_after(headers.get(b"retry-after")))


def _read_retry_after(value: bytes | None) -> float | None:
    if value is None or len(value) > _MOST_HEADER_CHARS:
        return None
    text = value.decode("latin-1").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except (ValueError, TypeError, OverflowError):
        return None


def _name(error: Exception) -> str:
    """The kind and the system's own words; a certificate's error names no more than its subject."""
    cause = error.__cause__ or error.__context__ or error
    words = getattr(cause, "verify_message", None) or getattr(cause, "strerror", None) or str(error)
    return (str(words).splitlines() or [type(error).__name__])[0][:200] or type(error).__name__
