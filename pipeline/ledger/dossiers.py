"""What people do to a dossier: hand it in, replace a page, accept a page, try again."""

from collections.abc import Iterable
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, and_, insert, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.database import insert_once
from pipeline.ledger.jobs import SUPERSEDED, add_job, lock_dossier, supersede_jobs
from pipeline.ledger.manifests import mark_changed
from pipeline.ledger.milestones import refresh_history
from pipeline.ledger.procedures import check_procedure
from pipeline.ledger.settling import settle_document
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import ConflictError, NotFoundError
from schemas.ledger import NewDocument, NewDossier, Original
from schemas.page import Verdict
from schemas.tables import documents, dossiers, jobs, originals, pages, records


def register_dossier(connection: Connection, new: NewDossier, actor: str, now: float) -> str:
    """Register a hand-over with all its papers, pages and page jobs; returns the dossier's id.

    Every original must be in the store already. Raises `ProcedureNotAcceptedError`.
    """
    check_procedure(connection, new.procedure_code, now)
    insert_once(connection, records, code=new.record_code, created_at=now)
    # in one order everywhere, so that two hand-overs of the same papers do not wait for each other
    for original in sorted({document.original for document in new.documents}, key=lambda one: one.sha256):
        keep_original(connection, original, now)
    dossier_id = str(uuid4())
    connection.execute(
        insert(dossiers).values(
            id=dossier_id,
            record_code=new.record_code,
            kind=new.kind,
            procedure_code=new.procedure_code,
            station=new.station,
            state=DossierState.SUBMITTED,
            priority=new.priority,
            submitted_at=now,
        )
    )
    for ordinal, document in enumerate(new.documents, 1):
        _register_document(connection, dossier_id, ordinal, document, now)
    pages_in_all = sum(document.page_count for document in new.documents)
    append_audit(
        connection,
        actor,
        "dossier.submitted",
        dossier_id,
        now,
        record_code=new.record_code,
        documents=len(new.documents),
        pages=pages_in_all,
    )
    refresh_history(connection, new.record_code)
    return dossier_id


def find_page(
    connection: Connection, record_code: str, ordinal: int, number: int, dossier_id: str | None = None
) -> str:
    """The dossier of the record that `ordinal:number` means: of those that have this page the newest
    that waits for a person, else the newest. Raises `NotFoundError`."""
    query = (
        select(dossiers.c.id, dossiers.c.state)
        .join(documents, documents.c.dossier_id == dossiers.c.id)
        .join(pages, and_(pages.c.document_id == documents.c.id, pages.c.is_current))
        .where(
            dossiers.c.record_code == record_code, documents.c.ordinal == ordinal, pages.c.number == number
        )
        .order_by(dossiers.c.submitted_at.desc(), dossiers.c.id)
    )
    if dossier_id is not None:
        query = query.where(dossiers.c.id == dossier_id)
    found = connection.execute(query).all()
    if not found:
        raise NotFoundError(f"record {record_code} has no page {ordinal}:{number}")
    waiting = [row for row in found if row.state in {DossierState.NEEDS_RESCAN, DossierState.FAILED}]
    chosen: str = (waiting or found)[0].id
    return chosen


def replace_page(
    connection: Connection,
    dossier_id: str,
    page: tuple[int, int],
    original: Original,
    actor: str,
    now: float,
) -> int:
    """Add a revision of `page` (ordinal, number): a one-page original. Re-opens only its document and
    the dossier; returns the revision. Raises `NotFoundError`."""
    lock_dossier(connection, dossier_id)
    old = find_current_page(connection, dossier_id, page)
    keep_original(connection, original, now)
    connection.execute(update(pages).where(pages.c.id == old.id).values(is_current=False))
    page_id = add_page(connection, old.document_id, (page[1], old.revision + 1), original, 1, now)
    superseded = (jobs.c.page_id == old.id) | (
        (jobs.c.document_id == old.document_id) & (jobs.c.kind == JobKind.DOCUMENT)
    )
    supersede_jobs(connection, superseded, f"{SUPERSEDED} revision {old.revision + 1} of a page", now)
    add_job(connection, JobKind.PAGE, dossier_id, old.document_id, page_id, now)
    _reopen(connection, dossier_id, [old.document_id])
    mark_changed(connection, dossier_id)
    append_audit(
        connection,
        actor,
        "page.replaced",
        dossier_id,
        now,
        page=f"{page[0]}:{page[1]}",
        revision=old.revision + 1,
        sha256=original.sha256,
    )
    return int(old.revision) + 1


