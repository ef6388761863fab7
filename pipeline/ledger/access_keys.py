"""Keys of stations, one-stop clients, operators and supervisors: issued, checked, listed, revoked.

A secret has 256 random bits, so that a plain SHA-256 of it is as hard to turn back as any slower hash.
"""

import hashlib
import hmac
import re
import secrets
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from pipeline.ledger.audit import append_audit
from schemas.access import AGENCY_CODE, KEY_MARKS, OFFICE_CODE, AccessKey, KeyBinding, Principal, Role
from schemas.errors import ConflictError, NotFoundError, UsageError
from schemas.tables import access_keys

_ID_BYTES = 5
_SECRET_BYTES = 32
_KEY = re.compile(r"(?P<mark>sohoa_[a-z]{2})_(?P<id>[0-9a-f]{10})_(?P<secret>[0-9a-f]{64})", re.ASCII)
_NOBODY = "0" * 64
MAX_LABEL = 100


def issue_key(
    connection: Connection,
    role: Role,
    actor: str,
    now: float,
    *,
    label: str = "",
    binding: KeyBinding | None = None,
) -> tuple[AccessKey, str]:
    """Make a key; the second value is the key itself, told this once. Raises `UsageError`."""
    bound = binding or KeyBinding()
    if role is Role.STATION and bound.station is None:
        bound = replace(bound, station="1")
    _check_binding(role, bound)
    if len(label) > MAX_LABEL or not label.isprintable():
        raise UsageError("a label is one printable line", advice=f"at most {MAX_LABEL} characters")
    key_id, secret = secrets.token_hex(_ID_BYTES), secrets.token_hex(_SECRET_BYTES)
    row = {
        "id": key_id,
        "role": role,
        "secret_sha256": _hash(secret),
        "label": label,
        "office": bound.office,
        "station": bound.station,
        "agencies": list(bound.agencies),
        "created_at": now,
    }
    connection.execute(insert(access_keys).values(row))
    append_audit(connection, actor, "key.issued", key_id, now, role=role)
    made = connection.execute(select(access_keys).where(access_keys.c.id == key_id)).one()
    return _key(made), f"{KEY_MARKS[role]}_{key_id}_{secret}"


def check_key(connection: Connection, text: str) -> Principal | None:
    """Whose key this is; None where it is no key, wrong or revoked. Takes as long for an unknown id."""
    match = _KEY.fullmatch(text)
    if match is None:
        return None
    row = connection.execute(select(access_keys).where(access_keys.c.id == match["id"])).first()
    same = hmac.compare_digest(row.secret_sha256 if row else _NOBODY, _hash(match["secret"]))
    if row is None or not same or row.revoked_at is not None or KEY_MARKS[Role(row.role)] != match["mark"]:
        return None
    return _principal(row)


def check_client(connection: Connection, client_id: str, secret: str) -> Principal | None:
    """The one-stop client that gives this id and secret; None as `check_key`."""
    return check_key(connection, f"{KEY_MARKS[Role.ONESTOP]}_{client_id}_{secret}")


def find_principal(connection: Connection, key_id: str) -> Principal | None:
    """Who has this key now; None where there is no such key, or it was revoked."""
    row = connection.execute(
        select(access_keys).where(access_keys.c.id == key_id, access_keys.c.revoked_at.is_(None))
    ).first()
    return None if row is None else _principal(row)


def list_keys(connection: Connection) -> tuple[AccessKey, ...]:
    """Every key ever issued, oldest first."""
    query = select(access_keys).order_by(access_keys.c.created_at, access_keys.c.id)
    return tuple(_key(row) for row in connection.execute(query))


def revoke_key(connection: Connection, key_id: str, actor: str, now: float) -> None:
    """From now on the key opens nothing. Raises `NotFoundError`, `ConflictError` where that was so before."""
    row = connection.execute(select(access_keys).where(access_keys.c.id == key_id)).first()
    if row is None:
        raise NotFoundError("no such key", advice="look at 'sohoa keys list'")
    if row.revoked_at is not None:
        raise ConflictError(f"key {key_id} was revoked before", advice="nothing to do")
    connection.execute(update(access_keys).where(access_keys.c.id == key_id).values(revoked_at=now))
    append_audit(connection, actor, "key.revoked", key_id, now, role=row.role)


def _check_binding(role: Role, bound: KeyBinding) -> None:
    office, station, agencies = bound.office, bound.station, bound.agencies
    if role is Role.STATION and office is None:
        raise UsageError("a station's key is bound to a post office", advice="give --office CODE")
    if role is not Role.STATION and (office or station):
        raise UsageError(f"a key of role {role} is bound to no post office")
    if role is Role.ONESTOP and not agencies:
        raise UsageError("a one-stop client is bound to its agencies", advice="give --agency CODE")
    if role is not Role.ONESTOP and agencies:
        raise UsageError(f"a key of role {role} is bound to no agencies")
    for code in (office, station):
        if code is not None and not OFFICE_CODE.fullmatch(code):
            raise UsageError("a post office or station is named by letters, digits, '.', '_' and '-'")
    if not all(AGENCY_CODE.fullmatch(agency) for agency in agencies):
        raise UsageError("an agency is the part of a record code before its date", advice="e.g. H21.65")


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Row[Any]) -> AccessKey:
    return AccessKey(
        id=row.id,
        role=Role(row.role),
        label=row.label,
        office=row.office,
        station=row.station,
        agencies=tuple(row.agencies),
        created_at=row.created_at,
        revoked_at=row.revoked_at,
    )


def _principal(row: Row[Any]) -> Principal:
    return Principal(row.id, Role(row.role), row.office, row.station, tuple(row.agencies))
