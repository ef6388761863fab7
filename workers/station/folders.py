"""Which dossier, paper and page a scan belongs to: told by where it lies, never guessed.

    DIR/
      H21.65-220914-0011__1.004884/        record code, then the procedure's where there is one
        record.toml                        optional: the papers beforehand; pages are then sent as they come
        01 Đơn đề nghị/0001.jpg  0002.jpg  ordinal and title of the paper; the number of the page
        02 Giấy khai sinh.pdf              a paper that is one file of several pages
        xong.txt                           the number of pages in all: the dossier is whole

What lies elsewhere is refused with a reason, and stays where it is. `map_folder` is the seam for other ways
to tell: whatever yields a `Mapped` will do (a stack of scans parted by cover sheets, say).
"""

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias
from unicodedata import normalize

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from schemas.api import CODE_PATTERN, LINE_PATTERN, RECORD_CODE_PATTERN, NewPaper

MOST_PAPERS, MOST_PAGES = 200, 2000
RECORD_FILE = "record.toml"
MARKS = frozenset({"xong.txt", "xong", "done.txt", "done"})
_MOST_SMALL_BYTES = 64 * 1024

_RECORD = re.compile(RECORD_CODE_PATTERN, re.ASCII)
_CODE = re.compile(CODE_PATTERN, re.ASCII)
_LINE = re.compile(LINE_PATTERN)
_PAPER = re.compile(r"(\d{1,3})(?:[ ._-]+(.*))?", re.ASCII)
_NUMBER = re.compile(r"(\d{1,9})", re.ASCII)
_LEFT_BY_PROGRAMS = frozenset({"thumbs.db", "desktop.ini"})
_UNFINISHED = (".tmp", ".part", ".partial", ".crdownload")


@dataclass(frozen=True, slots=True)
class Stray:
    """Something that cannot be taken, why, and what to do; `code` is stable."""

    path: Path
    code: str
    why: str


@dataclass(frozen=True, slots=True)
class FolderScan:
    """One file. `number` 0: the paper whole."""

    path: Path
    ordinal: int
    number: int


@dataclass(frozen=True, slots=True)
class FolderPaper:
    """One paper, as the folder or `record.toml` names it."""

    ordinal: int
    title: str
    type_code: str | None = None
    pages: int | None = None
    not_digitised: str | None = None


@dataclass(frozen=True, slots=True)
class FolderDossier:
    """One dossier of the folder. `announced`: its papers are known before they are all there."""

    name: str
    record_code: str
    procedure_code: str | None
    kind: str
    announced: bool
    papers: tuple[FolderPaper, ...]
    scans: tuple[FolderScan, ...]
    mark: Path | None


@dataclass(frozen=True, slots=True)
class Mapped:
    """Everything that lies in the folder."""

    dossiers: tuple[FolderDossier, ...]
    strays: tuple[Stray, ...]


MapFolder: TypeAlias = Callable[[Path], Mapped]


def map_folder(root: Path) -> Mapped:
    """Sort what lies in the folder. Raises `OSError` where the folder itself cannot be listed."""
    dossiers: list[FolderDossier] = []
    strays: list[Stray] = []
    for entry in _list(root):
        if entry.is_symlink():
            strays.append(Stray(entry, "link", "đây là một liên kết; chép chính tệp hay thư mục vào"))
        elif entry.is_dir():
            found = _map_dossier(entry, strays)
            if found is not None:
                dossiers.append(found)
        else:
            strays.append(
                Stray(
                    entry,
                    "loose_file",
                    "tệp lẻ, không thuộc hồ sơ nào; chuyển vào thư mục MÃ-HỒ-SƠ/01 tên giấy tờ/0001.jpg",
                )
            )
    return Mapped(tuple(dossiers), tuple(strays))


def read_mark(path: Path) -> int | None:
    """How many pages the mark declares; None where it does not say. Raises `OSError`."""
    with path.open("rb") as file:
        text = file.read(1024).decode("utf-8-sig", "replace")
    found = re.search(r"\d{1,6}", text)
    return int(found[0]) if found and int(found[0]) > 0 else None


def find_gap(found: FolderDossier) -> int | None:
    """The first paper that is missing between others: papers are numbered from 1 on."""
    ordinals = {paper.ordinal for paper in found.papers}
    return next((number for number in range(1, max(ordinals, default=1) + 1) if number not in ordinals), None)


class _RecordFile(BaseModel):
    """`record.toml`: what branch software, or a clerk, knows of the dossier beforehand."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    record: str | None = Field(default=None, pattern=RECORD_CODE_PATTERN, max_length=64)
    procedure: str | None = Field(default=None, pattern=CODE_PATTERN)
    kind: Literal["intake", "result"] = "intake"
    papers: tuple[NewPaper, ...] = Field(default=(), max_length=MOST_PAPERS)


@dataclass(slots=True)
class _Sorting:
    """The entries of one dossier's folder, being sorted."""

    strays: list[Stray]
    papers: dict[int, FolderPaper] = field(default_factory=dict)
    scans: dict[tuple[int, int], FolderScan] = field(default_factory=dict)
    mark: Path | None = None


