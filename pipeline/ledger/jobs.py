"""Jobs: claimed by compare-and-set with a lease, fenced, retried with a doubling delay, never dropped.

Whoever changes a dossier's jobs holds that dossier's row first (`lock_dossier`), so that no two
transactions wait for each other. SQLite has one writer at a time and ignores row locks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import ColumnElement, Connection, Row, and_, insert, literal_column, or_, select, update

from pipeline.ledger.database import hold_lock
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import LeaseLostError, NotFoundError
from schemas.ledger import Claim, RetryPolicy
from schemas.reprocess import REPROCESS_PRIORITY
from schemas.tables import documents, dossiers, jobs

HINT_TTL_S = 300.0
"""A hint that no worker took up for so long is sent again; a duplicate does no harm."""

SUPERSEDED = "superseded by"
"""How the failure of a job begins that was ended because its work was no longer wanted."""

OPEN_STATES = (JobState.QUEUED, JobState.RUNNING)

_HINT_LOCK = 0x50404F44

# A literal, not a parameter: only so do both databases use the index of the queued jobs alone.
_QUEUED: ColumnElement[bool] = jobs.c.state == literal_column("'queued'")


def add_job(
    connection: Connection,
    kind: JobKind,
    dossier_id: str,
    document_id: int,
    page_id: int | None,
    now: float,
    run_id: int | None = None,
) -> str:
    """Queue one job, due `now`, with its dossier's priority, or the lowest for a run; returns its id."""
    job_id = str(uuid4())
    dossiers_own = select(dossiers.c.priority).where(dossiers.c.id == dossier_id).scalar_subquery()
    priority = dossiers_own if run_id is None else REPROCESS_PRIORITY
    connection.execute(
        insert(jobs).values(
            id=job_id,
            kind=kind,
            dossier_id=dossier_id,
            document_id=document_id,
            page_id=page_id,
            run_id=run_id,
            state=JobState.QUEUED,
            priority=priority,
            next_attempt_at=now,
            created_at=now,
        )
    )
    return job_id


def lock_dossier(connection: Connection, dossier_id: str) -> None:
    """Hold the dossier until the transaction ends. Raises `NotFoundError`."""
    query = select(dossiers.c.id).where(dossiers.c.id == dossier_id).with_for_update()
    if connection.execute(query).first() is None:
        raise NotFoundError(f"no dossier {dossier_id}")


def claim_job(connection: Connection, job_id: str, owner: str, lease_s: float, now: float) -> Claim | None:
    """Take a queued, due job for `lease_s` seconds. None where there is nothing to take: a duplicate
    message, a job not due yet, done or unknown."""
    dossier_id = connection.execute(select(jobs.c.dossier_id).where(jobs.c.id == job_id)).scalar()
    if dossier_id is None:
        return None
    lock_dossier(connection, dossier_id)
    row = connection.execute(
        update(jobs)
        .where(jobs.c.id == job_id, jobs.c.state == JobState.QUEUED, jobs.c.next_attempt_at <= now)
        .values(
            state=JobState.RUNNING,
            owner=owner,
            lease_until=now + lease_s,
            attempt=jobs.c.attempt + 1,
            fence=jobs.c.fence + 1,
        )
        .returning(jobs)
    ).first()
    if row is None:
        return None
    connection.execute(
        update(documents)
        .where(documents.c.id == row.document_id, documents.c.state == DocumentState.PENDING)
        .values(state=DocumentState.PROCESSING)
    )
    connection.execute(
        update(dossiers)
        .where(dossiers.c.id == dossier_id, dossiers.c.state == DossierState.SUBMITTED)
        .values(state=DossierState.PROCESSING)
    )
    return _claim(row)


def renew_lease(connection: Connection, claim: Claim, lease_s: float, now: float) -> bool:
    """Hold on for `lease_s` more seconds. False where the job is no longer this worker's."""
    held = connection.execute(update(jobs).where(_holds(claim)).values(lease_until=now + lease_s))
    return held.rowcount == 1


def check_held(connection: Connection, claim: Claim) -> None:
    """Raises `LeaseLostError` where the job is no longer this worker's."""
    if connection.execute(select(jobs.c.id).where(_holds(claim))).first() is None:
        raise _lost(claim)


def end_job(connection: Connection, claim: Claim, now: float) -> None:
    """The job is done. Raises `LeaseLostError`; then the caller's transaction must not commit."""
    ended = connection.execute(
        update(jobs)
        .where(_holds(claim))
        .values(state=JobState.DONE, owner=None, lease_until=None, waiting_since=None, ended_at=now)
    )
    if ended.rowcount != 1:
        raise _lost(claim)


