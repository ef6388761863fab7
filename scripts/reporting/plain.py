"""The report as text: a table for a terminal, CSV for a spreadsheet."""

import csv
import io

from schemas.statistics import Report, ReportLine
from scripts.reporting.columns import (
    INDEX,
    TITLE,
    TOTAL,
    Column,
    Kind,
    list_columns,
    name_span,
    write_figure,
)

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for something else."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def write_table(report: Report) -> str:
    """Lines of text: the index, then every line with its figures below each other, for any width."""
    out = [TITLE, name_span(report), ""]
    out += [f"  {name:<42} {write_figure(Kind.SHARE, read(report)):>9}" for name, read in INDEX]
    columns = list_columns(report)
    for line in (*report.lines, report.total):
        whole = line is report.total
        texts = [column for column in columns if column.kind is Kind.TEXT]
        out += ["", TOTAL if whole else "  ".join(_write(column, line) for column in texts)]
        out += [
            f"  {column.heading:<42} {_write(column, line):>9}"
            for column in columns
            if column.kind is not Kind.TEXT
        ]
    return "\n".join(out) + "\n"


def write_csv(report: Report) -> str:
    """One row a line, the total last; shares 0 to 1, seconds whole. Nothing can be taken for a formula."""
    columns = list_columns(report)
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow([column.heading for column in columns])
    for line in report.lines:
        writer.writerow([_cell(column, line) for column in columns])
    writer.writerow(
        [
            (TOTAL if number == 0 else "") if column.kind is Kind.TEXT else _cell(column, report.total)
            for number, column in enumerate(columns)
        ]
    )
    return BYTE_ORDER_MARK + out.getvalue()


def _write(column: Column, line: ReportLine) -> str:
    return write_figure(column.kind, column.read(line))


def _cell(column: Column, line: ReportLine) -> str | int | float:
    figure = column.read(line)
    if figure is None:
        return ""
    if isinstance(figure, float):
        return round(figure, 6)
    if isinstance(figure, str) and figure.startswith(_FORMULA):
        return f"'{figure}"
    return figure
