"""What a page leaves behind to be compared with others, and what comparing the papers of a dossier found."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.page import QuarterTurn

Aspect = Literal["portrait", "landscape", "square"]


class FindingCode(StrEnum):
    """What is odd about the papers of a dossier; stable codes. A finding asks a person and stops nothing."""

    PAGE_COUNT_DIFFERS = "page_count_differs"
    PAGE_NUMBER_MISSING = "page_number_missing"
    PAGE_NUMBER_OUT_OF_ORDER = "page_number_out_of_order"
    DUPLICATE_PAGE = "duplicate_page"
    MIXED_ORIENTATION = "mixed_orientation"
    FOREIGN_RECORD_CODE = "foreign_record_code"


FINDING_LABELS: dict[FindingCode, str] = {
    FindingCode.PAGE_COUNT_DIFFERS: "số trang khác số đã khai",
    FindingCode.PAGE_NUMBER_MISSING: "thiếu trang theo số in trên giấy",
    FindingCode.PAGE_NUMBER_OUT_OF_ORDER: "trang sai thứ tự",
    FindingCode.DUPLICATE_PAGE: "trùng trang",
    FindingCode.MIXED_ORIENTATION: "trang đặt khác chiều",
    FindingCode.FOREIGN_RECORD_CODE: "mã hồ sơ khác",
}

FINDING_ADVICE: dict[FindingCode, str] = {
    FindingCode.PAGE_COUNT_DIFFERS: "đếm lại tờ giấy, quét bổ sung trang thiếu hoặc sửa số trang đã khai",
    FindingCode.PAGE_NUMBER_MISSING: "tìm trang thiếu và quét bổ sung; nếu giấy vốn không có thì bỏ qua",
    FindingCode.PAGE_NUMBER_OUT_OF_ORDER: "xếp lại giấy theo số trang rồi quét lại",
    FindingCode.DUPLICATE_PAGE: "bỏ một bản nếu quét trùng; kiểm tra có sót trang khác không",
    FindingCode.MIXED_ORIENTATION: "trang đã được xoay lại; kiểm tra trang có thuộc giấy tờ này không",
    FindingCode.FOREIGN_RECORD_CODE: "kiểm tra giấy có thuộc hồ sơ này không",
}
"""What the clerk can do about it."""


@dataclass(frozen=True, slots=True)
class PrintedNumber:
    """`Trang 2/5`: number 2, total 5."""

    number: int
    total: int | None = None


@dataclass(frozen=True, slots=True)
class PageTrace:
    """One page, small enough to lie in the ledger: no text, no names.

    `picture`, `words`, `particulars` (figures and names) are sketches in hex (`pipeline.quality.sketch`);
    `sure_words` counts the pairs of words that are print beyond doubt. `printed` is what the head or foot
    of the page says. `record_codes` are those the page gives as its own, not those it quotes.
    `quarter_turn` (degrees clockwise) is None where the turn was a guess or the camera's.
    """

    blank: bool
    aspect: Aspect
    quarter_turn: QuarterTurn | None
    picture: str
    words: str
    sure_words: int
    particulars: str
    printed: PrintedNumber | None = None
    record_codes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PaperTraces:
    """One paper of a dossier: a trace a page in page order, None where a page left none."""

    ordinal: int
    pages: tuple[PageTrace | None, ...]
    declared_pages: int | None = None


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class PagePlace(_Model):
    """A page of a dossier: ordinal of the paper and number of the page, both from 1."""

    paper: int
    page: int


class DossierFinding(_Model):
    """Something odd and where.

    `pages`: the pages concerned; of a gap the pages beside it. `numbers`: declared and counted pages, or
    the printed numbers that are missing or out of order. `record_codes`: the codes that do not belong.
    """

    code: FindingCode
    papers: tuple[int, ...]
    pages: tuple[PagePlace, ...] = ()
    numbers: tuple[int, ...] = ()
    record_codes: tuple[str, ...] = ()
