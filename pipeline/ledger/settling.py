"""What workers bring back, and what follows from it: the next job, the state of paper and dossier.

Everything that follows from a result is decided here, in the transaction that writes the result.
"""

from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, func, insert, null, select, update

from pipeline.ledger.audit import SYSTEM, append_audit
from pipeline.ledger.jobs import (
    OPEN_STATES,
    add_job,
    end_job,
    fail_attempt,
    find_expired,
    forgive_death,
    has_expired,
    lock_dossier,
)
from pipeline.ledger.manifests import mark_changed
from pipeline.ledger.milestones import refresh_history
from pipeline.ledger.outbox import add_event
from pipeline.ledger.renditions import find_newest
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import LeaseLostError
from schemas.ledger import (
    BoundPageWork,
    Claim,
    DeliveredDocument,
    DocumentWork,
    DossierCompleted,
    HeldRendition,
    Original,
    PageOutcome,
    PageWork,
    RenditionDraft,
    RetryPolicy,
    StoredObject,
)
from schemas.page import Verdict
from schemas.signing import SignatureOutcome
from schemas.tables import documents, dossiers, jobs, originals, pages, renditions

LOST_WORKER = "the worker died or held the job past its lease"


def read_page_work(connection: Connection, claim: Claim) -> PageWork:
    """What the claimed page job is about."""
    row = connection.execute(
        select(pages, documents.c.ordinal, originals)
        .join(documents, documents.c.id == pages.c.document_id)
        .join(originals, originals.c.sha256 == pages.c.original_sha256)
        .where(pages.c.id == claim.page_id)
    ).one()
    original = Original(row.sha256, row.size, row.media_type, row.key)
    return PageWork(claim.dossier_id, row.ordinal, row.number, row.revision, original, row.source_page)


def finish_page(connection: Connection, claim: Claim, outcome: PageOutcome, now: float) -> None:
    """A page was judged. The last page of a document queues its binding or stops it for a rescan.

    Raises `LeaseLostError` where the job is no longer this worker's.
    """
    lock_dossier(connection, claim.dossier_id)
    end_job(connection, claim, now)
    connection.execute(update(pages).where(pages.c.id == claim.page_id).values(tell_outcome(outcome)))
    settle_document(connection, claim.document_id, now)


def fail_job(connection: Connection, claim: Claim, failure: str, policy: RetryPolicy, now: float) -> JobState:
    """An attempt failed. After the last one its page and document say why and wait for a person.

    Raises `LeaseLostError`.
    """
    lock_dossier(connection, claim.dossier_id)
    state = fail_attempt(connection, claim, failure, policy, now)
    if state is not JobState.FAILED:
        return state
    append_audit(connection, SYSTEM, "job.failed", claim.dossier_id, now, job=claim.job_id, failure=failure)
    if claim.run_id is not None:  # what could not be read or bound anew is still as it was
        return state
    if claim.page_id is not None:
        connection.execute(update(pages).where(pages.c.id == claim.page_id).values(failure=failure))
        settle_document(connection, claim.document_id, now)
    elif not _is_complete(connection, claim.document_id):  # what could not be extended is still whole
        _set_document(connection, claim.document_id, DocumentState.FAILED, failure)
        settle_dossier(connection, claim.dossier_id, now)
    return state


def requeue_expired(
    connection: Connection, policy: RetryPolicy, now: float, dead_owners: str | None = None
) -> int:
    """Queue the jobs of dead workers again, or fail them after the last attempt; returns how many.

    `dead_owners` is a prefix of owners known to be gone, all at once: their leases are not waited for, and
    `policy` forgives their jobs. For a ledger with one writer at a time; many writers go job by job
    (`requeue_lost`).
    """
    known_dead = dead_owners is not None
    return sum(
        requeue_lost(connection, claim, policy, now, known_dead=known_dead)
        for claim in find_expired(connection, now, dead_owners)
    )


def requeue_lost(
    connection: Connection, claim: Claim, policy: RetryPolicy, now: float, *, known_dead: bool = False
) -> bool:
    """Queue one job that `find_expired` told of again, or fail it. False where it ended, was taken by
    another sweeper or, unless its owner is `known_dead`, was renewed meanwhile.

    One transaction each: whoever holds one dossier and the audit log must not wait for another dossier.
    """
    lock_dossier(connection, claim.dossier_id)
    if not known_dead and not has_expired(connection, claim, now):
        return False
    if known_dead and claim.fence <= policy.forgiven_deaths:
        forgive_death(connection, claim, policy, now)
        return True
    try:
        fail_job(connection, claim, f"{LOST_WORKER} (attempt {claim.attempt})", policy, now)
    except LeaseLostError:
        return False
    return True


