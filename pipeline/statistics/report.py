"""Counts into the report: lines summed, shares worked out where there is a whole, latencies ranked."""

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import date

from schemas.statistics import (
    NOTHING,
    Counts,
    Dimension,
    Measured,
    PostProcedures,
    ReformIndex,
    Report,
    ReportLine,
    RowKey,
    Shares,
)


def build_report(
    first: date,
    last: date,
    by: tuple[Dimension, ...],
    measured: Iterable[Measured],
    procedures: PostProcedures,
) -> Report:
    """One line for each key, in the order in which periods came and then of their names; and their sum."""
    counts: dict[RowKey, Counts] = {}
    latencies: dict[RowKey, Counter[int]] = {}
    periods: dict[str | None, int] = {}
    for one in measured:
        periods.setdefault(one.key.period, len(periods))
        before = counts.setdefault(one.key, NOTHING)
        if one.counts is not NOTHING:
            counts[one.key] = before + one.counts
        if one.latency_s:
            latencies.setdefault(one.key, Counter()).update(one.latency_s)
    whole, all_latencies = NOTHING, Counter[int]()
    for key, own in counts.items():
        whole += own
        all_latencies.update(latencies.get(key, {}))
    total = _line(RowKey(), whole, all_latencies)
    order = sorted(counts, key=lambda key: (periods[key.period], *_order(key)))
    used = procedures.used & procedures.open
    return Report(
        first=first,
        last=last,
        by=by,
        lines=tuple(
            _line(key, counts[key], latencies.get(key, {})) for key in order if counts[key] != NOTHING
        ),
        total=total,
        index=ReformIndex(
            procedures_open=len(procedures.open),
            procedures_used=len(used),
            procedures=_share(len(used), len(procedures.open)),
            received_by_post=total.shares.received_by_post,
            returned_by_post=total.shares.returned_by_post,
            digitised=total.shares.digitised,
        ),
    )


def rank(latencies: Mapping[int, int], share: float) -> int | None:
    """The least latency that `share` of all do not exceed (nearest rank); None of none."""
    left = math.ceil(share * sum(latencies.values()))
    for seconds in sorted(latencies):
        left -= latencies[seconds]
        if left <= 0 and latencies[seconds]:
            return seconds
    return None


def _line(key: RowKey, counts: Counts, latencies: Mapping[int, int]) -> ReportLine:
    promised = counts.early + counts.on_time + counts.late
    return ReportLine(
        key=key,
        counts=counts,
        shares=Shares(
            received_by_post=_share(counts.received_by_post, counts.received),
            returned_by_post=_share(counts.returned_by_post, counts.returned),
            digitised=_share(counts.digitised, counts.received),
            early=_share(counts.early, promised),
            on_time=_share(counts.on_time, promised),
            late=_share(counts.late, promised),
            rescans=_share(counts.rescans, counts.pages),
            attached=_share(counts.attached, counts.dossiers),
        ),
        latency_median_s=rank(latencies, 0.5),
        latency_p95_s=rank(latencies, 0.95),
    )


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _order(key: RowKey) -> tuple[str, str, str, int]:
    """What is not known comes last."""
    names = (key.agency, key.office, key.procedure)
    return (*("\uffff" if name is None else name for name in names), key.channel or 9)  # type: ignore[return-value]
