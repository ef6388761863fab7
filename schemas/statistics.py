"""What a BCCI programme reports: counts by office, agency, procedure, channel and period. No person in it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from enum import StrEnum
from operator import add, attrgetter
from typing import Self


class Dimension(StrEnum):
    """What counts are told apart by."""

    PERIOD = "period"
    AGENCY = "agency"
    OFFICE = "office"
    PROCEDURE = "procedure"
    CHANNEL = "channel"


class PeriodKind(StrEnum):
    """How long a period is; `all`: the whole span is one."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    QUARTER = "quarter"
    YEAR = "year"
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Period:
    """One period: its label, and its start and end in seconds since the epoch (the end not included)."""

    label: str
    start: float
    end: float


@dataclass(frozen=True, slots=True)
class RowKey:
    """What a line is of; None: not told apart by it, or not known."""

    period: str | None = None
    agency: str | None = None
    office: str | None = None
    procedure: str | None = None
    channel: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What was counted. Records are counted in the period in which the step happened.

    `digitised`: of those received, with their papers scanned, signed and stored. `attached`: dossiers that a
    one-stop system acknowledged whole. `rescans`: pages that were scanned more than once.
    """

    received: int = 0
    received_by_post: int = 0
    digitised: int = 0
    supplements: int = 0
    results: int = 0
    early: int = 0
    on_time: int = 0
    late: int = 0
    returned: int = 0
    returned_by_post: int = 0
    failed_deliveries: int = 0
    dossiers: int = 0
    attached: int = 0
    pages: int = 0
    rescans: int = 0

    def __add__(self, other: Self) -> "Counts":
        return Counts(*map(add, _read_all(self), _read_all(other)))


_read_all = attrgetter(*(one.name for one in fields(Counts)))
NOTHING = Counts()


@dataclass(frozen=True, slots=True)
class Measured:
    """Counts of one key. `latency_s`: from hand-over to acknowledgement, dossiers by whole seconds."""

    key: RowKey
    counts: Counts
    latency_s: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Shares:
    """Parts of a whole, 0 to 1; None where the whole is nothing."""

    received_by_post: float | None
    returned_by_post: float | None
    digitised: float | None
    early: float | None
    on_time: float | None
    late: float | None
    rescans: float | None
    attached: float | None


@dataclass(frozen=True, slots=True)
class ReportLine:
    """One line. Seconds are None where nothing was attached."""

    key: RowKey
    counts: Counts
    shares: Shares
    latency_median_s: int | None
    latency_p95_s: int | None


@dataclass(frozen=True, slots=True)
class PostProcedures:
    """Codes of procedures that are open to the post, and of those with any record by post."""

    open: frozenset[str]
    used: frozenset[str]


@dataclass(frozen=True, slots=True)
class ReformIndex:
    """The shares of the reform index (chỉ số CCHC); None where the whole is nothing."""

    procedures_open: int
    procedures_used: int
    procedures: float | None
    received_by_post: float | None
    returned_by_post: float | None
    digitised: float | None


@dataclass(frozen=True, slots=True)
class Report:
    """The whole report, from the `first` to the `last` day, both included."""

    first: date
    last: date
    by: tuple[Dimension, ...]
    lines: tuple[ReportLine, ...]
    total: ReportLine
    index: ReformIndex
