"""The columns of the report: what stands in each, and how a figure is written in Vietnamese."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from schemas.milestones import CHANNEL_LABELS, Channel
from schemas.statistics import Dimension, Report, ReportLine

TITLE = "Thống kê tiếp nhận và trả kết quả qua dịch vụ bưu chính công ích"
TOTAL = "Tổng cộng"
NOT_KNOWN = "(không rõ)"


class Kind(Enum):
    """How a figure is written."""

    TEXT = "text"
    COUNT = "count"
    SHARE = "share"
    SECONDS = "seconds"


Figure = str | int | float | None


@dataclass(frozen=True, slots=True)
class Column:
    """One column."""

    heading: str
    kind: Kind
    read: Callable[[ReportLine], Figure]


DIMENSION_HEADINGS = {
    Dimension.PERIOD: "Kỳ",
    Dimension.AGENCY: "Cơ quan",
    Dimension.OFFICE: "Bưu cục",
    Dimension.PROCEDURE: "Thủ tục",
    Dimension.CHANNEL: "Kênh",
}

FIGURES: Sequence[Column] = (
    Column("Tiếp nhận", Kind.COUNT, lambda line: line.counts.received),
    Column("Tiếp nhận qua BCCI", Kind.COUNT, lambda line: line.counts.received_by_post),
    Column("Tỷ lệ tiếp nhận qua BCCI", Kind.SHARE, lambda line: line.shares.received_by_post),
    Column("Đã số hóa", Kind.COUNT, lambda line: line.counts.digitised),
    Column("Tỷ lệ số hóa", Kind.SHARE, lambda line: line.shares.digitised),
    Column("Yêu cầu bổ sung", Kind.COUNT, lambda line: line.counts.supplements),
    Column("Có kết quả", Kind.COUNT, lambda line: line.counts.results),
    Column("Trước hạn", Kind.COUNT, lambda line: line.counts.early),
    Column("Đúng hạn", Kind.COUNT, lambda line: line.counts.on_time),
    Column("Quá hạn", Kind.COUNT, lambda line: line.counts.late),
    Column("Trả kết quả", Kind.COUNT, lambda line: line.counts.returned),
    Column("Trả kết quả qua BCCI", Kind.COUNT, lambda line: line.counts.returned_by_post),
    Column("Tỷ lệ trả qua BCCI", Kind.SHARE, lambda line: line.shares.returned_by_post),
    Column("Phát không thành công", Kind.COUNT, lambda line: line.counts.failed_deliveries),
    Column("Lần quét", Kind.COUNT, lambda line: line.counts.dossiers),
    Column("Đã gắn vào hồ sơ", Kind.COUNT, lambda line: line.counts.attached),
    Column("Số trang", Kind.COUNT, lambda line: line.counts.pages),
    Column("Trang quét lại", Kind.COUNT, lambda line: line.counts.rescans),
    Column("Tỷ lệ quét lại", Kind.SHARE, lambda line: line.shares.rescans),
    Column("Từ nộp đến gắn (trung vị)", Kind.SECONDS, lambda line: line.latency_median_s),
    Column("Từ nộp đến gắn (95 %)", Kind.SECONDS, lambda line: line.latency_p95_s),
)

INDEX: Sequence[tuple[str, Callable[[Report], float | None]]] = (
    ("Tỷ lệ TTHC có phát sinh hồ sơ qua BCCI", lambda report: report.index.procedures),
    ("Tỷ lệ hồ sơ được tiếp nhận qua BCCI", lambda report: report.index.received_by_post),
    ("Tỷ lệ kết quả được trả qua BCCI", lambda report: report.index.returned_by_post),
    ("Tỷ lệ hồ sơ được số hóa", lambda report: report.index.digitised),
)
"""The reform index's shares and how they are called."""


def list_columns(report: Report) -> list[Column]:
    """Those of the dimensions that lines are told apart by, then the figures."""
    return [_dimension(one) for one in report.by] + list(FIGURES)


def name_line(report: Report, line: ReportLine) -> str:
    """A line's own name: its dimensions."""
    return " · ".join(str(_dimension(one).read(line)) for one in report.by) or TOTAL


def name_span(report: Report) -> str:
    """The days, as they are written."""
    return f"Từ ngày {report.first:%d/%m/%Y} đến ngày {report.last:%d/%m/%Y}"


def write_figure(kind: Kind, figure: Figure) -> str:
    """As a Vietnamese reader expects it: 1.234 and 56,7 %; a dash where there is none."""
    if figure is None:
        return "–"
    if kind is Kind.SHARE:
        return f"{100 * float(figure):.1f} %".replace(".", ",")
    if kind is Kind.COUNT:
        return f"{int(figure):,}".replace(",", ".")
    if kind is Kind.SECONDS:
        return _write_seconds(int(figure))
    return str(figure)


def _write_seconds(seconds: int) -> str:
    if seconds < 120:
        return f"{seconds} giây"
    if seconds < 7200:
        return f"{round(seconds / 60)} phút"
    if seconds < 172_800:
        return f"{seconds / 3600:.1f} giờ".replace(".", ",")
    return f"{seconds / 86400:.1f} ngày".replace(".", ",")


def _dimension(one: Dimension) -> Column:
    def read(line: ReportLine) -> str:
        value = getattr(line.key, one)
        if value is None:
            return NOT_KNOWN
        return CHANNEL_LABELS[Channel(value)] if one is Dimension.CHANNEL else str(value)

    return Column(DIMENSION_HEADINGS[one], Kind.TEXT, read)
