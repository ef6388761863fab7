"""Events in the form of the national portal's `DongBoHoSoMC`: papers by address, each with its token.

Of the service's body what is public is used (facts/rules.md): `TaiLieuNop` for papers handed in,
`DanhSachGiayToKetQua` for results. The portal answers 200 to what it refuses; `error_code` tells.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from schemas.delivery import SendOutcome
from schemas.delivery_settings import PortalSettings
from workers.delivery.sending import Answer, judge_status

SERVICE = "DongBoHoSoMC"
_TAKEN = {"0", "00"}
_VIET_NAM = ZoneInfo("Asia/Ho_Chi_Minh")


@dataclass(frozen=True, slots=True)
class PortalFile:
    """One rendition as the portal is told of it. `part_code`: the paper's type (mã thành phần hồ sơ)."""

    file_id: int
    name: str
    part_code: str | None
    url: str


@dataclass(frozen=True, slots=True)
class PortalRecord:
    """A finished dossier as the portal is told of it. `again`: it was told of this record before."""

    record_code: str
    procedure_code: str | None
    is_result: bool
    received_at: float
    again: bool
    files: Sequence[PortalFile]


def write_portal_body(record: PortalRecord, settings: PortalSettings, session: str | None) -> bytes:
    """The request of one record."""
    data: dict[str, Any] = {
        "MaHoSo": record.record_code,
        "MaTTHC": record.procedure_code or "",
        "NgayTiepNhan": tell_time(record.received_at),
        "KenhThucHien": "3",  # bưu chính công ích
        "HoSoCoThanhPhanSoHoa": "1",
        "TaiLieuNop": [] if record.is_result else [_tell_paper(file) for file in record.files],
        "DanhSachGiayToKetQua": [_tell_result(file) for file in record.files] if record.is_result else [],
    }
    body = {
        "session": session or "",
        "madonvi": settings.unit_code,
        "service": SERVICE,
        "isUpdating": "True" if record.again else "False",
        "data": [data],
    }
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


def judge_portal(answer: Answer) -> SendOutcome:
    """As for any receiver, but a 2xx with an error code of its own is none."""
    outcome = judge_status(answer)
    if outcome.failure is not None:
        return outcome
    try:
        told = json.loads(answer.body)
    except ValueError:
        return SendOutcome(answer.status, "the portal's answer is no JSON")
    code = told.get("error_code") if isinstance(told, dict) else None
    if str(code) in _TAKEN:
        return outcome
    return SendOutcome(answer.status, f"the portal answers error_code {str(code)[:20]}")


def tell_time(at: float) -> str:
    """`yyyyMMddHHmmss` in Viet Nam."""
    return f"{datetime.fromtimestamp(at, UTC).astimezone(_VIET_NAM):%Y%m%d%H%M%S}"


def _tell_paper(file: PortalFile) -> dict[str, str]:
    return {
        "TepDinhKemId": str(file.file_id),
        "TenTepDinhKem": file.name,
        "IsDeleted": "False",
        "MaThanhPhanHoSo": file.part_code or "",
        "DuongDanTaiTepTin": file.url,
        "DuocSoHoa": "1",
        "DuocTaiSuDung": "0",
        "DuocLayTuKhoDMQG": "0",
        "MaKetQuaThayThe": "",
    }


def _tell_result(file: PortalFile) -> dict[str, str]:
    return {
        "TenGiayTo": file.name,
        "MaThanhPhanHoSo": file.part_code or "",
        "GiayToId": str(file.file_id),
        "DuongDanTepTinKetQua": file.url,
    }
