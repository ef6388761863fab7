"""What lies in SOHOA_HOME: ledger, object store, keys and the lock of the one server."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.storing.folder import FolderStore
from schemas.errors import ConflictError, StoreError
from schemas.ledger import RetryPolicy
from schemas.settings import Settings

LOCK_PATIENCE_S = 1.0
"""How long a starting server tries: a command that only asks holds the lock for microseconds."""


@dataclass(frozen=True, slots=True)
class Home:
    """An opened SOHOA_HOME."""

    settings: Settings
    database: Database
    store: FolderStore

    @property
    def keys(self) -> Path:
        """Where the local test certificate lives."""
        return self.settings.home / "keys"

    @property
    def retry_policy(self) -> RetryPolicy:
        """How jobs are tried again."""
        settings = self.settings
        return RetryPolicy(
            settings.job_max_attempts,
            settings.job_retry_delay_s,
            settings.outage_delay_s,
            settings.outage_max_delay_s,
        )

    def locate(self, key: str) -> str:
        """The absolute path of an object."""
        return str(self.store.local_path(key))

    def close(self) -> None:
        """Close the ledger."""
        self.database.close()


def open_home(settings: Settings) -> Home:
    """Open, and at first use make, ledger and store below `settings.home`. Raises `StoreError`."""
    folder = settings.home.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"cannot make {folder}: {error.strerror}", advice="set SOHOA_HOME to a folder you may write"
        ) from error
    store = FolderStore(folder / "store")
    return Home(settings, open_database(sqlite_url(folder / "ledger.sqlite3")), store)


class ServerLock:
    """Held by the one server of a home; the system lets go of it however that server ends."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "server.lock"
        self._handle: int | None = None

    def acquire(self) -> Self:
        """Take the lock. Raises `ConflictError` where a server runs on this home."""
        self._handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        deadline = time.monotonic() + LOCK_PATIENCE_S
        while not _try_lock(self._handle, fcntl.LOCK_EX):
            if time.monotonic() > deadline:
                self.release()
                raise ConflictError(
                    f"a server runs on {self._path.parent} already", advice="use it, or stop it first"
                )
            time.sleep(0.02)
        return self

    def release(self) -> None:
        """Let go."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None


def is_server_running(folder: Path) -> bool:
    """Does some process hold the server's lock?"""
    try:
        handle = os.open(folder / "server.lock", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return False
    try:
        return not _try_lock(handle, fcntl.LOCK_SH)
    finally:
        os.close(handle)


def _try_lock(handle: int, kind: int) -> bool:
    try:
        fcntl.flock(handle, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
