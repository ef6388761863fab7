"""What the ledger holds a record's finished PDFs against (`sohoa verify CODE`)."""

from sqlalchemy import Connection, select

from schemas.errors import NotFoundError
from schemas.ledger import PageEvidence, RenditionEvidence, StoredObject
from schemas.tables import documents, dossiers, originals, pages, readings, records, renditions


def read_evidence(connection: Connection, record_code: str) -> tuple[RenditionEvidence, ...]:
    """Every rendition of a record, in the order of hand-overs, papers and numbers. Raises `NotFoundError`."""
    if connection.execute(select(records.c.code).where(records.c.code == record_code)).first() is None:
        raise NotFoundError(
            f"no record {record_code}", advice="check the code; 'sohoa submit' makes a record"
        )
    query = (
        select(renditions)
        .join(documents, documents.c.id == renditions.c.document_id)
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(dossiers.c.record_code == record_code)
        .order_by(dossiers.c.submitted_at, dossiers.c.id, documents.c.ordinal, renditions.c.number)
    )
    return tuple(
        RenditionEvidence(
            StoredObject(row.key, row.sha256, row.size), _read_pages(connection, row.page_ids, row.readings)
        )
        for row in connection.execute(query).all()
    )


def _read_pages(
    connection: Connection, page_ids: list[int], numbers: list[int] | None
) -> tuple[PageEvidence, ...]:
    shown = dict(zip(page_ids, numbers or [1] * len(page_ids), strict=True))
    earlier = {
        (row.page_id, row.number): row
        for row in connection.execute(select(readings).where(readings.c.page_id.in_(page_ids)))
    }
    query = (
        select(pages, originals.c.key.label("original_key"), originals.c.size.label("original_size"))
        .join(originals, originals.c.sha256 == pages.c.original_sha256)
        .where(pages.c.id.in_(page_ids))
        .order_by(pages.c.number)
    )
    found = []
    for row in connection.execute(query):
        read = earlier.get((row.id, shown[row.id]), row)
        found.append(
            PageEvidence(
                StoredObject(row.original_key, row.original_sha256, row.original_size),
                row.source_page,
                StoredObject(read.result_key, read.result_sha256, read.result_size),
            )
        )
    return tuple(found)
