"""What the gateway is asked and what it answers (HTTP API v1). Vietnamese first, English after."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.dossier import DocumentState, DossierState
from schemas.findings import DossierFinding
from schemas.page import Reason, Verdict
from schemas.procedures import NotDigitised
from schemas.signing import SignatureLevel

RECORD_CODE_PATTERN = (
    r"^(?:[0-9]{3}\.[0-9]{2}\.[0-9]{2}\.[A-Z][0-9]{2}|[A-Z][0-9]{2}(?:\.[0-9]{1,3}){0,4})"
    r"-[0-9]{6}-[0-9]{4,12}$"
)
CODE_PATTERN = r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$"
_LETTERS = "!-~\u00c0-\u024f\u0300-\u036f\u1ea0-\u1ef9\u2010-\u2027\u2116\u20ab"
LINE_PATTERN = rf"^[{_LETTERS}](?:[ {_LETTERS}]*[{_LETTERS}])?$"
"""One line of Vietnamese: Latin letters with their marks, digits, punctuation; no space around it."""
SHA256_PATTERN = r"^[0-9a-f]{64}$"
DOSSIER_ID_PATTERN = r"^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$"

RecordCode = Annotated[
    str,
    Field(
        pattern=RECORD_CODE_PATTERN,
        max_length=64,
        description="Mã hồ sơ một cửa. The one-stop record's code.",
        examples=["H21.65-220914-0011"],
    ),
]
Sha256 = Annotated[
    str, Field(pattern=SHA256_PATTERN, description="SHA-256, chữ thường hệ 16. In lower-case hex.")
]

EXAMPLE_DOSSIER = "5f0c2f9e-3f0e-4c39-9d7c-0d9b0a8f6a11"
EXAMPLE_SHA256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"


class Answer(BaseModel):
    """What the gateway says."""

    model_config = ConfigDict(frozen=True)


class Asked(BaseModel):
    """What it is asked: nothing but the fields that are named, each of its own type."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class NewPaper(Asked):
    """Một giấy tờ trong hồ sơ. One paper of the dossier."""

    title: str = Field(
        min_length=1,
        pattern=LINE_PATTERN,
        max_length=300,
        description="Tên giấy tờ, một dòng. The paper's title, one printable line.",
        examples=["Đơn đề nghị cấp giấy phép"],
    )
    type_code: str | None = Field(
        default=None, pattern=CODE_PATTERN, description="Mã loại giấy tờ. Code of the paper's type."
    )
    pages: int | None = Field(
        default=None,
        ge=1,
        le=2000,
        description="Số trang nhân viên đã đếm. Pages as the clerk counted them; submitting waits for all.",
    )
    not_digitised: NotDigitised | None = Field(
        default=None,
        strict=False,
        description="Không số hóa, kèm lý do (TT 01/2023/TT-VPCP). Recorded without a scan, and why.",
    )


class NewDossierRequest(Asked):
    """Mở hồ sơ quét. Opens a dossier: what was handed over, before any page is scanned."""

    record_code: RecordCode
    procedure_code: str | None = Field(
        default=None,
        pattern=CODE_PATTERN,
        description="Mã thủ tục hành chính. Code of the administrative procedure.",
        examples=["1.004884"],
    )
    kind: Literal["intake", "result"] = Field(
        default="intake", description="Tiếp nhận hay trả kết quả. Papers handed in, or a result going back."
    )
    papers: tuple[NewPaper, ...] = Field(
        min_length=1,
        max_length=200,
        strict=False,
        description="Các giấy tờ, theo thứ tự. The papers in order; the first has ordinal 1.",
    )

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        json_schema_extra={
            "examples": [
                {
                    "record_code": "H21.65-220914-0011",
                    "procedure_code": "1.004884",
                    "papers": [{"title": "Đơn đề nghị", "pages": 2}, {"title": "Bản sao giấy khai sinh"}],
                }
            ]
        },
    )


class SubmitRequest(Asked):
    """Nộp hồ sơ. Hands the dossier in."""

    fewer_pages: bool = Field(
        default=False,
        description="Giấy tờ ít trang hơn đã khai. Papers have fewer pages than were declared.",
    )


class AcceptanceRequest(Asked):
    """Chấp nhận trang không đọc được. A supervisor takes an unreadable page as it is."""

    reason: str = Field(
        min_length=1,
        pattern=LINE_PATTERN,
        max_length=300,
        description="Lý do, ghi vào nhật ký kiểm toán. Why; kept on the audit log.",
        examples=["bản gốc mờ"],
    )


class ReasonView(Answer):
    """Một lý do. One reason of a verdict."""

    code: Reason
    label: str = Field(description="Nhãn tiếng Việt. Vietnamese label.")
    advice: str = Field(description="Việc nên làm. What the clerk can do about it.")


