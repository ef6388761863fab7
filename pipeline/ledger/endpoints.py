"""Endpoints of one-stop clients: registered, listed, disabled; the address is checked by who sends."""

import secrets
from typing import Any

from sqlalchemy import Connection, Row, func, insert, select, update

from pipeline.ledger.audit import append_audit
from schemas.access import Role
from schemas.delivery import AdapterName, Endpoint, EndpointState
from schemas.errors import ConflictError, NotFoundError, UsageError
from schemas.onestop_tables import endpoints
from schemas.tables import access_keys, events

_ID_BYTES = 5


def add_endpoint(
    connection: Connection,
    client: str,
    url: str,
    adapter: AdapterName,
    actor: str,
    now: float,
    *,
    from_start: bool = False,
) -> Endpoint:
    """Register one for a one-stop client's key; it is told what is published from now on, or `from_start`.

    Raises `NotFoundError`, `UsageError` where the key is no one-stop client's, or was revoked.
    """
    key = connection.execute(select(access_keys).where(access_keys.c.id == client)).first()
    if key is None:
        raise NotFoundError("no such key", advice="look at 'sohoa keys list'")
    if key.role != Role.ONESTOP or key.revoked_at is not None:
        raise UsageError("an endpoint belongs to a one-stop client", advice="issue one: sohoa keys issue")
    newest = connection.execute(select(func.coalesce(func.max(events.c.publish_seq), 0))).scalar_one()
    endpoint_id = secrets.token_hex(_ID_BYTES)
    connection.execute(
        insert(endpoints).values(
            id=endpoint_id,
            client=client,
            url=url,
            adapter=adapter,
            state=EndpointState.ACTIVE,
            fed_seq=0 if from_start else newest,
            created_at=now,
        )
    )
    append_audit(connection, actor, "endpoint.added", endpoint_id, now, client=client, adapter=adapter)
    return read_endpoint(connection, endpoint_id)


def list_endpoints(connection: Connection) -> tuple[Endpoint, ...]:
    """Every endpoint, oldest first."""
    query = _select().order_by(endpoints.c.created_at, endpoints.c.id)
    return tuple(_endpoint(row) for row in connection.execute(query))


def read_endpoint(connection: Connection, endpoint_id: str, *, hold: bool = False) -> Endpoint:
    """One endpoint; `hold`: nobody else changes it or claims its deliveries until this transaction ends.

    Raises `NotFoundError`.
    """
    if hold:
        connection.execute(
            select(endpoints.c.id).where(endpoints.c.id == endpoint_id).with_for_update()
        ).first()
    row = connection.execute(_select().where(endpoints.c.id == endpoint_id)).first()
    if row is None:
        raise NotFoundError("no such endpoint", advice="look at 'sohoa deliver endpoints list'")
    return _endpoint(row)


def disable_endpoint(connection: Connection, endpoint_id: str, reason: str, actor: str, now: float) -> None:
    """Send nothing there; what is queued waits. Raises `NotFoundError`, `ConflictError`."""
    if read_endpoint(connection, endpoint_id, hold=True).state is EndpointState.DISABLED:
        raise ConflictError(f"endpoint {endpoint_id} is disabled", advice="nothing to do")
    _set_state(connection, endpoint_id, EndpointState.DISABLED, reason)
    append_audit(connection, actor, "endpoint.disabled", endpoint_id, now, reason=reason)


def enable_endpoint(connection: Connection, endpoint_id: str, actor: str, now: float) -> None:
    """Send there again, beginning with what waits. Raises `NotFoundError`, `ConflictError`."""
    if read_endpoint(connection, endpoint_id, hold=True).state is EndpointState.ACTIVE:
        raise ConflictError(f"endpoint {endpoint_id} is active", advice="nothing to do")
    _set_state(connection, endpoint_id, EndpointState.ACTIVE, None)
    append_audit(connection, actor, "endpoint.enabled", endpoint_id, now)


def _set_state(connection: Connection, endpoint_id: str, state: EndpointState, reason: str | None) -> None:
    connection.execute(
        update(endpoints).where(endpoints.c.id == endpoint_id).values(state=state, disabled_reason=reason)
    )


def _select() -> Any:
    return select(endpoints, access_keys.c.agencies, access_keys.c.revoked_at).join(
        access_keys, access_keys.c.id == endpoints.c.client
    )


def _endpoint(row: Row[Any]) -> Endpoint:
    return Endpoint(
        id=row.id,
        client=row.client,
        url=row.url,
        adapter=row.adapter,
        state=EndpointState(row.state),
        disabled_reason=row.disabled_reason,
        agencies=() if row.revoked_at is not None else tuple(row.agencies),
        fed_seq=row.fed_seq,
        created_at=row.created_at,
    )
