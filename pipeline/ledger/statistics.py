"""Counts for the report: ranges of indexed times, grouped in the database. No row names a person.

Each step is counted by its own time, office and channel: a record received in May and returned in June is
one received in May and one returned in June.
"""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Integer,
    Select,
    and_,
    case,
    cast,
    func,
    literal_column,
    or_,
    select,
    union,
)

from pipeline.ledger.acks import visible
from schemas.access import Principal
from schemas.milestones import Channel, Timeliness
from schemas.onestop_tables import record_histories as histories
from schemas.statistics import NOTHING, Counts, Dimension, Measured, Period, PostProcedures, RowKey
from schemas.tables import dossiers, procedures

_STEPS_S = ((120, 1), (7200, 60), (172_800, 900))
"""Latencies are told to the second below two minutes, then to the minute, to the quarter of an hour below two
days, and to the hour, rounded up: so that a million of them are some hundred rows."""
_LONGEST_STEP_S = 3600

_Columns = dict[Dimension, ColumnElement[Any]]


def measure_period(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    """What happened in one period, told apart by `by`; only what `reader` may see, where one is named."""
    yield from _measure_received(connection, period, by, reader)
    yield from _measure_results(connection, period, by, reader)
    yield from _measure_returned(connection, period, by, reader)
    yield from _measure_dossiers(connection, period, by, reader)
    yield from _measure_latency(connection, period, by, reader)


def read_post_procedures(
    connection: Connection, span: Period, days: tuple[str, str], reader: Principal | None
) -> PostProcedures:
    """Procedures that were open to the post on any of the `days` (first and last, ISO), and those of records
    received or returned by post in the span."""
    listed = connection.execute(
        select(procedures.c.code)
        .where(
            procedures.c.accepted,
            procedures.c.effective_from <= days[1],
            or_(procedures.c.effective_to.is_(None), procedures.c.effective_to >= days[0]),
        )
        .distinct()
    ).scalars()
    by_post = union(
        *(
            select(histories.c.procedure_code).where(
                at >= span.start,
                at < span.end,
                channel == Channel.POST,
                histories.c.procedure_code.is_not(None),
                *_seen_by(reader),
            )
            for at, channel in (
                (histories.c.received_at, histories.c.channel),
                (histories.c.returned_at, histories.c.return_channel),
            )
        )
    )
    return PostProcedures(open=frozenset(listed), used=frozenset(connection.execute(by_post).scalars()))


def _measure_received(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    query = _group(
        period,
        by,
        histories.c.received_at,
        _columns(histories.c.office, histories.c.channel),
        [
            func.count(),
            _count_where(histories.c.channel == Channel.POST),
            _count_where(histories.c.digitised_at.is_not(None)),
            func.sum(histories.c.supplements),
        ],
    ).where(*_seen_by(reader))
    for key, (received, by_post, digitised, supplements) in _rows(connection, query, period, by):
        yield Measured(
            key,
            Counts(received=received, received_by_post=by_post, digitised=digitised, supplements=supplements),
        )


def _measure_results(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    query = _group(
        period,
        by,
        histories.c.result_at,
        _columns(histories.c.office, histories.c.channel),
        [func.count(), *(_count_where(histories.c.timeliness == one) for one in Timeliness)],
    ).where(*_seen_by(reader))
    for key, (results, early, on_time, late) in _rows(connection, query, period, by):
        yield Measured(key, Counts(results=results, early=early, on_time=on_time, late=late))


def _measure_returned(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    query = _group(
        period,
        by,
        histories.c.returned_at,
        _columns(histories.c.return_office, histories.c.return_channel),
        [
            func.count(),
            _count_where(histories.c.return_channel == Channel.POST),
            func.sum(histories.c.failed_deliveries),
        ],
    ).where(*_seen_by(reader))
    for key, (returned, by_post, failed) in _rows(connection, query, period, by):
        yield Measured(key, Counts(returned=returned, returned_by_post=by_post, failed_deliveries=failed))


def _measure_dossiers(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    query = _of_dossiers(
        period,
        by,
        [
            func.count(),
            _count_where(dossiers.c.attached_at.is_not(None)),
            func.coalesce(func.sum(dossiers.c.page_total), 0),
            func.coalesce(func.sum(dossiers.c.rescans), 0),
        ],
        reader,
    )
    for key, (count, attached, pages, rescans) in _rows(connection, query, period, by):
        yield Measured(key, Counts(dossiers=count, attached=attached, pages=pages, rescans=rescans))


def _measure_latency(
    connection: Connection, period: Period, by: Sequence[Dimension], reader: Principal | None
) -> Iterator[Measured]:
    seconds = dossiers.c.attached_at - dossiers.c.submitted_at
    bucket = case(
        *((seconds <= limit, _round_up(connection, seconds, step)) for limit, step in _STEPS_S),
        else_=_round_up(connection, seconds, _LONGEST_STEP_S),
    )
    query = _of_dossiers(period, by, [bucket.label("bucket"), func.count()], reader)
    query = query.where(dossiers.c.attached_at.is_not(None)).group_by(literal_column("bucket"))
    for key, (latency_s, count) in _rows(connection, query, period, by):
        yield Measured(key, NOTHING, {latency_s: count})


def _of_dossiers(
    period: Period, by: Sequence[Dimension], wanted: list[Any], reader: Principal | None
) -> Select[Any]:
    """Dossiers are of the office that scanned them; their record's history tells the rest."""
    channel = func.coalesce(histories.c.channel, int(Channel.POST))
    columns = _columns(dossiers.c.office, channel)
    columns[Dimension.PROCEDURE] = func.coalesce(dossiers.c.procedure_code, histories.c.procedure_code)
    return (
        _group(period, by, dossiers.c.submitted_at, columns, wanted)
        .select_from(dossiers)
        .outerjoin(histories, histories.c.record_code == dossiers.c.record_code)
        .where(dossiers.c.state != literal_column("'open'"))
        .where(*([] if reader is None else [visible(reader, dossiers.c.record_code)]))
    )


def _group(
    period: Period,
    by: Sequence[Dimension],
    at: ColumnElement[Any],
    columns: _Columns,
    wanted: list[Any],
) -> Select[Any]:
    keys = [columns[one] for one in by if one is not Dimension.PERIOD]
    return select(*keys, *wanted).where(and_(at >= period.start, at < period.end)).group_by(*keys)


def _columns(office: ColumnElement[Any], channel: ColumnElement[Any]) -> _Columns:
    return {
        Dimension.AGENCY: histories.c.agency,
        Dimension.OFFICE: office,
        Dimension.PROCEDURE: histories.c.procedure_code,
        Dimension.CHANNEL: channel,
    }


def _rows(
    connection: Connection, query: Select[Any], period: Period, by: Sequence[Dimension]
) -> Iterator[tuple[RowKey, list[Any]]]:
    names = [one for one in by if one is not Dimension.PERIOD]
    label = period.label if Dimension.PERIOD in by else None
    for row in connection.execute(query):
        values = list(row)
        told = {str(name): value for name, value in zip(names, values, strict=False)}
        measured = [int(value or 0) for value in values[len(names) :]]
        if any(measured):
            yield RowKey(period=label, **told), measured


def _count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _round_up(connection: Connection, seconds: ColumnElement[Any], step: int) -> ColumnElement[int]:
    """To a whole number of steps. SQLite cuts off where it casts and may have no `ceil`."""
    if connection.dialect.name == "postgresql":
        return cast(func.ceil(seconds / step), Integer) * step
    whole = cast(seconds / step, Integer)
    return (whole + case((seconds / step > whole, 1), else_=0)) * step


def _seen_by(reader: Principal | None) -> list[ColumnElement[bool]]:
    return [] if reader is None else [visible(reader, histories.c.record_code)]
