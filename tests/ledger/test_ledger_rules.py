import pytest
from ledger_bench import POLICY, RECORD, Bench, original

from pipeline.ledger.clock_jumps import mend_times
from pipeline.ledger.dossiers import accept_page, find_page, replace_page, retry_failed
from pipeline.ledger.jobs import HINT_TTL_S, forget_hints, release_job, renew_lease, take_due
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.renditions import add_draft, is_draft_of
from pipeline.ledger.settling import (
    fail_job,
    finish_document,
    read_document_work,
    requeue_expired,
)
from pipeline.ledger.status import read_record
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import ConflictError, LeaseLostError, NotFoundError
from schemas.ledger import Claim, Event, RenditionDraft, StoredObject
from schemas.page import Reason, Verdict


def claimed(bench: Bench, dossier_id: str, kind: JobKind = JobKind.PAGE, owner: str = "w1") -> Claim:
    claim = bench.claim(bench.open_jobs(dossier_id, kind)[0], owner)
    assert claim is not None
    return claim


def replace(bench: Bench, dossier_id: str, ordinal: int, number: int, name: str = "rescan") -> int:
    with bench.database.write() as connection:
        return replace_page(connection, dossier_id, (ordinal, number), original(name), "uid:1", bench.now)


def events(bench: Bench) -> tuple[Event, ...]:
    with bench.database.write() as connection:
        publish_events(connection)
        return read_events(connection)


def test_a_dossier_goes_all_the_way(bench: Bench) -> None:
    dossier_id = bench.register(2, 1)
    assert bench.status(dossier_id).state is DossierState.SUBMITTED
    bench.work_all(dossier_id)
    status = bench.status(dossier_id)
    assert status.state is DossierState.COMPLETE
    assert [len(document.renditions) for document in status.documents] == [1, 1]
    assert status.documents[0].renditions[0].path == f"/store/records/{dossier_id}/1/1.pdf"
    (event,) = events(bench)
    assert (event.sequence, event.type, event.payload.record_code) == (1, "dossier.completed", RECORD)
    assert [(d.ordinal, d.rendition) for d in event.payload.documents] == [(1, 1), (2, 1)]


def test_an_event_carries_no_title(bench: Bench) -> None:
    bench.work_all(bench.register(1))
    assert "Tờ 1" not in events(bench)[0].model_dump_json()


def test_the_document_waits_for_its_last_page(bench: Bench) -> None:
    dossier_id = bench.register(2)
    bench.finish_page(claimed(bench, dossier_id))
    assert bench.open_jobs(dossier_id, JobKind.DOCUMENT) == []
    bench.finish_page(claimed(bench, dossier_id))
    assert len(bench.open_jobs(dossier_id, JobKind.DOCUMENT)) == 1


