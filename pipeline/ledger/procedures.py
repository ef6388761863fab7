"""The list of procedures in the ledger: taken in whole, asked at every hand-over."""

from datetime import UTC, date, datetime, timedelta, timezone

from sqlalchemy import Connection, Row, delete, insert, or_, select

from pipeline.ledger.audit import append_audit
from schemas.errors import ProcedureNotAcceptedError
from schemas.procedures import Procedure
from schemas.tables import procedures

VIET_NAM = timezone(timedelta(hours=7))
"""Dates of the list are days in Viet Nam, which has one time all year."""


def put_procedures(
    connection: Connection, rows: tuple[Procedure, ...], sha256: str, actor: str, now: float
) -> None:
    """Take the rows in; one with the same code and first day takes the place of the earlier one."""
    for row in rows:
        key = (procedures.c.code == row.code) & (
            procedures.c.effective_from == row.effective_from.isoformat()
        )
        connection.execute(delete(procedures).where(key))
        connection.execute(
            insert(procedures).values(
                code=row.code,
                effective_from=row.effective_from.isoformat(),
                effective_to=row.effective_to.isoformat() if row.effective_to else None,
                name=row.name,
                agency=row.agency,
                accepted=row.accepted,
                reason=row.reason,
            )
        )
    append_audit(connection, actor, "procedures.imported", "procedures", now, rows=len(rows), sha256=sha256)


def list_procedures(connection: Connection) -> tuple[Procedure, ...]:
    """Every row, by code and first day."""
    query = select(procedures).order_by(procedures.c.code, procedures.c.effective_from)
    return tuple(_procedure(row) for row in connection.execute(query))


def check_procedure(connection: Connection, code: str | None, now: float) -> None:
    """Is this procedure accepted through the postal service today? Any is, while no list was imported.

    Raises `ProcedureNotAcceptedError` with the reason.
    """
    if connection.execute(select(procedures.c.code).limit(1)).first() is None:
        return
    if code is None:
        raise ProcedureNotAcceptedError("no procedure is named", advice="name the procedure (TTHC)")
    today = datetime.fromtimestamp(now, UTC).astimezone(VIET_NAM).date().isoformat()
    row = connection.execute(
        select(procedures)
        .where(
            procedures.c.code == code,
            procedures.c.effective_from <= today,
            or_(procedures.c.effective_to.is_(None), procedures.c.effective_to >= today),
        )
        .order_by(procedures.c.effective_from.desc())
        .limit(1)
    ).first()
    if row is None:
        raise ProcedureNotAcceptedError(f"procedure {code} is not on the list that is in force today")
    if not row.accepted:
        why = f": {row.reason}" if row.reason else ""
        raise ProcedureNotAcceptedError(f"procedure {code} is not accepted through the post{why}")


def _procedure(row: Row[object]) -> Procedure:
    told = row._mapping
    return Procedure(
        code=told["code"],
        name=told["name"],
        accepted=told["accepted"],
        effective_from=date.fromisoformat(told["effective_from"]),
        effective_to=date.fromisoformat(told["effective_to"]) if told["effective_to"] else None,
        agency=told["agency"],
        reason=told["reason"],
    )
