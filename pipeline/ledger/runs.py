"""Reprocessing runs: rows of the ledger, so that a kill at any point loses nothing.

A run remembers what it selects and a cursor over documents. `feed_run` hands out a few pages at a time as
jobs of the lowest priority: a million pages never stand in the queue, a pause takes effect at once, and
what was handed out is a row before any worker sees it.
"""

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias, TypeVarTuple

from sqlalchemy import ColumnElement, Connection, Row, Select, func, insert, or_, select, text, update

from pipeline.ledger.audit import SYSTEM, append_audit
from pipeline.ledger.jobs import OPEN_STATES, SUPERSEDED, add_job, lock_dossier
from pipeline.ledger.readings import settle_run_document
from schemas.dossier import JobKind, JobState
from schemas.errors import ConflictError, NotFoundError
from schemas.page import Verdict
from schemas.reprocess import (
    ComparePolicy,
    ItemOutcome,
    ReadingQuality,
    RunItem,
    RunProgress,
    RunState,
    Selection,
    SelectionCount,
)
from schemas.tables import documents, dossiers, jobs, pages, run_items, runs

UNKNOWN = "unknown"
"""Stands for the engine of pages from before the ledger kept it."""

DOCUMENTS_A_LOOK = 20_000
"""How many documents one look of the feeder goes over; about 20 ms on a ledger of 10 million pages."""

_BURST_S = 5.0  # a rate is made up for after a standstill of no longer than this
_RECONCILED_A_LOOK = 200
_Columns = TypeVarTuple("_Columns")
_FoundPage: TypeAlias = Row[int, int, int, str]


def count_selection(connection: Connection, selection: Selection) -> SelectionCount:
    """How much a selection holds now, by engine and by verdict."""
    columns = _joined(
        select(
            func.count().label("pages"),
            func.count(pages.c.document_id.distinct()).label("documents"),
            func.count(documents.c.dossier_id.distinct()).label("dossiers"),
            func.coalesce(func.sum(pages.c.result_size), 0).label("bytes"),
            func.avg(pages.c.read_s).label("read_s"),
            func.coalesce(func.max(pages.c.document_id), 0).label("last"),
        ),
        selection,
    )
    row = connection.execute(columns).one()
    read_s = row.read_s
    if read_s is None and row.pages:
        read_s = connection.execute(select(func.avg(pages.c.read_s))).scalar()
    by = []
    for column in (func.coalesce(pages.c.engine, UNKNOWN), pages.c.verdict):
        grouped = _joined(select(column.label("name"), func.count().label("pages")), selection)
        told = connection.execute(grouped.group_by(column).order_by(func.count().desc(), column)).all()
        by.append(tuple((str(group.name), int(group.pages)) for group in told))
    return SelectionCount(
        row.pages, row.documents, row.dossiers, int(row.bytes), read_s, row.last, by[0], by[1]
    )


def create_run(
    connection: Connection,
    selection: Selection,
    policy: ComparePolicy,
    pages_per_hour: float | None,
    actor: str,
    now: float,
) -> int:
    """Write down a run over what the selection holds now; returns its id. Raises `NotFoundError` for none."""
    count = count_selection(connection, selection)
    if count.pages == 0:
        raise NotFoundError("no page meets these conditions", advice="try --dry-run with fewer conditions")
    run_id: int = connection.execute(
        insert(runs)
        .values(
            state=RunState.RUNNING,
            selection=selection.model_dump(mode="json"),
            policy=policy.model_dump(mode="json"),
            pages_per_hour=pages_per_hour,
            expected_pages=count.pages,
            expected_s_per_page=count.read_s,
            document_cursor=0,
            last_document=count.last_document,
            next_feed_at=now,
            created_at=now,
        )
        .returning(runs.c.id)
    ).scalar_one()
    append_audit(
        connection, actor, "run.created", f"run:{run_id}", now, pages=count.pages, policy=policy.name
    )
    return run_id


