"""Deliveries: one for each event and endpoint; claimed with a lease, in order within a record, retried, dead.

Whoever claims or queues deliveries of an endpoint holds its row first, so that the order of a record is
decided by one transaction at a time. SQLite has one writer at a time and ignores row locks.
"""

from typing import Any

from sqlalchemy import Connection, Row, and_, exists, func, insert, literal_column, or_, select, update

from pipeline.ledger.acks import visible
from pipeline.ledger.audit import SYSTEM, append_audit
from pipeline.ledger.endpoints import disable_endpoint, list_endpoints, read_endpoint
from pipeline.ledger.outbox import DOSSIER_COMPLETED
from schemas.access import Principal, Role
from schemas.delivery import (
    DeliveryClaim,
    DeliveryPolicy,
    DeliveryState,
    DeliveryStatus,
    DeliveryTally,
    Endpoint,
    EndpointState,
    ReplayChoice,
    SendOutcome,
)
from schemas.errors import LeaseLostError, NotFoundError
from schemas.ledger import Event
from schemas.onestop_tables import deliveries, endpoints
from schemas.tables import events

FED_AT_ONCE = 500
LOST_PROCESS = "the delivering process died or held it past its lease"
MAX_FAILURE = 300

# Literals, not parameters: only so do both databases use the partial indexes.
_QUEUED = deliveries.c.state == literal_column("'queued'")
_RUNNING = deliveries.c.state == literal_column("'running'")


def find_due(connection: Connection, now: float) -> tuple[Endpoint, ...]:
    """Active endpoints with anything to do. A cheap question, asked every second."""
    newest = connection.execute(select(func.coalesce(func.max(events.c.publish_seq), 0))).scalar_one()
    due = []
    for endpoint in list_endpoints(connection):
        if endpoint.state is not EndpointState.ACTIVE or not endpoint.agencies:
            continue
        waits = select(deliveries.c.id).where(
            deliveries.c.endpoint == endpoint.id, _QUEUED, deliveries.c.next_attempt_at <= now
        )
        lost = select(deliveries.c.id).where(
            deliveries.c.endpoint == endpoint.id, _RUNNING, deliveries.c.lease_until < now
        )
        if endpoint.fed_seq < newest or any(
            connection.execute(query.limit(1)).first() is not None for query in (waits, lost)
        ):
            due.append(endpoint)
    return tuple(due)


def feed_endpoint(connection: Connection, endpoint_id: str, now: float) -> bool:
    """Queue what was published since for it, oldest first; is there more? Raises `NotFoundError`."""
    endpoint = read_endpoint(connection, endpoint_id, hold=True)
    newest = connection.execute(select(func.coalesce(func.max(events.c.publish_seq), 0))).scalar_one()
    reader = Principal(endpoint.client, Role.ONESTOP, agencies=endpoint.agencies)
    query = select(events.c.id, events.c.publish_seq, events.c.record_code).where(
        events.c.publish_seq > endpoint.fed_seq,
        events.c.publish_seq <= newest,
        visible(reader, events.c.record_code),
    )
    if endpoint.adapter == "portal":  # it has no form for the rest
        query = query.where(events.c.type == DOSSIER_COMPLETED)
    rows = connection.execute(query.order_by(events.c.publish_seq).limit(FED_AT_ONCE)).all()
    if rows:
        new = [
            {
                "endpoint": endpoint_id,
                "event_id": row.id,
                "record_code": row.record_code,
                "sequence": row.publish_seq,
                "state": DeliveryState.QUEUED,
                "next_attempt_at": now,
                "created_at": now,
            }
            for row in rows
        ]
        connection.execute(insert(deliveries), new)
    more = len(rows) == FED_AT_ONCE
    fed = rows[-1].publish_seq if more else newest
    if fed != endpoint.fed_seq:
        connection.execute(update(endpoints).where(endpoints.c.id == endpoint_id).values(fed_seq=fed))
    return more


