"""`<stem>.json`: what happened to a document, page by page. Version field first, schema-checked."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.findings import DossierFinding, PageTrace
from schemas.page import Outline, QuarterTurn, Reason, Verdict
from schemas.signing import SignatureLevel

SourceText = Literal["none", "visible", "hidden", "garbage"]

REPORT_SCHEMA = "sohoa/document-report@1"

VERDICT_LABELS: dict[Verdict, str] = {
    Verdict.READABLE: "đọc được",
    Verdict.REVIEW: "cần xem lại",
    Verdict.UNREADABLE: "không đọc được",
    Verdict.BLANK: "trang trắng",
}

REASON_LABELS: dict[Reason, str] = {
    Reason.BLUR: "ảnh mờ nhòe",
    Reason.MOTION: "nhòe do xê dịch",
    Reason.DARK: "quá tối",
    Reason.WASHED_OUT: "quá sáng, mất nét",
    Reason.LOW_CONTRAST: "chữ quá nhạt",
    Reason.LOW_RESOLUTION: "độ phân giải thấp",
    Reason.CUT_OFF: "mất mép, mất chữ",
    Reason.OCCLUDED: "bị che khuất",
    Reason.GLARE: "lóa sáng",
    Reason.BANDING: "sọc, lỗi máy quét",
    Reason.CRUMPLED: "giấy nhàu nát",
    Reason.NOISE: "nhiễu",
    Reason.GIBBERISH: "không đọc được chữ",
    Reason.PARTIAL: "một phần không đọc được",
    Reason.HANDWRITING: "chữ viết tay",
    Reason.PHOTOGRAPH: "ảnh chụp, không phải giấy tờ",
    Reason.BLANK: "trang trắng",
    Reason.DUPLICATE: "trùng trang",
    Reason.SKEW_UNCERTAIN: "không chắc độ nghiêng",
    Reason.ORIENTATION_UNCERTAIN: "không chắc chiều trang",
}

REASON_ADVICE: dict[Reason, str] = {
    Reason.BLUR: "giữ phẳng giấy, lau kính, quét lại ở 300 dpi",
    Reason.MOTION: "giữ yên giấy trong khi quét, quét lại",
    Reason.DARK: "bật đèn hoặc tăng độ sáng, quét lại",
    Reason.WASHED_OUT: "giảm độ sáng, quét lại",
    Reason.LOW_CONTRAST: "tăng tương phản, quét lại từ bản gốc",
    Reason.LOW_RESOLUTION: "đặt máy quét ở 300 dpi, quét lại",
    Reason.CUT_OFF: "đặt giấy nằm trọn trong khung quét, quét lại",
    Reason.OCCLUDED: "bỏ tay, giấy hoặc vật che, mở góc gấp, quét lại",
    Reason.GLARE: "lấy giấy khỏi bìa nhựa, tránh đèn chiếu, quét lại",
    Reason.BANDING: "lau kính và con lăn máy quét, quét lại",
    Reason.CRUMPLED: "vuốt phẳng giấy, ép dưới nắp máy, quét lại",
    Reason.NOISE: "lau kính, thêm ánh sáng, quét lại",
    Reason.GIBBERISH: "kiểm tra đúng giấy, đúng mặt, quét lại ở 300 dpi",
    Reason.PARTIAL: "xem vùng được khoanh, quét lại nếu chữ ở đó không đọc được",
    Reason.HANDWRITING: "cán bộ đọc và xác nhận",
    Reason.PHOTOGRAPH: "kiểm tra đúng giấy cần quét",
    Reason.BLANK: "xác nhận trang trắng, hoặc quét mặt kia",
    Reason.DUPLICATE: "bỏ một bản nếu quét trùng",
    Reason.SKEW_UNCERTAIN: "kiểm tra trang có ngay ngắn không",
    Reason.ORIENTATION_UNCERTAIN: "kiểm tra chiều trang",
}
"""What the clerk can do about it."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class SourceReport(_Model):
    """The file that came in. `sha256` of a folder is over its page files' digests in name order.

    `born_digital`: some page is text, not a picture of it. `kept_as`: the name under which a signed or
    born-digital file lies beside its searchable copy or, where `embedded`, inside it, bit for bit, its own
    signatures intact.
    """

    name: str
    sha256: str
    media_type: str
    size: int
    signatures: int = 0
    born_digital: bool = False
    kept_as: str | None = None
    embedded: bool = False


class OcrReport(_Model):
    """What the engine said of one page; `raw_text` only where correction changed something."""

    engine: str
    model: str
    mean_confidence: float
    words: int
    syllable_validity: float
    raw_text: str | None = None


class PageReport(_Model):
    """One page. `quarter_turn`: degrees clockwise applied. `skew_deg`: how far text was turned
    counter-clockwise on the upright scan; the correction applied is its negative. `source_text`: the text
    the page of a PDF carried itself, `garbage` where it is no Vietnamese; it was read anew in any case.
    `trace`: what it is compared with other pages by."""

    number: int
    width_px: int
    height_px: int
    dpi: int
    quarter_turn: QuarterTurn
    skew_deg: float
    flattened: bool
    verdict: Verdict
    reasons: tuple[Reason, ...]
    quality: dict[str, float]
    ocr: OcrReport
    text: str
    source_text: SourceText = "none"
    regions: tuple[Outline, ...] = ()
    trace: PageTrace | None = None


class PdfReport(_Model):
    """The PDF that was written.

    `signature_shortfall` says why `signature_level` is below the one asked; `sohoa extend` makes up for it.
    """

    name: str
    sha256: str
    size: int
    conformance: Literal["PDF/A-2u", "PDF/A-3u"] = "PDF/A-2u"
    signatures: int
    signature_level: SignatureLevel | None = None
    signature_level_asked: SignatureLevel | None = None
    signature_shortfall: str | None = None


class SecondsReport(_Model):
    """Wall-clock seconds by step, summed over pages."""

    image: float
    reading: float
    binding: float
    signing: float


class DocumentReport(_Model):
    """The whole report of one document. `findings` compare its pages; the paper's ordinal is always 1."""

    schema_: Literal["sohoa/document-report@1"] = Field(default="sohoa/document-report@1", alias="schema")
    source: SourceReport
    verdict: Verdict
    pages: tuple[PageReport, ...]
    pdf: PdfReport
    seconds: SecondsReport
    findings: tuple[DossierFinding, ...] = ()

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)
