"""What the API's description says beside each endpoint's own words."""

from typing import Annotated, Any

from fastapi import Path

from schemas.api import (
    DOSSIER_ID_PATTERN,
    RECORD_CODE_PATTERN,
)

DossierId = Annotated[str, Path(pattern=DOSSIER_ID_PATTERN, description="Mã lần nộp. The dossier's id.")]
Ordinal = Annotated[int, Path(ge=1, le=200, description="Thứ tự giấy tờ. The paper's ordinal, from 1.")]
PageNumber = Annotated[int, Path(ge=1, le=2000, description="Số trang. The page's number, from 1.")]
RecordCodePath = Annotated[
    str, Path(pattern=RECORD_CODE_PATTERN, max_length=64, description="Mã hồ sơ một cửa. The record's code.")
]
FileId = Annotated[int, Path(ge=1, le=2**53, description="Số tệp. The file's id.")]

ASKED = ("unauthenticated", "invalid_request", "rate_limited", "tls_required", "internal", "store")
"""Problems that any request with a key may meet."""

UPLOAD_PROBLEMS = (
    "forbidden",
    "not_found",
    "conflict",
    "slow_request",
    "over_limit",
    "unsupported_input",
    "bad_input",
    "encrypted_input",
    "damaged_input",
    "digest_mismatch",
)

_BINARY = {"schema": {"type": "string", "format": "binary"}}
UPLOAD_BODY: dict[str, Any] = {
    "required": True,
    "description": "Các byte của ảnh quét. The scan's bytes; told apart by what they are, not by their type.",
    "content": dict.fromkeys(
        ("image/jpeg", "image/png", "image/tiff", "application/pdf", "application/octet-stream"), _BINARY
    ),
}

PIECE_BODY: dict[str, Any] = {
    "required": False,
    "description": "Các byte của tệp từ Upload-Offset. The file's bytes from Upload-Offset on; may be none.",
    "content": {"application/octet-stream": _BINARY},
}

STREAM: dict[str, Any] = {
    "description": "Luồng sự kiện. A stream of `page`, `dossier` and `end` events.",
    "content": {
        "text/event-stream": {
            "schema": {
                "type": "object",
                "properties": {
                    "event": {"type": "string", "enum": ["page", "dossier", "end"]},
                    "data": {"type": "string", "description": "JSON"},
                },
            },
            "example": 'event: page\ndata: {"ordinal": 1, "number": 2, "verdict": "unreadable"}\n\n',
        }
    },
}

TITLE = "Sohoa: cổng số hóa hồ sơ (gateway)"

DESCRIPTION = """\
Cổng nhận ảnh quét từ bưu cục và giao tệp PDF đã ký cho hệ thống một cửa điện tử.
*The gateway takes scans from post offices and gives signed PDF files to the one-stop system.*

**Trạm quét (stations).** Mở hồ sơ, gửi từng trang, xem ngay kết luận nhanh, nộp hồ sơ, theo dõi kết luận
đầy đủ. Mỗi lần gửi có `Content-Digest`; gửi lại bao nhiêu lần cũng được: cùng byte thì cùng câu trả lời.
Câu trả lời 200 hay 201 nghĩa là trang đã được ghi bền vững. Đường truyền yếu: gửi từng phần bằng PATCH.
*Open a dossier, send page by page, see the verdict of the image at once, submit, watch for the full
verdicts. Everything may be repeated after a dropped line; 200 or 201 means durable. Over a bad line a page
goes in pieces, by PATCH.*

**Hệ thống một cửa (one-stop).** Lấy thẻ ở `/v1/oauth/token`, đọc `/v1/events` theo con trỏ, tải tệp, so
SHA-256, xác nhận ở `/v1/acks`.
*Get a token, read events by cursor, fetch files, compare their SHA-256, acknowledge.*

**Lỗi (errors).** RFC 9457; `code` không đổi, `advice` nói cần làm gì. *Problem documents; `code` is stable.*
"""

TAGS = [
    {"name": "stations", "description": "Bưu cục: gửi hồ sơ. Post offices hand in dossiers."},
    {"name": "files", "description": "Tệp PDF đã ký của hồ sơ. Signed files of records."},
    {
        "name": "one-stop",
        "description": "Hệ thống một cửa: sự kiện và xác nhận. Events and acknowledgements.",
    },
    {"name": "milestones", "description": "Các mốc của hồ sơ. What happens to records on their way."},
    {"name": "statistics", "description": "Thống kê của chương trình BCCI. What the programme reports."},
    {"name": "supervisors", "description": "Người giám sát. Supervisors."},
    {"name": "operators", "description": "Người vận hành. Operators."},
]