def fail_attempt(
    connection: Connection, claim: Claim, failure: str, policy: RetryPolicy, now: float
) -> JobState:
    """The attempt failed: queued for later, or `failed` after the last. Raises `LeaseLostError`."""
    over = claim.attempt >= policy.max_attempts
    values = (
        {"state": JobState.FAILED, "ended_at": now}
        if over
        else {
            "state": JobState.QUEUED,
            "next_attempt_at": now + policy.retry_delay_s * 2 ** (claim.attempt - 1),
            "hinted_at": None,
        }
    )
    failed = connection.execute(
        update(jobs)
        .where(_holds(claim))
        .values(failure=failure, owner=None, lease_until=None, waiting_since=None, **values)
    )
    if failed.rowcount != 1:
        raise _lost(claim)
    return JobState.FAILED if over else JobState.QUEUED


def defer_job(connection: Connection, claim: Claim, failure: str, policy: RetryPolicy, now: float) -> float:
    """A service outside is down: the attempt does not count; returns when the next one is due.

    It waits as long again as it has waited, within `policy`. Raises `LeaseLostError`.
    """
    held = connection.execute(select(jobs.c.id, jobs.c.waiting_since).where(_holds(claim))).first()
    if held is None:
        raise _lost(claim)
    since = now if held.waiting_since is None else held.waiting_since
    due = now + min(max(now - since, policy.outage_delay_s), policy.outage_max_delay_s)
    connection.execute(
        update(jobs)
        .where(_holds(claim))
        .values(
            state=JobState.QUEUED,
            failure=failure,
            owner=None,
            lease_until=None,
            hinted_at=None,
            attempt=jobs.c.attempt - 1,
            waiting_since=since,
            next_attempt_at=due,
        )
    )
    return due


def release_job(connection: Connection, claim: Claim) -> None:
    """Give a job back untouched: the attempt does not count. Does nothing where it was lost."""
    connection.execute(
        update(jobs)
        .where(_holds(claim))
        .values(
            state=JobState.QUEUED, owner=None, lease_until=None, hinted_at=None, attempt=jobs.c.attempt - 1
        )
    )


def forgive_death(connection: Connection, claim: Claim, policy: RetryPolicy, now: float) -> None:
    """Queue the job of a server that died: the attempt does not count, and the job waits longer each time, so
    that others come first. Does nothing where it was lost."""
    connection.execute(
        update(jobs)
        .where(_holds(claim))
        .values(
            state=JobState.QUEUED,
            owner=None,
            lease_until=None,
            hinted_at=None,
            attempt=jobs.c.attempt - 1,
            next_attempt_at=now + policy.retry_delay_s * 2 ** (claim.fence - 1),
        )
    )


def find_expired(connection: Connection, now: float, dead_owners: str | None = None) -> list[Claim]:
    """Claims whose lease ran out, and those of owners known to be dead (`dead_owners`: name prefix)."""
    gone: ColumnElement[bool] = jobs.c.lease_until < now
    if dead_owners is not None:
        gone = or_(gone, jobs.c.owner.startswith(dead_owners, autoescape=True))
    query = select(jobs).where(jobs.c.state == JobState.RUNNING, gone).order_by(jobs.c.dossier_id)
    return [_claim(row) for row in connection.execute(query)]


def has_expired(connection: Connection, claim: Claim, now: float) -> bool:
    """Is the claim still held, past its lease?"""
    query = select(jobs.c.id).where(_holds(claim), jobs.c.lease_until < now)
    return connection.execute(query).first() is not None


def take_due(connection: Connection, kind: JobKind, room: int, now: float) -> list[str]:
    """Ids of due jobs to send a hint for: the counter before the batch, then the oldest.

    Of each priority so many are sent that at most `room` hints of it and of those before it are under way:
    a late counter job never queues behind a whole batch, nor waits for room that a batch took. Each id is
    given out once until its hint is `HINT_TTL_S` old. One sender at a time counts.
    """
    hold_lock(connection, _HINT_LOCK)
    under_way = list(  # few rows; grouped in SQL, SQLite would go through all that wait
        connection.execute(
            select(jobs.c.priority).where(_QUEUED, jobs.c.kind == kind, jobs.c.hinted_at >= now - HINT_TTL_S)
        ).scalars()
    )
    ids: list[str] = []
    priority = _next_priority(connection, kind, None, now)
    while priority is not None:
        before = sum(level <= priority for level in under_way)
        taken = _take(connection, kind, priority, room - before - len(ids), now)
        ids += taken
        priority = _next_priority(connection, kind, priority, now)
    if ids:
        connection.execute(update(jobs).where(jobs.c.id.in_(ids)).values(hinted_at=now))
    return ids


