"""Counts into a report: sums are sums of their parts, nothing is divided by nothing."""

from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.statistics.periods import split_span
from pipeline.statistics.report import build_report, rank
from schemas.errors import ConflictError
from schemas.statistics import Counts, Dimension, Measured, PeriodKind, PostProcedures, RowKey

few = st.integers(0, 50)
days = st.dates(date(2000, 1, 1), date(2099, 12, 31))


@st.composite
def counted(draw: st.DrawFn) -> Counts:
    received, results, returned, pages = draw(few), draw(few), draw(few), draw(few)
    early, on_time = draw(st.integers(0, results)), 0
    on_time = draw(st.integers(0, results - early))
    dossiers = draw(few)
    return Counts(
        received=received,
        received_by_post=draw(st.integers(0, received)),
        digitised=draw(st.integers(0, received)),
        supplements=draw(few),
        results=results,
        early=early,
        on_time=on_time,
        late=draw(st.integers(0, results - early - on_time)),
        returned=returned,
        returned_by_post=draw(st.integers(0, returned)),
        failed_deliveries=draw(few),
        dossiers=dossiers,
        attached=draw(st.integers(0, dossiers)),
        pages=pages,
        rescans=draw(st.integers(0, pages)),
    )


measured = st.lists(
    st.builds(
        Measured,
        key=st.builds(
            RowKey,
            period=st.sampled_from(["01/2026", "02/2026"]),
            agency=st.sampled_from([None, "H21.65", "H21.66"]),
            office=st.sampled_from([None, "600000"]),
            procedure=st.just(None),
            channel=st.sampled_from([None, 1, 2, 3]),
        ),
        counts=counted(),
        latency_s=st.dictionaries(st.integers(0, 100_000), st.integers(0, 20), max_size=5),
    ),
    max_size=12,
)
codes = st.frozensets(st.sampled_from(["1", "2", "3", "4"]))
SHARES = (
    "received_by_post", "returned_by_post", "digitised", "early", "late", "rescans", "attached",
)  # fmt: skip
BY = (Dimension.PERIOD, Dimension.AGENCY, Dimension.OFFICE, Dimension.CHANNEL)


@given(measured, codes, codes, days, days)
def test_totals_are_sums_of_their_parts_and_shares_are_shares(
    rows: list[Measured], opened: frozenset[str], used: frozenset[str], first: date, last: date
) -> None:
    report = build_report(first, last, BY, rows, PostProcedures(opened, used))
    whole = Counts()
    for row in rows:
        whole += row.counts
    assert report.total.counts == whole
    parts = Counts()
    for line in report.lines:
        parts += line.counts
    assert parts == whole
    assert len({line.key for line in report.lines}) == len(report.lines)
    for line in (*report.lines, report.total):
        for name in SHARES:
            share = getattr(line.shares, name)
            assert share is None or 0 <= share <= 1
        promised = (line.shares.early, line.shares.on_time, line.shares.late)
        assert promised == (None, None, None) or abs(sum(one or 0 for one in promised) - 1) < 1e-9
        assert (line.shares.received_by_post is None) == (line.counts.received == 0)
    index = report.index
    assert index.procedures is None or 0 <= index.procedures <= 1
    assert (index.procedures is None) == (not opened)


@given(measured)
def test_the_order_of_rows_within_a_period_does_not_matter(rows: list[Measured]) -> None:
    rows.sort(key=lambda row: str(row.key.period))
    back = [row for month in ("01/2026", "02/2026") for row in rows[::-1] if row.key.period == month]
    none = PostProcedures(frozenset(), frozenset())
    day = date(2026, 1, 1)
    assert build_report(day, day, BY, rows, none) == build_report(day, day, BY, back, none)


@given(st.lists(st.integers(0, 1000), min_size=1), st.sampled_from([0.5, 0.95, 1.0]))
def test_a_rank_is_that_of_the_sorted_list(seconds: list[int], share: float) -> None:
    counted = {one: seconds.count(one) for one in seconds}
    found = rank(counted, share)
    assert found is not None
    assert sum(one <= found for one in seconds) >= share * len(seconds)
    assert sum(one < found for one in seconds) < share * len(seconds)
    assert rank({}, share) is None
    assert rank({5: 0}, share) is None


@given(days, st.integers(0, 390), st.sampled_from(PeriodKind))
def test_periods_cover_the_span_once(first: date, length: int, kind: PeriodKind) -> None:
    last = first + timedelta(days=length)
    periods = split_span(first, last, kind)
    assert periods[0].start == split_span(first, first, PeriodKind.DAY)[0].start
    assert periods[-1].end == split_span(last, last, PeriodKind.DAY)[0].end
    assert all(one.end == after.start for one, after in pairwise(periods))
    assert len({one.label for one in periods}) == len(periods)


def test_spans_that_are_none() -> None:
    with pytest.raises(ConflictError):
        split_span(date(2026, 1, 2), date(2026, 1, 1), PeriodKind.MONTH)
    with pytest.raises(ConflictError):
        split_span(date(2020, 1, 1), date(2026, 1, 1), PeriodKind.DAY)
    labels = [
        split_span(date(2026, 11, 27), date(2026, 11, 27), kind)[0].label
        for kind in (PeriodKind.WEEK, PeriodKind.MONTH, PeriodKind.QUARTER, PeriodKind.YEAR)
    ]
    assert labels == ["Tuần 48/2026", "11/2026", "Quý 4/2026", "2026"]
