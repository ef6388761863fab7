"""Checks of the store in the ledger: what is expected there, what a key belongs to, what was found.

A check is a row with a phase and a cursor, moved on with each batch's findings in one transaction: after a
kill it goes on where it was.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, Row, Select, func, insert, select, update

from pipeline.ledger.audit import append_audit
from schemas.fixity import (
    NEXT_PHASE,
    PROBE_KEY,
    CheckedBatch,
    CheckKind,
    CheckOptions,
    CheckPhase,
    CheckStatus,
    ExpectedObject,
    FindingKind,
    StoreFinding,
)
from schemas.ledger import StoredObject
from schemas.manifest import MANIFEST_KEY
from schemas.tables import (
    documents,
    dossiers,
    originals,
    pages,
    readings,
    rendition_drafts,
    renditions,
    store_checks,
    store_findings,
)

HARMLESS = (FindingKind.LEFTOVER,)

_PAGE_KEY = re.compile(r"^pages/([0-9a-f-]{36})/(\d+)/(\d+)\.(\d+)/[0-9a-f]{64}$")
_RENDITION_KEY = re.compile(r"^records/[^/]+/([0-9a-f-]{36})/[^/]+\.(\d+)/(\d+)\.pdf$")
_WALKED = {
    CheckPhase.ORIGINALS: originals,
    CheckPhase.PAGES: pages,
    CheckPhase.READINGS: readings,
    CheckPhase.RENDITIONS: renditions,
}


def begin_check(connection: Connection, kind: CheckKind, options: CheckOptions, now: float) -> CheckStatus:
    """Write down a check that has looked at nothing yet."""
    expected = 0
    if kind == "asked":
        expected = sum(_count(connection, phase) for phase in _WALKED)
    check_id: int = connection.execute(
        insert(store_checks)
        .values(
            kind=kind,
            options={**asdict(options), "expected": expected},
            phase=CheckPhase.MANIFESTS,
            cursor="",
            checked={},
            started_at=now,
        )
        .returning(store_checks.c.id)
    ).scalar_one()
    return read_check(connection, check_id)


def read_check(connection: Connection, check_id: int) -> CheckStatus:
    """How far a check is."""
    return _status(connection.execute(select(store_checks).where(store_checks.c.id == check_id)).one())


def find_last_check(connection: Connection, kind: CheckKind | None = None) -> CheckStatus | None:
    """The newest check, of one kind or any."""
    query = select(store_checks).order_by(store_checks.c.id.desc()).limit(1)
    row = connection.execute(query if kind is None else query.where(store_checks.c.kind == kind)).first()
    return None if row is None else _status(row)


def list_expected(
    connection: Connection, phase: CheckPhase, cursor: str, limit: int
) -> tuple[ExpectedObject, ...]:
    """The next objects the ledger knows, after `cursor`."""
    rows = connection.execute(_select_expected(phase, cursor).limit(limit)).all()
    return tuple(
        ExpectedObject(
            StoredObject(row.key, row.sha256, row.size),
            f"{row.page_id}.{row.number}" if phase is CheckPhase.READINGS else str(row.cursor),
            phase,
        )
        for row in rows
    )


def advance_check(
    connection: Connection, check: CheckStatus, batch: CheckedBatch, now: float
) -> CheckStatus | None:
    """Move a check on and write down what was found; None where another process moved it meanwhile.

    Open findings of objects that are `sound` now, whichever check had them, are settled.
    """
    counted = check.checked.get(check.phase, 0) + batch.looked_at
    phase = check.phase if batch.cursor is not None else NEXT_PHASE[check.phase]
    moved = connection.execute(
        update(store_checks)
        .where(
            store_checks.c.id == check.id,
            store_checks.c.phase == check.phase,
            store_checks.c.cursor == check.cursor,
        )
        .values(
            phase=phase,
            cursor=batch.cursor or "",
            checked={**check.checked, check.phase: counted},
            ended_at=now if phase is CheckPhase.DONE else None,
        )
    )
    if moved.rowcount != 1:
        return None
    if batch.sound:
        connection.execute(
            update(store_findings)
            .where(store_findings.c.key.in_(batch.sound), store_findings.c.settled_at.is_(None))
            .values(settled_at=now)
        )
    for finding in batch.findings:
        _write_finding(connection, check.id, finding, now)
    if phase is CheckPhase.DONE:
        _drop_known(connection, check.id, now)
    return read_check(connection, check.id)


def classify_keys(connection: Connection, keys: Sequence[str]) -> tuple[StoreFinding, ...]:
    """Those of the store's keys that the ledger does not know, and what they may be."""
    known = set(_find_originals(connection, keys))
    found: list[StoreFinding] = []
    for dossier_id, theirs in _by_dossier(keys).items():
        if dossier_id is None:
            strangers = [key for key in theirs if key not in known]
            found += [_tell_stranger(key) for key in strangers]
        else:
            found += _classify_of_dossier(connection, dossier_id, theirs)
    return tuple(found)