def set_run_state(connection: Connection, run_id: int, state: RunState, actor: str, now: float) -> None:
    """Pause, resume or cancel. Raises `NotFoundError`, `ConflictError` where the run has ended."""
    held = connection.execute(select(runs.c.state).where(runs.c.id == run_id).with_for_update()).scalar()
    if held is None:
        raise NotFoundError(f"no run {run_id}", advice="'sohoa reprocess' lists them")
    if held in {RunState.DONE, RunState.CANCELLED}:
        raise ConflictError(f"run {run_id} is {held}", advice="start another")
    ended = {"ended_at": now} if state is RunState.CANCELLED else {}
    connection.execute(update(runs).where(runs.c.id == run_id).values(state=state, next_feed_at=now, **ended))
    append_audit(connection, actor, f"run.{state}", f"run:{run_id}", now)


def list_running(connection: Connection) -> list[int]:
    """Runs that are to be fed, the oldest first. A cheap question, asked every second."""
    query = select(runs.c.id).where(runs.c.state == RunState.RUNNING).order_by(runs.c.id)
    return list(connection.execute(query).scalars())


def feed_run(connection: Connection, run_id: int, window: int, now: float) -> tuple[int, bool]:
    """Hand out pages of one run until `window` are under way; one process at a time does it.

    Returns how many are under way, and whether another look at once would find more to do. The dossiers of
    the pages are locked by nobody here, so that no worker waits for a feeder. A run that is through ends.
    """
    held = select(runs).where(runs.c.id == run_id, runs.c.state == RunState.RUNNING)
    run = connection.execute(held.with_for_update(skip_locked=True)).first()
    if run is None:
        return 0, False
    under_way, fed, cursor = _count_open(connection, run_id), 0, run.document_cursor
    if under_way < window and cursor < run.last_document:
        cursor, fed = _feed(connection, run, window - under_way, now)
    if cursor >= run.last_document and _is_over(connection, run_id):
        connection.execute(update(runs).where(runs.c.id == run_id).values(state=RunState.DONE, ended_at=now))
        append_audit(connection, SYSTEM, "run.done", f"run:{run_id}", now)
        return 0, False
    return under_way + fed, fed == 0 and cursor > run.document_cursor


def find_dead_items(connection: Connection, run_id: int) -> list[tuple[str, int, int]]:
    """Pages handed out whose job ended without a word to the run: dossier, document, page of each."""
    query = (
        select(jobs.c.dossier_id, run_items.c.document_id, run_items.c.page_id)
        .join(jobs, jobs.c.id == run_items.c.job_id)
        .where(
            run_items.c.run_id == run_id,
            run_items.c.outcome == ItemOutcome.OPEN,
            jobs.c.state.in_([JobState.DONE, JobState.FAILED]),
        )
        .limit(_RECONCILED_A_LOOK)
    )
    return [(row.dossier_id, row.document_id, row.page_id) for row in connection.execute(query)]


def end_dead_item(connection: Connection, run_id: int, item: tuple[str, int, int], now: float) -> None:
    """Its job failed for good, or a new scan of the page superseded it. A transaction for each."""
    dossier_id, document_id, page_id = item
    lock_dossier(connection, dossier_id)
    this = (run_items.c.run_id == run_id) & (run_items.c.page_id == page_id)
    job = connection.execute(
        select(jobs.c.state, jobs.c.failure).join(run_items, run_items.c.job_id == jobs.c.id).where(this)
    ).one()
    outcome = ItemOutcome.FAILED if job.state == JobState.FAILED else ItemOutcome.SKIPPED
    connection.execute(
        update(run_items)
        .where(this, run_items.c.outcome == ItemOutcome.OPEN)
        .values(outcome=outcome, why=job.failure, ended_at=now)
    )
    settle_run_document(connection, run_id, dossier_id, document_id, now)


