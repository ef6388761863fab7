"""Bytes of a scan on their way in: to a file aside, hashed, within limits of size, speed and free space."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from fastapi import Request

from schemas.errors import (
    DigestMismatchError,
    InvalidRequestError,
    OverLimitError,
    SlowRequestError,
    StoreError,
)
from schemas.gateway_settings import GatewaySettings

_STALE_AFTER_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Upload:
    """A body that came whole; `path` is removed when the request ends."""

    path: Path
    sha256: str
    size: int


@asynccontextmanager
async def receive_upload(
    request: Request, folder: Path, limit: int, settings: GatewaySettings
) -> AsyncIterator[Upload]:
    """The request's body in a file of its own below `folder`, checked against `Content-Digest`.

    Raises `InvalidRequestError` without a SHA-256, `DigestMismatchError`, `OverLimitError`,
    `SlowRequestError`, `StoreError`.
    """
    expected = read_content_digest(request.headers.getlist("content-digest"))
    announced = request.headers.get("content-length", "")
    if announced.isdigit() and int(announced[:20]) > limit:
        raise OverLimitError(f"the body has more than {limit} bytes", advice="scan at a lower resolution")
    check_free(folder, settings.least_free_bytes)
    try:
        handle, name = tempfile.mkstemp(dir=folder)
    except OSError as error:
        raise StoreError(f"an upload cannot be kept: {error.strerror}") from error
    path = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            digest = hashlib.sha256()
            size = 0
            async for chunk in read_body(request, limit, settings):
                digest.update(chunk)
                write_whole(out.fileno(), chunk)
                size += len(chunk)
        if not hmac.compare_digest(digest.digest(), expected):
            raise DigestMismatchError("the bytes are not those that Content-Digest announced")
        yield Upload(path, digest.hexdigest(), size)
    finally:
        path.unlink(missing_ok=True)


def read_content_digest(fields: list[str], name_of_field: str = "Content-Digest") -> bytes:
    """The SHA-256 of a digest field (RFC 9530). Raises `InvalidRequestError` where there is none."""
    for member in ",".join(fields).split(","):
        name, _, value = member.strip().partition("=")
        if name == "sha-256" and len(value) > 2 and value.startswith(":") and value.endswith(":"):
            try:
                digest = base64.b64decode(value[1:-1], validate=True)
            except (binascii.Error, ValueError):
                break
            if len(digest) == hashlib.sha256().digest_size:
                return digest
            break
    raise InvalidRequestError(
        f"no SHA-256 in {name_of_field}", advice=f"send {name_of_field}: sha-256=:<base64>: (RFC 9530)"
    )


def clear_stale(folder: Path, now: float) -> None:
    """Make the folder, and remove what requests of a process that died left in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for path in folder.iterdir():
            if path.stat().st_mtime < now - _STALE_AFTER_S:
                path.unlink(missing_ok=True)
    except OSError as error:
        raise StoreError(f"the folder for uploads cannot be used: {error.strerror}") from error


async def read_body(request: Request, limit: int, settings: GatewaySettings) -> AsyncIterator[bytes]:
    """The body as it comes. Raises `OverLimitError` past `limit` bytes, `SlowRequestError`."""
    started, size = time.monotonic(), 0
    while True:
        spent = time.monotonic() - started
        if spent > settings.body_grace_s and size < settings.body_least_bytes_per_s * spent:
            raise SlowRequestError("the body comes too slowly")
        try:
            message = await asyncio.wait_for(request.receive(), settings.body_idle_timeout_s)
        except TimeoutError as error:
            raise SlowRequestError("the body stopped coming") from error
        if message["type"] == "http.disconnect":
            raise SlowRequestError("the line dropped")
        chunk: bytes = message.get("body", b"")
        size += len(chunk)
        if size > limit:
            raise OverLimitError(f"the body has more than {limit} bytes", advice="scan at a lower resolution")
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def write_whole(handle: int, chunk: bytes) -> None:
    """All of it, where the descriptor stands. Raises `StoreError`."""
    try:
        view = memoryview(chunk)
        while view:
            view = view[os.write(handle, view) :]
    except OSError as error:
        raise StoreError(f"an upload cannot be kept: {error.strerror}") from error


def check_free(folder: Path, least: int) -> None:
    """Raises `StoreError` where the folder's disk has less than `least` bytes left."""
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        raise StoreError(f"the folder for uploads cannot be used: {error.strerror}") from error
    if free < least:
        raise StoreError("too little free space for uploads")