def claim_deliveries(
    connection: Connection, endpoint_id: str, owner: str, lease_s: float, limit: int, now: float
) -> tuple[DeliveryClaim, ...]:
    """Take up to `limit` due deliveries, of different records. None of an endpoint that is disabled.

    A record's event waits while an earlier one is queued or any of it is under way. Raises `NotFoundError`.
    """
    endpoint = read_endpoint(connection, endpoint_id, hold=True)
    if endpoint.state is not EndpointState.ACTIVE or not endpoint.agencies:
        return ()
    other = deliveries.alias("other")
    in_the_way = exists().where(
        other.c.endpoint == deliveries.c.endpoint,
        other.c.record_code == deliveries.c.record_code,
        other.c.state.in_([literal_column("'queued'"), literal_column("'running'")]),
        or_(
            other.c.state == literal_column("'running'"),
            other.c.sequence < deliveries.c.sequence,
        ),
    )
    due = (
        select(deliveries.c.id)
        .where(
            deliveries.c.endpoint == endpoint_id, _QUEUED, deliveries.c.next_attempt_at <= now, ~in_the_way
        )
        .order_by(deliveries.c.next_attempt_at, deliveries.c.sequence)
        .limit(limit)
    )
    ids = connection.execute(due).scalars().all()
    rows = connection.execute(
        update(deliveries)
        .where(deliveries.c.id.in_(ids))
        .values(
            state=DeliveryState.RUNNING,
            owner=owner,
            lease_until=now + lease_s,
            attempt=deliveries.c.attempt + 1,
            fence=deliveries.c.fence + 1,
        )
        .returning(deliveries)
    ).all()
    return tuple(
        DeliveryClaim(
            id=row.id,
            endpoint=endpoint,
            event_id=row.event_id,
            record_code=row.record_code,
            owner=owner,
            attempt=row.attempt,
            fence=row.fence,
            lease_until=row.lease_until,
        )
        for row in sorted(rows, key=lambda row: row.sequence)
    )


def read_event(connection: Connection, event_id: str) -> Event:
    """A published event. Raises `NotFoundError`."""
    row = connection.execute(
        select(events).where(events.c.id == event_id, events.c.publish_seq.is_not(None))
    ).first()
    if row is None:
        raise NotFoundError("no such event", advice="look at 'sohoa deliver status'")
    return Event(
        id=row.id, sequence=row.publish_seq, type=row.type, created_at=row.created_at, payload=row.payload
    )


def was_told(connection: Connection, endpoint_id: str, record_code: str) -> bool:
    """Did the endpoint take any event of this record before?"""
    taken = select(deliveries.c.id).where(
        deliveries.c.endpoint == endpoint_id,
        deliveries.c.record_code == record_code,
        deliveries.c.ended_at.is_not(None),
        deliveries.c.state == DeliveryState.DELIVERED,
    )
    return connection.execute(taken.limit(1)).first() is not None


def end_attempt(
    connection: Connection,
    claim: DeliveryClaim,
    outcome: SendOutcome,
    policy: DeliveryPolicy,
    draw: float,
    now: float,
) -> DeliveryState:
    """What came of an attempt: delivered, queued for later, dead after the last; 410 ends the endpoint.

    `draw` (0 to 1) is this delay's jitter. Raises `LeaseLostError` where it is no longer this process'.
    """
    if outcome.failure is None:
        _end(connection, claim, now, state=DeliveryState.DELIVERED, status=outcome.status, failure=None)
        _note(connection, claim, "event.delivered", now, attempt=claim.attempt)
        return DeliveryState.DELIVERED
    told = {"status": outcome.status, "failure": outcome.failure[:MAX_FAILURE]}
    if outcome.gone:
        _stop_endpoint(connection, claim, outcome, now)
        return DeliveryState.QUEUED
    if claim.attempt >= policy.attempts:
        _end(connection, claim, now, state=DeliveryState.DEAD, **told)
        _note(connection, claim, "delivery.dead", now, attempt=claim.attempt)
        return DeliveryState.DEAD
    wait_s = delay_after(claim.attempt, policy, draw)
    if outcome.retry_after_s is not None:
        wait_s = max(wait_s, min(outcome.retry_after_s, policy.max_delay_s))
    _let_go(connection, claim, next_attempt_at=now + wait_s, **told)
    return DeliveryState.QUEUED


def delay_after(attempt: int, policy: DeliveryPolicy, draw: float) -> float:
    """Seconds until the next attempt: doubled each time up to the longest, of it half and `draw` of the
    other half, so that what failed together does not come back together."""
    whole = min(policy.max_delay_s, policy.first_delay_s * 2.0 ** min(attempt - 1, 60))
    return whole * (0.5 + 0.5 * draw)


def release_delivery(connection: Connection, claim: DeliveryClaim) -> None:
    """Give it back untried: the attempt does not count. Raises `LeaseLostError`."""
    _let_go(connection, claim, attempt=claim.attempt - 1)


def requeue_lost(connection: Connection, endpoint_id: str, policy: DeliveryPolicy, now: float) -> int:
    """Queue what dead processes held again, or end it after the last attempt; returns how many.

    The attempt counts: it may have arrived. Raises `NotFoundError`.
    """
    read_endpoint(connection, endpoint_id, hold=True)
    lost = and_(deliveries.c.endpoint == endpoint_id, _RUNNING, deliveries.c.lease_until < now)
    rows = connection.execute(select(deliveries).where(lost)).all()
    for row in rows:
        over = row.attempt >= policy.attempts
        connection.execute(
            update(deliveries)
            .where(deliveries.c.id == row.id, lost)
            .values(
                state=DeliveryState.DEAD if over else DeliveryState.QUEUED,
                owner=None,
                lease_until=None,
                failure=LOST_PROCESS,
                next_attempt_at=now,
                ended_at=now if over else None,
            )
        )
    return len(rows)