def _map_dossier(folder: Path, strays: list[Stray]) -> FolderDossier | None:
    told = _read_record_file(folder / RECORD_FILE)
    if isinstance(told, str):
        strays.append(Stray(folder / RECORD_FILE, "bad_record_file", told))
        return None
    record, _, procedure = normalize("NFC", folder.name).partition("__")
    record = told.record or record.strip().upper()
    procedure_code = told.procedure or procedure.strip() or None
    if not _RECORD.fullmatch(record):
        why = "tên thư mục không phải mã hồ sơ (ví dụ H21.65-220914-0011), và không có record.toml"
        strays.append(Stray(folder, "no_record_code", why))
        return None
    if procedure_code is not None and not _CODE.fullmatch(procedure_code):
        strays.append(Stray(folder, "bad_procedure_code", "mã thủ tục sau hai dấu gạch dưới không hợp lệ"))
        return None
    sorting = _Sorting(strays)
    announced = {
        number: FolderPaper(number, paper.title, paper.type_code, paper.pages, paper.not_digitised)
        for number, paper in enumerate(told.papers, 1)
    }
    sorting.papers |= announced
    for entry in _list(folder):
        _sort_entry(entry, sorting, frozenset(announced) if announced else None)
    return FolderDossier(
        name=folder.name,
        record_code=record,
        procedure_code=procedure_code,
        kind=told.kind,
        announced=bool(announced),
        papers=tuple(sorting.papers[number] for number in sorted(sorting.papers)),
        scans=tuple(sorting.scans[place] for place in sorted(sorting.scans)),
        mark=sorting.mark,
    )


def _sort_entry(entry: Path, sorting: _Sorting, known: frozenset[int] | None) -> None:
    name = entry.name.casefold()
    if name == RECORD_FILE and entry.is_file():
        return
    if entry.is_symlink():
        sorting.strays.append(Stray(entry, "link", "đây là một liên kết; chép chính tệp hay thư mục vào"))
        return
    if name in MARKS and entry.is_file():
        sorting.mark = entry
        return
    whole = not entry.is_dir()
    named = _PAPER.fullmatch(normalize("NFC", entry.stem if whole else entry.name))
    ordinal = int(named[1]) if named else 0
    if named is None or not 1 <= ordinal <= MOST_PAPERS:
        why = "tên cần bắt đầu bằng số thứ tự giấy tờ, ví dụ '01 Đơn đề nghị'"
        sorting.strays.append(Stray(entry, "no_paper_number", why))
        return
    if known is not None and ordinal not in known:
        why = f"record.toml không có giấy tờ số {ordinal}"
        sorting.strays.append(Stray(entry, "unknown_paper", why))
        return
    if known is None:
        sorting.papers.setdefault(ordinal, FolderPaper(ordinal, _title(named[2], ordinal)))
    if whole:
        _add(sorting, FolderScan(entry, ordinal, 0))
        return
    for page in _list(entry):
        number = _page_number(page, sorting)
        if number is not None:
            _add(sorting, FolderScan(page, ordinal, number))


def _page_number(page: Path, sorting: _Sorting) -> int | None:
    if page.is_symlink() or page.is_dir():
        sorting.strays.append(Stray(page, "no_page", "trong thư mục giấy tờ chỉ để các tệp ảnh của trang"))
        return None
    found = _NUMBER.search(page.stem[::-1])
    number = int(found[1][::-1]) if found else 0
    if not 1 <= number <= MOST_PAGES:
        why = f"tên tệp cần số trang từ 1 đến {MOST_PAGES}, ví dụ 0001.jpg"
        sorting.strays.append(Stray(page, "no_page_number", why))
        return None
    return number


def _add(sorting: _Sorting, scan: FolderScan) -> None:
    of_paper = {number for ordinal, number in sorting.scans if ordinal == scan.ordinal}
    if scan.number in of_paper:
        sorting.strays.append(Stray(scan.path, "same_page_twice", "đã có tệp khác cùng số trang"))
    elif of_paper and (scan.number == 0 or 0 in of_paper):
        why = "giấy tờ này vừa có tệp cả giấy tờ vừa có trang rời; giữ một cách thôi"
        sorting.strays.append(Stray(scan.path, "pages_and_file", why))
    else:
        sorting.scans[scan.ordinal, scan.number] = scan


def _title(said: str | None, ordinal: int) -> str:
    title = " ".join((said or "").replace("_", " ").split())[:300]
    return title if title and _LINE.fullmatch(title) else f"Giấy tờ {ordinal}"


def _read_record_file(path: Path) -> "_RecordFile | str":
    """What it says, or what is wrong with it, in the clerk's words."""
    try:
        if path.is_symlink() or not path.is_file():
            return _RecordFile()
        with path.open("rb") as file:
            text = file.read(_MOST_SMALL_BYTES + 1)
        if len(text) > _MOST_SMALL_BYTES:
            return "record.toml quá lớn"
        told = tomllib.loads(text.decode("utf-8-sig"))
        return _RecordFile.model_validate(told)
    except OSError as error:
        return f"không đọc được record.toml: {error.strerror}"
    except ValidationError as error:
        where = ".".join(str(step) for step in error.errors()[0]["loc"])
        return f"record.toml sai ở {where}"
    except (tomllib.TOMLDecodeError, UnicodeDecodeError):
        return "record.toml không phải TOML (UTF-8)"


def _list(folder: Path) -> Iterator[Path]:
    """By name; without what is hidden, the agent's own (`_...`), left by programs or still written."""
    for entry in sorted(folder.iterdir(), key=lambda one: one.name):
        name = entry.name.casefold()
        ignored = name.startswith((".", "_", "~$")) or name in _LEFT_BY_PROGRAMS or name.endswith(_UNFINISHED)
        if not ignored:
            yield entry
