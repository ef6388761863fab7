"""Statistics over HTTP: what the programme reports, of one's own agencies or of all."""

from calendar import monthrange
from dataclasses import asdict
from datetime import date
from typing import Annotated

from fastapi import APIRouter, Query

from schemas.access import Role
from schemas.api_statistics import (
    CountsView,
    ReformIndexView,
    SharesView,
    StatisticsLine,
    StatisticsView,
)
from schemas.statistics import Dimension, PeriodKind, Report, ReportLine
from workers.gateway.gate import GuardedRoute
from workers.gateway.problems import describe
from workers.gateway.service import Caller, TheGateway
from workers.gateway.wording import ASKED
from workers.statistics import make_report

router = APIRouter(route_class=GuardedRoute, tags=["statistics"])

Day = Annotated[
    str,
    Query(
        pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$",
        description="Ngày ở Việt Nam; quá cuối tháng là ngày cuối tháng. A day in Viet Nam; one past the "
        "end of its month is its last day.",
        examples=["2022-09-01"],
    ),
]


@router.get(
    "/v1/statistics",
    response_model=StatisticsView,
    summary="Thống kê BCCI (statistics)",
    responses=describe(*ASKED, "forbidden", "conflict"),
)
def read_statistics(
    gateway: TheGateway,
    caller: Caller,
    first: Day,
    last: Day,
    period: Annotated[PeriodKind, Query(description="Độ dài kỳ. How long a period is.")] = PeriodKind.MONTH,
    by: Annotated[
        list[Dimension], Query(max_length=5, description="Phân theo. What lines are told apart by.")
    ] = [Dimension.PERIOD],  # noqa: B006 -- the framework copies it
) -> StatisticsView:
    """Tiếp nhận, trả kết quả, đúng hạn, số hóa, quét lại, thời gian gắn hồ sơ; theo bưu cục, cơ quan, thủ
    tục, kênh, kỳ.

    Received and returned, on time or not, digitised, scanned again, time to attachment; by office, agency,
    procedure, channel and period. A one-stop client sees its own agencies. Nothing of any citizen.
    """
    reader = caller if caller.role is Role.ONESTOP else None
    report = make_report(gateway.home.database, _read_day(first), _read_day(last), period, by, reader)
    return tell_report(report)


def tell_report(report: Report) -> StatisticsView:
    """The report as the API has it."""
    return StatisticsView(
        first=report.first,
        last=report.last,
        by=report.by,
        lines=tuple(_tell_line(line) for line in report.lines),
        total=_tell_line(report.total),
        index=ReformIndexView(**asdict(report.index)),
    )


def _tell_line(line: ReportLine) -> StatisticsLine:
    return StatisticsLine(
        **asdict(line.key),
        counts=CountsView(**asdict(line.counts)),
        shares=SharesView(**asdict(line.shares)),
        latency_median_s=line.latency_median_s,
        latency_p95_s=line.latency_p95_s,
    )


def _read_day(text: str) -> date:
    year, month, day = map(int, text.split("-"))
    return date(year, month, min(day, monthrange(year, month)[1]))