def accept_page(
    connection: Connection, dossier_id: str, page: tuple[int, int], reason: str, actor: str, now: float
) -> None:
    """A supervisor takes an unreadable page as it is. Raises `ConflictError` where there is nothing to
    accept, or no picture of the page at all; `NotFoundError`."""
    lock_dossier(connection, dossier_id)
    current = find_current_page(connection, dossier_id, page)
    name = f"page {page[0]}:{page[1]}"
    if current.verdict != Verdict.UNREADABLE or current.accepted_reason is not None:
        raise ConflictError(f"{name} does not wait for a decision")
    if current.result_key is None:
        raise ConflictError(f"{name} has no picture that could be accepted", advice="scan it again")
    connection.execute(update(pages).where(pages.c.id == current.id).values(accepted_reason=reason))
    append_audit(
        connection,
        actor,
        "page.accepted",
        dossier_id,
        now,
        page=f"{page[0]}:{page[1]}",
        revision=current.revision,
        reason=reason,
    )
    _reopen(connection, dossier_id, [current.document_id])
    mark_changed(connection, dossier_id)
    settle_document(connection, current.document_id, now)


def retry_failed(connection: Connection, dossier_id: str, actor: str, now: float) -> int:
    """Queue a dossier's failed jobs anew, with all their attempts; returns how many.

    Raises `ConflictError` where none failed, `NotFoundError`.
    """
    lock_dossier(connection, dossier_id)
    failed = connection.execute(
        select(jobs.c.id, jobs.c.document_id, jobs.c.page_id)
        .outerjoin(pages, pages.c.id == jobs.c.page_id)
        .where(
            jobs.c.dossier_id == dossier_id,
            jobs.c.state == JobState.FAILED,
            jobs.c.run_id.is_(None),
            jobs.c.page_id.is_(None) | pages.c.is_current,
        )
    ).all()
    if not failed:
        raise ConflictError(f"dossier {dossier_id} has no failed job")
    connection.execute(
        update(jobs)
        .where(jobs.c.id.in_([row.id for row in failed]))
        .values(
            state=JobState.QUEUED,
            attempt=0,
            failure=None,
            ended_at=None,
            next_attempt_at=now,
            hinted_at=None,
        )
    )
    connection.execute(
        update(pages).where(pages.c.id.in_([row.page_id for row in failed])).values(failure=None)
    )
    unfinished = select(documents.c.id).where(
        documents.c.id.in_({row.document_id for row in failed}), documents.c.state != DocumentState.COMPLETE
    )
    if reopened := list(connection.execute(unfinished).scalars()):  # an extension leaves its paper complete
        _reopen(connection, dossier_id, reopened)
    append_audit(connection, actor, "dossier.retried", dossier_id, now, jobs=len(failed))
    return len(failed)


def _register_document(
    connection: Connection, dossier_id: str, ordinal: int, new: NewDocument, now: float
) -> None:
    document_id = connection.execute(
        insert(documents)
        .values(
            dossier_id=dossier_id,
            ordinal=ordinal,
            title=new.title,
            page_count=new.page_count,
            declared_pages=new.declared_pages,
            state=DocumentState.PENDING,
        )
        .returning(documents.c.id)
    ).scalar_one()
    for number in range(1, new.page_count + 1):
        page_id = add_page(connection, document_id, (number, 1), new.original, number, now)
        add_job(connection, JobKind.PAGE, dossier_id, document_id, page_id, now)


def add_page(
    connection: Connection,
    document_id: int,
    number_and_revision: tuple[int, int],
    original: Original,
    source_page: int,
    now: float,
) -> int:
    """Write down a page revision as the current one, without a job; returns its id."""
    number, revision = number_and_revision
    page_id: int = connection.execute(
        insert(pages)
        .values(
            document_id=document_id,
            number=number,
            revision=revision,
            is_current=True,
            original_sha256=original.sha256,
            source_page=source_page,
            reasons=[],
            created_at=now,
        )
        .returning(pages.c.id)
    ).scalar_one()
    return page_id


def keep_original(connection: Connection, original: Original, now: float) -> None:
    """Write down a stored original, once."""
    insert_once(
        connection,
        originals,
        sha256=original.sha256,
        size=original.size,
        media_type=original.media_type,
        key=original.key,
        created_at=now,
    )


def find_current_page(connection: Connection, dossier_id: str, page: tuple[int, int]) -> Row[Any]:
    """The current revision of `page` (ordinal, number). Raises `NotFoundError`."""
    query = (
        select(pages)
        .join(documents, documents.c.id == pages.c.document_id)
        .where(
            documents.c.dossier_id == dossier_id,
            documents.c.ordinal == page[0],
            pages.c.number == page[1],
            pages.c.is_current,
        )
    )
    row = connection.execute(query).first()
    if row is None:
        raise NotFoundError(f"dossier {dossier_id} has no page {page[0]}:{page[1]}")
    return row


def _reopen(connection: Connection, dossier_id: str, document_ids: Iterable[int]) -> None:
    connection.execute(
        update(documents)
        .where(documents.c.id.in_(list(document_ids)))
        .values(state=DocumentState.PROCESSING, failure=None)
    )
    connection.execute(
        update(dossiers)
        .where(dossiers.c.id == dossier_id, dossiers.c.state != DossierState.OPEN)
        .values(state=DossierState.PROCESSING, completed_at=None)
    )
