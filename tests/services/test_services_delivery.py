"""Delivery, milestones and statistics on PostgreSQL, with many writers at once."""

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from pathlib import Path

from ledger_bench import RECORD, Bench

from pipeline.ledger.access_keys import issue_key
from pipeline.ledger.audit import verify_audit
from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.ledger.deliveries import (
    claim_deliveries,
    end_attempt,
    feed_endpoint,
    find_due,
    list_deliveries,
    replay,
)
from pipeline.ledger.endpoints import add_endpoint
from pipeline.ledger.holdings import read_history
from pipeline.ledger.milestones import identify, read_milestones, report_milestone, tell_history
from pipeline.ledger.outbox import publish_events
from schemas.access import KeyBinding, Role
from schemas.delivery import DeliveryClaim, DeliveryPolicy, DeliveryState, ReplayChoice, SendOutcome
from schemas.milestones import Channel, Milestone, MilestoneKind
from schemas.statistics import Dimension, PeriodKind
from scripts.bench.report import fill_ledger
from workers.statistics import make_report

POLICY = DeliveryPolicy(attempts=5, first_delay_s=0.001, max_delay_s=0.01)
COURIERS = 6


def test_many_couriers_hold_each_delivery_once_and_a_record_in_order(bench: Bench) -> None:
    database = bench.database
    with database.write() as connection:
        key, _ = issue_key(connection, Role.ONESTOP, "uid:1", 1.0, binding=KeyBinding(agencies=("H21",)))
        endpoint = add_endpoint(connection, key.id, "https://x/", "webhook", "uid:1", 1.0).id
    for _ in range(18):
        bench.work_all(bench.register(1))  # all of one record: the hardest case
    database.transact(publish_events)
    held: set[int] = set()
    order: list[str] = []
    wrong: list[str] = []
    lock = threading.Lock()

    def deliver(claim: DeliveryClaim, rng: random.Random) -> None:
        with lock:
            if held:
                wrong.append("two of one record at once")
            held.add(claim.id)
        time.sleep(rng.uniform(0, 0.005))
        taken = rng.random() < 0.7
        with lock:
            held.remove(claim.id)
            if taken:
                order.append(claim.event_id)
        outcome = SendOutcome(200) if taken else SendOutcome(503, "HTTP 503")
        database.transact(lambda c: end_attempt(c, claim, outcome, POLICY, 0.0, time.time()))

    def work(number: int) -> None:
        rng = random.Random(number)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            with database.read() as connection:
                if not find_due(connection, time.time() + 1.0):
                    return
            database.transact(lambda c: feed_endpoint(c, endpoint, time.time()))
            for claim in database.transact(
                lambda c: claim_deliveries(c, endpoint, f"courier {number}", 60.0, 3, time.time())
            ):
                deliver(claim, rng)

    with ThreadPoolExecutor(COURIERS) as pool:
        list(pool.map(work, range(COURIERS)))
    with database.read() as connection:
        rows = sorted(list_deliveries(connection), key=lambda one: one.id)
        assert verify_audit(connection).broken_at is None
    assert wrong == []
    delivered = [one.event_id for one in rows if one.state is DeliveryState.DELIVERED]
    assert order == delivered
    assert Counter(one.state for one in rows).total() == 18
    again = database.transact(lambda c: replay(c, endpoint, ReplayChoice(only_dead=True), "uid:1", 1.0))
    assert again == 18 - len(delivered)


def test_reports_and_completions_at_once_end_in_the_one_history(bench: Bench) -> None:
    database = bench.database
    reports = [
        identify(
            Milestone(
                "",
                RECORD,
                kind,
                occurred_at=1_664_000_000.0 + place * 3600,
                channel=Channel.POST,
                place=f"60000{place}",
                reported_by="onestop:c",
            )
        )
        for place in range(4)
        for kind in MilestoneKind
    ]
    reports += [identify(replace(reports[0], corrects=reports[9].id))]

    def work(number: int) -> None:
        rng = random.Random(number)
        for one in rng.sample(reports, len(reports)):
            database.transact(lambda c, one=one: report_milestone(c, one, 2.0))
        if number % 2:
            bench.work_all(bench.register(1))

    with ThreadPoolExecutor(COURIERS) as pool:
        list(pool.map(work, range(COURIERS)))
    with database.read() as connection:
        told = read_milestones(connection, RECORD)
        history = read_history(connection, RECORD)
        assert verify_audit(connection).broken_at is None
    assert {one.id for one in told} == {one.id for one in reports}
    assert history == replace(tell_history(RECORD, told, []), digitised_at=bench.now)


def test_a_report_is_the_same_on_both_databases(make_database_url: Callable[[], str], tmp_path: Path) -> None:
    def report(database: Database) -> object:
        with database.write() as connection:
            fill_ledger(connection, 2000, 5)
        made = make_report(
            database, date(2026, 1, 1), date(2026, 12, 31), PeriodKind.QUARTER, list(Dimension)
        )
        database.close()
        return made

    one = report(open_database(make_database_url()))
    assert one == report(open_database(sqlite_url(tmp_path / "ledger.sqlite3")))
