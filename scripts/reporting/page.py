"""The report as one HTML page: figures, charts as SVG in the page itself, the lines. No script in it."""

from collections.abc import Sequence
from html import escape

from schemas.statistics import Report, ReportLine
from scripts.reporting.columns import (
    INDEX,
    TITLE,
    TOTAL,
    Kind,
    list_columns,
    name_line,
    name_span,
    write_figure,
)

MOST_BARS = 24
_WIDTH, _BAR, _GAP, _RIGHT = 720, 22, 10, 70
_LETTER, _MOST_LETTERS = 7.5, 26

_BLUE, _GREY, _GREEN, _RED = "#2f6db3", "#b8bec6", "#4f9d4b", "#c0392b"

_STYLE = """
:root{color-scheme:light}
body{font:15px/1.45 system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;color:#1d2733;margin:0;background:#fff}
main{max-width:1180px;margin:0 auto;padding:28px 24px 48px}
h1{font-size:24px;margin:0 0 4px}h2{font-size:17px;margin:32px 0 10px}
.span{color:#55606d;margin:0 0 22px}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(165px,1fr));gap:12px}
.tile{border:1px solid #d9dee4;border-radius:8px;padding:14px 16px}
.tile b{display:block;font-size:26px;font-weight:600;font-variant-numeric:tabular-nums}
.tile span{color:#55606d;font-size:13px}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(480px,1fr));gap:24px}
figure{margin:0}figcaption{font-weight:600;margin-bottom:2px}
.legend{font-size:13px;color:#55606d;margin-bottom:6px}
.legend i{display:inline-block;width:11px;height:11px;border-radius:2px;margin:0 5px 0 12px}
.legend i:first-child{margin-left:0}
svg{width:100%;height:auto}svg text{font:13px system-ui,"Segoe UI",Roboto,"Noto Sans",sans-serif;fill:#1d2733}
.lines{overflow-x:auto;border:1px solid #d9dee4;border-radius:8px}
table{border-collapse:collapse;font-size:13px;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:7px 9px;text-align:right;border-bottom:1px solid #e6eaee;white-space:nowrap}
th{background:#f3f5f8;vertical-align:bottom;white-space:normal;min-width:64px;font-weight:600}
.t{text-align:left}td.t{font-variant-numeric:normal}
tr:last-child td{border-bottom:0;font-weight:600;background:#f8f9fb}
footer{color:#55606d;font-size:13px;margin-top:20px}
@media print{main{max-width:none;padding:0}.lines{overflow:visible;border:0}table{font-size:9px}
th,td{padding:3px}figure,.tile,tr{break-inside:avoid}}
"""

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"

Part = tuple[str, str]


def write_page(report: Report) -> str:
    """The page, whole."""
    tiles = "".join(
        f'<div class="tile"><b>{write_figure(Kind.SHARE, read(report))}</b><span>{escape(name)}</span></div>'
        for name, read in INDEX
    )
    counts = report.total.counts
    more = "".join(
        f'<div class="tile"><b>{write_figure(kind, figure)}</b><span>{escape(name)}</span></div>'
        for name, kind, figure in (
            ("hồ sơ tiếp nhận", Kind.COUNT, counts.received),
            ("kết quả đã trả", Kind.COUNT, counts.returned),
            ("trang đã số hóa", Kind.COUNT, counts.pages),
            ("trang phải quét lại", Kind.SHARE, report.total.shares.rescans),
            ("từ nộp đến gắn vào hồ sơ, trung vị", Kind.SECONDS, report.total.latency_median_s),
            ("từ nộp đến gắn vào hồ sơ, 95 %", Kind.SECONDS, report.total.latency_p95_s),
        )
    )
    return (
        f'<!doctype html><html lang="vi"><meta charset="utf-8"><title>{TITLE}</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f"<style>{_STYLE}</style><main><h1>{TITLE}</h1>"
        f'<p class="span">{name_span(report)}</p>'
        f'<h2>Chỉ số cải cách hành chính</h2><div class="tiles">{tiles}</div>'
        f'<h2>Tổng hợp</h2><div class="tiles">{more}</div>'
        f'<h2>Biểu đồ</h2><div class="charts">{_write_charts(report)}</div>'
        f'<h2>Chi tiết</h2><div class="lines"><table>{_write_lines(report)}</table></div>'
        "<footer>Hồ sơ được đếm ở kỳ mà từng bước xảy ra. Báo cáo không chứa thông tin của người dân. "
        "Thời gian dài được làm tròn lên: đến phút từ 2 phút, đến 15 phút từ 2 giờ, đến giờ từ 2 ngày."
        "</footer></main></html>\n"
    )


