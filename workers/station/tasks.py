"""What is to be sent next, and what is written down about it before and after."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypeAlias

from schemas.api import FileReceiptView, PageReceiptView
from schemas.errors import StoreError
from schemas.station import DossierStage, ScanState, SpooledDossier, SpooledScan
from workers.station.spool import AT_ONCE, Spool

FIRST_POSTPONED_S = 15.0
MOST_POSTPONED_S = 3600.0


@dataclass(frozen=True, slots=True)
class Open:
    """The gateway is to be told of a dossier."""

    dossier: SpooledDossier


@dataclass(frozen=True, slots=True)
class Send:
    """A scan is to be sent. `gateway_id`: its dossier's."""

    scan: SpooledScan
    gateway_id: str


@dataclass(frozen=True, slots=True)
class Submit:
    """Everything of a dossier is there."""

    dossier: SpooledDossier
    gateway_id: str


Task: TypeAlias = Open | Send | Submit


def next_task(spool: Spool, now: float, growing: Collection[int]) -> Task | None:
    """Dossier by dossier, the oldest first. `growing`: dossiers whose folder has files not taken in yet."""
    rows = spool.ask(
        "SELECT id FROM dossiers d WHERE next_attempt_at <= ? AND ((stage = 'gathering' AND ready) OR "
        "(gateway_id IS NOT NULL AND EXISTS (SELECT 1 FROM scans s WHERE s.dossier_id = d.id AND "
        "s.state = 'spooled' AND s.next_attempt_at <= ?)) OR (stage = 'open' AND declared IS NOT NULL)) "
        "ORDER BY created_at, id",
        *(now, now),
    )
    for (dossier_id,) in rows:
        dossier = spool.find_dossier(int(str(dossier_id)))
        task = None if dossier is None else _next_of(spool, dossier, now, growing)
        if task is not None:
            return task
    return None


def count_pages(spool: Spool, dossier_id: int) -> int:
    """Pages of the scans that count, as far as is known how many each has."""
    return sum(scan.pages or 1 for scan in spool.list_scans(dossier_id))


def _next_of(spool: Spool, dossier: SpooledDossier, now: float, growing: Collection[int]) -> Task | None:
    if dossier.gateway_id is None:
        return Open(dossier) if _may_open(spool, dossier, growing) else None
    due = spool.ask(
        "SELECT id FROM scans WHERE dossier_id = ? AND state = 'spooled' AND next_attempt_at <= ? "
        "ORDER BY id LIMIT 1",
        *(dossier.id, now),
    )
    scans = spool.list_scans(dossier.id)
    if due:
        found = [scan for scan in scans if scan.id == int(str(due[0][0]))]
        return Send(found[0], dossier.gateway_id) if found else None
    unsent = any(scan.state in {ScanState.SPOOLED, ScanState.REFUSED} for scan in scans)
    whole = dossier.stage is DossierStage.OPEN and dossier.declared_pages == count_pages(spool, dossier.id)
    return Submit(dossier, dossier.gateway_id) if whole and not unsent and dossier.id not in growing else None


def _may_open(spool: Spool, dossier: SpooledDossier, growing: Collection[int]) -> bool:
    ((ready,),) = spool.ask("SELECT ready FROM dossiers WHERE id = ?", dossier.id)
    if ready == AT_ONCE:
        return True
    scans = spool.list_scans(dossier.id)
    counted = sum(scan.pages or 1 for scan in scans) >= (dossier.declared_pages or 0)
    return dossier.id not in growing and (counted or any(scan.pages is None for scan in scans))


def note_dossier_attempt(spool: Spool, dossier_id: int) -> None:
    """A request about a dossier goes out: after a power cut nobody knows how far it came."""
    with spool.change() as connection:
        connection.execute("UPDATE dossiers SET attempts = attempts + 1 WHERE id = ?", (dossier_id,))


def note_opened(spool: Spool, dossier_id: int, gateway_id: str, now: float) -> None:
    """The gateway has the dossier."""
    with spool.change() as connection:
        connection.execute(
            "UPDATE dossiers SET gateway_id = ?, stage = 'open', attempts = 0, problem = '', changed_at = ? "
            "WHERE id = ?",
            (gateway_id, now, dossier_id),
        )


def note_submitted(spool: Spool, dossier_id: int, now: float) -> None:
    """The gateway has all of it."""
    with spool.change() as connection:
        connection.execute(
            "UPDATE dossiers SET stage = 'submitted', attempts = 0, problem = '', changed_at = ? "
            "WHERE id = ?",
            (now, dossier_id),
        )


def note_closed(spool: Spool, dossier_id: int) -> None:
    """It is complete at the gateway, and its folder was tidied up."""
    with spool.change() as connection:
        connection.execute("UPDATE dossiers SET stage = 'closed' WHERE id = ?", (dossier_id,))


