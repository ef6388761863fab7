"""What the ledger tells of a record (`sohoa status`)."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Any

from pydantic import TypeAdapter
from sqlalchemy import Connection, Row, select

from schemas.dossier import (
    DocumentState,
    DocumentStatus,
    DossierState,
    DossierStatus,
    PageStatus,
    RecordStatus,
    RenditionStatus,
)
from schemas.errors import NotFoundError
from schemas.findings import DossierFinding, PageTrace, PaperTraces
from schemas.page import Reason, Verdict
from schemas.tables import documents, dossiers, jobs, pages, records, renditions

Locate = Callable[[str], str]
"""From an object's key to the path or address a person can open."""
Check = Callable[[Sequence[PaperTraces], str], tuple[DossierFinding, ...]]
"""Compares the papers of a record's dossier. What it finds is not stored: it follows from the pages' traces,
and so is never out of date."""


def read_record(connection: Connection, record_code: str, locate: Locate, check: Check) -> RecordStatus:
    """Everything known of one record, hand-overs in the order they came. Raises `NotFoundError`."""
    if connection.execute(select(records.c.code).where(records.c.code == record_code)).first() is None:
        raise NotFoundError(
            f"no record {record_code}", advice="check the code; 'sohoa submit' makes a record"
        )
    query = (
        select(dossiers)
        .where(dossiers.c.record_code == record_code)
        .order_by(dossiers.c.submitted_at, dossiers.c.id)
    )
    found = connection.execute(query).all()
    return RecordStatus(
        record_code=record_code, dossiers=tuple(_dossier(connection, row, locate, check) for row in found)
    )


def read_dossier(connection: Connection, dossier_id: str, locate: Locate, check: Check) -> DossierStatus:
    """One hand-over. Raises `NotFoundError`."""
    row = connection.execute(select(dossiers).where(dossiers.c.id == dossier_id)).first()
    if row is None:
        raise NotFoundError(f"no dossier {dossier_id}")
    return _dossier(connection, row, locate, check)


def _dossier(connection: Connection, dossier: Row[Any], locate: Locate, check: Check) -> DossierStatus:
    papers = connection.execute(
        select(documents).where(documents.c.dossier_id == dossier.id).order_by(documents.c.ordinal)
    ).all()
    ids = [paper.id for paper in papers]
    by_document: defaultdict[int, list[PageStatus]] = defaultdict(list)
    traces: defaultdict[int, list[PageTrace | None]] = defaultdict(list)
    for page in connection.execute(
        select(pages).where(pages.c.document_id.in_(ids), pages.c.is_current).order_by(pages.c.number)
    ):
        traces[page.document_id].append(_page_trace().validate_python(page.trace) if page.trace else None)
        by_document[page.document_id].append(
            PageStatus(
                number=page.number,
                revision=page.revision,
                verdict=Verdict(page.verdict) if page.verdict else None,
                reasons=tuple(Reason(reason) for reason in page.reasons),
                failure=page.failure,
            )
        )
    finished: defaultdict[int, list[RenditionStatus]] = defaultdict(list)
    for made in connection.execute(
        select(renditions).where(renditions.c.document_id.in_(ids)).order_by(renditions.c.number)
    ):
        finished[made.document_id].append(
            RenditionStatus(
                number=made.number,
                key=made.key,
                sha256=made.sha256,
                size=made.size,
                path=locate(made.key),
                level=made.level,
                level_due=made.level_asked if made.level != made.level_asked else None,
            )
        )
    is_read = all(page.verdict or page.failure for pages_of in by_document.values() for page in pages_of)
    compared = [PaperTraces(paper.ordinal, tuple(traces[paper.id]), paper.declared_pages) for paper in papers]
    waiting = {
        job.document_id: job
        for job in connection.execute(
            select(jobs).where(jobs.c.document_id.in_(ids), jobs.c.waiting_since.is_not(None))
        )
    }
    return DossierStatus(
        id=dossier.id,
        state=DossierState(dossier.state),
        procedure_code=dossier.procedure_code,
        documents=tuple(
            DocumentStatus(
                ordinal=paper.ordinal,
                title=paper.title,
                state=DocumentState(paper.state),
                pages=tuple(by_document[paper.id]),
                renditions=tuple(finished[paper.id]),
                failure=paper.failure,
                waiting_since=_tell_time(waiting[paper.id].waiting_since) if paper.id in waiting else None,
                waiting_for=waiting[paper.id].failure if paper.id in waiting else None,
            )
            for paper in papers
        ),
        findings=check(compared, dossier.record_code) if is_read else (),
    )


@cache
def _page_trace() -> TypeAdapter[PageTrace]:
    return TypeAdapter(PageTrace)


def _tell_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=0)
