"""Bytes of a stored file on their way out: checked whole before the first is sent, never whole in memory."""

import io
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

from fastapi import Response
from fastapi.responses import StreamingResponse

from pipeline.storing.store import ObjectStore
from schemas.errors import StoreError

IN_MEMORY_BYTES = 4 * 2**20
"""A file up to this size is read at once: nearly every paper (0.2 MB on the mean, docs/capacity.md)."""
_CHUNK_BYTES = 1 << 18
_MEDIA_TYPE = "application/pdf"


def open_verified(store: ObjectStore, key: str, sha256: str, size: int, folder: Path) -> BinaryIO:
    """The bytes under `key`, each of them checked against `sha256` already.

    A large file is copied to one without a name in `folder` first: what was checked is what is sent, and it
    is gone when it is closed, or this process dies. Raises as `ObjectStore.get`; `StoreError` without room.
    """
    if size <= IN_MEMORY_BYTES:
        return io.BytesIO(store.get(key, sha256))
    copy = folder / f"sending-{uuid4().hex}"
    try:
        store.fetch(key, sha256, copy)
        return copy.open("rb")
    except OSError as error:
        raise StoreError(f"a file cannot be made ready to be sent: {error.strerror}") from error
    finally:
        copy.unlink(missing_ok=True)  # what is open stays until it is closed


def send_part(body: BinaryIO, start: int, length: int, status: int, headers: dict[str, str]) -> Response:
    """`length` bytes from `start` on; `body` is closed when they are sent, or the line drops."""
    if isinstance(body, io.BytesIO):
        body.seek(start)
        return Response(body.read(length), status, headers, _MEDIA_TYPE)
    told = {**headers, "Content-Length": str(length)}
    return StreamingResponse(_read(body, start, length), status, told, _MEDIA_TYPE)


def _read(body: BinaryIO, start: int, length: int) -> Iterator[bytes]:
    with body:
        at, end = start, start + length
        while at < end and (chunk := os.pread(body.fileno(), min(_CHUNK_BYTES, end - at), at)):
            at += len(chunk)
            yield chunk