def note_scan_attempt(spool: Spool, scan_id: int) -> None:
    """A scan goes out."""
    with spool.change() as connection:
        connection.execute("UPDATE scans SET attempts = attempts + 1 WHERE id = ?", (scan_id,))


def note_progress(spool: Spool, scan_id: int, sent_bytes: int) -> None:
    """So much of it is at the gateway."""
    with spool.change() as connection:
        connection.execute("UPDATE scans SET sent_bytes = ? WHERE id = ?", (sent_bytes, scan_id))


def note_received(spool: Spool, scan: SpooledScan, receipt: str, now: float) -> None:
    """The gateway's receipt is here. Raises `StoreError` where it is for other bytes or another page."""
    if scan.number == 0:
        told: FileReceiptView | PageReceiptView = FileReceiptView.model_validate_json(receipt)
        pages = len(told.pages) if isinstance(told, FileReceiptView) else 1
        right_page = True
    else:
        told = PageReceiptView.model_validate_json(receipt)
        pages, right_page = 1, told.number == scan.number
    if (told.sha256, told.size, told.ordinal) != (scan.sha256, scan.size, scan.ordinal) or not right_page:
        raise StoreError("the gateway's receipt is for other bytes", advice="it will be sent again")
    with spool.change() as connection:
        connection.execute(
            "UPDATE scans SET state = 'received', receipt = ?, pages = ?, sent_bytes = size, "
            "received_at = ?, problem = '' WHERE id = ? AND state = 'spooled'",
            (receipt, pages, now, scan.id),
        )
        connection.execute(  # a submitted dossier is at work again: what it was is out of date
            "UPDATE dossiers SET changed_at = ?, gateway_state = '' WHERE id = ?", (now, scan.dossier_id)
        )


def note_scan_state(spool: Spool, scan: SpooledScan, state: ScanState, problem: str, now: float) -> None:
    """It will not be sent: refused, or gone."""
    with spool.change() as connection:
        connection.execute(
            "UPDATE scans SET state = ?, problem = ? WHERE id = ?", (state.value, problem, scan.id)
        )
        connection.execute("UPDATE dossiers SET changed_at = ? WHERE id = ?", (now, scan.dossier_id))


def postpone_dossier(spool: Spool, dossier: SpooledDossier, problem: str, now: float) -> None:
    """The gateway refuses it as it is. It is asked again, ever less often: lists and keys change."""
    with spool.change() as connection:
        ((attempts,),) = connection.execute("SELECT attempts FROM dossiers WHERE id = ?", (dossier.id,))
        connection.execute(
            "UPDATE dossiers SET problem = ?, next_attempt_at = ?, changed_at = ? WHERE id = ?",
            (problem, now + _delay_s(int(attempts)), now, dossier.id),
        )


def postpone_scan(spool: Spool, scan: SpooledScan, problem: str, now: float) -> None:
    """Not now; others go before."""
    with spool.change() as connection:
        connection.execute(
            "UPDATE scans SET problem = ?, next_attempt_at = ? WHERE id = ?",
            (problem, now + _delay_s(scan.attempts), scan.id),
        )


def note_archived(spool: Spool, scan: SpooledScan, place: str | None, now: float) -> None:
    """The received scan lies in the archive at `place`, or there is nothing left to put there."""
    state = ScanState.PURGED if place is None else ScanState.ARCHIVED
    with spool.change() as connection:
        connection.execute(
            "UPDATE scans SET state = ?, archive_path = ?, archived_at = ? WHERE id = ?",
            (state.value, place, now, scan.id),
        )


def list_expired(spool: Spool, before: float) -> list[tuple[int, str]]:
    """Scans that have been in the archive since before that time: id and place."""
    rows = spool.ask(
        "SELECT id, archive_path FROM scans WHERE state = 'archived' AND archived_at < ? "
        "AND receipt IS NOT NULL",
        before,
    )
    return [(int(str(scan_id)), str(place)) for scan_id, place in rows]


def note_purged(spool: Spool, scan_id: int) -> None:
    """It was deleted from the archive."""
    with spool.change() as connection:
        connection.execute("UPDATE scans SET state = 'purged' WHERE id = ?", (scan_id,))


def to_papers(dossier: SpooledDossier) -> list[dict[str, object]]:
    """The papers as the gateway is told of them."""
    names = ("title", "type_code", "pages", "not_digitised")
    return [
        {name: paper[name] for name in names if paper.get(name) is not None}
        for paper in json.loads(json.dumps(dossier.papers))
    ]


def _delay_s(attempts: int) -> float:
    return float(min(MOST_POSTPONED_S, FIRST_POSTPONED_S * 2 ** min(attempts, 12)))
