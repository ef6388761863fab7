"""What the operator is shown: the dossier at hand, page by page, and how far behind the station is."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path

from schemas.dossier import DossierState
from schemas.page import Reason, Verdict
from schemas.report import REASON_ADVICE, REASON_LABELS, VERDICT_LABELS
from schemas.station import (
    DossierStage,
    PageVerdict,
    ScanState,
    SpooledDossier,
    SpooledScan,
    SpoolSummary,
)
from workers.station import tasks
from workers.station.folders import Stray
from workers.station.spool import Spool

_SEVERITY = {Verdict.UNREADABLE: 3, Verdict.REVIEW: 2, Verdict.BLANK: 1, Verdict.READABLE: 0}
_REFUSALS = {
    "damaged_input": "tệp hỏng hoặc bị cắt cụt; quét lại",
    "cut_short": "tệp bị cắt cụt; quét lại",
    "unsupported_input": "không phải ảnh JPEG, PNG, TIFF hay PDF; xuất lại từ máy quét",
    "encrypted_input": "PDF có mật khẩu; bỏ mật khẩu rồi quét lại",
    "over_limit": "tệp quá lớn; quét ở độ phân giải thấp hơn",
    "bad_input": "tệp không dùng được; quét lại",
}
_STATES = {
    DossierState.OPEN: "đang nhận",
    DossierState.SUBMITTED: "đã nộp",
    DossierState.PROCESSING: "đang xử lý",
    DossierState.NEEDS_RESCAN: "CẦN QUÉT LẠI",
    DossierState.COMPLETE: "hoàn thành",
    DossierState.FAILED: "lỗi, chờ người vận hành",
}


class Colour(StrEnum):
    """How good the news is."""

    GOOD = "good"
    CARE = "care"
    BAD = "bad"
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Row:
    """One page, or one document that came whole. `scan_id` names its thumbnail."""

    scan_id: int
    has_thumbnail: bool
    page: str
    look: str
    look_colour: Colour
    verdict: str
    verdict_colour: Colour
    advice: tuple[str, ...]
    transfer: str


@dataclass(frozen=True, slots=True)
class Board:
    """Everything that is shown. `notes`: what keeps the dossier from being sent or handed in; `others`:
    folders of other dossiers that wait for a rescan, for the terminal alone."""

    folder: str
    dossier_id: int | None
    state: str
    rows: tuple[Row, ...]
    notes: tuple[str, ...]
    strays: tuple[tuple[str, str, str], ...]
    others: tuple[str, ...]
    summary: SpoolSummary
    line: str
    line_works: bool


def make_board(spool: Spool, root: Path, strays: Sequence[Stray]) -> Board:
    """The board as of now, of the dossier that was scanned last. Raises `StoreError`."""
    dossier = spool.find_last_scanned()
    waiting = [
        one.folder
        for one in spool.list_dossiers(DossierStage.SUBMITTED)
        if one.gateway_state == DossierState.NEEDS_RESCAN and (dossier is None or one.id != dossier.id)
    ]
    summary = spool.summarise()
    rows: tuple[Row, ...] = ()
    if dossier is not None:
        verdicts = spool.list_verdicts(dossier.id)
        rows = tuple(_make_row(scan, verdicts) for scan in spool.list_scans(dossier.id))
    return Board(
        folder=dossier.folder if dossier else "",
        dossier_id=dossier.id if dossier else None,
        state=_tell_state(dossier) if dossier else "chưa có hồ sơ nào",
        rows=rows,
        notes=_make_notes(spool, dossier) if dossier else (),
        strays=tuple((_relative(stray.path, root), stray.code, stray.why) for stray in strays),
        others=tuple(waiting),
        summary=summary,
        line=_tell_line(summary),
        line_works=summary.failing_since is None,
    )


def tell_age(seconds: float) -> str:
    """How long ago, in the largest unit."""
    for unit_s, name in ((86400, "ngày"), (3600, "giờ"), (60, "phút")):
        if seconds >= unit_s:
            return f"{int(seconds // unit_s)} {name}"
    return f"{max(0, int(seconds))} giây"


def _make_row(scan: SpooledScan, verdicts: dict[tuple[int, int], PageVerdict]) -> Row:
    worst = max(scan.looks, key=lambda look: _SEVERITY[look.verdict], default=None)
    full = [
        verdict
        for (ordinal, number), verdict in verdicts.items()
        if ordinal == scan.ordinal and scan.number in {0, number}
    ]
    judged = [one for one in full if one.verdict is not None]
    final = max(judged, key=lambda one: _SEVERITY[one.verdict or Verdict.READABLE], default=None)
    all_judged = final is not None and len(judged) >= (scan.pages or 1)
    sent = scan.state not in {ScanState.SPOOLED, ScanState.REFUSED}
    shown = final if sent and all_judged else None
    reasons: tuple[Reason, ...] = shown.reasons if shown else (worst.reasons if worst else ())
    verdict = shown.verdict if shown else None
    if scan.state is ScanState.REFUSED and scan.problem in _REFUSALS:
        look, look_colour = _REFUSALS[scan.problem], Colour.BAD
    else:
        look = _label(worst.verdict) if worst else "máy chủ sẽ xem"
        look_colour = _colour(worst.verdict) if worst else Colour.NONE
    return Row(
        scan_id=scan.id,
        has_thumbnail=bool(scan.looks),
        page=f"{scan.ordinal}:{scan.number}" if scan.number else f"{scan.ordinal} (cả tệp)",
        look=look,
        look_colour=look_colour,
        verdict=_label(verdict) if verdict else ("" if not sent else "đang đọc…"),
        verdict_colour=_colour(verdict) if verdict else Colour.NONE,
        advice=tuple(f"{REASON_LABELS[one]} [{one}]: {REASON_ADVICE[one]}" for one in reasons),
        transfer=_tell_transfer(scan),
    )


def _tell_transfer(scan: SpooledScan) -> str:
    if scan.state is ScanState.SPOOLED:
        share = f" {100 * scan.sent_bytes // max(1, scan.size)}%" if scan.sent_bytes else ""
        return f"chờ gửi{share}" + (f" ({scan.problem})" if scan.problem else "")
    if scan.state is ScanState.REFUSED:
        return f"không gửi được: {scan.problem}"
    return "đã nhận"


def _make_notes(spool: Spool, dossier: SpooledDossier) -> tuple[str, ...]:
    notes = [dossier.problem] if dossier.problem else []
    if dossier.stage in {DossierStage.GATHERING, DossierStage.OPEN}:
        counted = tasks.count_pages(spool, dossier.id)
        if dossier.declared_pages is None:
            notes.append("quét xong thì tạo tệp xong.txt, trong đó ghi tổng số trang")
        elif dossier.declared_pages != counted:
            notes.append(f"xong.txt khai {dossier.declared_pages} trang, mới có {counted} trang")
        ordinals = {int(str(paper["ordinal"])) for paper in dossier.papers}
        strange = sorted({scan.ordinal for scan in spool.list_scans(dossier.id)} - ordinals)
        if strange and dossier.stage is DossierStage.OPEN:
            notes.append(f"giấy tờ số {strange[0]} có sau khi đã mở hồ sơ; chuyển sang thư mục hồ sơ khác")
        gap = [number for number in range(1, max(ordinals, default=0)) if number not in ordinals]
        if gap:
            notes.append(f"thiếu giấy tờ số {gap[0]}: giấy tờ đánh số từ 1, không bỏ số nào")
    return tuple(notes)


def _tell_state(dossier: SpooledDossier) -> str:
    if dossier.gateway_state:
        state = DossierState(dossier.gateway_state)
        if not (state is DossierState.OPEN and dossier.stage is not DossierStage.OPEN):
            return f"{_STATES[state]} [{state}]"
    return {
        DossierStage.GATHERING: "đang quét, chưa gửi [gathering]",
        DossierStage.OPEN: "đang gửi [open]",
        DossierStage.SUBMITTED: "đã nộp, đang xử lý [submitted]",
        DossierStage.CLOSED: "hoàn thành [complete]",
    }[dossier.stage]


def _tell_line(summary: SpoolSummary) -> str:
    now = time.time()
    if summary.failing_since is not None:
        since = tell_age(now - summary.failing_since)
        return f"chưa gửi được từ {since} trước: {summary.failure}; quét tiếp bình thường, máy sẽ tự gửi"
    if summary.last_contact_at is None:
        return "chưa liên lạc với máy chủ"
    return f"liên lạc với máy chủ lúc {datetime.fromtimestamp(summary.last_contact_at):%H:%M:%S}"


def _label(verdict: Verdict | None) -> str:
    return f"{VERDICT_LABELS[verdict]} [{verdict}]" if verdict else ""


def _colour(verdict: Verdict | None) -> Colour:
    if verdict is None:
        return Colour.NONE
    return {0: Colour.GOOD, 1: Colour.CARE, 2: Colour.CARE, 3: Colour.BAD}[_SEVERITY[verdict]]


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
