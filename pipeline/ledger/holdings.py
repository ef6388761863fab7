"""Whose a dossier is, what is known of it beside its status, and which files it has (the gateway's reads)."""

from collections import defaultdict
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select

from pipeline.ledger.acks import visible
from pipeline.ledger.audit import append_audit
from schemas.access import Owner, Principal, Role
from schemas.dossier import DocumentState
from schemas.errors import NotFoundError
from schemas.handover import FastLook, FileEntry, Handover, HandoverPaper
from schemas.milestones import RecordHistory
from schemas.onestop_tables import record_histories
from schemas.page import Reason, Verdict
from schemas.procedures import NotDigitised
from schemas.tables import documents, dossiers, fast_looks, pages, renditions


def read_owner(connection: Connection, dossier_id: str) -> Owner | None:
    """To whom the dossier belongs, or None where there is none."""
    row = connection.execute(select(dossiers).where(dossiers.c.id == dossier_id)).first()
    return None if row is None else Owner(row.id, row.record_code, row.office, row.station)


def read_handover(connection: Connection, dossier_id: str) -> Handover:
    """What the status does not tell. Raises `NotFoundError`."""
    row = connection.execute(select(dossiers).where(dossiers.c.id == dossier_id)).first()
    if row is None:
        raise NotFoundError(f"no dossier {dossier_id}")
    looks: defaultdict[int, dict[int, FastLook]] = defaultdict(dict)
    accepted: defaultdict[int, set[int]] = defaultdict(set)
    seen = (
        select(pages.c.document_id, pages.c.number, pages.c.accepted_reason, fast_looks)
        .join(documents, documents.c.id == pages.c.document_id)
        .outerjoin(fast_looks, fast_looks.c.page_id == pages.c.id)
        .where(documents.c.dossier_id == dossier_id, pages.c.is_current)
    )
    for page in connection.execute(seen):
        if page.verdict is not None:
            reasons = tuple(Reason(reason) for reason in page.reasons)
            looks[page.document_id][page.number] = FastLook(Verdict(page.verdict), reasons, page.p_unreadable)
        if page.accepted_reason is not None:
            accepted[page.document_id].add(page.number)
    papers = connection.execute(
        select(documents).where(documents.c.dossier_id == dossier_id).order_by(documents.c.ordinal)
    )
    return Handover(
        dossier_id=row.id,
        record_code=row.record_code,
        kind=row.kind,
        office=row.office,
        station=row.station,
        opened_at=row.submitted_at if row.opened_at is None else row.opened_at,
        submitted_at=row.submitted_at,
        completed_at=row.completed_at,
        papers=tuple(
            HandoverPaper(
                paper.ordinal,
                paper.type_code,
                paper.declared_pages,
                looks[paper.id],
                frozenset(accepted[paper.id]),
                NotDigitised(paper.not_digitised) if paper.not_digitised else None,
            )
            for paper in papers
        ),
        procedure_code=row.procedure_code,
    )


def list_dossiers(
    connection: Connection,
    reader: Principal,
    *,
    state: str | None,
    after: tuple[float, str] | None,
    limit: int,
) -> tuple[tuple[float, Row[Any]], ...]:
    """The dossiers `reader` may see, oldest first, each with its place in that order."""
    place = func.coalesce(dossiers.c.opened_at, dossiers.c.submitted_at)
    query = select(dossiers, place.label("place")).where(_holds(reader))
    if state is not None:
        query = query.where(dossiers.c.state == state)
    if after is not None:
        query = query.where((place > after[0]) | ((place == after[0]) & (dossiers.c.id > after[1])))
    rows = connection.execute(query.order_by(place, dossiers.c.id).limit(limit))
    return tuple((row.place, row) for row in rows)


def list_files(
    connection: Connection,
    reader: Principal,
    record_code: str,
    *,
    every: bool,
    after: int,
    limit: int,
) -> tuple[FileEntry, ...]:
    """The renditions of a record that `reader` may see, by id; of complete documents only the newest,
    unless `every`."""
    query = _select_files().where(dossiers.c.record_code == record_code, _holds(reader))
    if not every:
        query = query.where(
            renditions.c.number == _newest_number(), documents.c.state == DocumentState.COMPLETE
        )
    rows = connection.execute(query.where(renditions.c.id > after).order_by(renditions.c.id).limit(limit))
    return tuple(_file(row) for row in rows)