def read_document_work(connection: Connection, claim: Claim) -> DocumentWork:
    """What the claimed document job is to bind."""
    document = connection.execute(
        select(
            documents, dossiers.c.record_code, dossiers.c.submitted_at, dossiers.c.office, dossiers.c.station
        )
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(documents.c.id == claim.document_id)
    ).one()
    newest = find_newest(connection, claim.document_id)
    return DocumentWork(
        document_id=document.id,
        dossier_id=document.dossier_id,
        record_code=document.record_code,
        ordinal=document.ordinal,
        type_code=document.type_code,
        title=document.title,
        scanned_at=document.submitted_at,
        pages=tuple(
            BoundPageWork(
                page.id,
                page.number,
                page.original_sha256,
                page.source_page,
                StoredObject(page.result_key, page.result_sha256, page.result_size),
                page.reading,
            )
            for page in _current_pages(connection, claim.document_id)
        ),
        next_number=(newest.number if newest else 0) + 1,
        newest=newest,
        station="/".join(filter(None, (document.office, document.station))) or None,
    )


def finish_document(
    connection: Connection,
    claim: Claim,
    made: RenditionDraft,
    now: float,
    signed: SignatureOutcome | None = None,
    extend_after_s: float = 0.0,
) -> None:
    """A rendition is stored. The last document of a dossier completes it, with its event.

    Where it was `signed` at a lower level than asked, its extension is queued, due after `extend_after_s`.
    Raises `LeaseLostError`.
    """
    lock_dossier(connection, claim.dossier_id)
    end_job(connection, claim, now)
    before = find_newest(connection, claim.document_id)
    connection.execute(
        insert(renditions).values(
            document_id=claim.document_id,
            number=made.number,
            key=made.object.key,
            sha256=made.object.sha256,
            size=made.object.size,
            page_ids=list(made.page_ids),
            readings=list(made.readings) or None,
            level=signed.reached if signed else None,
            level_asked=signed.asked if signed else None,
            created_at=now,
        )
    )
    append_audit(
        connection,
        SYSTEM,
        "document.extended" if _shows_the_same(before, made) else "document.bound",
        claim.dossier_id,
        now,
        key=made.object.key,
        sha256=made.object.sha256,
    )
    mark_changed(connection, claim.dossier_id)
    _set_document(connection, claim.document_id, DocumentState.COMPLETE)
    if signed is not None and signed.reached.rung < signed.asked.rung:
        job_id = add_job(
            connection, JobKind.DOCUMENT, claim.dossier_id, claim.document_id, None, now + extend_after_s
        )
        waiting = {"waiting_since": now, "failure": signed.shortfall}
        connection.execute(update(jobs).where(jobs.c.id == job_id).values(**waiting))
    settle_dossier(connection, claim.dossier_id, now)


def settle_document(connection: Connection, document_id: int, now: float) -> None:
    """Decide what follows from the current pages; the caller holds the dossier.

    Nothing, while it is open: more pages may come, and any of them again.
    """
    dossier_id, state_of_dossier = connection.execute(
        select(dossiers.c.id, dossiers.c.state)
        .join(documents, documents.c.dossier_id == dossiers.c.id)
        .where(documents.c.id == document_id)
    ).one()
    if state_of_dossier == DossierState.OPEN:
        return
    current = _current_pages(connection, document_id)
    if any(page.verdict is None and page.failure is None for page in current):
        _set_document(connection, document_id, DocumentState.PROCESSING)
        return
    unreadable = [
        page for page in current if page.verdict == Verdict.UNREADABLE and page.accepted_reason is None
    ]
    failed = [page for page in current if page.verdict is None]
    if unreadable or failed:
        state = DocumentState.NEEDS_RESCAN if unreadable else DocumentState.FAILED
        failure = "; ".join(f"page {page.number}: {page.failure}" for page in failed) or None
        _set_document(connection, document_id, state, failure)
        settle_dossier(connection, dossier_id, now)
        return
    _set_document(connection, document_id, DocumentState.PROCESSING)
    if not _has_open_binding(connection, document_id):
        add_job(connection, JobKind.DOCUMENT, dossier_id, document_id, None, now)


