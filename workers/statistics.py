"""The report of a span, from the ledger: one consistent view, period by period."""

from collections.abc import Sequence
from datetime import date

from pipeline.ledger.database import Database
from pipeline.ledger.statistics import measure_period, read_post_procedures
from pipeline.statistics.periods import split_span
from pipeline.statistics.report import build_report
from schemas.access import Principal
from schemas.statistics import Dimension, PeriodKind, Report


def make_report(
    database: Database,
    first: date,
    last: date,
    kind: PeriodKind,
    by: Sequence[Dimension],
    reader: Principal | None = None,
) -> Report:
    """The report of the days from `first` to `last`, as far as `reader` may see, where one is named.

    Raises `ConflictError` for a span that is none, or of too many periods; `StoreError`.
    """
    chosen = tuple(one for one in Dimension if one in by)
    periods = split_span(first, last, kind)
    (span,) = split_span(first, last, PeriodKind.ALL)
    with database.read() as connection:
        measured = [one for period in periods for one in measure_period(connection, period, chosen, reader)]
        procedures = read_post_procedures(connection, span, (first.isoformat(), last.isoformat()), reader)
    return build_report(first, last, chosen, measured, procedures)
