"""Reprocessing runs in the ledger: fed a few at a time, settled once, never in the counter's way."""

import pytest
from ledger_bench import POLICY, RECORD, Bench
from sqlalchemy import select

from pipeline.ledger.jobs import claim_job, take_due
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.readings import finish_reading, read_held_reading
from pipeline.ledger.runs import (
    count_selection,
    create_run,
    end_dead_item,
    feed_run,
    find_dead_items,
    list_running,
    read_items,
    read_progress,
    set_run_state,
)
from pipeline.ledger.settling import fail_job
from schemas.dossier import DossierState, JobKind
from schemas.errors import ConflictError, NotFoundError
from schemas.ledger import PageOutcome, StoredObject
from schemas.page import Verdict
from schemas.reprocess import (
    REPROCESS_PRIORITY,
    ComparePolicy,
    Comparison,
    ItemOutcome,
    ReadingQuality,
    RunProgress,
    RunState,
    Selection,
)
from schemas.tables import jobs, pages, readings, renditions


def start(bench: Bench, selection: Selection | None = None, rate: float | None = None) -> int:
    with bench.database.write() as connection:
        return create_run(connection, selection or Selection(), ComparePolicy(), rate, "uid:1", bench.now)


def feed(bench: Bench, window: int = 100) -> list[str]:
    """One look at each run; the page jobs of runs that wait now."""
    with bench.database.write() as connection:
        for run_id in list_running(connection):
            for item in find_dead_items(connection, run_id):
                end_dead_item(connection, run_id, item, bench.now)
            feed_run(connection, run_id, window, bench.now)
        waiting = select(jobs.c.id).where(
            jobs.c.run_id.is_not(None), jobs.c.kind == JobKind.PAGE, jobs.c.state == "queued"
        )
        return list(connection.execute(waiting.order_by(jobs.c.document_id, jobs.c.page_id)).scalars())


def read_again(bench: Bench, job_id: str, *, better: bool) -> None:
    claim = bench.claim(job_id)
    assert claim is not None
    old = ReadingQuality(Verdict.READABLE, "old 1", "vie", 0.8, 0.9, 100, 1.0)
    new = ReadingQuality(Verdict.READABLE, "new 2", "vie", 0.9, 0.9, 100, 1.0)
    comparison = Comparison(ItemOutcome.ADOPTED if better else ItemOutcome.KEPT, "why", old, new, 0.9)
    result = StoredObject(f"pages/{claim.page_id}.new", "2" * 64, 2)
    outcome = PageOutcome(Verdict.READABLE, (), result, quality=new) if better else None
    with bench.database.write() as connection:
        read_held_reading(connection, claim)
        finish_reading(connection, claim, comparison, outcome, bench.now)


def bind_all(bench: Bench, dossier_id: str) -> None:
    for job_id in bench.open_jobs(dossier_id, JobKind.DOCUMENT):
        claim = bench.claim(job_id)
        assert claim is not None
        bench.bind(claim)


def progress(bench: Bench, run_id: int) -> RunProgress:
    with bench.database.read() as connection:
        return read_progress(connection, run_id)


def test_a_better_reading_becomes_a_rendition_and_an_event_and_the_old_reading_stays(bench: Bench) -> None:
    dossier_id = bench.register(2, 1)
    bench.work_all(dossier_id)
    run_id = start(bench)
    first, second, other = feed(bench)
    read_again(bench, first, better=True)
    assert bench.open_jobs(dossier_id, JobKind.DOCUMENT) == []  # not before the run is through with it
    read_again(bench, second, better=False)
    read_again(bench, other, better=False)
    assert bench.status(dossier_id).state is DossierState.COMPLETE
    bind_all(bench, dossier_id)
    feed(bench)
    told = progress(bench, run_id)
    assert (told.state, told.renditions, told.at_rest) == (RunState.DONE, 1, True)
    assert told.outcomes == {ItemOutcome.ADOPTED: 1, ItemOutcome.KEPT: 2}
    status = bench.status(dossier_id)
    assert status.state is DossierState.COMPLETE
    assert [[made.number for made in paper.renditions] for paper in status.documents] == [[1, 2], [1]]
    with bench.database.write() as connection:
        publish_events(connection)
        told_of = [
            [(document.ordinal, document.rendition) for document in event.payload.documents]
            for event in read_events(connection)
        ]
        assert told_of == [[(1, 1), (2, 1)], [(1, 2), (2, 1)]]
        kept = connection.execute(select(readings).order_by(readings.c.number)).all()
        assert [(row.number, row.result_sha256) for row in kept] == [(1, "0" * 64), (2, "2" * 64)]
        shown = connection.execute(select(renditions.c.readings).order_by(renditions.c.id)).scalars().all()
        assert shown == [[1, 1], [1], [2, 1]]


def test_pages_are_handed_out_a_few_at_a_time_whole_documents_at_the_lowest_priority(bench: Bench) -> None:
    for count in (2, 3, 1, 2):
        bench.work_all(bench.register(count))
    start(bench)
    assert len(feed(bench, window=4)) == 5  # the second document is not cut
    assert len(feed(bench, window=4)) == 5  # no more while they wait
    counter = bench.register(1)
    with bench.database.write() as connection:
        sent = take_due(connection, JobKind.PAGE, 1, bench.now)
        assert sent == bench.open_jobs(counter, JobKind.PAGE)
        waiting = select(jobs.c.priority).where(jobs.c.run_id.is_not(None)).distinct()
        assert connection.execute(waiting).scalars().all() == [REPROCESS_PRIORITY]


