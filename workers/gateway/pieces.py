"""Files that come in pieces, over lines that do not last for a whole one.

A piece counts byte by byte: what came before the line dropped is kept, and the sender goes on behind it. Two
requests that write the same file at once (the older one's line is dead, which nobody told the gateway) write
the same bytes at the same places; whether they are those announced is seen when the file is whole.
"""

import hashlib
import hmac
import os
from pathlib import Path

from fastapi import Request
from starlette.concurrency import run_in_threadpool

from schemas.access import Principal
from schemas.errors import (
    DigestMismatchError,
    InvalidRequestError,
    OverLimitError,
    StoreError,
    UploadOffsetError,
)
from schemas.gateway_settings import GatewaySettings
from workers.gateway.receiving import Upload, check_free, read_body, write_whole

_CHUNK_BYTES = 1 << 20


class Pieces:
    """The files that are here in part; a few a station, each for some days."""

    def __init__(self, folder: Path, settings: GatewaySettings, most_bytes: int) -> None:
        self._folder = folder
        self._settings = settings
        self._most_bytes = most_bytes

    def clear_stale(self, now: float) -> None:
        """Make the folder, and forget what nobody went on with. Raises `StoreError`."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for path in self._folder.iterdir():
                if path.stat().st_mtime < now - self._settings.piecemeal_days * 86400:
                    path.unlink(missing_ok=True)
        except OSError as error:
            raise _cannot(error) from error

    def name(self, owner: Principal, place: str, sha256: str) -> Path:
        """Where the file that `owner` sends for `place` grows."""
        whose = hashlib.sha256(f"{owner.office}/{owner.station}".encode()).hexdigest()[:16]
        what = hashlib.sha256(f"{place} {sha256}".encode()).hexdigest()[:32]
        return self._folder / f"{whose}-{what}"

    async def receive(self, request: Request, path: Path, offset: int, length: int) -> int:
        """Add the request's body at `offset`; returns how much of the file is here then.

        Raises `UploadOffsetError` where the file goes on elsewhere, `OverLimitError`, `InvalidRequestError`,
        `SlowRequestError` (what came is kept), `StoreError`.
        """
        if length > self._most_bytes:
            raise OverLimitError(f"the file has more than {self._most_bytes} bytes")
        handle = await run_in_threadpool(self._open, path, offset, length)
        try:
            async for chunk in read_body(request, self._most_bytes, self._settings):
                if offset + len(chunk) > length:
                    raise InvalidRequestError("the body goes beyond Upload-Length")
                write_whole(handle, chunk)
                offset += len(chunk)
        finally:
            await run_in_threadpool(_close, handle)
        return offset

    async def check(self, path: Path, sha256: str, length: int) -> Upload:
        """The whole file, if it is what was announced; else it is forgotten. Raises `DigestMismatchError`."""
        found = await run_in_threadpool(_hash, path)
        if not hmac.compare_digest(found, sha256):
            self.forget(path)
            raise DigestMismatchError("the bytes are not those that Repr-Digest announced")
        return Upload(path, found, length)

    def forget(self, path: Path) -> None:
        """The file is in the store, or of no use."""
        path.unlink(missing_ok=True)

    def _open(self, path: Path, offset: int, length: int) -> int:
        check_free(self._folder, self._settings.least_free_bytes)
        try:
            if not path.exists():
                self._make_room(path.name.partition("-")[0])
            handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _cannot(error) from error
        here = os.fstat(handle).st_size
        if offset != here or offset > length:
            os.close(handle)
            raise UploadOffsetError(f"{here} bytes of this file are here", here)
        os.lseek(handle, offset, os.SEEK_SET)
        return handle

    def _make_room(self, whose: str) -> None:
        of_owner = sorted(self._folder.glob(f"{whose}-*"), key=_age)
        for path in of_owner[: max(0, len(of_owner) - self._settings.piecemeal_files + 1)]:
            path.unlink(missing_ok=True)


def _age(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return 0.0


def _close(handle: int) -> None:
    try:
        os.fsync(handle)
    except OSError as error:
        raise _cannot(error) from error
    finally:
        os.close(handle)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise _cannot(error) from error
    return digest.hexdigest()


def _cannot(error: OSError) -> StoreError:
    return StoreError(f"pieces of uploads cannot be kept: {error.strerror}")
