"""The records that get cover sheets, as a CSV: one row a paper, rows of one record together."""

import csv
import io
import unicodedata
from pathlib import Path

from pipeline.separation.payload import MOST_PAGES
from schemas.covers import CoveredDossier, CoveredPaper
from schemas.dossier import RECORD_CODE
from schemas.errors import BadListError, OverLimitError, UnsupportedInputError

MAX_BYTES = 5 * 2**20
_COLUMNS = {
    "record": {"record", "ma ho so", "ma"},
    "procedure": {"procedure", "thu tuc", "ma tthc"},
    "paper": {"paper", "giay to", "ten giay to", "thanh phan"},
    "pages": {"pages", "so trang", "trang"},
}


def read_cover_list(path: Path) -> tuple[CoveredDossier, ...]:
    """The dossiers in the order of their first row. Only the column `record` is needed.

    Raises `BadListError` with every wrong row; `UnsupportedInputError`, `OverLimitError`.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise OverLimitError(f"the list has more than {MAX_BYTES} bytes")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise UnsupportedInputError(f"the list cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UnsupportedInputError("the list is no UTF-8", advice="save it as CSV UTF-8") from error
    delimiter = max(",;\t", key=text.partition("\n")[0].count)
    try:
        rows = list(csv.reader(io.StringIO(text), delimiter=delimiter, strict=True))
    except csv.Error as error:
        raise UnsupportedInputError(f"the list is no CSV: {error}") from error
    return _read_rows(rows)


def parse_paper(text: str) -> CoveredPaper:
    """`Đơn đề nghị=2`: title and pages; without `=N` nobody counted. Raises `ValueError`."""
    title, sign, pages = text.rpartition("=")
    if sign and pages.strip().isdecimal():
        return CoveredPaper(_title(title), _count(pages))
    return CoveredPaper(_title(text))


def _read_rows(rows: list[list[str]]) -> tuple[CoveredDossier, ...]:
    filled = [(number, row) for number, row in enumerate(rows, 1) if any(cell.strip() for cell in row)]
    if len(filled) < 2:
        raise BadListError("the list has no rows", ((1, "no rows"),))
    (head_number, head), *body = filled
    names = [_fold(cell) for cell in head]
    places = {
        column: at for column, known in _COLUMNS.items() for at, name in enumerate(names) if name in known
    }
    if "record" not in places:
        raise BadListError("the head row is wrong", ((head_number, "no column for record (mã hồ sơ)"),))
    wrong: list[tuple[int, str]] = []
    found: dict[str, tuple[str, list[CoveredPaper]]] = {}
    last = ""
    for number, row in body:
        cells = {c: row[at].strip() if at < len(row) else "" for c, at in places.items()}
        record = cells["record"] or last
        if not RECORD_CODE.fullmatch(record):
            wrong.append((number, "record: no record code"))
            continue
        if record in found and record != last:
            wrong.append((number, f"record: {record} again; rows of one record belong together"))
            continue
        last = record
        procedure, papers = found.setdefault(record, (cells.get("procedure", ""), []))
        try:
            if cells.get("paper") or cells.get("pages"):
                pages = cells.get("pages", "")
                papers.append(CoveredPaper(_title(cells.get("paper", "")), _count(pages) if pages else None))
        except ValueError as error:
            wrong.append((number, str(error)))
        found[record] = (procedure or cells.get("procedure", ""), papers)
    if wrong:
        raise BadListError(f"{len(wrong)} rows are wrong", tuple(wrong))
    return tuple(
        CoveredDossier(record, tuple(papers), procedure) for record, (procedure, papers) in found.items()
    )


def _title(text: str) -> str:
    title = unicodedata.normalize("NFC", " ".join(text.split()))
    if not title or len(title) > 300 or not title.isprintable():
        raise ValueError("paper: one printable line")
    return title


def _count(text: str) -> int:
    if not text.strip().isdecimal() or not 1 <= int(text) <= MOST_PAGES:
        raise ValueError(f"pages: a number from 1 to {MOST_PAGES}")
    return int(text)


def _fold(cell: str) -> str:
    marked = unicodedata.normalize("NFD", " ".join(cell.casefold().split()).replace("đ", "d"))
    return "".join(char for char in marked if not unicodedata.combining(char))
