"""The ledger's database: opened, migrated, written in short transactions.

SQLite has one writer at a time. PostgreSQL has many, at READ COMMITTED, with explicit locks: a dossier's row
(`jobs.lock_dossier`) before anything of that dossier is read for a decision, and an advisory lock around each
chain of numbers (audit, outbox). After a lock was waited for, the next statement sees what the other one
committed. A snapshot kept for the whole transaction (REPEATABLE READ, SERIALIZABLE) would be older than the
lock, so that every two writers of the audit chain would end in a serialization failure.
"""

import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from sqlite3 import Connection as SqliteConnection
from typing import Any, TypeVar

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, make_url, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import (
    ArgumentError,
    InterfaceError,
    InternalError,
    NoSuchModuleError,
    OperationalError,
    SQLAlchemyError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from schemas.errors import MissingDependencyError, StoreError
from schemas.tables import HEAD_REVISION

BUSY_TIMEOUT_MS = 30_000
"""How long a writer waits for another; ledger transactions last milliseconds."""

MIGRATION_LOCK = 0x50404F41
"""PostgreSQL advisory lock held while migrating, so that one process does it."""

GIVE_WAY_ATTEMPTS = 8
"""How often one transaction is begun before its giving way is an error; two are enough in practice."""

CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_MS = 60_000

_SESSION = {
    "synchronous_commit": "on",  # what is answered for is on disk, whatever the server's own default
    "lock_timeout": BUSY_TIMEOUT_MS,
    "statement_timeout": STATEMENT_TIMEOUT_MS,
    # a worker that froze inside a transaction holds its dossier's row no longer than this
    "idle_in_transaction_session_timeout": STATEMENT_TIMEOUT_MS,
}

_GAVE_WAY = {"40001", "40P01", "55P03"}
"""PostgreSQL's SQLSTATEs: serialization failure, deadlock found, lock not available in time."""

_FAILURES = (OperationalError, InterfaceError, InternalError, PoolTimeoutError)

_T = TypeVar("_T")


class GaveWayError(StoreError):
    """The database ended this transaction so that another one could go on; nothing of it was written."""

    advice = "try again; nothing was lost"


class Database:
    """A ledger at its newest revision. Safe to share between threads."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction: committed and durable at the end, or not at all.

        Raises `StoreError` where the database itself fails (full disk, lost connection), and
        `GaveWayError` where it ended this transaction in favour of another: see `transact`.
        """
        try:
            with self._engine.begin() as connection:
                yield connection
        except _FAILURES as error:
            raise _tell("written", error) from error

    def transact(self, work: Callable[[Connection], _T]) -> _T:
        """`work` in one write transaction, done again where it had to give way to another one.

        Raises `StoreError`, and whatever `work` raises.
        """
        for attempt in range(GIVE_WAY_ATTEMPTS):
            try:
                with self.write() as connection:
                    return work(connection)
            except GaveWayError:
                if attempt == GIVE_WAY_ATTEMPTS - 1:
                    raise
                time.sleep(random.uniform(0.0, 0.02 * 2**attempt))  # noqa: S311 -- two do not meet again
        raise AssertionError("unreachable")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """One consistent view for reading; nothing is written. Raises `StoreError`."""
        try:
            with self._engine.connect() as connection:
                reading = connection.execution_options(**self._reading_options())
                with reading.begin():
                    yield reading
        except _FAILURES as error:
            raise _tell("read", error) from error

    def read_clock(self) -> float:
        """The server's own time, POSIX seconds; SQLite has the machine's. Raises `StoreError`."""
        if self._engine.dialect.name != "postgresql":
            return time.time()
        with self.read() as connection:
            asked = text("SELECT CAST(extract(epoch FROM clock_timestamp()) AS double precision)")
            return float(connection.execute(asked).scalar_one())

    def close(self) -> None:
        """Close every connection."""
        self._engine.dispose()

    def _reading_options(self) -> dict[str, Any]:
        if self._engine.dialect.name == "postgresql":  # READ COMMITTED would see each statement's own moment
            return {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        return {"sohoa_read": True}


def open_database(url: str | URL) -> Database:
    """Open the ledger at `url` (SQLite or PostgreSQL) and bring it to its newest revision.

    Raises `StoreError` where it cannot be opened.
    """
    try:
        engine = _make_engine(make_url(url))
    except (ArgumentError, NoSuchModuleError) as error:
        raise StoreError(
            "the ledger's address is none of a database", advice="write postgresql://USER:PASSWORD@HOST/NAME"
        ) from error
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the database driver {error.name} is missing", advice="pip install 'sohoa[production]'"
        ) from error
    try:
        with engine.begin() as connection:
            _migrate(connection)
    except SQLAlchemyError as error:
        engine.dispose()
        raise _tell("opened", error) from error
    return Database(engine)


def _make_engine(url: URL) -> Engine:
    if url.get_backend_name() == "sqlite":
        engine = create_engine(url)
        _prepare_sqlite(engine)
        return engine
    if url.drivername in {"postgres", "postgresql"}:
        url = url.set(drivername="postgresql+psycopg")
    return create_engine(
        url,
        isolation_level="READ COMMITTED",
        pool_pre_ping=True,  # a connection that a restart of the server cut is replaced unseen
        pool_size=5,
        max_overflow=10,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "options": " ".join(f"-c {name}={value}" for name, value in _SESSION.items()),
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": STATEMENT_TIMEOUT_MS,
        },
    )


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


def _tell(doing: str, error: SQLAlchemyError) -> StoreError:
    """The driver's own words; of several lines the first, for the others may quote values."""
    cause = getattr(error, "orig", None)
    words = str(cause or error).splitlines() or [type(cause or error).__name__]
    if getattr(cause, "sqlstate", None) in _GAVE_WAY:
        return GaveWayError(f"the ledger is busy: {words[0]}")
    return StoreError(f"the ledger cannot be {doing}: {words[0]}")


def insert_once(connection: Connection, table: Table, **values: object) -> None:
    """Insert a row that may be there already, also one that another transaction is about to commit."""
    make = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(make(table).values(**values).on_conflict_do_nothing())


def hold_lock(connection: Connection, key: int) -> None:
    """Be the only one until the transaction ends; SQLite's writers are that anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": key})


def _migrate(connection: Connection) -> None:
    if _current_revision(connection) == HEAD_REVISION:
        return
    if connection.dialect.name == "postgresql":  # an index of ten million rows takes minutes
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text("SET LOCAL lock_timeout = 0"))
    hold_lock(connection, MIGRATION_LOCK)
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
