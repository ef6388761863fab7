"""A service outside is down: what the ledger keeps of it, by a clock that a test moves."""

import pytest
from ledger_bench import POLICY, RECORD, Bench

from pipeline.ledger.audit import read_audit
from pipeline.ledger.dossiers import retry_failed
from pipeline.ledger.jobs import defer_job
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.renditions import ask_level, finish_level, list_newest
from pipeline.ledger.settling import fail_job, finish_document, read_document_work
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import LeaseLostError
from schemas.ledger import Claim, RenditionDraft, StoredObject
from schemas.signing import SignatureLevel, SignatureOutcome

B_B, B_T, _, B_LTA = SignatureLevel
SHORT = SignatureOutcome(B_LTA, B_B, "the time-stamping service gives no time")


def claim_binding(bench: Bench, dossier_id: str) -> Claim:
    while pages := bench.open_jobs(dossier_id, JobKind.PAGE):
        claim = bench.claim(pages[0])
        assert claim is not None
        bench.finish_page(claim)
    claim = bench.claim(bench.open_jobs(dossier_id, JobKind.DOCUMENT)[0])
    assert claim is not None
    return claim


def bind(bench: Bench, claim: Claim, signed: SignatureOutcome) -> None:
    with bench.database.write() as connection:
        work = read_document_work(connection, claim)
        key = f"records/{work.dossier_id}/{work.ordinal}/{work.next_number}.pdf"
        made = RenditionDraft(work.next_number, StoredObject(key, "1" * 64, 5), work.page_ids)
        finish_document(connection, claim, made, bench.now, signed, extend_after_s=30.0)


def test_the_delay_grows_to_an_hour_and_no_attempt_is_used_up(bench: Bench) -> None:
    dossier_id = bench.register(1)
    claim = claim_binding(bench, dossier_id)
    began, delays = bench.now, []
    for _ in range(12):
        assert claim.attempt == 1
        with bench.database.write() as connection:
            due = defer_job(connection, claim, "down", POLICY, bench.now)
        delays.append(due - bench.now)
        assert bench.claim(claim.job_id) is None  # not due yet
        bench.now = due
        again = bench.claim(claim.job_id)
        assert again is not None
        claim = again
    assert delays[:5] == [30.0, 30.0, 60.0, 120.0, 240.0]
    assert delays == sorted(delays) and delays[-1] == 3600.0
    (paper,) = bench.status(dossier_id).documents
    assert paper.waiting_since is not None and paper.waiting_since.timestamp() == began
    assert paper.waiting_for == "down"
    bench.bind(claim)
    (paper,) = bench.status(dossier_id).documents
    assert (paper.state, paper.waiting_since) == (DocumentState.COMPLETE, None)


def test_who_lost_a_job_cannot_put_it_off(bench: Bench) -> None:
    claim = claim_binding(bench, bench.register(1))
    bench.bind(claim)
    with pytest.raises(LeaseLostError), bench.database.write() as connection:
        defer_job(connection, claim, "down", POLICY, bench.now)


def test_a_weaker_signature_queues_its_extension_and_completes_again(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bind(bench, claim_binding(bench, dossier_id), SHORT)
    status = bench.status(dossier_id)
    assert status.state is DossierState.COMPLETE
    assert status.documents[0].waiting_for == SHORT.shortfall
    with bench.database.read() as connection:
        (held,) = list_newest(connection, due=True)
    assert (held.record_code, held.level, held.level_due) == (RECORD, B_B, B_LTA)
    (job_id,) = bench.open_jobs(dossier_id, JobKind.DOCUMENT)
    assert bench.claim(job_id) is None
    bench.now += 30.0
    claim = bench.claim(job_id)
    assert claim is not None
    with bench.database.read() as connection:
        assert read_document_work(connection, claim).to_extend == held
    bind(bench, claim, SignatureOutcome(B_LTA, B_LTA))
    with bench.database.write() as connection:
        publish_events(connection)
        assert list_newest(connection, due=True) == ()
        payloads = [event.payload for event in read_events(connection)]
    assert [payload.documents[0].rendition for payload in payloads] == [1, 2]
    assert not bench.open_jobs(dossier_id, JobKind.DOCUMENT)


def test_an_extension_that_fails_leaves_the_paper_complete_and_due(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bind(bench, claim_binding(bench, dossier_id), SHORT)
    (job_id,) = bench.open_jobs(dossier_id, JobKind.DOCUMENT)
    for _ in range(POLICY.max_attempts):
        bench.now += 3600.0
        claim = bench.claim(job_id)
        assert claim is not None
        with bench.database.write() as connection:
            state = fail_job(connection, claim, "revoked", POLICY, bench.now)
    assert state is JobState.FAILED
    status = bench.status(dossier_id)
    assert (status.state, status.documents[0].state) == (DossierState.COMPLETE, DocumentState.COMPLETE)
    with bench.database.write() as connection:
        assert retry_failed(connection, dossier_id, "uid:1", bench.now) == 1
    assert bench.status(dossier_id) == status
    claim = bench.claim(job_id)
    assert claim is not None
    with bench.database.write() as connection:
        (held,) = list_newest(connection, due=True)
        finish_level(connection, claim, held, B_LTA, bench.now)  # somebody extended the file itself
        assert list_newest(connection, due=True) == ()
    assert bench.status(dossier_id).state is DossierState.COMPLETE


def test_a_level_is_asked_for_once(bench: Bench) -> None:
    dossier_id = bench.register(1)
    bench.bind(claim_binding(bench, dossier_id))
    with bench.database.write() as connection:
        (held,) = list_newest(connection, record_code=RECORD, ordinal=1)
        again = ask_level(connection, held, B_LTA, "uid:1", bench.now)
        assert ask_level(connection, held, B_LTA, "uid:1", bench.now) == again
        assert [audited.action for audited in read_audit(connection)][-2:] == ["rendition.level_asked"] * 2
    assert bench.open_jobs(dossier_id, JobKind.DOCUMENT) == [again]
