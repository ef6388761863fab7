"""The ledger's database: opened, migrated, and one short write transaction at a time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from schemas.errors import StoreError
from schemas.tables import HEAD_REVISION

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another; ledger transactions last milliseconds."""

MIGRATION_LOCK = 0x50404F41
"""PostgreSQL advisory lock held while migrating, so that one process does it."""


class Database:
    """A ledger at its newest revision. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed and durable at the end, or not at all.

        Raises `StoreError` where the database itself fails (full disk, lost connection).
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except OperationalError as error:
            raise StoreError(f"the ledger cannot be written: {error.orig}") from error

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view for reading; nothing is written. Raises `StoreError`."""
        try:
            with self._engine.connect() as connection:
                reading = connection.execution_options(sohoa_read=True)
                with reading.begin():
                    yield reading
        except OperationalError as error:
            raise StoreError(f"the ledger cannot be read: {error.orig}") from error

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()


def open_database(url: str | URL) -> Database:
    """Open the ledger at `url` (SQLite or PostgreSQL) and bring it to its newest revision.

    Raises `StoreError` where it cannot be opened.
    """
    engine = create_engine(url)
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    try:
        with engine.begin() as connection:
            _migrate(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise StoreError(f"the ledger cannot be opened: {getattr(error, 'orig', error)}") from error
    return Database(engine)


def sqlite_url(path: Path) -> URL:
    """The URL of a ledger in one file. Never on a network share: SQLite's locks fail there."""
    return make_url("sqlite://").set(database=str(path))


def _prepare_sqlite(engine: Engine) -> None:
    @event.listens_for(engine, "connect")
    def configure(connection: SqliteConnection, _record: Any) -> None:
        connection.isolation_level = None  # transactions are begun below, never by the driver
        connection.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        _enter_wal(connection)
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA foreign_keys=ON")

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        reading = connection.get_execution_options().get("sohoa_read", False)
        connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _enter_wal(connection: SqliteConnection) -> None:
    """Switch to WAL; while another process does the same SQLite answers 'locked' without waiting."""
    if connection.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        return
    deadline = time.monotonic() + BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except connection.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
        else:
            return


def _migrate(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": MIGRATION_LOCK})
    if _current_revision(connection) == HEAD_REVISION:
        return
    from alembic import command  # noqa: PLC0415 -- half a second that only a migration needs
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(files("schemas").joinpath("migrations")))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _current_revision(connection: Connection) -> str | None:
    if not connection.dialect.has_table(connection, "alembic_version"):
        return None
    revision: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return revision
