"""Renditions: announced before they are stored, registered once, and brought to a stronger signature level.

A stronger level is a rendition of its own. A document job whose newest rendition was bound from the pages
as they are extends that one; any other binds. So extending has leases, fences and attempts like all work.
"""

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.jobs import OPEN_STATES, add_job, check_held, end_job, lock_dossier
from schemas.dossier import DocumentState, JobKind, JobState
from schemas.ledger import Claim, DocumentWork, HeldRendition, RenditionDraft, StoredObject
from schemas.signing import SignatureLevel
from schemas.tables import documents, dossiers, jobs, rendition_drafts, renditions


def add_draft(connection: Connection, claim: Claim, draft: RenditionDraft) -> None:
    """Write down which bytes are about to be stored as which rendition. Raises `LeaseLostError`."""
    lock_dossier(connection, claim.dossier_id)
    check_held(connection, claim)
    known = select(rendition_drafts.c.sha256).where(
        rendition_drafts.c.document_id == claim.document_id,
        rendition_drafts.c.number == draft.number,
        rendition_drafts.c.sha256 == draft.object.sha256,
    )
    if connection.execute(known).first() is not None:
        return
    connection.execute(
        insert(rendition_drafts).values(
            document_id=claim.document_id,
            number=draft.number,
            sha256=draft.object.sha256,
            size=draft.object.size,
            page_ids=list(draft.page_ids),
            readings=list(draft.readings) or None,
        )
    )


def is_draft_of(connection: Connection, work: DocumentWork, number: int, sha256: str) -> bool:
    """Did an earlier attempt announce these very bytes, bound from the same readings of the same pages?"""
    row = connection.execute(
        select(rendition_drafts.c.page_ids, rendition_drafts.c.readings).where(
            rendition_drafts.c.document_id == work.document_id,
            rendition_drafts.c.number == number,
            rendition_drafts.c.sha256 == sha256,
        )
    ).first()
    if row is None:
        return False
    return (tuple(row.page_ids), _readings(row.readings, row.page_ids)) == (work.page_ids, work.readings)


def find_newest(connection: Connection, document_id: int) -> HeldRendition | None:
    """The newest rendition of one document."""
    row = connection.execute(_select_newest().where(documents.c.id == document_id)).first()
    return None if row is None else _hold(row)


def list_newest(
    connection: Connection,
    *,
    record_code: str | None = None,
    dossier_id: str | None = None,
    ordinal: int | None = None,
    due: bool = False,
) -> tuple[HeldRendition, ...]:
    """The newest renditions of complete documents, all or some; `due`: that lack the level asked for."""
    query = _select_newest().where(documents.c.state == DocumentState.COMPLETE)
    if record_code is not None:
        query = query.where(dossiers.c.record_code == record_code)
    if dossier_id is not None:
        query = query.where(dossiers.c.id == dossier_id)
    if ordinal is not None:
        query = query.where(documents.c.ordinal == ordinal)
    order = (dossiers.c.submitted_at, dossiers.c.id, documents.c.ordinal)
    found = tuple(_hold(row) for row in connection.execute(query.order_by(*order)))
    return tuple(held for held in found if held.level_due is not None) if due else found


def ask_level(
    connection: Connection, held: HeldRendition, level: SignatureLevel, actor: str, now: float
) -> str:
    """Queue the extension of `held` to `level`, or make the job that waits for it due; returns its id.

    Raises `NotFoundError`.
    """
    lock_dossier(connection, held.dossier_id)
    connection.execute(update(renditions).where(renditions.c.id == held.id).values(level_asked=level))
    append_audit(
        connection, actor, "rendition.level_asked", held.dossier_id, now, key=held.object.key, level=level
    )
    waiting = select(jobs.c.id).where(
        jobs.c.document_id == held.document_id,
        jobs.c.kind == JobKind.DOCUMENT,
        jobs.c.state.in_(OPEN_STATES),
    )
    job_id = connection.execute(waiting).scalar()
    if job_id is None:
        return add_job(connection, JobKind.DOCUMENT, held.dossier_id, held.document_id, None, now)
    connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED)
        .values(next_attempt_at=now, hinted_at=None)
    )
    return str(job_id)


def finish_level(
    connection: Connection, claim: Claim, held: HeldRendition, level: SignatureLevel, now: float
) -> None:
    """It had the level already: nothing was made. Raises `LeaseLostError`."""
    lock_dossier(connection, claim.dossier_id)
    end_job(connection, claim, now)
    connection.execute(
        update(renditions).where(renditions.c.id == held.id).values(level=level, level_asked=level)
    )


def _select_newest() -> Select[tuple[object, ...]]:
    # Asked of each document by itself: grouped, it would go through every rendition there is.
    others = renditions.alias()
    newest = (
        select(func.max(others.c.number))
        .where(others.c.document_id == renditions.c.document_id)
        .scalar_subquery()
    )
    return (
        select(renditions, documents.c.ordinal, documents.c.dossier_id, dossiers.c.record_code)
        .join(documents, documents.c.id == renditions.c.document_id)
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(renditions.c.number == newest)
    )


def _readings(readings: list[int] | None, page_ids: list[int]) -> tuple[int, ...]:
    """Which reading of each page; rows from before readings were numbered show the first ones."""
    return tuple(readings) if readings else (1,) * len(page_ids)


def _hold(row: Row[tuple[object, ...]]) -> HeldRendition:
    return HeldRendition(
        id=row.id,
        document_id=row.document_id,
        dossier_id=row.dossier_id,
        record_code=row.record_code,
        ordinal=row.ordinal,
        number=row.number,
        object=StoredObject(row.key, row.sha256, row.size),
        page_ids=tuple(row.page_ids),
        readings=_readings(row.readings, row.page_ids),
        level=SignatureLevel(row.level) if row.level else None,
        level_asked=SignatureLevel(row.level_asked) if row.level_asked else None,
    )