def replay(connection: Connection, endpoint_id: str, chosen: ReplayChoice, actor: str, now: float) -> int:
    """Queue what was delivered or is dead once more, with all its attempts and the same webhook-id.

    Returns how many. Raises `NotFoundError`.
    """
    read_endpoint(connection, endpoint_id, hold=True)
    ended = [DeliveryState.DEAD] if chosen.only_dead else [DeliveryState.DEAD, DeliveryState.DELIVERED]
    wanted = [deliveries.c.endpoint == endpoint_id, deliveries.c.state.in_(ended)]
    if chosen.event_id is not None:
        wanted.append(deliveries.c.event_id == chosen.event_id)
    told = select(events.c.id)
    if chosen.since is not None:
        told = told.where(events.c.created_at >= chosen.since)
    if chosen.until is not None:
        told = told.where(events.c.created_at < chosen.until)
    if chosen.since is not None or chosen.until is not None:
        wanted.append(deliveries.c.event_id.in_(told))
    queued = connection.execute(
        update(deliveries)
        .where(*wanted)
        .values(
            state=DeliveryState.QUEUED,
            attempt=0,
            next_attempt_at=now,
            ended_at=None,
            status=None,
            failure=None,
        )
    ).rowcount
    if queued:
        append_audit(connection, actor, "delivery.replayed", endpoint_id, now, events=queued)
    return queued


def tally_deliveries(connection: Connection) -> tuple[DeliveryTally, ...]:
    """Every endpoint and how many of its deliveries stand where."""
    found: dict[str, dict[DeliveryState, int]] = {}
    counted = select(deliveries.c.endpoint, deliveries.c.state, func.count()).group_by(
        deliveries.c.endpoint, deliveries.c.state
    )
    for endpoint_id, state, count in connection.execute(counted):
        found.setdefault(endpoint_id, {})[DeliveryState(state)] = count
    oldest = dict(
        connection.execute(
            select(deliveries.c.endpoint, func.min(deliveries.c.created_at))
            .where(or_(_QUEUED, _RUNNING))
            .group_by(deliveries.c.endpoint)
        )
        .tuples()
        .all()
    )
    return tuple(
        DeliveryTally(one, found.get(one.id, {}), oldest.get(one.id)) for one in list_endpoints(connection)
    )


def list_deliveries(
    connection: Connection,
    *,
    endpoint_id: str | None = None,
    state: DeliveryState | None = None,
    limit: int = 100,
) -> tuple[DeliveryStatus, ...]:
    """The newest deliveries first."""
    query = select(deliveries).order_by(deliveries.c.id.desc()).limit(limit)
    if endpoint_id is not None:
        query = query.where(deliveries.c.endpoint == endpoint_id)
    if state is not None:
        query = query.where(deliveries.c.state == state)
    return tuple(_status(row) for row in connection.execute(query))


def _stop_endpoint(connection: Connection, claim: DeliveryClaim, outcome: SendOutcome, now: float) -> None:
    """It wants nothing more. What is queued for it waits, this one among it, should it be enabled again."""
    held = read_endpoint(connection, claim.endpoint.id, hold=True)
    _let_go(
        connection,
        claim,
        attempt=claim.attempt - 1,
        status=outcome.status,
        failure=(outcome.failure or "")[:MAX_FAILURE],
    )
    if held.state is EndpointState.ACTIVE:
        disable_endpoint(connection, claim.endpoint.id, outcome.failure or "gone", SYSTEM, now)


def _end(connection: Connection, claim: DeliveryClaim, now: float, **told: object) -> None:
    _let_go(connection, claim, ended_at=now, **told)


def _let_go(connection: Connection, claim: DeliveryClaim, **told: object) -> None:
    values = {"state": DeliveryState.QUEUED, "owner": None, "lease_until": None, **told}
    held = and_(
        deliveries.c.id == claim.id,
        deliveries.c.state == DeliveryState.RUNNING,
        deliveries.c.owner == claim.owner,
        deliveries.c.fence == claim.fence,
    )
    if connection.execute(update(deliveries).where(held).values(values)).rowcount != 1:
        raise LeaseLostError(f"delivery {claim.id} is no longer this process'")


def _note(connection: Connection, claim: DeliveryClaim, action: str, now: float, *, attempt: int) -> None:
    append_audit(
        connection,
        SYSTEM,
        action,
        claim.record_code,
        now,
        event=claim.event_id,
        endpoint=claim.endpoint.id,
        attempt=attempt,
    )


def _status(row: Row[Any]) -> DeliveryStatus:
    return DeliveryStatus(
        id=row.id,
        endpoint=row.endpoint,
        event_id=row.event_id,
        record_code=row.record_code,
        state=DeliveryState(row.state),
        attempt=row.attempt,
        status=row.status,
        failure=row.failure,
        next_attempt_at=row.next_attempt_at,
        ended_at=row.ended_at,
    )
