"""Milestones and statistics in the HTTP API. Vietnamese first, English after."""

import re
from datetime import datetime
from typing import Annotated, Literal

from pydantic import BeforeValidator, ConfigDict, Field, WithJsonSchema

from schemas.api import CODE_PATTERN, EXAMPLE_SHA256, Answer, Asked, RecordCode, Sha256
from schemas.milestones import Channel, MilestoneKind, Timeliness

_RFC_3339 = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})",
    re.ASCII,
)
PLACE_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"


def _read_time(value: object) -> datetime:
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise ValueError("a time is written as in RFC 3339, with its zone")
    return datetime.fromisoformat(re.sub(r"(\.[0-9]{6})[0-9]+", r"\1", value.upper()))


Time = Annotated[
    datetime,
    BeforeValidator(_read_time),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


class MilestoneRequest(Asked):
    """Báo một mốc của hồ sơ. Reports a milestone; again, in any order, at any time."""

    record_code: RecordCode
    kind: MilestoneKind = Field(
        strict=False,
        description="received tiếp nhận · supplement_asked yêu cầu bổ sung · handed_over bàn giao cho "
        "cơ quan · result_issued có kết quả · posted gửi bưu chính · delivered đã trả · delivery_failed "
        "phát không được.",
    )
    occurred_at: Time = Field(
        description="Lúc xảy ra, có múi giờ. When it happened, with its zone.",
        examples=["2022-09-14T08:30:00+07:00"],
    )
    channel: Literal[1, 2, 3] | None = Field(
        default=None, description="1 trực tiếp, 2 trực tuyến, 3 BCCI. Direct, online, by post."
    )
    place: str | None = Field(
        default=None,
        pattern=PLACE_PATTERN,
        description="Mã bưu cục hoặc cơ quan; trạm: bưu cục của mình. A post office or an agency; for a "
        "station its own office, also where it is left out.",
        examples=["600000"],
    )
    procedure_code: str | None = Field(
        default=None, pattern=CODE_PATTERN, description="Mã thủ tục hành chính. Of the procedure."
    )
    due_at: Time | None = Field(default=None, description="Hẹn trả. When the result is promised for.")
    corrects: Sha256 | None = Field(
        default=None, description="Mốc bị sai, thay bằng mốc này. The milestone that this one takes away."
    )

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "record_code": "H21.65-220914-0011",
                    "kind": "received",
                    "occurred_at": "2022-09-14T08:30:00+07:00",
                    "channel": 3,
                    "procedure_code": "1.004884",
                    "due_at": "2022-09-28T17:00:00+07:00",
                },
                {
                    "record_code": "H21.65-220914-0011",
                    "kind": "delivered",
                    "occurred_at": "2022-09-27T10:05:00+07:00",
                    "channel": 3,
                },
            ]
        },
    )


class MilestoneView(Answer):
    """Một mốc đã báo. One milestone as it was reported."""

    id: str = Field(description="SHA-256 của nội dung. Of what is said.", examples=[EXAMPLE_SHA256])
    record_code: str
    kind: MilestoneKind
    label: str = Field(examples=["đã tiếp nhận"])
    occurred_at: datetime
    channel: Channel | None
    channel_label: str | None = Field(examples=["bưu chính công ích"])
    place: str | None
    procedure_code: str | None
    due_at: datetime | None
    corrects: str | None
    reported_at: datetime
    valid: bool = Field(description="Chưa bị sửa. Not taken away by a correction.")


class HistoryView(Answer):
    """Những gì suy ra từ các mốc, không phụ thuộc thứ tự báo. What follows, whatever the order of reports."""

    received_at: datetime | None
    channel: Channel | None
    office: str | None
    procedure_code: str | None
    due_at: datetime | None
    handed_over_at: datetime | None
    result_at: datetime | None
    timeliness: Timeliness | None = Field(description="Sớm, đúng, trễ hạn. Early, on time or late.")
    posted_at: datetime | None
    returned_at: datetime | None
    return_channel: Channel | None
    failed_deliveries: int
    supplements: int
    digitised_at: datetime | None


class MilestoneList(Answer):
    """Các mốc của một hồ sơ. The milestones of a record, in the order in which they happened."""

    record_code: str
    history: HistoryView
    milestones: tuple[MilestoneView, ...]