def settle_dossier(connection: Connection, dossier_id: str, now: float) -> None:
    """A dossier rests when all its documents do: first what a rescan can mend, then failures."""
    states = set(
        connection.execute(select(documents.c.state).where(documents.c.dossier_id == dossier_id)).scalars()
    )
    if states & {DocumentState.PENDING, DocumentState.PROCESSING}:
        return
    if states == {DocumentState.COMPLETE}:
        _complete_dossier(connection, dossier_id, now)
        return
    rests = DossierState.NEEDS_RESCAN if DocumentState.NEEDS_RESCAN in states else DossierState.FAILED
    connection.execute(update(dossiers).where(dossiers.c.id == dossier_id).values(state=rests))


def _complete_dossier(connection: Connection, dossier_id: str, now: float) -> None:
    """All its papers have what they are to have; a new rendition later completes it again, with an event."""
    own = (
        select(func.count())
        .select_from(pages.join(documents, documents.c.id == pages.c.document_id))
        .where(documents.c.dossier_id == dossier_id, pages.c.is_current)
    )
    row = connection.execute(
        update(dossiers)
        .where(dossiers.c.id == dossier_id)
        .values(
            state=DossierState.COMPLETE,
            completed_at=now,
            completions=dossiers.c.completions + 1,
            first_completed_at=func.coalesce(dossiers.c.first_completed_at, now),
            page_total=own.scalar_subquery(),
            rescans=own.where(pages.c.revision > 1).scalar_subquery(),
        )
        .returning(dossiers.c.completions, dossiers.c.record_code)
    ).one()
    if row.completions == 1:
        refresh_history(connection, row.record_code)
    completion = row.completions
    tell_completion(connection, dossier_id, now)
    append_audit(connection, SYSTEM, "dossier.completed", dossier_id, now, completion=completion)


def tell_completion(connection: Connection, dossier_id: str, now: float) -> None:
    """Write the event of a dossier's last completion."""
    dossier = connection.execute(select(dossiers).where(dossiers.c.id == dossier_id)).one()
    newest: dict[int, DeliveredDocument] = {}
    for row in connection.execute(
        select(documents.c.ordinal, renditions)
        .join(renditions, renditions.c.document_id == documents.c.id)
        .where(documents.c.dossier_id == dossier_id)
        .order_by(documents.c.ordinal, renditions.c.number)
    ):
        newest[row.ordinal] = DeliveredDocument(
            ordinal=row.ordinal, rendition=row.number, key=row.key, sha256=row.sha256, size=row.size
        )
    payload = DossierCompleted(
        record_code=dossier.record_code,
        dossier_id=dossier_id,
        kind=dossier.kind,
        documents=tuple(newest.values()),
    )
    add_event(connection, payload, dossier.completions, now)


def tell_outcome(outcome: PageOutcome) -> dict[str, Any]:
    """What a reading found, as columns of `pages` and `readings`."""
    result, quality = outcome.result, outcome.quality
    return {
        "verdict": outcome.verdict,
        "reasons": list(outcome.reasons),
        "failure": outcome.failure,
        "result_key": result.key if result else None,
        "result_sha256": result.sha256 if result else None,
        "result_size": result.size if result else None,
        "trace": asdict(outcome.trace) if outcome.trace else null(),
        "engine": quality.engine if quality else None,
        "ocr_model": quality.ocr_model if quality else None,
        "mean_confidence": quality.mean_confidence if quality else None,
        "syllable_validity": quality.syllable_validity if quality else None,
        "words": quality.words if quality else None,
        "read_s": quality.read_s if quality else None,
    }


def _shows_the_same(before: HeldRendition | None, made: RenditionDraft) -> bool:
    if before is None or before.page_ids != made.page_ids:
        return False
    return before.readings == (made.readings or (1,) * len(made.page_ids))


def _current_pages(connection: Connection, document_id: int) -> list[Row[Any]]:
    query = (
        select(pages).where(pages.c.document_id == document_id, pages.c.is_current).order_by(pages.c.number)
    )
    return list(connection.execute(query))


def _has_open_binding(connection: Connection, document_id: int) -> bool:
    query = select(jobs.c.id).where(
        jobs.c.document_id == document_id, jobs.c.kind == JobKind.DOCUMENT, jobs.c.state.in_(OPEN_STATES)
    )
    return connection.execute(query).first() is not None


def _is_complete(connection: Connection, document_id: int) -> bool:
    state = connection.execute(select(documents.c.state).where(documents.c.id == document_id)).scalar()
    return state == DocumentState.COMPLETE


def _set_document(
    connection: Connection, document_id: int, state: DocumentState, failure: str | None = None
) -> None:
    connection.execute(
        update(documents).where(documents.c.id == document_id).values(state=state, failure=failure)
    )
