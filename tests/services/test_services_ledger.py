"""The ledger on PostgreSQL: the rules of every ledger, and many writers at once."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import settings
from ledger_bench import POLICY, RECORD, Bench, original
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from test_ledger_audit import test_the_log_tells_what_happened  # noqa: F401
from test_ledger_database import test_a_failed_transaction_leaves_nothing  # noqa: F401
from test_ledger_machine import LedgerMachine
from test_ledger_outages import *  # noqa: F403
from test_ledger_rules import *  # noqa: F403

from pipeline.ledger.audit import verify_audit
from pipeline.ledger.database import Database, GaveWayError, open_database
from pipeline.ledger.dossiers import register_dossier
from pipeline.ledger.jobs import HINT_TTL_S, find_expired, take_due
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.settling import requeue_lost
from pipeline.ledger.status import read_dossier
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DossierState, JobKind
from schemas.errors import LeaseLostError, StoreError
from schemas.ledger import NewDocument, NewDossier
from schemas.tables import HEAD_REVISION, metadata

_opened: list[Database] = []


@pytest.fixture(scope="module", autouse=True)
def machine_ledger(make_database_url: Callable[[], str]) -> Iterator[None]:
    _opened.append(open_database(make_database_url()))
    yield
    _opened.pop().close()


class PostgresLedgerMachine(LedgerMachine):
    """The same machine over one PostgreSQL ledger, emptied before each run."""

    def open_ledger(self) -> Database:
        database = _opened[0]
        with database.write() as connection:
            connection.execute(text("ALTER TABLE audit DISABLE TRIGGER USER"))
            names = ", ".join(table.name for table in metadata.sorted_tables)
            connection.execute(text(f"TRUNCATE {names} RESTART IDENTITY CASCADE"))
            connection.execute(text("ALTER TABLE audit ENABLE TRIGGER USER"))
        return database

    def close_ledger(self) -> None:
        """It stays open for the next run."""


TestPostgresLedgerMachine = PostgresLedgerMachine.TestCase
TestPostgresLedgerMachine.settings = settings(max_examples=8, stateful_step_count=20, deadline=None)


def test_migrations_make_exactly_the_tables(database: Database) -> None:
    with database.read() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD_REVISION


def test_many_processes_may_open_a_new_ledger_at_once(make_database_url: Callable[[], str]) -> None:
    url = make_database_url()
    with ThreadPoolExecutor(4) as pool:
        for opened in pool.map(open_database, [url] * 4):
            opened.close()


@pytest.mark.parametrize("change", ["UPDATE audit SET actor = 'x' WHERE seq = 1", "DELETE FROM audit"])
def test_the_audit_log_refuses_changes(bench: Bench, change: str) -> None:
    bench.register(1)
    with pytest.raises(DBAPIError, match="append-only"), bench.database.write() as connection:
        connection.execute(text(change))


def test_what_is_answered_for_is_on_disk_whatever_the_servers_default(bench: Bench) -> None:
    with bench.database.write() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "read committed"
    with bench.database.read() as connection:
        assert connection.execute(text("SHOW transaction_isolation")).scalar() == "repeatable read"
        assert connection.execute(text("SHOW transaction_read_only")).scalar() == "on"


def test_a_wrong_address_is_told_without_the_password(database_server: str) -> None:
    for url in (
        database_server.replace("/sohoa", "/none").replace(":sohoa", ":x"),
        "postgresql://u:pw-xyz@:0/x",
    ):
        with pytest.raises(StoreError, match="cannot be opened") as refused:
            open_database(url)
        assert "pw-xyz" not in str(refused.value)
    with pytest.raises(StoreError, match="none of a database"):
        open_database("no address at all")


def together(count: int, work: Callable[[int], Any]) -> list[Any]:
    """Begin all at one moment; what each returned or raised."""
    start = threading.Barrier(count)

    def one(number: int) -> Any:
        start.wait()
        return work(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_hand_overs_of_one_record_at_once_are_all_registered(bench: Bench) -> None:
    papers = tuple(NewDocument(f"Tờ {n}", original(f"paper {n}"), 1) for n in range(6))

    def register(number: int) -> str:
        mine = papers[number % 3 :] + papers[: number % 3]  # the same papers in other orders
        return bench.database.transact(
            lambda c: register_dossier(c, NewDossier(RECORD, mine), f"uid:{number}", bench.now)
        )

    ids = together(8, register)
    assert len(set(ids)) == 8
    with bench.database.read() as connection:
        check = verify_audit(connection)
    assert (check.entries, check.broken_at) == (8, None)


def test_a_job_is_claimed_by_one_of_many(bench: Bench) -> None:
    (job_id,) = bench.open_jobs(bench.register(1), JobKind.PAGE)
    claims = together(8, lambda number: bench.claim(job_id, f"w{number}"))
    assert len([claim for claim in claims if claim is not None]) == 1


def test_the_last_pages_of_a_paper_done_at_one_moment_queue_one_binding(bench: Bench) -> None:
    for _ in range(5):
        dossier_id = bench.register(6)
        claims = [bench.claim(job) for job in bench.open_jobs(dossier_id, JobKind.PAGE)]
        together(6, lambda number, claims=claims: bench.finish_page(claims[number]))
        assert len(bench.open_jobs(dossier_id, JobKind.DOCUMENT)) == 1


def test_the_last_papers_bound_at_one_moment_complete_the_dossier_once(bench: Bench) -> None:
    for _ in range(5):
        dossier_id = bench.register(1, 1, 1, 1)
        for job in bench.open_jobs(dossier_id, JobKind.PAGE):
            claim = bench.claim(job)
            assert claim is not None
            bench.finish_page(claim)
        claims = [bench.claim(job) for job in bench.open_jobs(dossier_id, JobKind.DOCUMENT)]
        together(4, lambda number, claims=claims: bench.bind(claims[number]))
        assert bench.status(dossier_id).state is DossierState.COMPLETE
    with bench.database.write() as connection:
        publish_events(connection)
        assert len(read_events(connection)) == 5
        assert verify_audit(connection).broken_at is None


def test_a_claim_is_worth_something_once(bench: Bench) -> None:
    dossier_id = bench.register(1)
    claim = bench.claim(bench.open_jobs(dossier_id, JobKind.PAGE)[0])
    assert claim is not None

    def finish(_: int) -> bool:
        try:
            bench.finish_page(claim)
        except LeaseLostError:
            return False
        return True

    assert sorted(together(6, finish)) == [False] * 5 + [True]
    assert len(bench.open_jobs(dossier_id, JobKind.DOCUMENT)) == 1


def test_many_sweepers_take_a_lost_job_back_once(bench: Bench) -> None:
    ids = [bench.register(3) for _ in range(4)]
    for dossier_id in ids:
        for job in bench.open_jobs(dossier_id, JobKind.PAGE):
            bench.claim(job, "dead")
    bench.now += 61

    def sweep(_: int) -> int:
        with bench.database.read() as connection:
            expired = find_expired(connection, bench.now)
        return sum(
            bench.database.transact(lambda c, claim=claim: requeue_lost(c, claim, POLICY, bench.now))
            for claim in expired
        )

    assert sum(together(4, sweep)) == 12
    for dossier_id in ids:
        assert len(bench.open_jobs(dossier_id, JobKind.PAGE)) == 3


def test_a_lease_renewed_after_it_was_seen_to_have_run_out_is_left_alone(bench: Bench) -> None:
    from pipeline.ledger.jobs import renew_lease

    claim = bench.claim(bench.open_jobs(bench.register(1), JobKind.PAGE)[0])
    assert claim is not None
    with bench.database.read() as connection:
        (seen,) = find_expired(connection, bench.now + 61)
    with bench.database.write() as connection:
        renew_lease(connection, claim, 60.0, bench.now + 61)
    assert not bench.database.transact(lambda c: requeue_lost(c, seen, POLICY, bench.now + 61))
    bench.finish_page(claim)


def test_many_sweepers_send_no_more_hints_than_there_is_room_for(bench: Bench) -> None:
    bench.register(40, priority=1)
    sent = together(6, lambda _: bench.database.transact(lambda c: take_due(c, JobKind.PAGE, 8, bench.now)))
    ids = [job_id for batch in sent for job_id in batch]
    assert len(ids) == len(set(ids)) == 8
    assert bench.database.transact(lambda c: take_due(c, JobKind.PAGE, 8, bench.now + HINT_TTL_S + 1)) != []


def test_events_numbered_by_many_relays_have_no_gap_and_no_double(bench: Bench) -> None:
    def complete(_: int) -> None:
        for _ in range(3):
            bench.work_all(bench.register(1))
            bench.database.transact(publish_events)

    together(6, complete)
    with bench.database.read() as connection:
        events = read_events(connection)
        check = verify_audit(connection)
    assert [event.sequence for event in events] == list(range(1, 19))
    assert len({event.payload.dossier_id for event in events}) == 18
    assert (check.entries, check.broken_at) == (54, None)  # submitted, bound, completed


def test_who_gave_way_begins_again(bench: Bench) -> None:
    """Two transactions that lock two rows in opposite orders: the database ends one of them."""
    first, second = bench.register(1), bench.register(1)
    met, begun = threading.Barrier(2), []

    def lock_both(number: int) -> str:
        mine, other = (first, second) if number == 0 else (second, first)

        def work(connection: Connection) -> str:
            begun.append(number)
            lock = text("UPDATE dossiers SET procedure_code = :n WHERE id = :id")
            connection.execute(lock, {"id": mine, "n": str(number)})
            if len(begun) <= 2:
                met.wait(timeout=20)
            connection.execute(lock, {"id": other, "n": str(number)})
            return "done"

        return bench.database.transact(work)

    assert together(2, lock_both) == ["done", "done"]
    assert len(begun) == 3


def test_a_transaction_that_gave_way_outside_of_transact_is_told(bench: Bench) -> None:
    dossier_id = bench.register(1)
    with bench.database.write() as holding:
        holding.execute(text("SELECT 1 FROM dossiers FOR UPDATE"))
        with pytest.raises(GaveWayError, match="busy"), bench.database.write() as waiting:
            waiting.execute(text("SET LOCAL lock_timeout = '100ms'"))
            waiting.execute(text("SELECT 1 FROM dossiers WHERE id = :id FOR UPDATE"), {"id": dossier_id})


def test_a_ledger_whose_connections_were_cut_goes_on(bench: Bench, database_server: str) -> None:
    dossier_id = bench.register(1)
    with psycopg.connect(database_server, autocommit=True) as other:
        other.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname LIKE 'sohoa_%' AND pid <> pg_backend_pid()"
        )
    time.sleep(0.1)
    bench.work_all(dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE


def test_a_connection_cut_inside_a_transaction_is_a_store_error(bench: Bench, database_server: str) -> None:
    with pytest.raises(StoreError, match="ledger cannot be written"), bench.database.write() as connection:
        pid = connection.execute(text("SELECT pg_backend_pid()")).scalar()
        with psycopg.connect(database_server, autocommit=True) as other:
            other.execute("SELECT pg_terminate_backend(%s)", (pid,))
        connection.execute(text("SELECT 1"))


def test_a_reader_sees_one_moment(bench: Bench) -> None:
    dossier_id = bench.register(1)
    with bench.database.read() as connection:
        before = read_dossier(connection, dossier_id, str, check_dossier)
        bench.work_all(dossier_id)
        assert read_dossier(connection, dossier_id, str, check_dossier) == before
