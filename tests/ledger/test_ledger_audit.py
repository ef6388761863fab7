import pytest
from ledger_bench import Bench
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from pipeline.ledger.audit import read_audit, verify_audit


def test_the_log_tells_what_happened(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.work_all(dossier_id)
    with bench.database.read() as connection:
        lines = list(read_audit(connection, dossier_id))
        assert verify_audit(connection).broken_at is None
    assert [line.action for line in lines] == ["dossier.submitted", "document.bound", "dossier.completed"]
    assert lines[0].actor == "uid:1"


@pytest.mark.parametrize(
    "change", ["UPDATE audit SET actor = 'uid:0' WHERE seq = 2", "DELETE FROM audit WHERE seq = 2"]
)
def test_the_database_refuses_changes(bench: Bench, change: str) -> None:
    bench.work_all(bench.register(1))
    with pytest.raises(IntegrityError, match="append-only"), bench.database.write() as connection:
        connection.execute(text(change))


@pytest.mark.parametrize(
    ("change", "broken_at"),
    [
        ("UPDATE audit SET actor = 'uid:0' WHERE seq = 1", 1),
        ("UPDATE audit SET at = at + 1 WHERE seq = 2", 2),
        ("UPDATE audit SET details = '{}' WHERE seq = 3", 3),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
    ],
)
def test_a_change_behind_its_back_shows(bench: Bench, change: str, broken_at: int) -> None:
    bench.work_all(bench.register(1))
    with bench.database.write() as connection:
        for trigger in ("audit_no_update", "audit_no_delete"):
            connection.execute(text(f"DROP TRIGGER {trigger}"))
        connection.execute(text(change))
        assert verify_audit(connection).broken_at == broken_at