def test_a_pause_hands_out_nothing_and_a_cancelled_run_never_goes_on(bench: Bench) -> None:
    bench.work_all(bench.register(3))
    bench.work_all(bench.register(3))
    run_id = start(bench)
    for job_id in feed(bench, window=1):
        read_again(bench, job_id, better=False)
    with bench.database.write() as connection:
        set_run_state(connection, run_id, RunState.PAUSED, "uid:1", bench.now)
    assert feed(bench) == []
    assert progress(bench, run_id).at_rest
    with bench.database.write() as connection:
        set_run_state(connection, run_id, RunState.RUNNING, "uid:1", bench.now)
    assert len(feed(bench)) == 3
    with bench.database.write() as connection:
        set_run_state(connection, run_id, RunState.CANCELLED, "uid:1", bench.now)
        assert list_running(connection) == []
        with pytest.raises(ConflictError):
            set_run_state(connection, run_id, RunState.RUNNING, "uid:1", bench.now)


def test_a_rate_is_kept_over_time_and_not_made_up_for_after_a_standstill(bench: Bench) -> None:
    for _ in range(30):
        bench.work_all(bench.register(1))
    run_id = start(bench, rate=3600.0)  # one a second
    handed_out = 0
    for _ in range(10):
        handed_out = len(feed(bench))
        bench.now += 1.0
    assert handed_out == 10
    bench.now += 3600.0
    feed(bench)
    assert sum(progress(bench, run_id).outcomes.values()) <= 10 + 7


def test_a_page_that_fails_or_is_scanned_anew_does_not_hold_up_its_document(bench: Bench) -> None:
    dossier_id = bench.register(3)
    bench.work_all(dossier_id)
    run_id = start(bench)
    good, bad, lost = feed(bench)
    read_again(bench, good, better=True)
    for _ in range(POLICY.max_attempts):
        claim = bench.claim(bad)
        assert claim is not None
        with bench.database.write() as connection:
            fail_job(connection, claim, "no", POLICY, bench.now)
        bench.now += 60.0
    assert bench.status(dossier_id).documents[0].pages[1].failure is None  # the page is as it was
    assert bench.status(dossier_id).state is DossierState.COMPLETE
    with bench.database.write() as connection:
        connection.execute(
            jobs.update().where(jobs.c.id == lost).values(state="done", failure="superseded by")
        )
    feed(bench)
    bind_all(bench, dossier_id)
    feed(bench)
    told = progress(bench, run_id)
    assert told.outcomes == {ItemOutcome.ADOPTED: 1, ItemOutcome.FAILED: 1, ItemOutcome.SKIPPED: 1}
    assert (told.state, told.renditions) == (RunState.DONE, 1)
    with bench.database.read() as connection:
        assert [item.why for item in read_items(connection, run_id)] == ["why", "no", "superseded by"]


def test_an_unreadable_page_that_can_be_read_now_lets_its_dossier_go_on(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.work_all(dossier_id, lambda _: Verdict.UNREADABLE)
    assert bench.status(dossier_id).state is DossierState.NEEDS_RESCAN
    start(bench, Selection(verdicts=(Verdict.UNREADABLE,)))
    (job_id,) = feed(bench)
    read_again(bench, job_id, better=True)
    bind_all(bench, dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE


@pytest.mark.parametrize(
    ("selection", "found"),
    [
        (Selection(), 3),
        (Selection(record_codes=(RECORD,)), 3),
        (Selection(record_codes=("H21.65-220914-9999",)), 0),
        (Selection(verdicts=(Verdict.READABLE,)), 3),
        (Selection(engine="unknown"), 2),
        (Selection(engine="tesserocr 5.3.0"), 1),
        (Selection(not_engine="tesserocr 5.3.0"), 2),
        (Selection(confidence_below=0.9), 1),
        (Selection(submitted_from=5000.0), 0),
        (Selection(stations=("Ea Kar",)), 0),
        (Selection(procedure_codes=("1.004",)), 0),
    ],
)
def test_a_selection_is_what_it_says(bench: Bench, selection: Selection, found: int) -> None:
    bench.work_all(bench.register(3))
    with bench.database.write() as connection:
        known = pages.update().where(pages.c.number == 2)
        connection.execute(known.values(engine="tesserocr 5.3.0", mean_confidence=0.8, read_s=0.5))
        assert count_selection(connection, selection).pages == found
    if not found:
        with pytest.raises(NotFoundError):
            start(bench, selection)
        return
    start(bench, selection)
    assert len(feed(bench)) == found


def test_a_run_ends_once_however_often_it_is_looked_at(bench: Bench) -> None:
    bench.work_all(bench.register(1))
    run_id = start(bench)
    (job_id,) = feed(bench)
    with bench.database.write() as connection:
        assert claim_job(connection, job_id, "w1", 60.0, bench.now) is not None
    assert feed(bench) == []
    assert progress(bench, run_id).state is RunState.RUNNING