def draw_bars(names: Sequence[str], parts: Sequence[Part], figures: Sequence[Sequence[int]]) -> str:
    """Stacked bars, one a name; `parts`: label and colour of each piece. Every bar has its sum beside it."""
    most = max((sum(row) for row in figures), default=0) or 1
    start = 16 + _LETTER * min(_MOST_LETTERS, max(map(len, names), default=0))
    room = _WIDTH - start - _RIGHT
    out = []
    for number, (name, row) in enumerate(zip(names, figures, strict=True)):
        top, left = number * (_BAR + _GAP), start
        middle = top + _BAR * 0.7
        shown = name if len(name) <= _MOST_LETTERS else f"{name[: _MOST_LETTERS - 1]}…"
        out.append(
            f'<text x="{start - 8:.1f}" y="{middle:.1f}" text-anchor="end">{escape(shown)}'
            f"<title>{escape(name)}</title></text>"
        )
        for (label, colour), count in zip(parts, row, strict=True):
            width = room * count / most
            if count:
                told = f"{name}: {label} {write_figure(Kind.COUNT, count)}"
                out.append(
                    f'<rect x="{left:.1f}" y="{top}" width="{width:.1f}" height="{_BAR}" fill="{colour}">'
                    f"<title>{escape(told)}</title></rect>"
                )
            left += width
        out.append(f'<text x="{left + 6:.1f}" y="{middle:.1f}">{write_figure(Kind.COUNT, sum(row))}</text>')
    height = max(1, len(names)) * (_BAR + _GAP)
    return f'<svg viewBox="0 0 {_WIDTH} {height}" role="img">{"".join(out)}</svg>'


def _write_charts(report: Report) -> str:
    lines = (report.lines or (report.total,))[:MOST_BARS]
    names = [name_line(report, line) for line in lines]
    charts: Sequence[tuple[str, Sequence[Part], Sequence[Sequence[int]]]] = (
        (
            "Tiếp nhận hồ sơ",
            (("qua BCCI", _BLUE), ("kênh khác", _GREY)),
            [
                (one.counts.received_by_post, one.counts.received - one.counts.received_by_post)
                for one in lines
            ],
        ),
        (
            "Trả kết quả",
            (("qua BCCI", _BLUE), ("cách khác", _GREY)),
            [
                (one.counts.returned_by_post, one.counts.returned - one.counts.returned_by_post)
                for one in lines
            ],
        ),
        (
            "Giải quyết so với hạn trả",
            (("trước hạn", _GREEN), ("đúng hạn", _BLUE), ("quá hạn", _RED)),
            [(one.counts.early, one.counts.on_time, one.counts.late) for one in lines],
        ),
        (
            "Trang số hóa",
            (("quét một lần", _BLUE), ("quét lại", _RED)),
            [(one.counts.pages - one.counts.rescans, one.counts.rescans) for one in lines],
        ),
    )
    left_out = len(report.lines) - len(lines)
    note = f" ({left_out} dòng sau nằm ở phần chi tiết)" if left_out > 0 else ""
    return "".join(
        f"<figure><figcaption>{title}{note}</figcaption>"
        f'<div class="legend">{"".join(_legend(part) for part in parts)}</div>'
        f"{draw_bars(names, parts, figures)}</figure>"
        for title, parts, figures in charts
    )


def _legend(part: Part) -> str:
    return f'<i style="background:{part[1]}"></i>{escape(part[0])}'


def _write_lines(report: Report) -> str:
    columns = list_columns(report)
    head = "".join(
        f'<th scope="col"{_class(column.kind)}>{escape(column.heading)}</th>' for column in columns
    )
    body = "".join(f"<tr>{_write_cells(report, line)}</tr>" for line in report.lines)
    return f"<thead><tr>{head}</tr></thead><tbody>{body}<tr>{_write_cells(report, report.total)}</tr></tbody>"


def _write_cells(report: Report, line: ReportLine) -> str:
    cells = []
    for number, column in enumerate(list_columns(report)):
        text = write_figure(column.kind, column.read(line))
        if line is report.total and column.kind is Kind.TEXT:
            text = TOTAL if number == 0 else ""
        cells.append(f"<td{_class(column.kind)}>{escape(text)}</td>")
    return "".join(cells)


def _class(kind: Kind) -> str:
    return ' class="t"' if kind is Kind.TEXT else ""
