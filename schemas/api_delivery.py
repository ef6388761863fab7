"""What the gateway answers about finished files: lists, events, receipts, tokens; and about itself."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.api import EXAMPLE_DOSSIER, Answer, Asked, Sha256
from schemas.milestones import Channel, MilestoneKind


class FileView(Answer):
    """Một tệp PDF đã ký của hồ sơ. One signed PDF of the record."""

    id: int
    name: str = Field(examples=["H21.65-220914-0011.1.pdf"])
    record_code: str
    dossier_id: str
    ordinal: int
    title: str
    type_code: str | None
    rendition: int
    newest: bool
    sha256: Sha256
    size: int
    media_type: Literal["application/pdf"] = "application/pdf"
    signature_level: str | None
    created_at: datetime
    content: str = Field(
        description="Đường dẫn nội dung. Path of the content.", examples=["/v1/files/7/content"]
    )


class FileList(Answer):
    """Các tệp của một hồ sơ. The files of a record; `next_cursor` is null at the end."""

    record_code: str
    files: tuple[FileView, ...]
    next_cursor: str | None


class EventFile(Answer):
    """Một tệp trong sự kiện. One file of an event."""

    ordinal: int
    rendition: int
    sha256: Sha256
    size: int
    content: str | None = Field(description="Đường dẫn nội dung. Path of the content.")


class EventMilestone(Answer):
    """Một mốc của hồ sơ. One milestone of a record."""

    id: str = Field(description="SHA-256 của nội dung. Of what is said.")
    kind: MilestoneKind
    label: str = Field(examples=["đã tiếp nhận"])
    occurred_at: datetime
    channel: Channel | None = Field(description="1 trực tiếp, 2 trực tuyến, 3 BCCI. Direct, online, by post.")
    place: str | None = Field(description="Bưu cục hoặc cơ quan. A post office or an agency.")
    procedure_code: str | None
    due_at: datetime | None = Field(description="Hẹn trả. When the result is promised for.")
    corrects: str | None = Field(description="Mốc bị sửa. The milestone that was wrong.")


class EventView(Answer):
    """Một sự kiện: hồ sơ hoàn thành (`dossier.completed`, lại mỗi khi có bản mới) hoặc mốc
    (`record.milestone`).

    One event: a dossier is complete, once more with every new rendition; or a milestone of a record, which
    has no files and is not acknowledged.
    """

    id: str
    sequence: int
    type: str = Field(examples=["dossier.completed"])
    created_at: datetime
    record_code: str
    dossier_id: str | None
    kind: str | None
    files: tuple[EventFile, ...]
    milestone: EventMilestone | None = None


class EventPage(Answer):
    """Sự kiện sau con trỏ. Events above the cursor; ask next with `after` = `next_after`."""

    events: tuple[EventView, ...]
    next_after: int
    more: bool = Field(description="Còn nữa ngay lúc này. Whether more were there already.")


class AckFile(Asked):
    """Một tệp đã nhận đủ. One file received whole, its SHA-256 as computed over the bytes received."""

    ordinal: int = Field(ge=1, le=200)
    rendition: int = Field(ge=1, le=1_000_000)
    sha256: Sha256


class AckRequest(Asked):
    """Xác nhận đã nhận. Acknowledges files of one event; may be sent again at any time."""

    event_id: str = Field(pattern=r"^[0-9a-f-]{36}\.[0-9]{1,9}$", examples=[f"{EXAMPLE_DOSSIER}.1"])
    files: tuple[AckFile, ...] = Field(min_length=1, max_length=200, strict=False)


class AckedFileView(Answer):
    """Một tệp đã xác nhận. One acknowledged file."""

    ordinal: int
    rendition: int
    sha256: Sha256
    acked_at: datetime


class ReceiptView(Answer):
    """Biên nhận giao tệp. A receipt that ties event, files and client together."""

    event_id: str
    client: str
    record_code: str
    complete: bool = Field(description="Đủ mọi tệp của sự kiện. Every file of the event is acknowledged.")
    files: tuple[AckedFileView, ...]
    signed: str | None = Field(
        description="Biên nhận có chữ ký (JWS, EdDSA). The receipt signed; its keys: /v1/receipt-keys.",
        examples=["eyJhbGciOiJFZERTQSIsImtpZCI6Ii4uLiJ9.eyJldmVudCI6Ii4uLiJ9.c2ln"],
    )


class ReceiptList(Answer):
    """Các biên nhận của một sự kiện. Receipts of one event, one a client."""

    receipts: tuple[ReceiptView, ...]


class ReceiptKey(Answer):
    """Một khóa công khai (RFC 8037). One public key."""

    kty: Literal["OKP"]
    crv: Literal["Ed25519"]
    use: Literal["sig"]
    alg: str = Field(examples=["EdDSA"])
    kid: str
    x: str


class ReceiptKeys(Answer):
    """Các khóa công khai của biên nhận. The public keys of receipts, earlier ones too."""

    keys: tuple[ReceiptKey, ...]


class TokenAnswer(Answer):
    """Thẻ truy cập ngắn hạn (RFC 6749). A short-lived access token."""

    access_token: str
    token_type: Literal["Bearer", "DPoP"]
    expires_in: int = Field(description="Giây. Seconds.")
    scope: str = Field(description="Các cơ quan. The agencies it is bound to, parted by spaces.")


class TokenProblem(Answer):
    """Lỗi OAuth2 (RFC 6749, 5.2) và RFC 9457. An OAuth2 error and a problem document in one."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    error: str = Field(examples=["invalid_client"])
    error_description: str


class CheckView(Answer):
    """Một phần của dịch vụ. One part of the service."""

    name: str
    ready: bool
    detail: str = ""


class HealthView(Answer):
    """Tiến trình đang chạy. The process answers."""

    status: Literal["ok"] = "ok"
    version: str


class ReadyView(Answer):
    """Có thể nhận hồ sơ hay chưa. Whether uploads can be taken; names what is not ready."""

    ready: bool
    checks: tuple[CheckView, ...]
