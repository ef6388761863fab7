"""What is asked every second must not go through all jobs: looked at in SQLite's own words."""

from typing import Any

from ledger_bench import Bench
from sqlalchemy import Connection, event

from pipeline.ledger.jobs import find_expired, has_due, take_due
from schemas.dossier import JobKind


def plans(connection: Connection, ask: Any) -> list[str]:
    """How SQLite would look for each query that `ask` makes."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append((statement, parameters))

    event.listen(connection, "before_cursor_execute", note)
    ask(connection)
    event.remove(connection, "before_cursor_execute", note)
    return [
        row[3]
        for statement, parameters in asked
        for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
    ]


def test_the_queue_is_read_by_its_indexes(bench: Bench) -> None:
    bench.register(5, priority=1)
    bench.register(1)
    with bench.database.write() as connection:
        found = (
            plans(connection, lambda c: take_due(c, JobKind.PAGE, 3, bench.now))
            + plans(connection, lambda c: has_due(c, bench.now))
            + plans(connection, lambda c: find_expired(c, bench.now))
        )
    assert found
    assert [line for line in found if line.startswith("SCAN jobs")] == []
    assert any("ix_jobs_waiting" in line for line in found)
    assert any("ix_jobs_hinted" in line for line in found)
    assert not any("ORDER BY" in line and "ix_jobs_waiting" in line for line in found)