def read_progress(connection: Connection, run_id: int) -> RunProgress:
    """Raises `NotFoundError`."""
    run = connection.execute(select(runs).where(runs.c.id == run_id)).first()
    if run is None:
        raise NotFoundError(f"no run {run_id}", advice="'sohoa reprocess' lists them")
    outcomes = connection.execute(
        select(run_items.c.outcome, func.count())
        .where(run_items.c.run_id == run_id)
        .group_by(run_items.c.outcome)
    ).all()
    binding = connection.execute(
        select(jobs.c.state, func.count())
        .where(jobs.c.run_id == run_id, jobs.c.kind == JobKind.DOCUMENT)
        .where(or_(jobs.c.failure.is_(None), ~jobs.c.failure.startswith(SUPERSEDED)))
        .group_by(jobs.c.state)
    ).all()
    by_state = {JobState(state): count for state, count in binding}
    return RunProgress(
        id=run.id,
        state=RunState(run.state),
        expected_pages=run.expected_pages,
        outcomes={ItemOutcome(outcome): count for outcome, count in outcomes},
        open_bindings=by_state.get(JobState.QUEUED, 0) + by_state.get(JobState.RUNNING, 0),
        failed_bindings=by_state.get(JobState.FAILED, 0),
        renditions=by_state.get(JobState.DONE, 0),
        created_at=run.created_at,
        ended_at=run.ended_at,
        pages_per_hour=run.pages_per_hour,
    )


def list_runs(connection: Connection) -> tuple[RunProgress, ...]:
    """All runs, the newest first."""
    ids = connection.execute(select(runs.c.id).order_by(runs.c.id.desc())).scalars().all()
    return tuple(read_progress(connection, run_id) for run_id in ids)


def read_items(connection: Connection, run_id: int) -> Iterator[RunItem]:
    """The pages of a run as far as it came, in the order of hand-overs, papers and pages."""
    query = (
        select(
            run_items,
            dossiers.c.record_code,
            documents.c.dossier_id,
            documents.c.ordinal,
            pages.c.number,
            pages.c.revision,
        )
        .join(pages, pages.c.id == run_items.c.page_id)
        .join(documents, documents.c.id == run_items.c.document_id)
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(run_items.c.run_id == run_id)
        .order_by(run_items.c.document_id, pages.c.number)
    )
    for row in connection.execute(query):
        yield RunItem(
            record_code=row.record_code,
            dossier_id=row.dossier_id,
            ordinal=row.ordinal,
            number=row.number,
            revision=row.revision,
            outcome=ItemOutcome(row.outcome),
            why=row.why,
            old=_quality(row.old),
            new=_quality(row.new),
            agreement=row.agreement,
        )


def _quality(told: dict[str, Any] | None) -> ReadingQuality | None:
    return None if told is None else ReadingQuality(**{**told, "verdict": Verdict(told["verdict"])})


def _joined(query: Select[*_Columns], selection: Selection) -> Select[*_Columns]:
    return (
        query.select_from(pages)
        .join(documents, documents.c.id == pages.c.document_id)
        .join(dossiers, dossiers.c.id == documents.c.dossier_id)
        .where(pages.c.is_current, pages.c.verdict.is_not(None), *_conditions(selection))
    )


def _conditions(selection: Selection) -> Sequence[ColumnElement[bool]]:
    met: list[ColumnElement[bool]] = []
    if selection.record_codes:
        met.append(dossiers.c.record_code.in_(selection.record_codes))
    if selection.offices:
        met.append(dossiers.c.office.in_(selection.offices))
    if selection.stations:
        met.append(dossiers.c.station.in_(selection.stations))
    if selection.procedure_codes:
        met.append(dossiers.c.procedure_code.in_(selection.procedure_codes))
    if selection.submitted_from is not None:
        met.append(dossiers.c.submitted_at >= selection.submitted_from)
    if selection.submitted_before is not None:
        met.append(dossiers.c.submitted_at < selection.submitted_before)
    if selection.engine is not None:
        unknown = selection.engine == UNKNOWN
        met.append(pages.c.engine.is_(None) if unknown else pages.c.engine == selection.engine)
    if selection.not_engine == UNKNOWN:
        met.append(pages.c.engine.is_not(None))
    elif selection.not_engine is not None:
        met.append(or_(pages.c.engine.is_(None), pages.c.engine != selection.not_engine))
    if selection.verdicts:
        met.append(pages.c.verdict.in_(selection.verdicts))
    if selection.confidence_below is not None:
        met.append(pages.c.mean_confidence < selection.confidence_below)
    return met