def read_file(connection: Connection, file_id: int) -> tuple[FileEntry, Owner] | None:
    """One rendition and whose it is, or None."""
    row = connection.execute(_select_files().where(renditions.c.id == file_id)).first()
    if row is None:
        return None
    return _file(row), Owner(row.dossier_id, row.record_code, row.office, row.station)


def holds_record(connection: Connection, reader: Principal, record_code: str) -> bool:
    """Has the record a dossier that `reader` may see, or, for all but stations, a history?"""
    query = select(dossiers.c.id).where(dossiers.c.record_code == record_code, _holds(reader))
    if connection.execute(query.limit(1)).first() is not None:
        return True
    known = select(record_histories.c.record_code).where(
        record_histories.c.record_code == record_code, visible(reader, record_histories.c.record_code)
    )
    return connection.execute(known).first() is not None


def read_history(connection: Connection, record_code: str) -> RecordHistory:
    """What is known of a record's way; an empty history where nothing is."""
    row = connection.execute(
        select(record_histories).where(record_histories.c.record_code == record_code)
    ).first()
    if row is None:
        return RecordHistory(record_code, record_code.partition("-")[0])
    return RecordHistory(**row._mapping)


def find_file_ids(connection: Connection, keys: list[str]) -> dict[str, int]:
    """The ids of registered renditions by their keys in the store."""
    rows = connection.execute(select(renditions.c.key, renditions.c.id).where(renditions.c.key.in_(keys)))
    return {row.key: row.id for row in rows}


def note_access(
    connection: Connection, reader: Principal, file: FileEntry, part: str, request: str, now: float
) -> None:
    """Every access to a file is on the audit log; `part`: which of its bytes."""
    append_audit(
        connection,
        reader.actor,
        "file.read",
        file.dossier_id,
        now,
        file=file.id,
        sha256=file.sha256,
        part=part,
        request=request,
    )


def read_marks(connection: Connection, dossier_ids: list[str]) -> dict[str, tuple[object, ...]]:
    """For each dossier a few figures that change whenever a page or the dossier does."""
    query = (
        select(
            dossiers.c.id,
            dossiers.c.state,
            dossiers.c.completions,
            func.count(pages.c.verdict),
            func.count(pages.c.failure),
            func.count(pages.c.accepted_reason),
            func.max(pages.c.id),
        )
        .join(documents, documents.c.dossier_id == dossiers.c.id)
        .outerjoin(pages, pages.c.document_id == documents.c.id)
        .where(dossiers.c.id.in_(dossier_ids))
        .group_by(dossiers.c.id, dossiers.c.state, dossiers.c.completions)
    )
    return {row[0]: tuple(row[1:]) for row in connection.execute(query)}


def _holds(reader: Principal) -> ColumnElement[bool]:
    if reader.role is Role.STATION:
        return (dossiers.c.office == reader.office) & (dossiers.c.station == reader.station)
    return visible(reader, dossiers.c.record_code)


def _newest_number() -> Any:
    other = renditions.alias()
    return (
        select(func.max(other.c.number))
        .where(other.c.document_id == renditions.c.document_id)
        .correlate(renditions)
        .scalar_subquery()
    )


def _select_files() -> Any:
    return (
        select(
            renditions,
            documents.c.ordinal,
            documents.c.title,
            documents.c.type_code,
            documents.c.dossier_id,
            dossiers.c.record_code,
            dossiers.c.office,
            dossiers.c.station,
            _newest_number().label("newest_number"),
        )
        .join(documents, documents.c.id == renditions.c.document_id)
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
    )


def _file(row: Row[Any]) -> FileEntry:
    return FileEntry(
        id=row.id,
        record_code=row.record_code,
        dossier_id=row.dossier_id,
        ordinal=row.ordinal,
        title=row.title,
        type_code=row.type_code,
        number=row.number,
        newest=row.number == row.newest_number,
        key=row.key,
        sha256=row.sha256,
        size=row.size,
        level=row.level,
        created_at=row.created_at,
    )