def list_findings(connection: Connection, check_id: int | None = None) -> tuple[StoreFinding, ...]:
    """What is not settled: of one check, or of any."""
    query = select(store_findings).where(store_findings.c.settled_at.is_(None))
    if check_id is not None:
        query = query.where(store_findings.c.check_id == check_id)
    rows = connection.execute(query.order_by(store_findings.c.key, store_findings.c.id)).all()
    told = {row.key: StoreFinding(row.key, FindingKind(row.kind), row.detail) for row in rows}
    return tuple(told.values())


def settle_finding(connection: Connection, key: str, reason: str, actor: str, now: float) -> int:
    """An operator looked at it and says why it may stay so; returns how many findings that ends."""
    ended = connection.execute(
        update(store_findings)
        .where(store_findings.c.key == key, store_findings.c.settled_at.is_(None))
        .values(settled_at=now, settled_reason=reason)
    )
    if ended.rowcount:
        append_audit(connection, actor, "store.settled", key, now, reason=reason)
    return int(ended.rowcount)


def _drop_known(connection: Connection, check_id: int, now: float) -> None:
    """Keys that were strangers when they were listed and are known by now: they were being registered."""
    strange = (FindingKind.ORPHANED, FindingKind.LEFTOVER, FindingKind.UNLINKED)
    query = select(store_findings).where(
        store_findings.c.check_id == check_id,
        store_findings.c.settled_at.is_(None),
        store_findings.c.kind.in_(strange),
    )
    rows = connection.execute(query).all()
    still = {finding.key for finding in classify_keys(connection, [row.key for row in rows])}
    ended = [row.id for row in rows if row.key not in still]
    connection.execute(update(store_findings).where(store_findings.c.id.in_(ended)).values(settled_at=now))


def _write_finding(connection: Connection, check_id: int, finding: StoreFinding, now: float) -> None:
    """Once a check, and on the audit log where no check had it open; what an operator settled stays so."""
    earlier = connection.execute(
        select(store_findings)
        .where(store_findings.c.key == finding.key)
        .order_by(store_findings.c.id.desc())
        .limit(1)
    ).first()
    if earlier is not None and earlier.check_id == check_id:
        return
    if earlier is not None and earlier.settled_reason is not None and earlier.kind == finding.kind:
        return
    connection.execute(
        insert(store_findings).values(
            check_id=check_id, key=finding.key, kind=finding.kind, detail=finding.detail, found_at=now
        )
    )
    if finding.kind in HARMLESS or (earlier is not None and earlier.settled_at is None):
        return
    append_audit(
        connection, "system", f"store.{finding.kind}", finding.key, now, check=check_id, detail=finding.detail
    )


def _status(row: Row[Any]) -> CheckStatus:
    options = {**row.options}
    expected = options.pop("expected", 0)
    return CheckStatus(
        id=row.id,
        kind=row.kind,
        options=CheckOptions(**options),
        phase=CheckPhase(row.phase),
        cursor=row.cursor,
        checked=row.checked,
        expected=expected,
        started_at=row.started_at,
        ended_at=row.ended_at,
    )


def _count(connection: Connection, phase: CheckPhase) -> int:
    table = _WALKED[phase]
    query = select(func.count()).select_from(table)
    if phase in {CheckPhase.PAGES, CheckPhase.READINGS}:
        query = query.where(table.c.result_key.is_not(None))
    return int(connection.execute(query).scalar_one())


def _select_expected(phase: CheckPhase, cursor: str) -> Select[Any]:
    if phase is CheckPhase.ORIGINALS:
        return (
            select(originals.c.key, originals.c.sha256, originals.c.size, originals.c.sha256.label("cursor"))
            .where(originals.c.sha256 > cursor)
            .order_by(originals.c.sha256)
        )
    if phase is CheckPhase.RENDITIONS:
        return (
            select(renditions.c.key, renditions.c.sha256, renditions.c.size, renditions.c.id.label("cursor"))
            .where(renditions.c.id > int(cursor or 0))
            .order_by(renditions.c.id)
        )
    table = _WALKED[phase]
    told = (
        table.c.result_key.label("key"),
        table.c.result_sha256.label("sha256"),
        table.c.result_size.label("size"),
    )
    if phase is CheckPhase.PAGES:
        walked = select(*told, pages.c.id.label("cursor")).where(pages.c.id > int(cursor or 0))
        return walked.where(pages.c.result_key.is_not(None)).order_by(pages.c.id)
    page_id, _, number = (cursor or "0.0").partition(".")
    after = (readings.c.page_id > int(page_id)) | (
        (readings.c.page_id == int(page_id)) & (readings.c.number > int(number))
    )
    return (
        select(*told, readings.c.page_id, readings.c.number)
        .where(after, readings.c.result_key.is_not(None))
        .order_by(readings.c.page_id, readings.c.number)
    )


