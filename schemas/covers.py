"""Cover sheets, separators and end sheets that part a stack of papers scanned in one go, and what they say.

The codes on a sheet, version 1. A sheet carries its QR code twice and a Code 128 once. No name of a person
is ever in them: a record code, counts and the sheet's place in the print run are all they hold.

QR code (alphanumeric mode, error correction H), fields parted by colons:

    SOHOA1:<kind>:<record code>:<papers>:<run>:<index>.<span>.<total>:<check>

    kind    C cover sheet, S separator (before a paper other than the first), E end sheet
    papers  C: page counts of the declared papers in order, parted by dots, 0 where not counted;
            S: ordinal of the paper that follows and its page count (0: not counted); E: empty
    run     five letters of the print run: sheets printed together know each other
    index   of this sheet in its run, from 1; total: sheets of the run
    span    sheets of this dossier, counted from its cover sheet on
    check   six letters of Crockford's base 32: the first 30 bits of the SHA-256 of all before the last colon

Code 128: `SH1<kind>[<ordinal>]:<record code>:<check>`, the check of four letters likewise. It tells which
sheet this was when both QR codes are lost, not what the dossier holds.

A code that differs from this in anything, the check or the form of the record code among it, is not ours.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.dossier import RECORD_CODE

MOST_PAPERS = 60
"""Papers that one cover sheet declares: its QR code then has 77 modules of 0.6 mm, 2.4 pixels at 100 dpi."""

RECORD_IN_TEXT = rf"(?:^|[\s|;,=/?&#])(?P<record>{RECORD_CODE.pattern.strip('^$')})(?:$|[\s|;,/?&#])"
"""A record code that stands alone in a longer text: between bars, in an address, after an equals sign."""


class SheetKind(StrEnum):
    """What a sheet says: a dossier begins, another paper of it begins, it ends."""

    COVER = "cover"
    SEPARATOR = "separator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that the QR code of a sheet says.

    `page_counts`: of the declared papers (cover) or of the one that follows (separator), 0 where not
    counted. `ordinal` is the separator's paper. `run`, `index`, `span`, `total`: see the module.
    """

    kind: SheetKind
    record_code: str
    run: str
    index: int
    span: int
    total: int
    ordinal: int | None = None
    page_counts: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class SheetMark:
    """A sheet as one of its codes tells it; `sheet` is None where only the Code 128 was read."""

    kind: SheetKind
    record_code: str
    ordinal: int | None = None
    sheet: Sheet | None = None


@dataclass(frozen=True, slots=True)
class CoveredPaper:
    """A paper as it is printed on the cover sheet; `pages` is None where nobody counted them."""

    title: str
    pages: int | None = None


@dataclass(frozen=True, slots=True)
class CoveredDossier:
    """A dossier that is to get a cover sheet."""

    record_code: str
    papers: tuple[CoveredPaper, ...] = ()
    procedure: str = ""

    @property
    def counted(self) -> bool:
        """Whether the pages of every paper are declared."""
        return bool(self.papers) and all(paper.pages for paper in self.papers)


@dataclass(frozen=True, slots=True)
class PageSight:
    """What one page of a stack shows of sheets, without reading its text.

    `marks`: our own codes, each once. `banded`: it bears the bars along the edges by which a sheet is
    known even where no code can be read. `record_codes`: of records, in other codes (receipts). `ink`: the
    contrast (0..1) of its print with the paper, 0 for an empty page. `failure`: why the page could not be
    decoded; nothing else is then known.
    """

    number: int
    marks: tuple[SheetMark, ...] = ()
    banded: bool = False
    record_codes: tuple[str, ...] = ()
    ink: float = 1.0
    failure: str | None = None


class StopCode(StrEnum):
    """Why a stretch of a stack waits for the operator; stable codes."""

    NO_COVER = "no_cover"
    NO_PAGES = "no_pages"
    SHEET_UNREADABLE = "sheet_unreadable"
    SHEET_PARTLY_READ = "sheet_partly_read"
    CODES_DISAGREE = "codes_disagree"
    PAGE_DAMAGED = "page_damaged"
    SHEET_MISSING = "sheet_missing"
    SHEETS_OUT_OF_ORDER = "sheets_out_of_order"
    FOREIGN_SHEET = "foreign_sheet"
    FOREIGN_RECORD_CODE = "foreign_record_code"
    RECORD_TWICE = "record_twice"
    PAGE_COUNT_DIFFERS = "page_count_differs"
    PAPERS_UNKNOWN = "papers_unknown"
    UNPROVEN = "unproven"
    BACK_PRINTED = "back_printed"
    NEIGHBOUR_UNSURE = "neighbour_unsure"


