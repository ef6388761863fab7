"""Readings: a revision of a page may be read many times; the scan stays, the better text is shown.

`pages` tells the current reading. `readings` keeps each reading of a page that got a better one, so that
an earlier rendition can always be held against what it was bound from.
"""

from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import Connection, Row, func, insert, null, select, update

from pipeline.ledger.jobs import SUPERSEDED, add_job, end_job, lock_dossier, supersede_jobs
from pipeline.ledger.renditions import find_newest
from pipeline.ledger.settling import settle_document, tell_outcome
from schemas.dossier import DocumentState, JobKind
from schemas.ledger import Claim, PageOutcome, StoredObject
from schemas.page import Verdict
from schemas.reprocess import ComparePolicy, Comparison, ItemOutcome, ReadingQuality
from schemas.tables import documents, jobs, pages, readings, run_items, runs

_TOLD = (
    "verdict", "reasons", "failure", "trace", "result_key", "result_sha256", "result_size", "engine",
    "ocr_model", "mean_confidence", "syllable_validity", "words", "read_s",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class HeldReading:
    """The current reading of the page a run's job is about; `result` None: it could not be decoded."""

    quality: ReadingQuality
    result: StoredObject | None
    policy: ComparePolicy


def read_held_reading(connection: Connection, claim: Claim) -> HeldReading:
    """What the new reading is to be compared with, and by which policy."""
    row = connection.execute(select(pages).where(pages.c.id == claim.page_id)).one()
    policy = connection.execute(select(runs.c.policy).where(runs.c.id == claim.run_id)).scalar_one()
    result = None
    if row.result_key is not None:
        result = StoredObject(row.result_key, row.result_sha256, row.result_size)
    return HeldReading(tell_quality(row), result, ComparePolicy.model_validate(policy))


def tell_quality(row: Row[Any]) -> ReadingQuality:
    """The numbers of a row of `pages` or `readings` that has a verdict."""
    return ReadingQuality(
        Verdict(row.verdict),
        row.engine,
        row.ocr_model,
        row.mean_confidence,
        row.syllable_validity,
        row.words,
        row.read_s,
    )


def finish_reading(
    connection: Connection, claim: Claim, comparison: Comparison, outcome: PageOutcome | None, now: float
) -> None:
    """A page of a run was read and compared; `outcome` is the reading to adopt, its result stored already.

    The last page of a document in the run queues its new rendition. Raises `LeaseLostError`.
    """
    lock_dossier(connection, claim.dossier_id)
    end_job(connection, claim, now)
    if outcome is not None:
        _adopt(connection, claim, outcome, now)
    connection.execute(
        update(run_items)
        .where(run_items.c.run_id == claim.run_id, run_items.c.page_id == claim.page_id)
        .values(
            outcome=comparison.outcome,
            why=comparison.why,
            old=asdict(comparison.old),
            new=asdict(comparison.new),
            agreement=comparison.agreement,
            ended_at=now,
        )
    )
    assert claim.run_id is not None  # noqa: S101 -- a job of a run
    settle_run_document(connection, claim.run_id, claim.dossier_id, claim.document_id, now)


def settle_run_document(
    connection: Connection, run_id: int, dossier_id: str, document_id: int, now: float
) -> None:
    """Where the run is through with a document and a page of it got better: bind it anew.

    A complete document stays complete meanwhile, with the rendition it has. The caller holds the dossier.
    """
    outcomes = set(
        connection.execute(
            select(run_items.c.outcome).where(
                run_items.c.run_id == run_id, run_items.c.document_id == document_id
            )
        ).scalars()
    )
    if ItemOutcome.OPEN in outcomes or ItemOutcome.ADOPTED not in outcomes:
        return
    current = connection.execute(
        select(pages.c.id, pages.c.reading)
        .where(pages.c.document_id == document_id, pages.c.is_current)
        .order_by(pages.c.number)
    ).all()
    newest = find_newest(connection, document_id)
    shown = (tuple(page.id for page in current), tuple(page.reading for page in current))
    if newest is not None and (newest.page_ids, newest.readings) == shown:
        return
    binding = (jobs.c.document_id == document_id) & (jobs.c.kind == JobKind.DOCUMENT)
    supersede_jobs(connection, binding, f"{SUPERSEDED} a better reading (run {run_id})", now)
    state = connection.execute(select(documents.c.state).where(documents.c.id == document_id)).scalar()
    if state == DocumentState.COMPLETE:
        add_job(connection, JobKind.DOCUMENT, dossier_id, document_id, None, now, run_id)
    else:
        settle_document(connection, document_id, now)


def _adopt(connection: Connection, claim: Claim, outcome: PageOutcome, now: float) -> None:
    page = connection.execute(select(pages).where(pages.c.id == claim.page_id)).one()
    last = connection.execute(
        select(func.max(readings.c.number)).where(readings.c.page_id == claim.page_id)
    ).scalar()
    if last is None:
        first = {name: getattr(page, name) for name in _TOLD}
        first["trace"] = null() if page.trace is None else page.trace
        connection.execute(
            insert(readings).values(page_id=page.id, number=page.reading, created_at=page.created_at, **first)
        )
    number = max(last or 0, page.reading) + 1
    told = tell_outcome(outcome)
    connection.execute(
        insert(readings).values(page_id=page.id, number=number, run_id=claim.run_id, created_at=now, **told)
    )
    connection.execute(update(pages).where(pages.c.id == page.id).values(reading=number, **told))