def test_a_blank_page_is_bound(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.work_all(dossier_id, lambda _: Verdict.BLANK)
    assert bench.status(dossier_id).state is DossierState.COMPLETE


def test_a_duplicate_message_is_a_no_op(bench: Bench) -> None:
    dossier_id = bench.register(1)
    job_id = bench.open_jobs(dossier_id, JobKind.PAGE)[0]
    claim = bench.claim(job_id)
    assert claim is not None
    assert bench.claim(job_id, "w2") is None
    bench.finish_page(claim)
    assert bench.claim(job_id, "w2") is None
    assert bench.claim("no-such-job") is None


def test_after_a_clock_went_back_no_job_waits_for_the_hour_to_come_again(bench: Bench) -> None:
    waiting, held = bench.register(1), bench.register(1)
    claim = claimed(bench, held)
    with bench.database.write() as connection:
        assert take_due(connection, JobKind.PAGE, 8, bench.now) == bench.open_jobs(waiting, JobKind.PAGE)
    bench.now -= 3_600 + POLICY.longest_delay_s
    with bench.database.write() as connection:
        assert take_due(connection, JobKind.PAGE, 8, bench.now) == []
        assert mend_times(connection, POLICY, 60.0, bench.now) == 2
        assert mend_times(connection, POLICY, 60.0, bench.now) == 0
        assert take_due(connection, JobKind.PAGE, 8, bench.now) == bench.open_jobs(waiting, JobKind.PAGE)
        assert renew_lease(connection, claim, 60.0, bench.now)  # who lives keeps it
    bench.now += 61
    with bench.database.write() as connection:
        assert requeue_expired(connection, POLICY, bench.now) == 1  # who died does not


def test_a_late_worker_cannot_overwrite(bench: Bench) -> None:
    dossier_id = bench.register(1)
    late = claimed(bench, dossier_id, owner="late")
    bench.now += 61
    with bench.database.write() as connection:
        assert requeue_expired(connection, POLICY, bench.now) == 1
    bench.now += POLICY.retry_delay_s
    quick = claimed(bench, dossier_id, owner="quick")
    with pytest.raises(LeaseLostError):
        bench.finish_page(late, Verdict.UNREADABLE)
    bench.finish_page(quick)
    with pytest.raises(LeaseLostError):
        bench.finish_page(late, Verdict.UNREADABLE)
    assert bench.status(dossier_id).documents[0].pages[0].verdict is Verdict.READABLE


def test_the_same_worker_is_fenced_off_by_its_own_second_claim(bench: Bench) -> None:
    dossier_id = bench.register(1)
    first = claimed(bench, dossier_id)
    bench.now += 61
    with bench.database.write() as connection:
        requeue_expired(connection, POLICY, bench.now)
    bench.now += 10
    claimed(bench, dossier_id)
    with pytest.raises(LeaseLostError):
        bench.finish_page(first)


def test_a_renewed_lease_is_not_taken_away(bench: Bench) -> None:
    claim = claimed(bench, bench.register(1))
    bench.now += 50
    with bench.database.write() as connection:
        assert renew_lease(connection, claim, 60.0, bench.now)
        assert requeue_expired(connection, POLICY, bench.now + 30) == 0
        assert requeue_expired(connection, POLICY, bench.now + 61) == 1
        assert not renew_lease(connection, claim, 60.0, bench.now)


def test_a_dead_servers_jobs_are_taken_back_at_once(bench: Bench) -> None:
    dossier_id = bench.register(2)
    claimed(bench, dossier_id, owner="serve:dead/1")
    other = claimed(bench, dossier_id, owner="other/1")
    with bench.database.write() as connection:
        assert requeue_expired(connection, POLICY, bench.now, dead_owners="serve:") == 1
    bench.finish_page(other)


def test_failures_wait_twice_as_long_each_time_and_end(bench: Bench) -> None:
    dossier_id = bench.register(1)
    job_id = bench.open_jobs(dossier_id, JobKind.PAGE)[0]
    for delay_s in (2.0, 4.0):
        claim = bench.claim(job_id)
        assert claim is not None
        with bench.database.write() as connection:
            assert fail_job(connection, claim, "no engine", POLICY, bench.now) is JobState.QUEUED
        bench.now += delay_s - 0.01
        assert bench.claim(job_id) is None
        bench.now += 0.01
    claim = bench.claim(job_id)
    assert claim is not None
    with bench.database.write() as connection:
        assert fail_job(connection, claim, "no engine", POLICY, bench.now) is JobState.FAILED
    status = bench.status(dossier_id)
    assert status.state is DossierState.FAILED
    assert status.documents[0].state is DocumentState.FAILED
    assert status.documents[0].failure == "page 1: no engine"
    assert status.documents[0].pages[0].failure == "no engine"


def poison(bench: Bench, dossier_id: str) -> None:
    job_id = bench.open_jobs(dossier_id, JobKind.PAGE)[0]
    for _ in range(POLICY.max_attempts):
        assert bench.claim(job_id) is not None
        bench.now += 61
        with bench.database.write() as connection:
            assert requeue_expired(connection, POLICY, bench.now) == 1
        bench.now += 100


def test_a_page_at_work_in_every_power_cut_is_not_given_up_but_one_that_causes_them_is(bench: Bench) -> None:
    dossier_id = bench.register(1)
    job_id = bench.open_jobs(dossier_id, JobKind.PAGE)[0]
    for death in range(POLICY.forgiven_deaths + POLICY.max_attempts):
        assert bench.status(dossier_id).state is not DossierState.FAILED, death
        assert bench.claim(job_id, "serve:x") is not None
        with bench.database.write() as connection:
            assert requeue_expired(connection, POLICY, bench.now, dead_owners="serve:") == 1
        if death < POLICY.forgiven_deaths:  # others come first, the longer the oftener it was there
            bench.now += POLICY.retry_delay_s * 2**death - 0.01
            assert bench.claim(job_id) is None
        bench.now += POLICY.longest_delay_s
    status = bench.status(dossier_id)
    assert status.state is DossierState.FAILED
    assert status.documents[0].failure == (
        "page 1: the worker died or held the job past its lease (attempt 3)"
    )


def test_a_page_that_kills_its_worker_does_not_hold_up_the_others(bench: Bench) -> None:
    dossier_id = bench.register(1, 1)
    poison(bench, dossier_id)
    bench.work_all(dossier_id)
    status = bench.status(dossier_id)
    assert status.state is DossierState.FAILED
    assert [document.state for document in status.documents] == [DocumentState.FAILED, DocumentState.COMPLETE]
    assert "worker died" in (status.documents[0].pages[0].failure or "")
    assert events(bench) == ()


def test_a_new_scan_mends_a_failed_page(bench: Bench) -> None:
    dossier_id = bench.register(1, 1)
    poison(bench, dossier_id)
    bench.work_all(dossier_id)
    replace(bench, dossier_id, 1, 1)
    bench.work_all(dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE
    assert len(events(bench)) == 1


def test_an_operator_tries_again(bench: Bench) -> None:
    dossier_id = bench.register(1)
    poison(bench, dossier_id)
    with bench.database.write() as connection:
        assert retry_failed(connection, dossier_id, "uid:1", bench.now) == 1
    bench.work_all(dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE
    with bench.database.write() as connection, pytest.raises(ConflictError):
        retry_failed(connection, dossier_id, "uid:1", bench.now)


def unreadable_first(bench: Bench, dossier_id: str) -> None:
    verdicts = iter([Verdict.UNREADABLE])
    bench.work_all(dossier_id, lambda _: next(verdicts, Verdict.READABLE))


def test_an_unreadable_page_stops_its_document_only(bench: Bench) -> None:
    dossier_id = bench.register(2, 1)
    unreadable_first(bench, dossier_id)
    status = bench.status(dossier_id)
    assert status.state is DossierState.NEEDS_RESCAN
    states = [document.state for document in status.documents]
    assert states == [DocumentState.NEEDS_RESCAN, DocumentState.COMPLETE]
    flagged = [page for page in status.documents[0].pages if page.verdict is Verdict.UNREADABLE]
    assert [page.reasons for page in flagged] == [(Reason.BLUR,)]
    assert events(bench) == ()


def test_a_rescan_reopens_only_what_depends_on_it_and_completes_once(bench: Bench) -> None:
    dossier_id = bench.register(2, 1)
    unreadable_first(bench, dossier_id)
    number = next(
        p.number for p in bench.status(dossier_id).documents[0].pages if p.verdict is Verdict.UNREADABLE
    )
    with bench.database.read() as connection:
        assert find_page(connection, RECORD, 1, number) == dossier_id
    assert replace(bench, dossier_id, 1, number) == 2
    assert len(bench.open_jobs(dossier_id, JobKind.PAGE)) == 1
    bench.work_all(dossier_id)
    status = bench.status(dossier_id)
    assert status.state is DossierState.COMPLETE
    assert [len(document.renditions) for document in status.documents] == [1, 1]
    assert [page.revision for page in status.documents[0].pages if page.number == number] == [2]
    assert len(events(bench)) == 1


def test_a_rescan_after_completion_makes_a_second_rendition_and_event(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.work_all(dossier_id)
    replace(bench, dossier_id, 1, 1)
    assert bench.status(dossier_id).state is DossierState.PROCESSING
    bench.work_all(dossier_id)
    assert [r.number for r in bench.status(dossier_id).documents[0].renditions] == [1, 2]
    assert [event.payload.documents[0].rendition for event in events(bench)] == [1, 2]


def test_work_on_a_replaced_page_is_dropped(bench: Bench) -> None:
    dossier_id = bench.register(1)
    old = claimed(bench, dossier_id)
    replace(bench, dossier_id, 1, 1)
    with pytest.raises(LeaseLostError):
        bench.finish_page(old, Verdict.UNREADABLE)
    bench.work_all(dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE


def test_binding_of_replaced_pages_is_dropped(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.finish_page(claimed(bench, dossier_id))
    binding = claimed(bench, dossier_id, JobKind.DOCUMENT)
    replace(bench, dossier_id, 1, 1)
    with pytest.raises(LeaseLostError):
        bench.bind(binding)
    bench.work_all(dossier_id)
    assert len(bench.status(dossier_id).documents[0].renditions) == 1


def test_an_accepted_page_completes_the_dossier(bench: Bench) -> None:
    dossier_id = bench.register(1)
    unreadable_first(bench, dossier_id)
    with bench.database.write() as connection:
        accept_page(connection, dossier_id, (1, 1), "bản gốc mờ", "uid:1", bench.now)
    bench.work_all(dossier_id)
    assert bench.status(dossier_id).state is DossierState.COMPLETE
    with bench.database.write() as connection, pytest.raises(ConflictError):
        accept_page(connection, dossier_id, (1, 1), "again", "uid:1", bench.now)


def test_a_draft_of_a_dead_attempt_is_known_again(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.finish_page(claimed(bench, dossier_id))
    dead = claimed(bench, dossier_id, JobKind.DOCUMENT, owner="serve:x")
    with bench.database.write() as connection:
        work = read_document_work(connection, dead)
        draft = RenditionDraft(1, StoredObject("k", "2" * 64, 7), work.page_ids)
        add_draft(connection, dead, draft)
        add_draft(connection, dead, draft)
        requeue_expired(connection, POLICY, bench.now, dead_owners="serve:")
    with bench.database.write() as connection, pytest.raises(LeaseLostError):
        add_draft(connection, dead, RenditionDraft(1, StoredObject("k", "3" * 64, 7), work.page_ids))
    bench.now += 10
    again = claimed(bench, dossier_id, JobKind.DOCUMENT)
    with bench.database.write() as connection:
        assert is_draft_of(connection, work, 1, "2" * 64)
        assert not is_draft_of(connection, work, 1, "3" * 64)
        finish_document(connection, again, draft, bench.now)
    assert bench.status(dossier_id).documents[0].renditions[0].sha256 == "2" * 64


def test_the_counter_goes_before_the_batch_and_hints_are_few(bench: Bench) -> None:
    batch = bench.register(10, priority=1)
    with bench.database.write() as connection:
        assert len(take_due(connection, JobKind.PAGE, 4, bench.now)) == 4
        assert take_due(connection, JobKind.PAGE, 4, bench.now) == []
    bench.now += 1
    counter = bench.register(1)
    with bench.database.write() as connection:
        assert take_due(connection, JobKind.PAGE, 5, bench.now) == bench.open_jobs(counter, JobKind.PAGE)
        forget_hints(connection)
        first = take_due(connection, JobKind.PAGE, 4, bench.now)
    assert first[0] == bench.open_jobs(counter, JobKind.PAGE)[0]
    assert set(first[1:]) < set(bench.open_jobs(batch, JobKind.PAGE))


def test_a_lost_hint_is_sent_again(bench: Bench) -> None:
    bench.register(1)
    with bench.database.write() as connection:
        hinted = take_due(connection, JobKind.PAGE, 4, bench.now)
        assert take_due(connection, JobKind.PAGE, 4, bench.now + HINT_TTL_S + 1) == hinted


def test_a_released_job_keeps_its_attempts(bench: Bench) -> None:
    dossier_id = bench.register(1)
    for _ in range(5):
        claim = claimed(bench, dossier_id)
        with bench.database.write() as connection:
            release_job(connection, claim)
    assert claimed(bench, dossier_id).attempt == 1


def test_event_numbers_follow_the_order_of_completion_without_gaps(bench: Bench) -> None:
    ids = [bench.register(1) for _ in range(4)]
    for dossier_id in reversed(ids):
        bench.now += 1
        bench.work_all(dossier_id)
        if dossier_id == ids[2]:
            events(bench)
    assert [event.sequence for event in events(bench)] == [1, 2, 3, 4]
    assert [event.payload.dossier_id for event in events(bench)] == ids[::-1]
    with bench.database.read() as connection:
        assert [event.sequence for event in read_events(connection, after=2, limit=1)] == [3]


def test_what_is_unknown_is_said_so(bench: Bench) -> None:
    bench.register(1)
    with bench.database.read() as connection:
        with pytest.raises(NotFoundError):
            read_record(connection, "H21.65-220914-9999", str, check_dossier)
        with pytest.raises(NotFoundError):
            find_page(connection, RECORD, 1, 2)
    with bench.database.write() as connection, pytest.raises(NotFoundError):
        replace_page(connection, "no-such", (1, 1), original("x"), "uid:1", bench.now)