def _find_originals(connection: Connection, keys: Sequence[str]) -> list[str]:
    named = [key for key in keys if key.startswith("originals/")]
    return list(connection.execute(select(originals.c.key).where(originals.c.key.in_(named))).scalars())


def _by_dossier(keys: Sequence[str]) -> dict[str | None, list[str]]:
    """Keys by the dossier in their names; None: originals, and what is no key of ours."""
    grouped: dict[str | None, list[str]] = {}
    for key in keys:
        match = _PAGE_KEY.match(key) or _RENDITION_KEY.match(key) or MANIFEST_KEY.match(key)
        grouped.setdefault(match.group(1) if match else None, []).append(key)
    return grouped


def _tell_stranger(key: str) -> StoreFinding:
    if key.startswith("originals/"):
        return StoreFinding(
            key, FindingKind.ORPHANED, "no dossier names this original: its hand-over was not acknowledged"
        )
    if key == PROBE_KEY:
        return StoreFinding(
            key, FindingKind.LEFTOVER, "the gateway asks with it whether the store takes anything"
        )
    return StoreFinding(key, FindingKind.ORPHANED, "no key of this program")


def _classify_of_dossier(connection: Connection, dossier_id: str, keys: list[str]) -> list[StoreFinding]:
    changes = connection.execute(select(dossiers.c.changes).where(dossiers.c.id == dossier_id)).scalar()
    if changes is None:
        return [_tell_of_unknown(key) for key in keys]
    papers = select(documents.c.id).where(documents.c.dossier_id == dossier_id)
    of_pages = connection.execute(
        select(pages.c.id, pages.c.result_key, documents.c.ordinal, pages.c.number, pages.c.revision)
        .join(documents, documents.c.id == pages.c.document_id)
        .where(documents.c.dossier_id == dossier_id)
    ).all()
    registered = {page.result_key for page in of_pages}
    registered |= set(
        connection.execute(
            select(readings.c.result_key).where(readings.c.page_id.in_([page.id for page in of_pages]))
        ).scalars()
    )
    registered |= set(
        connection.execute(select(renditions.c.key).where(renditions.c.document_id.in_(papers))).scalars()
    )
    drafts = connection.execute(
        select(documents.c.ordinal, rendition_drafts.c.number)
        .join(documents, documents.c.id == rendition_drafts.c.document_id)
        .where(documents.c.dossier_id == dossier_id)
    ).all()
    drafted = {(draft.ordinal, draft.number) for draft in drafts}
    revisions = {(page.ordinal, page.number, page.revision) for page in of_pages}
    return [
        finding
        for key in keys
        if key not in registered
        for finding in _tell_of_known(key, changes, revisions, drafted)
    ]


def _tell_of_unknown(key: str) -> StoreFinding:
    if MANIFEST_KEY.match(key):
        return StoreFinding(key, FindingKind.UNLINKED, "the ledger does not know this dossier (--relink)")
    return StoreFinding(key, FindingKind.ORPHANED, "its dossier is not in the ledger")


def _tell_of_known(
    key: str, changes: int, revisions: set[tuple[int, int, int]], drafted: set[tuple[int, int]]
) -> Iterable[StoreFinding]:
    if match := MANIFEST_KEY.match(key):
        if int(match.group(2)) > changes:
            yield StoreFinding(key, FindingKind.UNLINKED, "the ledger is behind this manifest (--relink)")
    elif match := _PAGE_KEY.match(key):
        if tuple(map(int, match.groups()[1:])) in revisions:
            yield StoreFinding(
                key, FindingKind.LEFTOVER, "a reading whose worker died before it was registered"
            )
        else:
            yield StoreFinding(key, FindingKind.ORPHANED, "the ledger does not know this scan of the page")
    elif match := _RENDITION_KEY.match(key):
        if (int(match.group(2)), int(match.group(3))) in drafted:
            yield StoreFinding(
                key, FindingKind.LEFTOVER, "a rendition whose worker died, replaced by the next"
            )
        else:
            yield StoreFinding(key, FindingKind.ORPHANED, "the ledger does not know this rendition")
