"""The way of a record: milestones reported by stations and one-stop systems, and what follows from them."""

from datetime import UTC, datetime

from fastapi import APIRouter, Response

from pipeline.ledger.holdings import read_history
from pipeline.ledger.milestones import find_valid, read_milestones, report_milestone
from schemas.access import Principal, Role
from schemas.api import to_time
from schemas.api_milestones import HistoryView, MilestoneList, MilestoneRequest, MilestoneView
from schemas.errors import ConflictError, ForbiddenError, NotFoundError
from schemas.milestones import (
    CHANNEL_LABELS,
    MILESTONE_LABELS,
    Channel,
    Milestone,
    MilestoneKind,
    RecordHistory,
)
from workers.gateway.gate import GuardedRoute
from workers.gateway.problems import describe
from workers.gateway.service import Caller, TheGateway
from workers.gateway.wording import ASKED, RecordCodePath

router = APIRouter(route_class=GuardedRoute, tags=["milestones"])

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST_S = 50 * 366 * 86400.0
"""A promise may lie ahead; nobody promises for longer than this."""

_CLOCKS_DIFFER_S = 3600.0
_AGENCYS_OWN = frozenset({MilestoneKind.RESULT_ISSUED, MilestoneKind.SUPPLEMENT_ASKED})


@router.post(
    "/v1/milestones",
    response_model=MilestoneView,
    status_code=201,
    summary="Báo một mốc (report a milestone)",
    responses={
        200: {"model": MilestoneView, "description": "Đã báo trước đó. It had come before; nothing changed."},
        **describe(*ASKED, "forbidden", "not_found", "conflict", "over_limit", "slow_request"),
    },
)
def report_one(
    body: MilestoneRequest, response: Response, gateway: TheGateway, caller: Caller
) -> MilestoneView:
    """Tiếp nhận, bàn giao, có kết quả, gửi, trả; báo lại hay báo muộn đều được, thứ tự không quan trọng.

    Received, handed over, result issued, posted, delivered or not. The same report again is the same
    milestone; reports may come late and in any order. What was wrong is taken away with `corrects`. Each is
    an event of the feed (`record.milestone`).
    """
    now = gateway.home.now()
    reported = _read(body, caller, now)
    made, repeated = gateway.write(lambda connection: report_milestone(connection, reported, now))
    if repeated:
        response.status_code = 200
    gateway.on_change()
    return tell_milestone(made, valid=True)


@router.get(
    "/v1/records/{record_code}/milestones",
    response_model=MilestoneList,
    summary="Các mốc của một hồ sơ (milestones of a record)",
    responses=describe(*ASKED, "forbidden", "not_found"),
)
def list_milestones(record_code: RecordCodePath, gateway: TheGateway) -> MilestoneList:
    """Mọi mốc đã báo theo thời gian xảy ra, và những gì suy ra từ đó.

    Everything that was reported, in the order in which it happened, and what follows from it.
    """
    with gateway.home.database.read() as connection:
        reported = read_milestones(connection, record_code)
        history = read_history(connection, record_code)
    valid = {one.id for one in find_valid(reported)}
    return MilestoneList(
        record_code=record_code,
        history=_tell_history(history),
        milestones=tuple(tell_milestone(one, valid=one.id in valid) for one in reported),
    )


def tell_milestone(one: Milestone, *, valid: bool) -> MilestoneView:
    """One milestone."""
    return MilestoneView(
        id=one.id,
        record_code=one.record_code,
        kind=one.kind,
        label=MILESTONE_LABELS[one.kind],
        occurred_at=to_time(one.occurred_at),
        channel=one.channel,
        channel_label=CHANNEL_LABELS[one.channel] if one.channel else None,
        place=one.place,
        procedure_code=one.procedure_code,
        due_at=_maybe(one.due_at),
        corrects=one.corrects,
        reported_at=to_time(one.reported_at),
        valid=valid,
    )


def _read(body: MilestoneRequest, caller: Principal, now: float) -> Milestone:
    """What is reported, if this caller may. Raises `ForbiddenError`, `NotFoundError`, `ConflictError`."""
    place = body.place
    if caller.role is Role.STATION:
        if place not in {None, caller.office}:
            raise ForbiddenError("a station reports of its own post office", advice="leave place out")
        if body.kind in _AGENCYS_OWN:
            raise ForbiddenError("the agency itself reports this", advice="the one-stop system sends it")
        place = caller.office
    elif not caller.serves(body.record_code):
        raise NotFoundError("nothing of that name here, or not for this key", advice="check the code")
    for at, latest in ((body.occurred_at, now + _CLOCKS_DIFFER_S), (body.due_at, now + LATEST_S)):
        if at is not None and not EARLIEST <= at <= to_time(latest):
            raise ConflictError("a milestone lies in this century, and not ahead", advice="check the time")
    return Milestone(
        id="",
        record_code=body.record_code,
        kind=body.kind,
        occurred_at=body.occurred_at.timestamp(),
        channel=None if body.channel is None else Channel(body.channel),
        place=place,
        procedure_code=body.procedure_code,
        due_at=None if body.due_at is None else body.due_at.timestamp(),
        corrects=body.corrects,
        reported_by=caller.actor,
    )


def _tell_history(history: RecordHistory) -> HistoryView:
    return HistoryView(
        received_at=_maybe(history.received_at),
        channel=history.channel,
        office=history.office,
        procedure_code=history.procedure_code,
        due_at=_maybe(history.due_at),
        handed_over_at=_maybe(history.handed_over_at),
        result_at=_maybe(history.result_at),
        timeliness=history.timeliness,
        posted_at=_maybe(history.posted_at),
        returned_at=_maybe(history.returned_at),
        return_channel=history.return_channel,
        failed_deliveries=history.failed_deliveries,
        supplements=history.supplements,
        digitised_at=_maybe(history.digitised_at),
    )


def _maybe(at: float | None) -> datetime | None:
    return None if at is None else to_time(at)
