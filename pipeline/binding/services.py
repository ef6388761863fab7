# mypy: disable-error-code="no-untyped-call, import-untyped"
"""The services a stronger signature needs, over HTTP: trusted time (RFC 3161), revocation status (OCSP, CRL).

Each request has a deadline and is tried again; an answer is checked before it is used.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import aiohttp
from asn1crypto import cms, tsp, x509
from pyhanko.sign.general import SigningError as PyHankoSigningError
from pyhanko.sign.timestamps.aiohttp_client import HTTPTimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import InsufficientRevinfoError, PathBuildingError, PathValidationError
from pyhanko_certvalidator.errors import RevokedError as PyHankoRevokedError
from pyhanko_certvalidator.fetchers.aiohttp_fetchers import AIOHttpFetcherBackend
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.validate import async_validate_path

from schemas.errors import SigningError, SigningServiceError
from schemas.signing import TrustServices

Got = TypeVar("Got")

FIRST_PAUSE_S = 0.5
"""Before the second request; doubles each time."""


_token_rooms: dict[str, int] = {}
"""Service -> bytes to keep for its next token; tokens of one service differ by a few bytes."""


class Connection:
    """The services within one signing: one HTTP session, one event loop."""

    def __init__(self, services: TrustServices, session: aiohttp.ClientSession) -> None:
        self._services = services
        self._session = session
        self._roots = [x509.Certificate.load(root) for root in services.trust_roots]

    @property
    def timestamper(self) -> "Timestamper":
        """The time-stamping service. Raises `SigningError` where none is set."""
        if not self._services.tsa_url:
            raise SigningError("no time-stamping service is set", advice="set tsa_url")
        return Timestamper(self._services, self._session, self._roots)

    async def find_token_room(self) -> int:
        """Bytes to keep for a token: by the size of the last one, asked for where there was none yet."""
        timestamper = self.timestamper
        if timestamper.url not in _token_rooms:
            await timestamper.async_timestamp(bytes(32), "sha256")
        return _token_rooms[timestamper.url]

    async def with_revocation(self, collect: Callable[[ValidationContext], Awaitable[Got]]) -> Got:
        """`collect` what a chain needs, every certificate of it with its revocation status.

        A context remembers what failed, so each attempt has a new one. Raises `SigningServiceError` where a
        status cannot be had, `SigningError` where a certificate is revoked, out of date or of unknown root.
        """
        if not self._roots:
            raise SigningError("no root certificates are set", advice="set trust_roots to a folder of them")

        async def attempt() -> Got:
            backend = AIOHttpFetcherBackend(self._session, per_request_timeout=self._services.timeout_s)
            context = ValidationContext(
                trust_roots=self._roots,
                allow_fetching=True,
                revocation_mode="require",
                fetcher_backend=backend,
            )
            return await collect(context)

        try:
            return await _persist(attempt, self._services.attempts, (InsufficientRevinfoError, TimeoutError))
        except PyHankoRevokedError as error:
            raise SigningError(
                "a certificate of the chain is revoked", advice="do not use this key"
            ) from error
        except (InsufficientRevinfoError, TimeoutError) as error:
            raise SigningServiceError("the revocation status of a certificate cannot be had") from error
        except (
            PathBuildingError,
            PathValidationError,
            PyHankoSigningError,
            SignatureValidationError,
        ) as error:
            raise SigningError(
                f"the certificate chain does not hold ({type(error).__name__})",
                advice="check trust_roots and that no certificate is out of date",
            ) from error

    async def check_revocation(self, path: ValidationPath) -> None:
        """Ask the authorities of a trusted `path` whether a certificate of it was revoked.

        Only a trusted path: the addresses asked are taken from its certificates. Raises pyHanko's
        `RevokedError`, and its `PathValidationError` or `TimeoutError` where no answer is had.
        """

        async def attempt() -> None:
            backend = AIOHttpFetcherBackend(self._session, per_request_timeout=self._services.timeout_s)
            context = ValidationContext(
                trust_roots=[path.trust_anchor],
                allow_fetching=True,
                revocation_mode="require",
                fetcher_backend=backend,
            )
            await async_validate_path(context, path)

        await _persist(attempt, self._services.attempts, (InsufficientRevinfoError, TimeoutError))


@asynccontextmanager
async def connect(services: TrustServices) -> AsyncIterator[Connection]:
    """Open a connection for one signing."""
    async with aiohttp.ClientSession(trust_env=True) as session:
        yield Connection(services, session)


class Timestamper(HTTPTimeStamper):
    """Asks for time patiently, and takes no token that does not hold.

    Raises `SigningServiceError` where no token is had in all attempts, or the service refuses.
    """

    def __init__(
        self, services: TrustServices, session: aiohttp.ClientSession, roots: list[x509.Certificate]
    ) -> None:
        super().__init__(services.tsa_url, timeout=services.timeout_s, session=session)
        self._policy = services.tsa_policy
        self._attempts = services.attempts
        self._roots = roots

    def request_cms(self, message_digest: bytes, md_algorithm: str) -> tuple[int | None, tsp.TimeStampReq]:
        """PyHanko's door: the request, with the policy asked for."""
        nonce, request = super().request_cms(message_digest, md_algorithm)
        if self._policy is not None:
            request["req_policy"] = self._policy
        return nonce, request

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """PyHanko's door: a token over `message_digest`, checked."""
        ask = super().async_timestamp

        async def attempt() -> cms.ContentInfo:
            token = await ask(message_digest, md_algorithm)
            await self._check(token, message_digest)
            _token_rooms[self.url] = len(token.dump()) * 5 // 4 + 256
            return token

        try:
            return await _persist(attempt, self._attempts, (TimestampRequestError,))
        except TimestampRequestError as error:
            raise SigningServiceError(f"the time-stamping service gives no time: {_tell(error)}") from error
        except (SignatureValidationError, PathValidationError, ValueError, KeyError, TypeError) as error:
            raise SigningServiceError(
                f"the time-stamping service gave a token that does not hold ({type(error).__name__})",
                advice="check tsa_url, and that trust_roots holds the root of its certificate",
            ) from error

    async def _check(self, token: cms.ContentInfo, digest: bytes) -> None:
        context = ValidationContext(
            trust_roots=self._roots, allow_fetching=False, revocation_mode="soft-fail"
        )
        status = await validate_tst_signed_data(token["content"], context, lambda _: digest)
        if not (status["intact"] and status["valid"]):
            raise ValueError("signature or imprint is wrong")
        if self._roots and status["trust_problem_indic"] is not None:
            raise ValueError("the chain leads to no root")
        info = token["content"]["encap_content_info"]["content"].parsed
        if self._policy and info["policy"].dotted != self._policy:
            raise ValueError("the policy is another one")


async def _persist(
    attempt: Callable[[], Awaitable[Got]], attempts: int, outages: tuple[type[Exception], ...]
) -> Got:
    """`attempt` until it succeeds, at most `attempts` times; what will not pass by itself is raised."""
    for number in range(attempts - 1):
        try:
            return await attempt()
        except outages as error:
            if not _is_passing(error):
                raise
            await asyncio.sleep(FIRST_PAUSE_S * 2**number)
    return await attempt()


def _is_passing(error: Exception) -> bool:
    """A refusal by a working service does not pass by itself."""
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientResponseError):
        return cause.status >= 500 or cause.status in {408, 429}
    return not isinstance(error, TimestampRequestError) or cause is not None


def _tell(error: TimestampRequestError) -> str:
    cause = error.__cause__
    if isinstance(cause, aiohttp.ClientResponseError):
        return f"HTTP status {cause.status}"
    if isinstance(cause, TimeoutError):
        return "it does not answer in time"
    return "it refused the request" if cause is None else "it cannot be reached"
