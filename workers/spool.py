"""Originals from a store without files, kept on this machine while their pages are read.

A paper of 200 pages is 200 jobs: each machine fetches it once, not once a page.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.storing.store import ObjectStore
from schemas.errors import IntegrityError, StoreError

_STALE_AFTER_S = 24 * 3600.0


class Spool:
    """Files below `folder`, at most about `max_bytes`. Processes of one machine share it."""

    def __init__(self, folder: Path, store: ObjectStore, max_bytes: int) -> None:
        self._kept = folder / "originals"
        self._lent = folder / "lent"
        self._store = store
        self._max_bytes = max_bytes

    @contextmanager
    def lend(self, key: str, sha256: str) -> Iterator[Path]:
        """The object as a file, for as long as the block lasts.

        Raises as `ObjectStore.fetch`. A borrower that finds other bytes raises `IntegrityError`: the copy
        is dropped then, and the next one is fetched.
        """
        local = self._store.local_path(key)
        if local is not None:
            yield local
            return
        kept = self._kept / sha256
        try:
            for folder in (self._kept, self._lent):
                folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            own = Path(tempfile.mkdtemp(dir=self._lent))
            try:
                # a name of its own: what others clear away meanwhile stays readable here
                self._borrow(key, sha256, kept, own / sha256)
                yield own / sha256
            finally:
                shutil.rmtree(own, ignore_errors=True)
        except IntegrityError:
            kept.unlink(missing_ok=True)
            raise
        except OSError as error:
            raise StoreError(f"cannot keep {key} on this machine: {error.strerror}") from error

    def _borrow(self, key: str, sha256: str, kept: Path, own: Path) -> None:
        try:
            os.link(kept, own)
        except FileNotFoundError:
            self._store.fetch(key, sha256, own)
            self._make_room(own.stat().st_size)
            try:
                os.link(own, kept)
            except FileExistsError:
                return  # another process fetched it too
        else:
            # when it was last used; the time it was changed stays, for another reader compares that
            os.utime(own, ns=(time.time_ns(), own.stat().st_mtime_ns))

    def _make_room(self, size: int) -> None:
        """Drop what was not used for longest."""
        files = sorted(
            ((entry.stat(), entry) for entry in self._kept.iterdir()), key=lambda one: one[0].st_atime
        )
        used = size + sum(status.st_size for status, _ in files)
        for status, path in files:
            if used <= self._max_bytes:
                break
            path.unlink(missing_ok=True)
            used -= status.st_size
        oldest = time.time() - _STALE_AFTER_S
        for left in self._lent.iterdir():
            if left.stat().st_mtime < oldest:
                shutil.rmtree(left, ignore_errors=True)