def read_priorities(connection: Connection, job_ids: Sequence[str]) -> dict[str, int]:
    """The priority of each job."""
    rows = connection.execute(select(jobs.c.id, jobs.c.priority).where(jobs.c.id.in_(job_ids)))
    return {row.id: row.priority for row in rows}


def has_due(connection: Connection, now: float) -> bool:
    """Is any job waiting for a hint, or running past its lease? A cheap question, asked every second."""
    lost = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until < now).limit(1)
    if connection.execute(lost).first() is not None:
        return True
    return any(_next_priority(connection, kind, None, now) is not None for kind in JobKind)


def forget_hints(connection: Connection) -> None:
    """Every hint is lost: the in-process broker ended with its process."""
    connection.execute(
        update(jobs)
        .where(jobs.c.state == JobState.QUEUED, jobs.c.hinted_at.is_not(None))
        .values(hinted_at=None)
    )


def supersede_jobs(connection: Connection, where: ColumnElement[bool], why: str, now: float) -> None:
    """End open jobs whose work is no longer wanted; a worker still at one is fenced off."""
    connection.execute(
        update(jobs)
        .where(where, jobs.c.state.in_(OPEN_STATES))
        .values(
            state=JobState.DONE, failure=why, owner=None, lease_until=None, waiting_since=None, ended_at=now
        )
    )


@dataclass(frozen=True, slots=True)
class JobLine:
    """One job as an operator sees it. `waiting_since`: for a service outside that is down."""

    id: str
    kind: JobKind
    state: JobState
    attempt: int
    owner: str | None
    next_attempt_at: float
    failure: str | None
    waiting_since: float | None = None


def list_jobs(connection: Connection, dossier_id: str) -> Sequence[JobLine]:
    """All jobs of a dossier, oldest first."""
    rows = connection.execute(
        select(jobs)
        .where(jobs.c.dossier_id == dossier_id)
        .order_by(jobs.c.created_at, jobs.c.document_id, jobs.c.page_id)
    )
    return [
        JobLine(
            row.id,
            JobKind(row.kind),
            JobState(row.state),
            row.attempt,
            row.owner,
            row.next_attempt_at,
            row.failure,
            row.waiting_since,
        )
        for row in rows
    ]


def _is_due(now: float) -> ColumnElement[bool]:
    fresh = jobs.c.hinted_at >= now - HINT_TTL_S
    return and_(jobs.c.next_attempt_at <= now, or_(jobs.c.hinted_at.is_(None), ~fresh))


def _next_priority(connection: Connection, kind: JobKind, after: int | None, now: float) -> int | None:
    query = select(jobs.c.priority).where(_QUEUED, jobs.c.kind == kind, _is_due(now))
    if after is not None:
        query = query.where(jobs.c.priority > after)
    return connection.execute(query.order_by(jobs.c.priority).limit(1)).scalar()


def _take(connection: Connection, kind: JobKind, priority: int, count: int, now: float) -> list[str]:
    if count <= 0:
        return []
    due = (
        select(jobs.c.id)
        .where(_QUEUED, jobs.c.kind == kind, jobs.c.priority == priority, _is_due(now))
        .order_by(jobs.c.priority, jobs.c.created_at, jobs.c.document_id, jobs.c.page_id)
        .limit(count)
        .with_for_update(skip_locked=True)
    )
    return list(connection.execute(due).scalars())


def _holds(claim: Claim) -> ColumnElement[bool]:
    return and_(
        jobs.c.id == claim.job_id,
        jobs.c.state == JobState.RUNNING,
        jobs.c.owner == claim.owner,
        jobs.c.fence == claim.fence,
    )


def _lost(claim: Claim) -> LeaseLostError:
    return LeaseLostError(f"job {claim.job_id} is no longer held by {claim.owner}")


def _claim(row: Row[Any]) -> Claim:
    return Claim(
        job_id=row.id,
        kind=JobKind(row.kind),
        dossier_id=row.dossier_id,
        document_id=row.document_id,
        page_id=row.page_id,
        owner=row.owner,
        attempt=row.attempt,
        fence=row.fence,
        run_id=row.run_id,
    )
