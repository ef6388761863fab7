"""The audit log: who did what to which paper; append-only, each line hashed over the one before."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, insert, select

from pipeline.ledger.database import hold_lock
from schemas.ledger import AuditEntry
from schemas.tables import audit

FIRST_HASH = "0" * 64
SYSTEM = "system"
"""The actor of what no person decided."""

_AUDIT_LOCK = 0x50404F42


@dataclass(frozen=True, slots=True)
class AuditCheck:
    """What a check of the chain found. `broken_at` is the first line that does not fit, or None.

    A log cut off at its end fits too: compare `entries` and `head_hash` with a copy kept elsewhere.
    """

    entries: int
    head_hash: str
    broken_at: int | None


def hold_audit(connection: Connection) -> None:
    """Be the only one who adds lines until the transaction ends."""
    hold_lock(connection, _AUDIT_LOCK)


def append_audit(
    connection: Connection, actor: str, action: str, subject: str, now: float, **details: str | int
) -> None:
    """Add one line. `details` carry ids, numbers and a supervisor's own reason; never page text."""
    hold_audit(connection)
    last = connection.execute(select(audit.c.seq, audit.c.hash).order_by(audit.c.seq.desc()).limit(1)).first()
    seq, prev_hash = (last.seq + 1, last.hash) if last else (1, FIRST_HASH)
    packed = _pack(details)
    digest = _hash_line(seq, now, actor, action, subject, packed, prev_hash)
    connection.execute(
        insert(audit).values(
            seq=seq,
            at=now,
            actor=actor,
            action=action,
            subject=subject,
            details=packed,
            prev_hash=prev_hash,
            hash=digest,
        )
    )


def read_audit(connection: Connection, subject: str | None = None) -> Iterator[AuditEntry]:
    """The log in order, whole or of one subject."""
    query = select(audit).order_by(audit.c.seq)
    if subject is not None:
        query = query.where(audit.c.subject == subject)
    for row in connection.execute(query).mappings():
        yield AuditEntry(**{**row, "details": json.loads(row["details"])})


def verify_audit(connection: Connection) -> AuditCheck:
    """Recompute every hash from the first line on."""
    entries, head = 0, FIRST_HASH
    for row in connection.execute(select(audit).order_by(audit.c.seq)):
        expected = _hash_line(row.seq, row.at, row.actor, row.action, row.subject, row.details, row.prev_hash)
        if row.seq != entries + 1 or row.prev_hash != head or row.hash != expected:
            return AuditCheck(entries, head, broken_at=entries + 1)
        entries, head = row.seq, row.hash
    return AuditCheck(entries, head, broken_at=None)


def _pack(details: Mapping[str, str | int]) -> str:
    return json.dumps(details, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _hash_line(*fields: str | float) -> str:
    line = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(line.encode()).hexdigest()
