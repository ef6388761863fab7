"""Dossiers described for the store, and dossiers the ledger lost taken up again from there."""

import re
from hashlib import sha256
from typing import Any

from pydantic import ValidationError
from sqlalchemy import Connection, Row, Table, insert, select, update

from schemas.errors import IntegrityError, NotFoundError
from schemas.manifest import DossierManifest, ManifestDocument, ManifestPage, ManifestRendition
from schemas.tables import documents, dossiers, originals, pages, readings, renditions

_DOSSIER = ("id", "changes", "described")
_DOCUMENT = ("id", "dossier_id")
_PAGE = ("id", "document_id")
_READING = ("page_id", "run_id")
_RENDITION = ("id", "document_id", "page_ids", "readings")


_WRAPPED = re.compile(rb'\{"sha256":"([0-9a-f]{64})","manifest":(.*)\}', re.DOTALL)


def pack_manifest(manifest: DossierManifest) -> bytes:
    """JSON with the SHA-256 of what it tells, for nobody else knows what it should be."""
    body = manifest.model_dump_json().encode()
    return b'{"sha256":"%s","manifest":%s}' % (sha256(body).hexdigest().encode(), body)


def unpack_manifest(data: bytes) -> DossierManifest:
    """The inverse of `pack_manifest`. Raises `IntegrityError` for bytes that are none."""
    match = _WRAPPED.fullmatch(data)
    if match is None or sha256(match[2]).hexdigest().encode() != match[1]:
        raise IntegrityError("the bytes of a manifest have changed")
    try:
        return DossierManifest.model_validate_json(match[2])
    except ValidationError as error:
        raise IntegrityError("a manifest is of a newer program, or of none") from error


def list_undescribed(connection: Connection, limit: int) -> list[str]:
    """Dossiers that changed since their manifest was written. A cheap question, asked every second."""
    query = select(dossiers.c.id).where(dossiers.c.described < dossiers.c.changes).limit(limit)
    return list(connection.execute(query).scalars())


def describe_dossier(connection: Connection, dossier_id: str) -> DossierManifest:
    """All that is known of a dossier now. Raises `NotFoundError`."""
    row = connection.execute(select(dossiers).where(dossiers.c.id == dossier_id)).first()
    if row is None:
        raise NotFoundError(f"no dossier {dossier_id}")
    papers = connection.execute(
        select(documents).where(documents.c.dossier_id == dossier_id).order_by(documents.c.ordinal)
    ).all()
    return DossierManifest(
        dossier_id=dossier_id,
        changes=row.changes,
        row=_tell(row, _DOSSIER),
        documents=tuple(_describe_document(connection, paper) for paper in papers),
    )


def mark_changed(connection: Connection, dossier_id: str) -> None:
    """What a manifest tells of the dossier changed, in this transaction; the next one is due."""
    connection.execute(
        update(dossiers).where(dossiers.c.id == dossier_id).values(changes=dossiers.c.changes + 1)
    )


def mark_described(connection: Connection, dossier_id: str, changes: int) -> None:
    """The manifest of this number is in the store."""
    connection.execute(
        update(dossiers)
        .where(dossiers.c.id == dossier_id, dossiers.c.described < changes)
        .values(described=changes)
    )


def tell_columns(table: Table, told: dict[str, Any]) -> dict[str, Any]:
    """A row of a manifest as values of `table`; columns that a newer or older program knows are left out."""
    return {name: value for name, value in told.items() if name in table.c and value is not None}


def keep_row(connection: Connection, table: Table, told: dict[str, Any], **own: Any) -> int:
    """Insert a row of a manifest; returns its new id."""
    values = {**tell_columns(table, told), **own}
    new_id: int = connection.execute(insert(table).values(values).returning(table.c.id)).scalar_one()
    return new_id


def _describe_document(connection: Connection, paper: Row[Any]) -> ManifestDocument:
    rows = connection.execute(
        select(pages).where(pages.c.document_id == paper.id).order_by(pages.c.number, pages.c.revision)
    ).all()
    names = {page.id: (page.number, page.revision) for page in rows}
    digests = {page.original_sha256 for page in rows}
    files = {
        row.sha256: _tell(row, ())
        for row in connection.execute(select(originals).where(originals.c.sha256.in_(digests)))
    }
    read: dict[int, list[dict[str, Any]]] = {}
    query = select(readings).where(readings.c.page_id.in_(list(names)))
    for row in connection.execute(query.order_by(readings.c.page_id, readings.c.number)):
        read.setdefault(row.page_id, []).append(_tell(row, _READING))
    made = connection.execute(
        select(renditions).where(renditions.c.document_id == paper.id).order_by(renditions.c.number)
    ).all()
    return ManifestDocument(
        row=_tell(paper, _DOCUMENT),
        pages=tuple(
            ManifestPage(
                row=_tell(page, _PAGE),
                original=files[page.original_sha256],
                readings=tuple(read.get(page.id, ())),
            )
            for page in rows
        ),
        renditions=tuple(
            ManifestRendition(
                row=_tell(one, _RENDITION),
                pages=tuple(
                    (*names[page_id], number)
                    for page_id, number in zip(
                        one.page_ids, one.readings or [1] * len(one.page_ids), strict=True
                    )
                ),
            )
            for one in made
        ),
    )


def _tell(row: Row[Any], without: tuple[str, ...]) -> dict[str, Any]:
    return {name: value for name, value in row._mapping.items() if name not in without}
