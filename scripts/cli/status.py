"""`sohoa status`: what is known of a record, for people (Vietnamese labels) or as JSON."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from schemas.dossier import DocumentStatus, PageStatus, RecordStatus

STATE_LABELS = {
    "open": "đang nhận",
    "submitted": "đã nộp",
    "pending": "chờ xử lý",
    "processing": "đang xử lý",
    "needs_rescan": "cần quét lại",
    "complete": "hoàn thành",
    "failed": "lỗi, chờ xử lý",
}


def status(
    code: Annotated[str, typer.Argument(metavar="CODE", help="record code, e.g. H21.65-220914-0011")],
    as_json: Annotated[bool, typer.Option("--json", help="print JSON")] = False,
) -> None:
    """Show the dossiers of a record: every page's verdict, every finished PDF."""
    from pipeline.ledger.status import read_record
    from pipeline.quality.dossier_checks import check_dossier
    from schemas.settings import Settings
    from workers.home import open_home
    from workers.submit import check_record_code

    check_record_code(code)
    home = open_home(Settings())
    try:
        with home.database.read() as connection:
            record = read_record(connection, code, home.locate, check_dossier)
    finally:
        home.close()
    if as_json:
        print(record.model_dump_json(indent=1))
    else:
        _print_tables(record)


def _print_tables(record: "RecordStatus") -> None:
    from rich.console import Console
    from rich.table import Table

    from scripts.cli.findings import tell_finding

    console = Console(highlight=False)
    for dossier in record.dossiers:
        console.print(
            f"{record.record_code}  {dossier.id}  {dossier.state} ({STATE_LABELS[dossier.state]})",
            markup=False,
        )
        table = Table("giấy tờ", "trang", "kết luận", "lý do", show_lines=False)
        for document in dossier.documents:
            for page in document.pages:
                table.add_row(f"{document.ordinal}", _name_page(page), tell_page(page), _tell_reasons(page))
        console.print(table)
        for document in dossier.documents:
            for line in _tell_document(document):
                console.print(f"  {line}", markup=False, soft_wrap=True)
        for finding in dossier.findings:
            console.print(f"  cần xem lại: {tell_finding(finding)}", markup=False, soft_wrap=True)


def _name_page(page: "PageStatus") -> str:
    return f"{page.number}" if page.revision == 1 else f"{page.number} (lần quét {page.revision})"


def tell_page(page: "PageStatus") -> str:
    """Verdict with its Vietnamese label; `-` where the page was not read yet."""
    from schemas.report import VERDICT_LABELS

    if page.verdict is None:
        return "failed (lỗi)" if page.failure else "-"
    return f"{page.verdict} ({VERDICT_LABELS[page.verdict]})"


def _tell_reasons(page: "PageStatus") -> str:
    from rich.markup import escape

    from schemas.report import REASON_LABELS

    told = [f"{reason} ({REASON_LABELS[reason]})" for reason in page.reasons]
    return escape("; ".join([*told, page.failure] if page.failure else told))


def _tell_document(document: "DocumentStatus") -> list[str]:
    lines = [f"{document.ordinal}. {document.title}: {document.state} ({STATE_LABELS[document.state]})"]
    if document.failure:
        lines.append(f"   {document.failure}")
    if document.waiting_since:
        since = document.waiting_since.astimezone()
        lines.append(
            f"   đang chờ dịch vụ bên ngoài từ {since:%H:%M %d/%m/%Y}, sẽ tự tiếp tục: "
            f"{document.waiting_for} (waiting for a service)"
        )
    for rendition in document.renditions:
        lines.append(f"   {rendition.path}")
        if rendition.level_due:
            lines.append(f"   chữ ký {rendition.level}, sẽ được nâng lên {rendition.level_due}")
    return lines
