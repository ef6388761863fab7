"""What happens to a record between counter and citizen's door. Times are seconds since the epoch, UTC."""

from dataclasses import dataclass
from enum import IntEnum, StrEnum


class MilestoneKind(StrEnum):
    """One step; in the order in which a record goes through them."""

    RECEIVED = "received"
    SUPPLEMENT_ASKED = "supplement_asked"
    HANDED_OVER = "handed_over"
    RESULT_ISSUED = "result_issued"
    POSTED = "posted"
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"


MILESTONE_LABELS = {
    MilestoneKind.RECEIVED: "đã tiếp nhận",
    MilestoneKind.SUPPLEMENT_ASKED: "yêu cầu bổ sung",
    MilestoneKind.HANDED_OVER: "đã bàn giao cho cơ quan",
    MilestoneKind.RESULT_ISSUED: "đã có kết quả",
    MilestoneKind.POSTED: "đã gửi bưu chính",
    MilestoneKind.DELIVERED: "đã trả kết quả",
    MilestoneKind.DELIVERY_FAILED: "phát không thành công",
}


class Timeliness(StrEnum):
    """A result against the day it was promised for."""

    EARLY = "early"
    ON_TIME = "on_time"
    LATE = "late"


class Channel(IntEnum):
    """How a dossier came in, or a result goes back: codes of the national portal."""

    DIRECT = 1
    ONLINE = 2
    POST = 3


CHANNEL_LABELS = {
    Channel.DIRECT: "trực tiếp",
    Channel.ONLINE: "trực tuyến",
    Channel.POST: "bưu chính công ích",
}


@dataclass(frozen=True, slots=True)
class Milestone:
    """One report. `id` is the SHA-256 of what is said; `corrects`: that one was wrong.

    `place`: a post office or an agency. `due_at`: when the result is promised for.
    """

    id: str
    record_code: str
    kind: MilestoneKind
    occurred_at: float
    channel: Channel | None = None
    place: str | None = None
    procedure_code: str | None = None
    due_at: float | None = None
    corrects: str | None = None
    reported_by: str = ""
    reported_at: float = 0.0


@dataclass(frozen=True, slots=True)
class RecordHistory:
    """What follows from a record's milestones and dossiers."""

    record_code: str
    agency: str
    procedure_code: str | None = None
    office: str | None = None
    channel: Channel | None = None
    received_at: float | None = None
    due_at: float | None = None
    handed_over_at: float | None = None
    result_at: float | None = None
    timeliness: Timeliness | None = None
    posted_at: float | None = None
    returned_at: float | None = None
    return_channel: Channel | None = None
    return_office: str | None = None
    failed_deliveries: int = 0
    supplements: int = 0
    digitised_at: float | None = None


@dataclass(frozen=True, slots=True)
class ScannedIntake:
    """An intake dossier as far as a history is concerned; it was received where and when it was handed in."""

    office: str | None
    procedure_code: str | None
    submitted_at: float
    first_completed_at: float | None
