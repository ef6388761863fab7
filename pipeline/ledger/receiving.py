"""Pages of an opened dossier come, one by one or a file at a time, and again; each has its receipt."""

from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, insert, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.dossiers import add_page, keep_original, replace_page
from pipeline.ledger.jobs import add_job, lock_dossier, supersede_jobs
from pipeline.ledger.manifests import mark_changed
from schemas.dossier import DossierState, JobKind
from schemas.errors import (
    ConflictError,
    NotFoundError,
    PageNotFlaggedError,
)
from schemas.handover import FastLook, PageReceipt
from schemas.ledger import Original
from schemas.page import Reason, Verdict
from schemas.tables import documents, dossiers, fast_looks, jobs, originals, pages

FLAGGED = (Verdict.UNREADABLE, Verdict.REVIEW)
"""Verdicts with which a page may be scanned again after the hand-over."""


def find_received(
    connection: Connection, dossier_id: str, page: tuple[int, int], sha256: str
) -> PageReceipt | None:
    """The receipt of these very bytes as this page (ordinal, number), where they came before."""
    row = connection.execute(
        _select_receipts(dossier_id, page[0])
        .where(pages.c.number == page[1], pages.c.original_sha256 == sha256)
        .order_by(pages.c.revision.desc())
        .limit(1)
    ).first()
    return None if row is None else _receipt(row, replayed=True)


def find_received_file(
    connection: Connection, dossier_id: str, ordinal: int, sha256: str
) -> tuple[PageReceipt, ...]:
    """The receipts of the pages of a whole file, where its bytes came before; else none.

    Raises `NotFoundError`.
    """
    _find_document(connection, dossier_id, ordinal)
    rows = connection.execute(
        _select_receipts(dossier_id, ordinal)
        .where(pages.c.original_sha256 == sha256)
        .order_by(pages.c.number, pages.c.revision)
    ).all()
    newest = {row.number: row for row in rows}
    return tuple(_receipt(row, replayed=True) for row in newest.values())


def check_place(
    connection: Connection, dossier_id: str, page: tuple[int, int], sha256: str
) -> PageReceipt | None:
    """Before anything is spent on it: may these bytes come as this page (ordinal, number)?

    The receipt, where they came before. Raises as `receive_page`.
    """
    document_id, state = _find_document(connection, dossier_id, page[0])
    known = find_received(connection, dossier_id, page, sha256)
    if known is None and state != DossierState.OPEN:
        _check_flagged(_find_current(connection, document_id, page[1]), page)
    return known


def receive_page(
    connection: Connection,
    dossier_id: str,
    page: tuple[int, int],
    original: Original,
    look: FastLook,
    actor: str,
    now: float,
) -> PageReceipt:
    """Take a page (ordinal, number): a one-page original that is in the store, and queue its reading.

    The same bytes again change nothing, however late they come. Other bytes are a new revision: freely
    while the dossier is open, afterwards only of a page that is flagged. Raises `NotFoundError`,
    `PageNotFlaggedError`, `ConflictError`.
    """
    lock_dossier(connection, dossier_id)
    document_id, state = _find_document(connection, dossier_id, page[0])
    known = find_received(connection, dossier_id, page, original.sha256)
    if known is not None:
        return known
    current = _find_current(connection, document_id, page[1])
    if state != DossierState.OPEN:
        _check_flagged(current, page)
    if current is not None:
        replace_page(connection, dossier_id, page, original, actor, now)
    else:
        keep_original(connection, original, now)
        _queue_page(connection, dossier_id, document_id, page[1], original, 1, now)
        append_audit(
            connection,
            actor,
            "page.received",
            dossier_id,
            now,
            page=f"{page[0]}:{page[1]}",
            sha256=original.sha256,
        )
    _keep_look(connection, document_id, page[1], look)
    mark_changed(connection, dossier_id)
    made = find_received(connection, dossier_id, page, original.sha256)
    if made is None:
        raise NotFoundError(f"page {page[0]}:{page[1]} was not written")
    return replace(made, replayed=False)