def _feed(connection: Connection, run: Row[Any], room: int, now: float) -> tuple[int, int]:
    """Hand out up to `room` pages, whole documents; returns the cursor and how many were handed out."""
    start, interval_s = now, 0.0
    if run.pages_per_hour:
        interval_s = 3600.0 / run.pages_per_hour
        start = max(run.next_feed_at, now - _BURST_S)
        if start > now:
            return run.document_cursor, 0
        room = min(room, int((now - start) / interval_s) + 1)
    upto = min(run.document_cursor + DOCUMENTS_A_LOOK, run.last_document)
    found = _find_pages(connection, run, room, upto)
    cursor = found[-1].document_id if len(found) >= room else upto
    busy = _find_busy(connection, {page.document_id for page in found})
    for page in found:
        _hand_out(connection, run.id, page, now, busy=page.id in busy)
    connection.execute(
        update(runs)
        .where(runs.c.id == run.id)
        .values(document_cursor=cursor, next_feed_at=start + len(found) * interval_s)
    )
    return cursor, len(found)


def _find_pages(connection: Connection, run: Row[Any], room: int, upto: int) -> list[_FoundPage]:
    query = (
        _joined(
            select(pages.c.id, pages.c.number, pages.c.document_id, documents.c.dossier_id),
            Selection.model_validate(run.selection),
        )
        .where(pages.c.document_id <= upto, documents.c.id <= upto)
        .order_by(pages.c.document_id, pages.c.number)
    )
    # Both columns are bounded, which are the same: else PostgreSQL walks one of them from its beginning.
    after = (pages.c.document_id > run.document_cursor) & (documents.c.id > run.document_cursor)
    found = list(connection.execute(query.where(after).limit(room)))
    if len(found) == room:  # the last document may go on
        last = found[-1]
        found += connection.execute(
            query.where(pages.c.document_id == last.document_id, pages.c.number > last.number)
        )
    return found


def _find_busy(connection: Connection, document_ids: set[int]) -> set[int]:
    """Pages of these documents that another run, or a new scan, is having read."""
    query = select(jobs.c.page_id).where(
        jobs.c.document_id.in_(document_ids), jobs.c.kind == JobKind.PAGE, jobs.c.state.in_(OPEN_STATES)
    )
    return set(connection.execute(query).scalars())


def _hand_out(connection: Connection, run_id: int, page: _FoundPage, now: float, *, busy: bool) -> None:
    values: dict[str, Any] = {"outcome": ItemOutcome.OPEN}
    if busy:
        values = {"outcome": ItemOutcome.SKIPPED, "why": "it is being read just now", "ended_at": now}
    job_id = (
        ""
        if busy
        else add_job(connection, JobKind.PAGE, page.dossier_id, page.document_id, page.id, now, run_id)
    )
    connection.execute(
        insert(run_items).values(
            run_id=run_id, page_id=page.id, document_id=page.document_id, job_id=job_id, fed_at=now, **values
        )
    )


def _count_open(connection: Connection, run_id: int) -> int:
    query = select(func.count()).where(run_items.c.run_id == run_id, run_items.c.outcome == ItemOutcome.OPEN)
    return int(connection.execute(query).scalar_one())


def _is_over(connection: Connection, run_id: int) -> bool:
    if _count_open(connection, run_id):
        return False
    # As the index of the runs' open jobs has it: with parameters neither database would know it applies.
    still_open = text("jobs.run_id IS NOT NULL AND jobs.state IN ('queued', 'running')")
    query = select(jobs.c.id).where(jobs.c.run_id == run_id, still_open)
    return connection.execute(query.limit(1)).first() is None
