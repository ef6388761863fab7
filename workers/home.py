"""Ledger, object store and keys, opened as the settings say: in SOHOA_HOME, or in services outside."""

import fcntl
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from pydantic import SecretStr

from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.storing.folder import FolderStore
from pipeline.storing.store import ObjectStore
from schemas.errors import ConflictError, StoreError, UsageError
from schemas.ledger import RetryPolicy
from schemas.settings import Settings
from workers.clock import LedgerClock
from workers.spool import Spool

LOCK_PATIENCE_S = 1.0
"""How long a starting server tries: a command that only asks holds the lock for microseconds."""


@dataclass(frozen=True, slots=True)
class Home:
    """Everything a process of ours works on. `spool` lends originals as files, wherever they are stored."""

    settings: Settings
    database: Database
    store: ObjectStore
    spool: Spool
    clock: LedgerClock

    def now(self) -> float:
        """The ledger's time, POSIX seconds: every time that is written to the ledger."""
        return self.clock.now()

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
        """The absolute path, or the address, of an object."""
        return self.store.locate(key)

    def close(self) -> None:
        """Close the ledger."""
        self.database.close()


def open_home(settings: Settings) -> Home:
    """Open, and at first use make, ledger and store: below `settings.home` where no service is set.

    Raises `StoreError`, `MissingDependencyError`, `UsageError`.
    """
    folder = settings.home.absolute()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise StoreError(
            f"cannot make {folder}: {error.strerror}", advice="set SOHOA_HOME to a folder you may write"
        ) from error
    store = _open_store(settings, folder)
    url = read_secret(settings.database_url, settings.database_url_file)
    database = open_database(sqlite_url(folder / "ledger.sqlite3") if url is None else url)
    spool = Spool(folder / "spool", store, settings.spool_bytes)
    return Home(settings, database, store, spool, LedgerClock(database.read_clock))


def has_ledger(settings: Settings) -> bool:
    """Is there a ledger to look into, or would opening make one?"""
    set_up = settings.database_url is not None or settings.database_url_file is not None
    return set_up or (settings.home / "ledger.sqlite3").is_file()


def read_broker_url(settings: Settings) -> str | None:
    """Where RabbitMQ is; None: jobs are worked in the one server's process. Raises `UsageError`."""
    return read_secret(settings.broker_url, settings.broker_url_file)


def read_secret(plain: SecretStr | None, file: Path | None) -> str | None:
    """A secret from its file, or from the settings themselves. Raises `UsageError`."""
    if file is None:
        return plain.get_secret_value() if plain is not None else None
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(
            f"the secret {file} cannot be read", advice="check the file and its rights"
        ) from error
    if not secret:
        raise UsageError(f"the secret {file} is empty", advice="check the file")
    return secret


def _open_store(settings: Settings, folder: Path) -> ObjectStore:
    if settings.s3 is None:
        return FolderStore(folder / "store")
    from pipeline.storing.s3 import S3Store  # noqa: PLC0415 -- the SDK takes 0.2 s that a folder need not pay

    return S3Store(settings.s3)


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
