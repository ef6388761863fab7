"""The published list as the province sends it: CSV or XLSX, columns named in Vietnamese or English."""

import csv
import hashlib
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from pathlib import Path

from schemas.errors import BadListError, OverLimitError, UnsupportedInputError
from schemas.procedures import Procedure

MAX_BYTES = 20 * 2**20
MAX_UNPACKED_BYTES = 200 * 2**20
MAX_ROWS = 20_000
"""The national list has about 6,300 procedures."""

_COLUMNS = {
    "code": {"code", "ma", "ma tthc", "ma thu tuc", "ma so"},
    "name": {"name", "ten", "ten tthc", "ten thu tuc", "ten thu tuc hanh chinh", "thu tuc hanh chinh"},
    "accepted": {"accepted", "tiep nhan", "tiep nhan qua bcci", "qua bcci", "bcci"},
    "effective_from": {"effective_from", "effective from", "hieu luc tu", "tu ngay", "ngay hieu luc"},
    "effective_to": {"effective_to", "effective to", "hieu luc den", "den ngay", "ngay het hieu luc"},
    "agency": {"agency", "co quan", "don vi", "co quan thuc hien"},
    "reason": {"reason", "ly do", "ghi chu"},
}
_NEEDED = ("code", "name", "accepted", "effective_from")
_YES = {"1", "x", "co", "yes", "true", "tiep nhan"}
_NO = {"0", "", "khong", "no", "false", "khong tiep nhan"}
_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,63}", re.ASCII)


def read_list(path: Path) -> tuple[tuple[Procedure, ...], str]:
    """The rows of the file, and its SHA-256.

    Raises `BadListError` with every wrong row; `UnsupportedInputError`, `OverLimitError`.
    """
    try:
        data = path.read_bytes() if path.stat().st_size <= MAX_BYTES else b""
    except OSError as error:
        raise UnsupportedInputError(f"the list cannot be read: {error.strerror}") from error
    if not data:
        raise OverLimitError(f"the list is empty or has more than {MAX_BYTES} bytes")
    table = _read_xlsx(data) if data.startswith(b"PK\x03\x04") else _read_csv(data)
    return _read_rows(table), hashlib.sha256(data).hexdigest()


def _read_csv(data: bytes) -> Iterator[list[object]]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnsupportedInputError(
            "the list is no UTF-8", advice="save it as CSV UTF-8, or as XLSX"
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(",;\t", key=first.count)
    try:
        for row in csv.reader(io.StringIO(text), delimiter=delimiter, strict=True):
            yield list(row)
    except csv.Error as error:
        raise UnsupportedInputError(f"the list is no CSV: {error}") from error


def _read_xlsx(data: bytes) -> Iterator[list[object]]:
    import openpyxl  # noqa: PLC0415 -- only this needs it
    from openpyxl.utils.exceptions import InvalidFileException  # noqa: PLC0415

    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            if sum(entry.file_size for entry in packed.infolist()) > MAX_UNPACKED_BYTES:
                raise OverLimitError("the list unpacks to more than a list can be")
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        for row in book.worksheets[0].iter_rows(values_only=True):
            yield list(row)
    except (zipfile.BadZipFile, InvalidFileException, KeyError, ValueError, SyntaxError, IndexError) as error:
        raise UnsupportedInputError("the list is no XLSX") from error


def _read_rows(table: Iterable[list[object]]) -> tuple[Procedure, ...]:
    found: list[Procedure] = []
    wrong: list[tuple[int, str]] = []
    columns: dict[str, int] | None = None
    seen: dict[tuple[str, date], int] = {}
    for number, row in enumerate(table, 1):
        if number > MAX_ROWS:
            raise OverLimitError(f"the list has more than {MAX_ROWS} rows")
        if not any(_text(cell) for cell in row):
            continue
        if columns is None:
            columns = _find_columns(row, number)
            continue
        try:
            made = _read_row(row, columns)
        except ValueError as error:
            wrong.append((number, str(error)))
            continue
        key = (made.code, made.effective_from)
        if key in seen:
            wrong.append((number, f"the same code and first day as row {seen[key]}"))
        seen.setdefault(key, number)
        found.append(made)
    if columns is None or not (found or wrong):
        wrong.append((1, "no rows"))
    if wrong:
        raise BadListError(f"{len(wrong)} rows are wrong", tuple(wrong))
    return tuple(found)


def _find_columns(row: list[object], number: int) -> dict[str, int]:
    names = [_fold(cell) for cell in row]
    columns = {
        column: place
        for column, known in _COLUMNS.items()
        for place, name in enumerate(names)
        if name in known
    }
    missing = [column for column in _NEEDED if column not in columns]
    if missing:
        raise BadListError("the head row is wrong", ((number, f"no column for {', '.join(missing)}"),))
    return columns


def _read_row(row: list[object], columns: dict[str, int]) -> Procedure:
    def cell(column: str) -> object:
        place = columns.get(column)
        return row[place] if place is not None and place < len(row) else None

    code, name = _text(cell("code")), _text(cell("name"))
    if not _CODE.fullmatch(code):
        raise ValueError("code: letters, digits, '.', '_' and '-'")
    if not name or len(name) > 1000 or not name.isprintable():
        raise ValueError("name: one printable line")
    accepted = _fold(cell("accepted"))
    if accepted not in _YES | _NO:
        raise ValueError("accepted: có or không (yes or no)")
    first, last = _read_day(cell("effective_from"), "effective_from"), None
    if first is None:
        raise ValueError("effective_from: is missing")
    last = _read_day(cell("effective_to"), "effective_to")
    if last is not None and last < first:
        raise ValueError("effective_to: before effective_from")
    return Procedure(
        code=code,
        name=name,
        accepted=accepted in _YES,
        effective_from=first,
        effective_to=last,
        agency=_text(cell("agency")) or None,
        reason=_text(cell("reason")) or None,
    )


def _read_day(cell: object, column: str) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    text = _text(cell)
    if not text:
        return None
    for form in ("%d/%m/%Y", "%d-%m-%Y", "%Y-%m-%d"):
        try:
            return datetime.strptime(text, form).date()
        except ValueError:
            continue
    raise ValueError(f"{column}: a day like 01/07/2026 or 2026-07-01")


def _text(cell: object) -> str:
    return "" if cell is None else unicodedata.normalize("NFC", " ".join(str(cell).split()))


def _fold(cell: object) -> str:
    """Without marks and case: `Mã TTHC` and `ma tthc` are one."""
    marked = unicodedata.normalize("NFD", _text(cell).casefold().replace("đ", "d"))
    return "".join(char for char in marked if not unicodedata.combining(char))
