"""The published list of administrative procedures, and papers that are not to be scanned."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Procedure:
    """One row of the list, good from `effective_from` to `effective_to` (both included; None: no end).

    `accepted`: through the postal service; `reason` says why not.
    """

    code: str
    name: str
    accepted: bool
    effective_from: date
    effective_to: date | None = None
    agency: str | None = None
    reason: str | None = None


class NotDigitised(StrEnum):
    """Why a paper is recorded without a scan (Thông tư 01/2023/TT-VPCP)."""

    SHARED_DATA = "shared_data"
    PHOTOCOPY = "photocopy"
    CERTIFIED_COPY = "certified_copy"
    ONLY_SHOWN = "only_shown"
    SECRET = "secret"  # noqa: S105 -- a kind of paper


NOT_DIGITISED_LABELS: dict[NotDigitised, str] = {
    NotDigitised.SHARED_DATA: "đã có dữ liệu chia sẻ có giá trị pháp lý",
    NotDigitised.PHOTOCOPY: "bản chụp",
    NotDigitised.CERTIFIED_COPY: "bản sao có chứng thực trên giấy",
    NotDigitised.ONLY_SHOWN: "giấy tờ chỉ xuất trình",
    NotDigitised.SECRET: "giấy tờ mật",
}
