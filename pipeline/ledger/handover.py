"""A dossier that comes page by page: opened with its papers, filled (`receiving`), submitted.

Pages are read from the moment they come; nothing is bound before the dossier was submitted.
"""

import hashlib
from uuid import uuid4

from sqlalchemy import Connection, delete, insert, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.database import insert_once
from pipeline.ledger.jobs import lock_dossier
from pipeline.ledger.manifests import mark_changed
from pipeline.ledger.milestones import refresh_history
from pipeline.ledger.procedures import check_procedure
from pipeline.ledger.settling import settle_document, settle_dossier
from schemas.dossier import DocumentState, DossierState
from schemas.errors import (
    IdempotencyConflictError,
    PagesMissingError,
)
from schemas.handover import OpenedDossier
from schemas.tables import documents, dossiers, idempotency_keys, pages, records


def open_dossier(
    connection: Connection, new: OpenedDossier, actor: str, now: float, idempotency_key: str
) -> tuple[str, bool]:
    """Open a hand-over; returns its id and whether this is an answer to a repeated request.

    Raises `IdempotencyConflictError` where the station's key came before with another request,
    `ProcedureNotAcceptedError`.
    """
    owner = f"{new.office}/{new.station}"
    request = hashlib.sha256(repr(new).encode()).hexdigest()
    known = connection.execute(
        select(idempotency_keys).where(
            idempotency_keys.c.owner == owner, idempotency_keys.c.key == idempotency_key
        )
    ).first()
    if known is not None:
        if known.request_sha256 != request:
            raise IdempotencyConflictError("this Idempotency-Key opened another dossier")
        return str(known.dossier_id), True
    if new.kind == "intake":  # a result goes back by whatever way the citizen chose
        check_procedure(connection, new.procedure_code, now)
    dossier_id = str(uuid4())
    _insert_dossier(connection, dossier_id, new, now)
    connection.execute(
        insert(idempotency_keys).values(
            owner=owner, key=idempotency_key, request_sha256=request, dossier_id=dossier_id, created_at=now
        )
    )
    append_audit(
        connection,
        actor,
        "dossier.opened",
        dossier_id,
        now,
        record_code=new.record_code,
        documents=len(new.papers),
    )
    return dossier_id, False


def forget_idempotency_keys(connection: Connection, before: float) -> int:
    """Forget the keys of requests older than `before`; returns how many."""
    gone = connection.execute(delete(idempotency_keys).where(idempotency_keys.c.created_at < before))
    return gone.rowcount


def submit_opened(
    connection: Connection, dossier_id: str, actor: str, now: float, *, fewer_pages: bool = False
) -> bool:
    """The hand-over is whole: bind what was read. False where it was submitted before.

    `fewer_pages`: the clerk says that papers have fewer pages than were declared; a paper without any page,
    or one that is missing between others, is never let through. Raises `PagesMissingError`, `NotFoundError`.
    """
    lock_dossier(connection, dossier_id)
    state = connection.execute(select(dossiers.c.state).where(dossiers.c.id == dossier_id)).scalar_one()
    if state != DossierState.OPEN:
        return False
    papers = connection.execute(
        select(documents).where(documents.c.dossier_id == dossier_id).order_by(documents.c.ordinal)
    ).all()
    counted: dict[int, int] = {}
    missing: list[str] = []
    for paper in papers:
        if paper.not_digitised is not None:
            continue
        numbers = set(
            connection.execute(
                select(pages.c.number).where(pages.c.document_id == paper.id, pages.c.is_current)
            ).scalars()
        )
        expected = max(numbers, default=1)
        if not fewer_pages:
            expected = max(expected, paper.declared_pages or 1)
        missing += [f"{paper.ordinal}:{n}" for n in range(1, expected + 1) if n not in numbers]
        counted[paper.id] = expected
    if missing:
        raise PagesMissingError(f"{len(missing)} pages have not come", tuple(missing))
    connection.execute(
        update(dossiers)
        .where(dossiers.c.id == dossier_id)
        .values(state=DossierState.SUBMITTED, submitted_at=now)
    )
    mark_changed(connection, dossier_id)
    connection.execute(
        update(documents)
        .where(documents.c.dossier_id == dossier_id, documents.c.not_digitised.is_not(None))
        .values(state=DocumentState.COMPLETE)
    )
    for document_id, count in counted.items():
        connection.execute(update(documents).where(documents.c.id == document_id).values(page_count=count))
        settle_document(connection, document_id, now)
    append_audit(
        connection,
        actor,
        "dossier.submitted",
        dossier_id,
        now,
        record_code=_record_code(connection, dossier_id),
        documents=len(papers),
        pages=sum(counted.values()),
    )
    refresh_history(connection, _record_code(connection, dossier_id))
    if not counted:
        settle_dossier(connection, dossier_id, now)
    return True


def _insert_dossier(connection: Connection, dossier_id: str, new: OpenedDossier, now: float) -> None:
    insert_once(connection, records, code=new.record_code, created_at=now)
    connection.execute(
        insert(dossiers).values(
            id=dossier_id,
            record_code=new.record_code,
            kind=new.kind,
            procedure_code=new.procedure_code,
            state=DossierState.OPEN,
            priority=new.priority,
            submitted_at=now,
            opened_at=now,
            office=new.office,
            station=new.station,
        )
    )
    connection.execute(
        insert(documents),
        [
            {
                "dossier_id": dossier_id,
                "ordinal": ordinal,
                "type_code": paper.type_code,
                "title": paper.title,
                "page_count": paper.declared_pages or 1,
                "declared_pages": paper.declared_pages,
                "not_digitised": paper.not_digitised,
                "state": DocumentState.PENDING,
            }
            for ordinal, paper in enumerate(new.papers, 1)
        ],
    )


def _record_code(connection: Connection, dossier_id: str) -> str:
    return str(
        connection.execute(select(dossiers.c.record_code).where(dossiers.c.id == dossier_id)).scalar_one()
    )