class LookView(Answer):
    """Kết luận nhanh, chỉ theo ảnh. What the image alone tells, before reading."""

    verdict: Verdict
    label: str = Field(description="Nhãn tiếng Việt. Vietnamese label.")
    reasons: tuple[ReasonView, ...] = ()
    p_unreadable: float = Field(ge=0, le=1, description="Xác suất không đọc được. Probability, calibrated.")
    scan_again: bool = Field(description="Nên quét lại ngay. Whether to scan the page again at once.")


class PageReceiptView(Answer):
    """Biên nhận một trang: đã ghi bền vững. The page's bytes and its line in the ledger are durable."""

    dossier_id: str
    ordinal: int
    number: int
    revision: int = Field(description="Lần quét, từ 1. Scan number, from 1.")
    current: bool = Field(description="Còn là lần quét mới nhất. No later scan has taken its place.")
    sha256: Sha256
    size: int
    media_type: str
    received_at: datetime
    fast_look: LookView | None


class FileReceiptView(Answer):
    """Biên nhận một tệp nhiều trang. A receipt for a whole document."""

    dossier_id: str
    ordinal: int
    sha256: Sha256
    size: int
    media_type: str
    received_at: datetime
    pages: tuple[PageReceiptView, ...]


class PieceView(Answer):
    """Một phần của tệp đã nhận. What has come of a file so far; send on from `offset`."""

    offset: int = Field(ge=0, description="Số byte đã nhận. Bytes that are here.")
    length: int = Field(ge=1, description="Số byte của cả tệp. Bytes of the whole file.")


class PageView(Answer):
    """Một trang như hiện có. One page as it stands."""

    number: int
    revision: int
    verdict: Verdict | None = Field(description="Kết luận đầy đủ sau khi đọc. The full verdict, once read.")
    label: str | None
    reasons: tuple[ReasonView, ...]
    fast_look: LookView | None
    flagged: bool = Field(description="Chờ quét lại. Waits for a rescan or a supervisor.")
    accepted: bool = Field(description="Đã được chấp nhận. A supervisor took it as it is.")
    failure: str | None = None


class RenditionView(Answer):
    """Một bản PDF hoàn chỉnh. One finished PDF."""

    number: int
    sha256: Sha256
    size: int
    level: SignatureLevel | None = None


class DocumentView(Answer):
    """Một giấy tờ như hiện có. One paper as it stands."""

    ordinal: int
    title: str
    type_code: str | None
    state: DocumentState
    declared_pages: int | None
    not_digitised: NotDigitised | None = None
    not_digitised_label: str | None = None
    missing_pages: tuple[int, ...] = Field(description="Trang chưa nhận. Pages that have not come yet.")
    pages: tuple[PageView, ...]
    renditions: tuple[RenditionView, ...]


class DossierView(Answer):
    """Hồ sơ như hiện có. The dossier as it stands."""

    id: str = Field(examples=[EXAMPLE_DOSSIER])
    record_code: str
    kind: str
    procedure_code: str | None
    office: str | None
    station: str | None
    state: DossierState
    label: str
    opened_at: datetime
    submitted_at: datetime | None
    completed_at: datetime | None
    missing_pages: tuple[str, ...] = Field(
        description="`giấy:trang` chưa nhận. `ordinal:number` of pages that have not come."
    )
    flagged_pages: tuple[str, ...] = Field(
        description="`giấy:trang` chờ quét lại. `ordinal:number` of pages that wait for a rescan."
    )
    documents: tuple[DocumentView, ...]
    findings: tuple[DossierFinding, ...] = ()


class DossierLine(Answer):
    """Một dòng trong danh sách. One dossier in a list."""

    id: str
    record_code: str
    kind: str
    procedure_code: str | None
    office: str | None
    station: str | None
    state: DossierState
    label: str
    opened_at: datetime


class DossierList(Answer):
    """Một trang danh sách hồ sơ. One page of dossiers; `next_cursor` is null at the end."""

    dossiers: tuple[DossierLine, ...]
    next_cursor: str | None


class RetriedView(Answer):
    """Đã xếp hàng lại. Failed jobs that were queued anew."""

    dossier_id: str
    jobs: int


class FieldProblem(Answer):
    """Một chỗ sai trong yêu cầu. One place of the request that is wrong; never repeats what was sent."""

    where: str = Field(examples=["body.papers.0.title"])
    what: str


class Problem(Answer):
    """Lỗi theo RFC 9457. A problem document; `code` is stable, `advice` says what to do."""

    type: str = Field(examples=["urn:sohoa:problem:not_found"])
    title: str
    status: int
    detail: str
    code: str = Field(examples=["not_found"])
    advice: str
    request_id: str
    errors: tuple[FieldProblem, ...] | None = None
    missing: tuple[str, ...] | None = None
    offset: int | None = None


def to_time(seconds: float) -> datetime:
    """Seconds since the epoch as a time in UTC."""
    return datetime.fromtimestamp(seconds, UTC)