def receive_file(
    connection: Connection,
    dossier_id: str,
    ordinal: int,
    original: Original,
    looks: tuple[FastLook | None, ...],
    actor: str,
    now: float,
) -> tuple[PageReceipt, ...]:
    """Take a whole document as one file of `len(looks)` pages; it takes the place of whatever had come.

    Raises `NotFoundError`; `ConflictError` where the dossier was submitted already.
    """
    lock_dossier(connection, dossier_id)
    document_id, state = _find_document(connection, dossier_id, ordinal)
    known = find_received_file(connection, dossier_id, ordinal, original.sha256)
    if known:
        return known
    if state != DossierState.OPEN:
        raise ConflictError(
            f"dossier {dossier_id} was submitted already", advice="send flagged pages one by one"
        )
    keep_original(connection, original, now)
    old = pages.c.id.in_(select(pages.c.id).where(pages.c.document_id == document_id, pages.c.is_current))
    supersede_jobs(connection, jobs.c.document_id == document_id, "superseded by another file", now)
    connection.execute(update(pages).where(old).values(is_current=False))
    for number, look in enumerate(looks, 1):
        _queue_page(connection, dossier_id, document_id, number, original, number, now)
        if look is not None:
            _keep_look(connection, document_id, number, look)
    append_audit(
        connection,
        actor,
        "file.received",
        dossier_id,
        now,
        document=ordinal,
        pages=len(looks),
        sha256=original.sha256,
    )
    mark_changed(connection, dossier_id)
    made = find_received_file(connection, dossier_id, ordinal, original.sha256)
    return tuple(replace(receipt, replayed=False) for receipt in made)


def _find_document(connection: Connection, dossier_id: str, ordinal: int) -> tuple[int, str]:
    """Its id, and the state of its dossier. Raises `ConflictError` for a paper that is not to be scanned."""
    row = connection.execute(
        select(documents.c.id, documents.c.not_digitised, dossiers.c.state.label("dossier_state"))
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(documents.c.dossier_id == dossier_id, documents.c.ordinal == ordinal)
    ).first()
    if row is None:
        raise NotFoundError(
            f"dossier {dossier_id} has no document {ordinal}", advice="papers are named when it is opened"
        )
    if row.not_digitised is not None:
        raise ConflictError(
            f"document {ordinal} is not to be digitised", advice="open another dossier for it"
        )
    return row.id, row.dossier_state


def _find_current(connection: Connection, document_id: int, number: int) -> Row[Any] | None:
    query: Select[Any] = (
        select(pages, fast_looks.c.verdict.label("look"))
        .outerjoin(fast_looks, fast_looks.c.page_id == pages.c.id)
        .where(pages.c.document_id == document_id, pages.c.number == number, pages.c.is_current)
    )
    return connection.execute(query).first()


def _check_flagged(current: Row[Any] | None, page: tuple[int, int]) -> None:
    name = f"page {page[0]}:{page[1]}"
    if current is None:
        raise ConflictError(f"{name} is new, and the dossier was submitted", advice="open another dossier")
    waits = current.verdict in FLAGGED and current.accepted_reason is None
    unread = current.verdict is None and current.look == Verdict.UNREADABLE
    if not waits and not unread and current.failure is None:
        raise PageNotFlaggedError(f"{name} does not wait for a rescan")


def _queue_page(
    connection: Connection,
    dossier_id: str,
    document_id: int,
    number: int,
    original: Original,
    source_page: int,
    now: float,
) -> None:
    last = connection.execute(
        select(func.coalesce(func.max(pages.c.revision), 0)).where(
            pages.c.document_id == document_id, pages.c.number == number
        )
    ).scalar_one()
    page_id = add_page(connection, document_id, (number, last + 1), original, source_page, now)
    add_job(connection, JobKind.PAGE, dossier_id, document_id, page_id, now)


def _keep_look(connection: Connection, document_id: int, number: int, look: FastLook) -> None:
    page_id = connection.execute(
        select(pages.c.id).where(
            pages.c.document_id == document_id, pages.c.number == number, pages.c.is_current
        )
    ).scalar_one()
    connection.execute(
        insert(fast_looks).values(
            page_id=page_id,
            verdict=look.verdict,
            reasons=list(look.reasons),
            p_unreadable=look.p_unreadable,
        )
    )


def _select_receipts(dossier_id: str, ordinal: int) -> Any:
    return (
        select(pages, originals.c.size, originals.c.media_type, fast_looks)
        .join(documents, documents.c.id == pages.c.document_id)
        .join(originals, originals.c.sha256 == pages.c.original_sha256)
        .outerjoin(fast_looks, fast_looks.c.page_id == pages.c.id)
        .where(and_(documents.c.dossier_id == dossier_id, documents.c.ordinal == ordinal))
    )


def _receipt(row: Row[Any], *, replayed: bool) -> PageReceipt:
    told = row._mapping  # two tables have `verdict` and `reasons`
    look = None
    if told[fast_looks.c.page_id] is not None:
        look = FastLook(
            Verdict(told[fast_looks.c.verdict]),
            tuple(Reason(reason) for reason in told[fast_looks.c.reasons]),
            told[fast_looks.c.p_unreadable],
        )
    return PageReceipt(
        number=row.number,
        revision=row.revision,
        sha256=row.original_sha256,
        size=row.size,
        media_type=row.media_type,
        received_at=row.created_at,
        look=look,
        replayed=replayed,
        current=row.is_current,
    )