@dataclass(frozen=True, slots=True)
class Told:
    """Words for a person: Vietnamese first, English beside it."""

    vi: str
    en: str


STOP_LABELS: dict[StopCode, Told] = {
    StopCode.NO_COVER: Told("các trang này không có tờ bìa đứng trước", "no cover sheet before these pages"),
    StopCode.NO_PAGES: Told("sau tờ bìa không có trang nào", "no page after the cover sheet"),
    StopCode.SHEET_UNREADABLE: Told(
        "đây là tờ bìa hoặc tờ ngăn nhưng mã không đọc được", "this is a sheet, its codes cannot be read"
    ),
    StopCode.SHEET_PARTLY_READ: Told(
        "tờ bìa chỉ đọc được mã vạch, không đọc được mã QR", "only the bar code of the sheet was read"
    ),
    StopCode.CODES_DISAGREE: Told(
        "các mã trên cùng một tờ không khớp nhau", "the codes of one sheet disagree"
    ),
    StopCode.PAGE_DAMAGED: Told("tệp ảnh của trang bị hỏng", "the page's image cannot be decoded"),
    StopCode.SHEET_MISSING: Told("thiếu tờ bìa hoặc tờ ngăn", "a sheet of this print run is missing"),
    StopCode.SHEETS_OUT_OF_ORDER: Told("các tờ bìa sai thứ tự in", "the sheets are out of their order"),
    StopCode.FOREIGN_SHEET: Told(
        "có tờ ngăn hoặc tờ kết thúc của hồ sơ khác", "a separator or end sheet of another record"
    ),
    StopCode.FOREIGN_RECORD_CODE: Told(
        "trang mang mã của hồ sơ khác", "a page carries another record's code"
    ),
    StopCode.RECORD_TWICE: Told("hai tờ bìa cùng một mã hồ sơ", "two cover sheets of one record"),
    StopCode.PAGE_COUNT_DIFFERS: Told("số trang khác số đã khai", "the pages are not as many as declared"),
    StopCode.PAPERS_UNKNOWN: Told(
        "không biết các giấy tờ chia ở đâu", "where one paper ends and the next begins is not known"
    ),
    StopCode.UNPROVEN: Told(
        "không có gì chứng tỏ hồ sơ kết thúc ở đây", "nothing proves that the dossier ends here"
    ),
    StopCode.BACK_PRINTED: Told("mặt sau của tờ bìa không trắng", "the back of the sheet is not blank"),
    StopCode.NEIGHBOUR_UNSURE: Told(
        "hồ sơ đứng ngay trước chưa chắc chắn và tờ bìa này không in cùng đợt",
        "the dossier before it is not certain, and this cover is of another print run",
    ),
}

