"""Addresses of single renditions: given to one client, good for a time, revoked, looked up by their id."""

import secrets
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, insert, select, update

from pipeline.ledger.audit import append_audit
from schemas.delivery import FileLink
from schemas.errors import NotFoundError
from schemas.onestop_tables import file_links

_ID_BYTES = 16


def lend_link(
    connection: Connection, file_id: int, client: str, lifetime_s: float, actor: str, now: float
) -> FileLink:
    """The client's link to this rendition: one that is good for half its time yet, else a new one."""
    known = connection.execute(
        select(file_links)
        .where(
            file_links.c.rendition_id == file_id,
            file_links.c.client == client,
            file_links.c.revoked_at.is_(None),
            file_links.c.expires_at > now + lifetime_s / 2,
        )
        .order_by(file_links.c.expires_at.desc())
        .limit(1)
    ).first()
    if known is not None:
        return _link(known)
    link = FileLink(secrets.token_hex(_ID_BYTES), file_id, client, now + lifetime_s, None)
    connection.execute(
        insert(file_links).values(
            id=link.id, rendition_id=file_id, client=client, created_at=now, expires_at=link.expires_at
        )
    )
    append_audit(connection, actor, "link.made", link.id, now, file=file_id, client=client)
    return link


def find_link(connection: Connection, link_id: str) -> FileLink | None:
    """The link of this id, whether it is good or not."""
    row = connection.execute(select(file_links).where(file_links.c.id == link_id)).first()
    return None if row is None else _link(row)


def revoke_links(
    connection: Connection,
    actor: str,
    now: float,
    *,
    link_id: str | None = None,
    file_id: int | None = None,
    client: str | None = None,
) -> int:
    """From now on they open nothing: one, those of a rendition, those of a client; returns how many.

    Raises `NotFoundError` where there is none.
    """
    wanted: list[ColumnElement[bool]] = [file_links.c.revoked_at.is_(None)]
    for column, value in ((file_links.c.id, link_id), (file_links.c.rendition_id, file_id)):
        if value is not None:
            wanted.append(column == value)
    if client is not None:
        wanted.append(file_links.c.client == client)
    gone = connection.execute(
        update(file_links).where(*wanted).values(revoked_at=now).returning(file_links.c.id)
    ).scalars()
    ids = list(gone)
    if not ids:
        raise NotFoundError("no such link that is still good", advice="look at the audit log")
    for one in ids:
        append_audit(connection, actor, "link.revoked", one, now)
    return len(ids)


def _link(row: Row[Any]) -> FileLink:
    return FileLink(row.id, row.rendition_id, row.client, row.expires_at, row.revoked_at)
