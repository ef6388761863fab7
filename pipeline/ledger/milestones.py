"""Milestones of records: reported by anyone, late, twice, in any order; the same history follows.

A milestone's id is the SHA-256 of what it says, so that a repeated report is the same milestone, and no two
reports can disagree under one id. A history is worked out anew from all there is; nothing in it depends on
the order in which it came. Whoever writes one holds the audit chain, the last lock of all, so that two
writers never work from different states.
"""

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, Row, case, delete, insert, select

from pipeline.ledger.audit import append_audit, hold_audit
from pipeline.ledger.database import insert_once
from pipeline.ledger.outbox import add_milestone_event
from schemas.dossier import DossierState
from schemas.ledger import MilestoneReported
from schemas.milestones import (
    Channel,
    Milestone,
    MilestoneKind,
    RecordHistory,
    ScannedIntake,
    Timeliness,
)
from schemas.onestop_tables import milestones, record_histories
from schemas.tables import dossiers, records

VIET_NAM = timezone(timedelta(hours=7))
"""Early and late are told by days in Viet Nam, which has one time all year."""

_AUTHORITY = "onestop:"
"""Reporters that begin so may correct what anyone reported; stations what stations did."""


def identify(milestone: Milestone) -> Milestone:
    """The milestone with its id: of all that it says, and of what kind of reporter says it."""
    told = {
        "record": milestone.record_code,
        "kind": milestone.kind,
        "at": round(milestone.occurred_at * 1000),
        "channel": milestone.channel,
        "place": milestone.place,
        "procedure": milestone.procedure_code,
        "due": None if milestone.due_at is None else round(milestone.due_at * 1000),
        "corrects": milestone.corrects,
        "role": milestone.reported_by.partition(":")[0],
    }
    packed = json.dumps(told, sort_keys=True, separators=(",", ":")).encode()
    return replace(milestone, id=hashlib.sha256(packed).hexdigest())


def report_milestone(connection: Connection, reported: Milestone, now: float) -> tuple[Milestone, bool]:
    """Keep a report, with an event; returns it and whether it had come before."""
    milestone = replace(identify(reported), reported_at=now)
    insert_once(connection, records, code=milestone.record_code, created_at=now)
    hold_audit(connection)
    known = connection.execute(select(milestones).where(milestones.c.id == milestone.id)).first()
    if known is not None:
        return _milestone(known), True
    connection.execute(insert(milestones).values(asdict(milestone)))
    payload = MilestoneReported(
        record_code=milestone.record_code,
        milestone_id=milestone.id,
        kind=milestone.kind,
        occurred_at=milestone.occurred_at,
        channel=milestone.channel,
        place=milestone.place,
        procedure_code=milestone.procedure_code,
        due_at=milestone.due_at,
        corrects=milestone.corrects,
    )
    add_milestone_event(connection, payload, now)
    _write_history(connection, milestone.record_code)
    append_audit(
        connection,
        milestone.reported_by,
        "milestone.reported",
        milestone.record_code,
        now,
        milestone=milestone.id,
        kind=milestone.kind,
    )
    return milestone, False


def refresh_history(connection: Connection, record_code: str) -> None:
    """Work a record's history out anew, after a dossier of it changed."""
    hold_audit(connection)
    _write_history(connection, record_code)


def read_milestones(connection: Connection, record_code: str) -> tuple[Milestone, ...]:
    """All that was reported of a record, in the order in which it happened."""
    query = select(milestones).where(milestones.c.record_code == record_code)
    return _order(_milestone(row) for row in connection.execute(query))


def find_valid(reported: Collection[Milestone]) -> tuple[Milestone, ...]:
    """Those that no valid correction took away, in the order in which they happened."""
    correctors: dict[str, list[Milestone]] = {}
    known = {one.id: one for one in reported}
    for one in known.values():
        corrected = known.get(one.corrects) if one.corrects is not None else None
        if corrected is not None and _may_correct(one, corrected):
            correctors.setdefault(corrected.id, []).append(one)
    valid: dict[str, bool] = {}

    def is_valid(milestone_id: str) -> bool:  # a correction names a SHA-256 made before: there is no circle
        if milestone_id not in valid:
            valid[milestone_id] = not any(is_valid(one.id) for one in correctors.get(milestone_id, []))
        return valid[milestone_id]

    return _order(one for one in known.values() if is_valid(one.id))