STOP_ADVICE: dict[StopCode, Told] = {
    StopCode.NO_COVER: Told(
        "xem các trang, tìm tờ bìa bị sót rồi quét lại đoạn này",
        "look for the sheet, scan this stretch again",
    ),
    StopCode.NO_PAGES: Told("bỏ tờ bìa thừa hoặc quét các trang còn thiếu", "remove it or scan its pages"),
    StopCode.SHEET_UNREADABLE: Told(
        "in lại tờ bìa này rồi quét lại đoạn này, hoặc khai nó là tờ nào",
        "print the sheet anew and scan this stretch again, or say which sheet it is",
    ),
    StopCode.SHEET_PARTLY_READ: Told(
        "đếm số trang rồi xác nhận, hoặc in lại tờ bìa và quét lại", "count the pages and accept, or reprint"
    ),
    StopCode.CODES_DISAGREE: Told(
        "hai tờ có thể dính nhau: tách ra, quét lại đoạn này", "two sheets may stick together: scan again"
    ),
    StopCode.PAGE_DAMAGED: Told("quét lại đoạn này", "scan this stretch again"),
    StopCode.SHEET_MISSING: Told(
        "tìm tờ còn thiếu (có thể dính vào tờ khác), quét lại đoạn này",
        "look for the sheet, it may stick to another; scan this stretch again",
    ),
    StopCode.SHEETS_OUT_OF_ORDER: Told(
        "kiểm tra tờ bìa có đi đúng hồ sơ không rồi xác nhận", "check that each lies on its own dossier"
    ),
    StopCode.FOREIGN_SHEET: Told(
        "kiểm tra giấy tờ của hai hồ sơ có lẫn vào nhau không", "check whether two dossiers are mixed"
    ),
    StopCode.FOREIGN_RECORD_CODE: Told(
        "kiểm tra trang này có thuộc hồ sơ này không rồi xác nhận", "check whether the page belongs here"
    ),
    StopCode.RECORD_TWICE: Told("giữ một tờ bìa cho mỗi hồ sơ, quét lại", "keep one cover sheet a dossier"),
    StopCode.PAGE_COUNT_DIFFERS: Told(
        "đếm lại giấy: có trang dính, trang quét hai lần hoặc sót tờ bìa không",
        "count again: pages stuck together or scanned twice, or a sheet left out",
    ),
    StopCode.PAPERS_UNKNOWN: Told(
        "đặt tờ ngăn giữa các giấy tờ hoặc khai số trang, quét lại", "use separators or declare page counts"
    ),
    StopCode.UNPROVEN: Told(
        "xem các trang có cùng một hồ sơ không rồi xác nhận", "see whether all pages are of one dossier"
    ),
    StopCode.BACK_PRINTED: Told("in tờ bìa một mặt trên giấy trắng", "print sheets on one side only"),
    StopCode.NEIGHBOUR_UNSURE: Told(
        "xem trang của hồ sơ trước có nằm ở đây không rồi xác nhận",
        "see whether pages of the dossier before are among these, then accept",
    ),
}


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Stop(_Model):
    """One reason to wait. `pages` of the stack it is seen on; `numbers`: declared and counted pages, or the
    indexes of the sheets concerned; `record_codes`: those that do not belong or come twice."""

    code: StopCode
    pages: tuple[int, ...] = ()
    numbers: tuple[int, ...] = ()
    record_codes: tuple[str, ...] = ()


Proof = Literal["page_counts", "end_sheet", "operator"]


class PlannedPaper(_Model):
    """One paper: its ordinal and its pages of the stack, blank ones among them."""

    ordinal: int
    pages: tuple[int, ...]


class PlannedDossier(_Model):
    """A dossier that is certain. `proof`: by what its end is known."""

    record_code: str
    proof: Proof
    papers: tuple[PlannedPaper, ...]


class WaitingStretch(_Model):
    """Pages that wait, sheets among them, in order; `record_codes` of the cover sheets read in it."""

    pages: tuple[int, ...]
    stops: tuple[Stop, ...]
    record_codes: tuple[str, ...] = ()


AsideKind = Literal["sheet", "back_of_sheet", "sheet_again", "set_aside"]


class AsidePage(_Model):
    """A page that belongs to no paper: a sheet that was read, its blank back, or a sheet that came twice."""

    page: int
    what: AsideKind
    record_code: str = ""


class StackPlan(_Model):
    """What becomes of a stack: every page is in exactly one of dossiers, waiting and aside.

    `two_sided`: backs were scanned too. `absent`: sheets of the print runs that did not come, as
    `run.index`, though nothing in the stack is missing as far as can be told.
    """

    schema_: Literal["sohoa/stack-plan@1"] = Field(default="sohoa/stack-plan@1", alias="schema")
    pages: int
    two_sided: bool
    dossiers: tuple[PlannedDossier, ...] = ()
    waiting: tuple[WaitingStretch, ...] = ()
    aside: tuple[AsidePage, ...] = ()
    absent: tuple[str, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


@dataclass(frozen=True, slots=True)
class Said:
    """What the operator says a page of a stack is; `mark` is the sheet."""

    what: Literal["sheet", "page", "set_aside"]
    mark: SheetMark | None = None
