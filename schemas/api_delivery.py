"""What the gateway answers about finished files: lists, events, receipts, tokens; and about itself."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from schemas.api import EXAMPLE_DOSSIER, Answer, Asked, Sha256


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


class EventView(Answer):
    """Một sự kiện. One event: a dossier is complete, once more with every new rendition."""

    id: str
    sequence: int
    type: str
    created_at: datetime
    record_code: str
    dossier_id: str
    kind: str
    files: tuple[EventFile, ...]


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
    complete: bool = Field(description="Đủ mọi tệp của sự kiện. Every file of the event is acknowledged.")
    files: tuple[AckedFileView, ...]


class ReceiptList(Answer):
    """Các biên nhận của một sự kiện. Receipts of one event, one a client."""

    receipts: tuple[ReceiptView, ...]


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