def tell_history(
    record_code: str, reported: Collection[Milestone], intakes: Sequence[ScannedIntake]
) -> RecordHistory:
    """What follows from all that is known, whatever the order. A scanned intake was received by post."""
    valid = find_valid(reported)
    received = _first(valid, MilestoneKind.RECEIVED)
    scanned = min(intakes, key=lambda one: (one.submitted_at, one.office or ""), default=None)
    result = _first(valid, MilestoneKind.RESULT_ISSUED)
    posted = _first(valid, MilestoneKind.POSTED)
    returned = _first(valid, MilestoneKind.DELIVERED)
    promised = [one for one in valid if one.due_at is not None]
    due_at = promised[-1].due_at if promised else None
    procedures = [one.procedure_code for one in valid if one.procedure_code is not None]
    procedures += sorted(one.procedure_code for one in intakes if one.procedure_code is not None)
    offices = sorted(one.office for one in intakes if one.office is not None)
    completed = [one.first_completed_at for one in intakes if one.first_completed_at is not None]
    office, channel, received_at = None, None, None
    if received is not None:
        office, channel, received_at = received.place, received.channel, received.occurred_at
    elif scanned is not None:
        received_at = scanned.submitted_at
    if scanned is not None:
        channel = channel or Channel.POST
        office = office or (offices[0] if offices else None)
    return RecordHistory(
        record_code=record_code,
        agency=record_code.partition("-")[0],
        procedure_code=procedures[0] if procedures else None,
        office=office,
        channel=channel,
        received_at=received_at,
        due_at=due_at,
        handed_over_at=_time(_first(valid, MilestoneKind.HANDED_OVER)),
        result_at=_time(result),
        timeliness=None if result is None or due_at is None else compare_days(result.occurred_at, due_at),
        posted_at=_time(posted),
        returned_at=_time(returned),
        return_channel=_tell_return_channel(returned, posted),
        return_office=(returned and returned.place) or (posted and posted.place) or None,
        failed_deliveries=_count(valid, MilestoneKind.DELIVERY_FAILED),
        supplements=_count(valid, MilestoneKind.SUPPLEMENT_ASKED),
        digitised_at=min(completed, default=None),
    )


def compare_days(result_at: float, due_at: float) -> Timeliness:
    """Before the day it was promised for, on it, or after it."""
    result, due = (datetime.fromtimestamp(at, UTC).astimezone(VIET_NAM).date() for at in (result_at, due_at))
    if result == due:
        return Timeliness.ON_TIME
    return Timeliness.EARLY if result < due else Timeliness.LATE


def _write_history(connection: Connection, record_code: str) -> None:
    rows = connection.execute(
        select(
            dossiers.c.office,
            dossiers.c.procedure_code,
            dossiers.c.submitted_at,
            case((dossiers.c.page_total > 0, dossiers.c.first_completed_at)),
        ).where(
            dossiers.c.record_code == record_code,
            dossiers.c.kind == "intake",
            dossiers.c.state != DossierState.OPEN,
        )
    )
    intakes = [ScannedIntake(*row) for row in rows]
    history = tell_history(record_code, read_milestones(connection, record_code), intakes)
    connection.execute(delete(record_histories).where(record_histories.c.record_code == record_code))
    connection.execute(insert(record_histories).values(asdict(history)))


def _may_correct(one: Milestone, corrected: Milestone) -> bool:
    if one.reported_by.startswith(_AUTHORITY):
        return True
    return not corrected.reported_by.startswith(_AUTHORITY)


def _tell_return_channel(returned: Milestone | None, posted: Milestone | None) -> Channel | None:
    if returned is None:
        return None
    return returned.channel or (Channel.POST if posted is not None else None)


def _order(found: Any) -> tuple[Milestone, ...]:
    return tuple(sorted(found, key=lambda one: (one.occurred_at, one.id)))


def _first(valid: Sequence[Milestone], kind: MilestoneKind) -> Milestone | None:
    return next((one for one in valid if one.kind is kind), None)


def _count(valid: Sequence[Milestone], kind: MilestoneKind) -> int:
    return sum(one.kind is kind for one in valid)


def _time(milestone: Milestone | None) -> float | None:
    return None if milestone is None else milestone.occurred_at


def _milestone(row: Row[Any]) -> Milestone:
    return Milestone(
        id=row.id,
        record_code=row.record_code,
        kind=MilestoneKind(row.kind),
        occurred_at=row.occurred_at,
        channel=None if row.channel is None else Channel(row.channel),
        place=row.place,
        procedure_code=row.procedure_code,
        due_at=row.due_at,
        corrects=row.corrects,
        reported_by=row.reported_by,
        reported_at=row.reported_at,
    )
