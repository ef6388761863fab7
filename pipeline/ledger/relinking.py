"""A ledger restored from an older backup takes up what the store's manifests know beyond it.

Pages that nobody read are queued, papers that nobody bound are bound, and the one-stop system is told anew
of each dossier that was complete: an event carries the id it had, so a reader that had it drops it. Numbers
of events jump, for the lost ones were read under numbers the restored ledger would give again.
"""

from enum import StrEnum

from sqlalchemy import Connection, func, insert, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.jobs import SUPERSEDED, add_job, lock_dossier, supersede_jobs
from pipeline.ledger.manifests import keep_row, tell_columns
from pipeline.ledger.milestones import refresh_history
from pipeline.ledger.outbox import publish_events
from pipeline.ledger.settling import settle_document, tell_completion
from schemas.dossier import DocumentState, DossierState, JobKind
from schemas.manifest import DossierManifest, ManifestDocument, ManifestPage
from schemas.tables import documents, dossiers, events, jobs, originals, pages, readings, records, renditions

EVENT_GAP = 1_000_000
"""How far event numbers jump after a relinking; more events than any day between two backups has."""


class Relinked(StrEnum):
    """What became of a manifest."""

    KNOWN = "known"
    ADDED = "added"
    BROUGHT_FORWARD = "brought forward"


def find_relink(connection: Connection, dossier_id: str, changes: int) -> Relinked:
    """What relinking the manifest of this number would do."""
    known = connection.execute(select(dossiers.c.changes).where(dossiers.c.id == dossier_id)).scalar()
    if known is None:
        return Relinked.ADDED
    return Relinked.KNOWN if known >= changes else Relinked.BROUGHT_FORWARD


def relink_dossier(connection: Connection, manifest: DossierManifest, actor: str, now: float) -> Relinked:
    """Bring the ledger to what the manifest says; nothing where it knows as much. One transaction."""
    done = find_relink(connection, manifest.dossier_id, manifest.changes)
    if done is Relinked.KNOWN:
        return done
    counted = {"changes": manifest.changes, "described": manifest.changes}
    row = manifest.row
    if done is Relinked.ADDED:
        code = row["record_code"]
        if connection.execute(select(records.c.code).where(records.c.code == code)).first() is None:
            connection.execute(insert(records).values(code=code, created_at=row["submitted_at"]))
        values = {**tell_columns(dossiers, row), "id": manifest.dossier_id, **counted}
        connection.execute(insert(dossiers).values(values))
    else:
        lock_dossier(connection, manifest.dossier_id)
        connection.execute(
            update(dossiers)
            .where(dossiers.c.id == manifest.dossier_id)
            .values(**{"completed_at": None, **tell_columns(dossiers, row), **counted})
        )
    for document in manifest.documents:
        _relink_document(connection, manifest.dossier_id, document, now)
    _tell_again(connection, manifest, now)
    append_audit(connection, actor, "dossier.relinked", manifest.dossier_id, now, changes=manifest.changes)
    refresh_history(connection, manifest.row["record_code"])
    return done


def publish_after_gap(connection: Connection) -> int:
    """Number the events of relinked dossiers beyond all numbers that may have been read; returns how many."""
    last = connection.execute(select(func.coalesce(func.max(events.c.publish_seq), 0))).scalar_one()
    first = connection.execute(
        select(events.c.id)
        .where(events.c.publish_seq.is_(None))
        .order_by(events.c.created_at, events.c.id)
        .limit(1)
    ).scalar()
    if first is None:
        return 0
    connection.execute(update(events).where(events.c.id == first).values(publish_seq=last + EVENT_GAP))
    return 1 + publish_events(connection)


def _relink_document(connection: Connection, dossier_id: str, document: ManifestDocument, now: float) -> None:
    values = {"failure": None, **tell_columns(documents, document.row)}
    known = select(documents.c.id).where(
        documents.c.dossier_id == dossier_id, documents.c.ordinal == values["ordinal"]
    )
    document_id = connection.execute(known).scalar()
    if document_id is None:
        document_id = keep_row(connection, documents, document.row, dossier_id=dossier_id)
    else:
        connection.execute(update(documents).where(documents.c.id == document_id).values(values))
        connection.execute(update(pages).where(pages.c.document_id == document_id).values(is_current=False))
    ids = {
        (page.row["number"], page.row["revision"]): _relink_page(connection, document_id, page)
        for page in document.pages
    }
    for made in document.renditions:
        there = select(renditions.c.id).where(renditions.c.key == made.row["key"])
        if connection.execute(there).first() is None:
            shown = {
                "page_ids": [ids[number, revision] for number, revision, _ in made.pages],
                "readings": [reading for *_, reading in made.pages],
            }
            keep_row(connection, renditions, made.row, document_id=document_id, **shown)
    _settle_jobs(connection, dossier_id, document_id, now)


def _relink_page(connection: Connection, document_id: int, page: ManifestPage) -> int:
    original = tell_columns(originals, page.original)
    known = select(originals.c.sha256).where(originals.c.sha256 == original["sha256"])
    if connection.execute(known).first() is None:
        connection.execute(insert(originals).values(original))
    found = select(pages.c.id).where(
        pages.c.document_id == document_id,
        pages.c.number == page.row["number"],
        pages.c.revision == page.row["revision"],
    )
    page_id: int | None = connection.execute(found).scalar()
    if page_id is None:
        page_id = keep_row(connection, pages, page.row, document_id=document_id)
    else:
        told = {"failure": None, **tell_columns(pages, page.row)}
        connection.execute(update(pages).where(pages.c.id == page_id).values(told))
    for read in page.readings:
        there = select(readings.c.number).where(
            readings.c.page_id == page_id, readings.c.number == read["number"]
        )
        if connection.execute(there).first() is None:
            connection.execute(insert(readings).values(page_id=page_id, **tell_columns(readings, read)))
    return page_id


def _settle_jobs(connection: Connection, dossier_id: str, document_id: int, now: float) -> None:
    """Jobs that the restored ledger had for what was done since are over; what is still to do is queued."""
    supersede_jobs(connection, jobs.c.document_id == document_id, f"{SUPERSEDED} a relinked manifest", now)
    unread = connection.execute(
        select(pages.c.id).where(
            pages.c.document_id == document_id,
            pages.c.is_current,
            pages.c.verdict.is_(None),
            pages.c.failure.is_(None),
        )
    ).scalars()
    for page_id in unread.all():
        add_job(connection, JobKind.PAGE, dossier_id, document_id, page_id, now)
    state = connection.execute(select(documents.c.state).where(documents.c.id == document_id)).scalar()
    if state in {DocumentState.PENDING, DocumentState.PROCESSING}:
        settle_document(connection, document_id, now)


def _tell_again(connection: Connection, manifest: DossierManifest, now: float) -> None:
    completions: int = manifest.row["completions"]
    if not completions or manifest.row["state"] != DossierState.COMPLETE:
        return
    known = select(events.c.id).where(
        events.c.dossier_id == manifest.dossier_id, events.c.completion == completions
    )
    if connection.execute(known).first() is None:
        tell_completion(connection, manifest.dossier_id, now)
