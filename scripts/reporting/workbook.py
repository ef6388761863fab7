"""The report as a workbook: the index with its charts, and every line."""

from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.chart import BarChart, Reference
from openpyxl.chart.label import DataLabelList
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from schemas.statistics import Report, ReportLine
from scripts.reporting.columns import (
    INDEX,
    TITLE,
    TOTAL,
    Column,
    Kind,
    list_columns,
    name_line,
    name_span,
)

MOST_BARS = 24
"""More cannot be told apart in a chart; the sheet of lines has all."""

_FORMATS = {Kind.COUNT: "#,##0", Kind.SHARE: "0.0%", Kind.SECONDS: "#,##0", Kind.TEXT: "@"}
_HEAD = PatternFill("solid", fgColor="1F4E79")
_CHARTS = (
    ("Tiếp nhận", ("Tiếp nhận qua BCCI", "Kênh khác"), "4472C4 A5A5A5"),
    ("Đúng hạn", ("Trước hạn", "Đúng hạn", "Quá hạn"), "70AD47 4472C4 C00000"),
    ("Trả kết quả", ("Trả qua BCCI", "Cách khác"), "4472C4 A5A5A5"),
)


def write_workbook(report: Report, path: Path) -> None:
    """Write it. Raises `OSError`."""
    book = Workbook()
    front = book.active
    if not isinstance(front, Worksheet):
        raise TypeError("a new workbook has a sheet")
    front.title = "Tổng hợp"
    _fill_front(front, report)
    _fill_lines(book.create_sheet("Chi tiết"), report)
    data = book.create_sheet("Số liệu biểu đồ")
    _draw_charts(front, data, report)
    book.save(path)


def _fill_front(sheet: Worksheet, report: Report) -> None:
    sheet["A1"], sheet["A2"] = TITLE, name_span(report)
    sheet["A1"].font = Font(size=14, bold=True)
    _head(sheet, 4, ["Chỉ số cải cách hành chính", "Tỷ lệ"])
    for number, (name, read) in enumerate(INDEX, 5):
        sheet.cell(number, 1, name)
        _put(sheet, number, 2, Kind.SHARE, read(report))
    start = 5 + len(INDEX) + 1
    _head(sheet, start, [TOTAL, "Giá trị"])
    figures = [column for column in list_columns(report) if column.kind is not Kind.TEXT]
    for number, column in enumerate(figures, start + 1):
        heading = column.heading + (" (giây)" if column.kind is Kind.SECONDS else "")
        sheet.cell(number, 1, heading)
        _put(sheet, number, 2, column.kind, column.read(report.total))
    sheet.column_dimensions["A"].width = 44
    sheet.column_dimensions["B"].width = 14
    sheet.sheet_view.showGridLines = False


def _fill_lines(sheet: Worksheet, report: Report) -> None:
    columns = list_columns(report)
    _head(sheet, 1, [one.heading + (" (giây)" if one.kind is Kind.SECONDS else "") for one in columns])
    for number, line in enumerate(report.lines, 2):
        for place, column in enumerate(columns, 1):
            _put(sheet, number, place, column.kind, column.read(line))
    last = len(report.lines) + 2
    for place, column in enumerate(columns, 1):
        figure = (TOTAL if place == 1 else None) if column.kind is Kind.TEXT else column.read(report.total)
        _put(sheet, last, place, column.kind, figure)
        sheet.cell(last, place).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(place)].width = _width(column)
    sheet.freeze_panes = sheet.cell(2, len(report.by) + 1)
    sheet.auto_filter.ref = f"A1:{get_column_letter(len(columns))}{max(2, last - 1)}"


def _draw_charts(front: Worksheet, data: Worksheet, report: Report) -> None:
    lines = (report.lines or (report.total,))[:MOST_BARS]
    place = 1
    for number, (title, names, colours) in enumerate(_CHARTS):
        _head(data, place, [title, *names])
        for row, line in enumerate(lines, place + 1):
            _put(data, row, 1, Kind.TEXT, name_line(report, line))
            for column, count in enumerate(_split(title, line), 2):
                _put(data, row, column, Kind.COUNT, count)
        chart: Any = BarChart()
        chart.type, chart.grouping, chart.overlap = "col", "stacked", 100
        chart.title, chart.height, chart.width = title, 7.5, 20
        chart.x_axis.delete = chart.y_axis.delete = False
        chart.y_axis.numFmt = "#,##0"
        end = place + len(lines)
        figures = Reference(data, min_col=2, max_col=1 + len(names), min_row=place, max_row=end)
        chart.add_data(figures, titles_from_data=True)
        chart.set_categories(Reference(data, min_col=1, min_row=place + 1, max_row=end))
        for series, colour in zip(chart.series, colours.split(), strict=True):
            series.graphicalProperties.solidFill = colour
        chart.dataLabels = DataLabelList(showVal=False)
        front.add_chart(chart, f"D{4 + 16 * number}")
        place = end + 2
    data.column_dimensions["A"].width = 40


def _split(title: str, line: ReportLine) -> tuple[int, ...]:
    counts = line.counts
    if title == "Đúng hạn":
        return counts.early, counts.on_time, counts.late
    if title == "Tiếp nhận":
        return counts.received_by_post, counts.received - counts.received_by_post
    return counts.returned_by_post, counts.returned - counts.returned_by_post


def _head(sheet: Worksheet, row: int, names: list[str]) -> None:
    for place, name in enumerate(names, 1):
        cell = sheet.cell(row, place, name)
        cell.font, cell.fill = Font(bold=True, color="FFFFFF"), _HEAD
        cell.alignment = Alignment(wrap_text=True, vertical="center")


def _put(sheet: Worksheet, row: int, place: int, kind: Kind, figure: str | float | None) -> None:
    """Text is text, whatever it begins with."""
    cell = sheet.cell(row, place)
    cell.value = figure
    cell.number_format = _FORMATS[kind]
    if isinstance(figure, str):
        cell.data_type = "s"


def _width(column: Column) -> float:
    return 22.0 if column.kind is Kind.TEXT else 13.0
