"""Days in Viet Nam into periods, and periods into seconds."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta, timezone

from schemas.errors import ConflictError
from schemas.statistics import Period, PeriodKind

VIET_NAM = timezone(timedelta(hours=7))
MOST_PERIODS = 400
"""More than a year of days; each is asked for by itself."""


def split_span(first: date, last: date, kind: PeriodKind) -> tuple[Period, ...]:
    """The periods of the days from `first` to `last`, cut off at both ends. Raises `ConflictError`."""
    if first > last:
        raise ConflictError("the span ends before it begins", advice="give the earlier day first")
    if (last - first).days > 366 * 100:
        raise ConflictError("the span is longer than a century", advice="choose a shorter one")
    periods = []
    for start, end in _cut(first, last, kind):
        periods.append(Period(_name(start, first, last, kind), _second(start), _second(end)))
        if len(periods) > MOST_PERIODS:
            raise ConflictError(f"more than {MOST_PERIODS} periods", advice="choose longer ones")
    return tuple(periods)


def _cut(first: date, last: date, kind: PeriodKind) -> Iterator[tuple[date, date]]:
    """First days of periods and the days after them."""
    stop, start = last + timedelta(days=1), first
    while start < stop:
        end = min(_after(start, kind) or stop, stop)
        yield start, end
        start = end


def _after(day: date, kind: PeriodKind) -> date | None:
    if kind is PeriodKind.DAY:
        return day + timedelta(days=1)
    if kind is PeriodKind.WEEK:
        return day + timedelta(days=7 - day.weekday())
    if kind is PeriodKind.ALL:
        return None
    months = {PeriodKind.MONTH: 1, PeriodKind.QUARTER: 3, PeriodKind.YEAR: 12}[kind]
    index = (day.year * 12 + day.month - 1) // months * months + months
    return date(index // 12, index % 12 + 1, 1)


def _name(start: date, first: date, last: date, kind: PeriodKind) -> str:
    names = {
        PeriodKind.DAY: f"{start:%d/%m/%Y}",
        PeriodKind.WEEK: "Tuần {1:02}/{0}".format(*start.isocalendar()),
        PeriodKind.MONTH: f"{start:%m/%Y}",
        PeriodKind.QUARTER: f"Quý {(start.month + 2) // 3}/{start.year}",
        PeriodKind.YEAR: f"{start.year}",
        PeriodKind.ALL: f"{first:%d/%m/%Y} - {last:%d/%m/%Y}",
    }
    return names[kind]


def _second(day: date) -> float:
    return datetime.combine(day, time(), VIET_NAM).timestamp()
