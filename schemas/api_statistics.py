"""Statistics in the HTTP API. Vietnamese first, English after; no name or number of a citizen in them."""

from datetime import date

from pydantic import Field

from schemas.api import Answer
from schemas.milestones import Channel
from schemas.statistics import Dimension

SHARE = "Từ 0 đến 1; null khi mẫu số bằng 0. 0 to 1; null where the whole is nothing."


class CountsView(Answer):
    """Các số đếm. What was counted."""

    received: int = Field(description="Hồ sơ tiếp nhận. Records received.")
    received_by_post: int = Field(description="Trong đó qua BCCI. Of them by post.")
    digitised: int = Field(description="Trong đó đã số hóa. Of them digitised.")
    supplements: int = Field(description="Lần yêu cầu bổ sung. Supplements asked for.")
    results: int = Field(description="Hồ sơ có kết quả. Records with a result.")
    early: int = Field(description="Trước hạn. Before the day promised.")
    on_time: int = Field(description="Đúng hạn. On the day promised.")
    late: int = Field(description="Quá hạn. After the day promised.")
    returned: int = Field(description="Kết quả đã trả. Results returned.")
    returned_by_post: int = Field(description="Trong đó qua BCCI. Of them by post.")
    failed_deliveries: int = Field(description="Lần phát không thành công. Deliveries that failed.")
    dossiers: int = Field(description="Lần quét (hồ sơ giấy). Scanned hand-overs.")
    attached: int = Field(description="Đã gắn vào hồ sơ một cửa. Acknowledged by the one-stop system.")
    pages: int = Field(description="Trang đã số hóa. Pages digitised.")
    rescans: int = Field(description="Trang phải quét lại. Pages scanned more than once.")


class SharesView(Answer):
    """Các tỷ lệ. Shares."""

    received_by_post: float | None = Field(description=SHARE)
    returned_by_post: float | None = Field(description=SHARE)
    digitised: float | None = Field(description=SHARE)
    early: float | None = Field(description=SHARE)
    on_time: float | None = Field(description=SHARE)
    late: float | None = Field(description=SHARE)
    rescans: float | None = Field(description=SHARE)
    attached: float | None = Field(description=SHARE)


class StatisticsLine(Answer):
    """Một dòng thống kê. One line; what it is not told apart by is null."""

    period: str | None = Field(examples=["09/2022"])
    agency: str | None = Field(examples=["H21.65"])
    office: str | None = Field(examples=["600000"])
    procedure: str | None = Field(examples=["1.004884"])
    channel: Channel | None
    counts: CountsView
    shares: SharesView
    latency_median_s: int | None = Field(
        description="Từ nộp đến gắn vào hồ sơ, trung vị, giây. From hand-over to acknowledgement, median."
    )
    latency_p95_s: int | None = Field(description="Như trên, 95 %. As above, 95th percentile.")


class ReformIndexView(Answer):
    """Các tỷ lệ của chỉ số CCHC về BCCI. Shares of the reform index."""

    procedures_open: int = Field(description="Thủ tục được tiếp nhận qua BCCI. Procedures open to the post.")
    procedures_used: int = Field(description="Trong đó có phát sinh hồ sơ. Of them with records by post.")
    procedures: float | None = Field(description=SHARE)
    received_by_post: float | None = Field(description=SHARE)
    returned_by_post: float | None = Field(description=SHARE)
    digitised: float | None = Field(description=SHARE)


class StatisticsView(Answer):
    """Thống kê của một khoảng thời gian. The statistics of a span of days, both ends included."""

    first: date
    last: date
    by: tuple[Dimension, ...]
    lines: tuple[StatisticsLine, ...]
    total: StatisticsLine
    index: ReformIndexView
