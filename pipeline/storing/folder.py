"""The embedded object store: one folder, one read-only file an object."""

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from pipeline.storing.store import INCOMING, ObjectStat, split_key
from schemas.errors import IntegrityError, NotFoundError, StoreError

STALE_AFTER_S = 24 * 3600.0
"""A half-written file this old was left by a process that died; no write takes a day."""

_CHUNK = 1 << 20


class FolderStore:
    """Objects as files below `root`. Several processes may use one folder at once."""

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        with _store_errors("open the store"):
            # the same file system as the objects, so that publishing is one link
            (self._root / INCOMING).mkdir(parents=True, exist_ok=True)
            _sync_folder(self._root.parent)

    def put(self, key: str, data: bytes | Path, sha256: str) -> ObjectStat:
        """See `ObjectStore.put`: written aside, synced, linked into place without overwriting."""
        target = self._place(key)
        with _store_errors(f"store {key}"):
            target.parent.mkdir(parents=True, exist_ok=True)
            if not target.exists():
                self._publish(key, target, data, sha256)
            found = self._read_stat(key, target)
            if found.sha256 != sha256:
                raise IntegrityError(
                    f"{key} holds other bytes already",
                    advice="objects are never replaced; compare both and restore the right one",
                )
            self._sync_names(target)
            return found

    def get(self, key: str, sha256: str) -> bytes:
        """See `ObjectStore.get`."""
        with _store_errors(f"read {key}"):
            try:
                data = self._place(key).read_bytes()
            except FileNotFoundError as error:
                raise NotFoundError(f"the store has no {key}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise IntegrityError(f"the bytes of {key} have changed")
        return data

    def fetch(self, key: str, sha256: str, target: Path) -> None:
        """See `ObjectStore.fetch`."""
        with _store_errors(f"read {key}"):
            if not self._place(key).is_file():
                raise NotFoundError(f"the store has no {key}")
            with target.open("xb") as out:
                copied = _copy(self._place(key), out)
        if copied != sha256:
            target.unlink()
            raise IntegrityError(f"the bytes of {key} have changed")

    def check(self, key: str, sha256: str) -> None:
        """See `ObjectStore.check`."""
        with _store_errors(f"read {key}"):
            try:
                found = self._read_stat(key, self._place(key))
            except FileNotFoundError as error:
                raise NotFoundError(f"the store has no {key}") from error
        if found.sha256 != sha256:
            raise IntegrityError(f"the bytes of {key} have changed")

    def stat(self, key: str) -> ObjectStat | None:
        """See `ObjectStore.stat`; reads the whole file, so the digest is of what is there now."""
        with _store_errors(f"read {key}"):
            try:
                return self._read_stat(key, self._place(key))
            except FileNotFoundError:
                return None

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.list`."""
        with _store_errors("list the store"):
            keys = sorted(
                path.relative_to(self._root).as_posix()
                for path in self._root.rglob("*")
                if path.is_file() and INCOMING not in path.parts
            )
        return (key for key in keys if key.startswith(prefix))

    def local_path(self, key: str) -> Path:
        """See `ObjectStore.local_path`."""
        return self._place(key)

    def locate(self, key: str) -> str:
        """See `ObjectStore.locate`."""
        return str(self._place(key))

    def clear_stale(self, now: float | None = None) -> int:
        """Remove half-written files older than `STALE_AFTER_S`; returns how many there were."""
        oldest = (time.time() if now is None else now) - STALE_AFTER_S
        with _store_errors("clear the store"):
            stale = [path for path in (self._root / INCOMING).iterdir() if path.stat().st_mtime < oldest]
            for path in stale:
                path.unlink(missing_ok=True)
        return len(stale)

    def _publish(self, key: str, target: Path, data: bytes | Path, sha256: str) -> None:
        handle, name = tempfile.mkstemp(dir=self._root / INCOMING)
        draft = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                written = _copy(data, out)
                if written != sha256:
                    raise IntegrityError(
                        f"the bytes for {key} are not what was announced", advice="send them again"
                    )
                out.flush()
                os.fchmod(out.fileno(), 0o444)
                os.fsync(out.fileno())
            try:
                os.link(draft, target)
            except FileExistsError:
                return  # another writer was first; the caller compares
        finally:
            draft.unlink(missing_ok=True)

    def _sync_names(self, target: Path) -> None:
        """Make every name on the way durable, also those another writer made and died over."""
        for folder in target.parents:
            _sync_folder(folder)
            if folder == self._root:
                return

    def _read_stat(self, key: str, path: Path) -> ObjectStat:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
            return ObjectStat(key, digest, file.tell())

    def _place(self, key: str) -> Path:
        return self._root.joinpath(*split_key(key))


@contextmanager
def _store_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreError(f"cannot {doing}: {error.strerror or error}") from error


def _copy(data: bytes | Path, out: BinaryIO) -> str:
    digest = hashlib.sha256()
    if isinstance(data, bytes):
        digest.update(data)
        out.write(data)
        return digest.hexdigest()
    with data.open("rb") as source:
        while chunk := source.read(_CHUNK):
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
