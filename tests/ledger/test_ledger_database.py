import io
import subprocess
import sys
from contextlib import redirect_stdout
from importlib.resources import files
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from ledger_bench import Bench
from sqlalchemy import create_engine
from sqlalchemy.exc import IntegrityError

from pipeline.ledger.database import open_database, sqlite_url
from schemas.errors import StoreError
from schemas.tables import HEAD_REVISION, metadata

OPEN = """
import sys
from pathlib import Path
from pipeline.ledger.database import open_database, sqlite_url
open_database(sqlite_url(Path(sys.argv[1]))).close()
"""


def config() -> Config:
    made = Config()
    made.set_main_option("script_location", str(files("schemas").joinpath("migrations")))
    return made


def test_migrations_make_exactly_the_tables(bench: Bench) -> None:
    with bench.database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD_REVISION
    assert ScriptDirectory.from_config(config()).get_current_head() == HEAD_REVISION


def test_the_ledger_is_durable_and_checked(bench: Bench) -> None:
    with bench.database.read() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_migrations_speak_postgresql() -> None:
    made = config()
    made.set_main_option("sqlalchemy.url", "postgresql://nowhere/ledger")
    sql = io.StringIO()
    made.output_buffer = sql
    with redirect_stdout(sql):
        command.upgrade(made, "head", sql=True)
    assert "JSONB" in sql.getvalue()
    assert "BIGSERIAL" in sql.getvalue()
    assert "refuse_audit_change" in sql.getvalue()


def test_a_ledger_from_before_traces_is_brought_up_to_date(tmp_path: Path) -> None:
    url = sqlite_url(tmp_path / "ledger.sqlite3")
    engine = create_engine(url)
    with engine.begin() as connection:
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "0001")
        connection.exec_driver_sql("INSERT INTO records VALUES ('H21.65-220914-0011', 1.0)")
    engine.dispose()
    database = open_database(url)
    with database.read() as connection:
        assert connection.exec_driver_sql("SELECT code, created_at FROM records").all() == [
            ("H21.65-220914-0011", 1.0)
        ]
        assert connection.exec_driver_sql("SELECT trace FROM pages").all() == []
    database.close()


def test_what_was_acknowledged_before_milestones_is_kept(tmp_path: Path) -> None:
    """Two tables are made anew on SQLite, and what refers to them goes on referring to them."""
    url = sqlite_url(tmp_path / "ledger.sqlite3")
    engine = create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("PRAGMA foreign_keys=ON")
        made = config()
        made.attributes["connection"] = connection
        command.upgrade(made, "0006")
        for row in (
            "records VALUES ('H21.65-220914-0011', 1.0)",
            "dossiers (id, record_code, kind, office, state, priority, submitted_at, completions) "
            "VALUES ('d', 'H21.65-220914-0011', 'intake', '600000', 'complete', 0, 2.0, 1)",
            "documents (id, dossier_id, ordinal, title, page_count, state) "
            "VALUES (1, 'd', 1, 'x', 1, 'complete')",
            "originals VALUES ('s', 1, 'image/png', 'k', 1.0)",
            "pages (document_id, number, revision, is_current, original_sha256, source_page, reasons, "
            "created_at) VALUES (1, 1, 1, 1, 's', 1, '[]', 1.0)",
            "access_keys VALUES ('k', 'onestop', 'x', '', NULL, NULL, '[\"H21\"]', 1.0, NULL)",
            "events VALUES ('d.1', 1, 'dossier.completed', 'H21.65-220914-0011', 'd', 1, '{}', 3.0)",
            "acks VALUES ('k', 'd.1', 1, 1, 'x', 4.0)",
        ):
            connection.exec_driver_sql(f"INSERT INTO {row}")
    engine.dispose()
    database = open_database(url)
    with database.read() as connection:
        ask = connection.exec_driver_sql
        assert ask("SELECT client, event_id, acked_at FROM acks").all() == [("k", "d.1", 4.0)]
        assert ask("SELECT publish_seq, dossier_id FROM events").all() == [(1, "d")]
        told = ask("SELECT agency, office, channel, received_at, digitised_at FROM record_histories").all()
        assert told == [("H21.65", "600000", 3, 2.0, 3.0)]
        assert ask("PRAGMA foreign_key_check").all() == []
        tables = ask("SELECT name FROM sqlite_master WHERE sql LIKE '%old!_%' ESCAPE '!'").all()
        assert tables == []
    with pytest.raises(IntegrityError), database.write() as connection:
        connection.exec_driver_sql("DELETE FROM events")
    database.close()


def test_many_processes_may_open_a_new_ledger_at_once(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    root = Path(__file__).parents[2]
    running = [
        subprocess.Popen([sys.executable, "-c", OPEN, str(path)], cwd=root, stderr=subprocess.PIPE, text=True)
        for _ in range(4)
    ]
    for process in running:
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 0, errors
    open_database(sqlite_url(path)).close()


def test_what_is_no_ledger_is_said_so(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite3"
    path.write_bytes(b"not a database" * 100)
    with pytest.raises(StoreError, match="cannot be opened"):
        open_database(sqlite_url(path))


def test_a_failed_transaction_leaves_nothing(bench: Bench) -> None:
    with pytest.raises(ZeroDivisionError), bench.database.write() as connection:
        connection.exec_driver_sql("INSERT INTO records VALUES ('X', 1.0)")
        raise ZeroDivisionError
    with bench.database.read() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM records").scalar() == 0
