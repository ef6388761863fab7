"""The outbox: events are written with the change they tell of, and numbered by one relay afterwards.

Numbers given inside the writing transactions would become visible out of order on PostgreSQL, and a
reader's cursor would skip events (facts/services.md, "Outbox and delivery").
"""

from uuid import UUID, uuid5

from sqlalchemy import Connection, func, insert, select, update

from pipeline.ledger.database import hold_lock
from schemas.ledger import DossierCompleted, Event, MilestoneReported
from schemas.tables import events

DOSSIER_COMPLETED = "dossier.completed"
RECORD_MILESTONE = "record.milestone"

_RELAY_LOCK = 0x50404F43
_MILESTONES = UUID("6f9d1c52-6a34-5b0e-9a51-0c6f3a2f6f11")
"""Names the ids of milestones' events, so that they look like any other's."""


def add_event(connection: Connection, payload: DossierCompleted, completion: int, now: float) -> None:
    """Write down that a dossier is complete for the `completion`-th time; its id says so, once."""
    connection.execute(
        insert(events).values(
            id=f"{payload.dossier_id}.{completion}",
            type=DOSSIER_COMPLETED,
            record_code=payload.record_code,
            dossier_id=payload.dossier_id,
            completion=completion,
            payload=payload.model_dump(mode="json"),
            created_at=now,
        )
    )


def add_milestone_event(connection: Connection, payload: MilestoneReported, now: float) -> None:
    """Write down that a milestone was reported for the first time."""
    connection.execute(
        insert(events).values(
            id=f"{uuid5(_MILESTONES, payload.milestone_id)}.1",
            type=RECORD_MILESTONE,
            record_code=payload.record_code,
            dossier_id=None,
            completion=1,
            payload=payload.model_dump(mode="json"),
            created_at=now,
        )
    )


def publish_events(connection: Connection) -> int:
    """Number what is not numbered yet, oldest first; returns how many. One relay at a time."""
    waiting = select(events.c.id).where(events.c.publish_seq.is_(None))
    hold_lock(connection, _RELAY_LOCK)
    ids = connection.execute(waiting.order_by(events.c.created_at, events.c.id)).scalars().all()
    last = connection.execute(select(func.coalesce(func.max(events.c.publish_seq), 0))).scalar_one()
    for sequence, event_id in enumerate(ids, last + 1):
        connection.execute(update(events).where(events.c.id == event_id).values(publish_seq=sequence))
    return len(ids)


def count_unpublished(connection: Connection) -> int:
    """How many events wait for the relay."""
    return int(
        connection.execute(
            select(func.count()).select_from(events).where(events.c.publish_seq.is_(None))
        ).scalar_one()
    )


def read_events(connection: Connection, after: int = 0, limit: int = 100) -> tuple[Event, ...]:
    """Published events with a sequence above `after`, in order."""
    rows = connection.execute(
        select(events).where(events.c.publish_seq > after).order_by(events.c.publish_seq).limit(limit)
    )
    return tuple(
        Event(
            id=row.id, sequence=row.publish_seq, type=row.type, created_at=row.created_at, payload=row.payload
        )
        for row in rows
    )
