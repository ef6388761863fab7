"""What a one-stop client reads of the feed and says it has: event, file and client in one receipt."""

from typing import Any

from sqlalchemy import ColumnElement, Connection, false, func, insert, or_, select, update

from pipeline.ledger.audit import append_audit
from pipeline.ledger.outbox import DOSSIER_COMPLETED
from schemas.access import Principal, Role
from schemas.errors import AckMismatchError, NotFoundError
from schemas.handover import AckedFile, AckReceipt
from schemas.ledger import DossierCompleted, Event
from schemas.onestop_tables import acks
from schemas.tables import dossiers, events


def read_feed(connection: Connection, reader: Principal, after: int, limit: int) -> tuple[Event, ...]:
    """Published events above the cursor that `reader` may see, in order.

    A number once visible is followed by higher ones only (`outbox.publish_events`), so nothing is skipped.
    """
    query = select(events).where(events.c.publish_seq > after, visible(reader, events.c.record_code))
    return tuple(
        Event(
            id=row.id, sequence=row.publish_seq, type=row.type, created_at=row.created_at, payload=row.payload
        )
        for row in connection.execute(query.order_by(events.c.publish_seq).limit(limit))
    )


def visible(reader: Principal, record_code: ColumnElement[str]) -> ColumnElement[bool]:
    """The condition under which `reader` sees a line of the feed with this record code."""
    if reader.role is not Role.ONESTOP:
        return ~false() if reader.role in {Role.OPERATOR, Role.SUPERVISOR} else false()
    return or_(
        false(),
        *(
            record_code.startswith(f"{agency}{after}", autoescape=True)
            for agency in reader.agencies
            for after in "-."
        ),
    )


def acknowledge(
    connection: Connection, client: Principal, event_id: str, files: tuple[AckedFile, ...], now: float
) -> AckReceipt:
    """Note that `client` has these files of the event; once, however often it says so.

    Raises `NotFoundError` where there is no such event for it, `AckMismatchError` where a file is not the
    event's: nothing is noted then.
    """
    row = connection.execute(
        select(events).where(
            events.c.id == event_id,
            events.c.publish_seq.is_not(None),
            visible(client, events.c.record_code),
        )
    ).first()
    if row is None:
        raise NotFoundError("no such event", advice="take event ids from /v1/events")
    if row.type != DOSSIER_COMPLETED:
        raise NotFoundError("the event has no files", advice="only files are acknowledged")
    payload = DossierCompleted.model_validate(row.payload)
    told = {document.ordinal: (document.rendition, document.sha256) for document in payload.documents}
    for file in files:
        if told.get(file.ordinal) != (file.rendition, file.sha256):
            raise AckMismatchError(f"document {file.ordinal} of the event is another file")
    # The dossier's row, so that two acknowledgements at once do not both insert.
    connection.execute(select(dossiers.c.id).where(dossiers.c.id == row.dossier_id).with_for_update())
    before = {file.ordinal for file in _read_acked(connection, client.key_id, event_id)}
    new = {file.ordinal: file for file in files if file.ordinal not in before}
    for file in new.values():
        connection.execute(
            insert(acks).values(
                client=client.key_id,
                event_id=event_id,
                ordinal=file.ordinal,
                rendition=file.rendition,
                sha256=file.sha256,
                acked_at=now,
            )
        )
        append_audit(
            connection,
            client.actor,
            "file.acknowledged",
            row.dossier_id,
            now,
            event=event_id,
            document=file.ordinal,
            rendition=file.rendition,
            sha256=file.sha256,
        )
    acked = _read_acked(connection, client.key_id, event_id)
    whole = len(acked) == len(told)
    if whole:
        connection.execute(
            update(dossiers)
            .where(dossiers.c.id == row.dossier_id, dossiers.c.attached_at.is_(None))
            .values(attached_at=now)
        )
    return AckReceipt(event_id, client.key_id, acked, complete=whole, record_code=row.record_code)


def read_receipts(connection: Connection, reader: Principal, event_id: str) -> tuple[AckReceipt, ...]:
    """What was acknowledged of an event: a client sees its own receipt, operators and supervisors all.

    Raises `NotFoundError`.
    """
    row = connection.execute(
        select(events).where(events.c.id == event_id, visible(reader, events.c.record_code))
    ).first()
    if row is None:
        raise NotFoundError("no such event", advice="take event ids from /v1/events")
    if row.type != DOSSIER_COMPLETED:
        return ()
    count = len(DossierCompleted.model_validate(row.payload).documents)
    clients = connection.execute(
        select(acks.c.client).where(acks.c.event_id == event_id).distinct().order_by(acks.c.client)
    ).scalars()
    seen = [client for client in clients if reader.role is not Role.ONESTOP or client == reader.key_id]
    return tuple(
        AckReceipt(event_id, client, files, complete=len(files) == count, record_code=row.record_code)
        for client in seen
        for files in (_read_acked(connection, client, event_id),)
    )


def read_acked_files(connection: Connection, client: str, event_id: str) -> tuple[AckedFile, ...]:
    """What a client has acknowledged of an event, by ordinal."""
    return _read_acked(connection, client, event_id)


def measure_lag(connection: Connection, now: float) -> tuple[int, float]:
    """How many published events nobody has acknowledged, and the age of the oldest in seconds."""
    unacked = select(func.count(), func.min(events.c.created_at)).where(
        events.c.publish_seq.is_not(None),
        events.c.type == DOSSIER_COMPLETED,
        ~select(acks.c.event_id).where(acks.c.event_id == events.c.id).exists(),
    )
    count, oldest = connection.execute(unacked).one()
    return count, now - oldest if oldest is not None else 0.0


def _read_acked(connection: Connection, client: str, event_id: str) -> tuple[AckedFile, ...]:
    query: Any = (
        select(acks).where(acks.c.client == client, acks.c.event_id == event_id).order_by(acks.c.ordinal)
    )
    return tuple(
        AckedFile(row.ordinal, row.rendition, row.sha256, row.acked_at) for row in connection.execute(query)
    )
