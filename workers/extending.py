"""Renditions in the ledger brought to a stronger signature level: asked for, then waited for."""

import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.binding.levels import find_level
from pipeline.ledger.jobs import list_jobs
from pipeline.ledger.renditions import ask_level, find_newest, list_newest
from schemas.dossier import RECORD_CODE, JobState
from schemas.errors import NotFoundError, SigningError, SigningServiceError
from schemas.ledger import HeldRendition
from schemas.signing import SignatureLevel
from workers.embedded import EmbeddedOffice
from workers.home import Home
from workers.submit import name_actor

_DOSSIER_ID = re.compile(r"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, slots=True)
class LedgerExtension:
    """What became of one document; `made` is None where `held` had the level already."""

    held: HeldRendition
    level: SignatureLevel
    made: HeldRendition | None


@dataclass(frozen=True, slots=True)
class Asked:
    """An extension under way."""

    held: HeldRendition
    goal: SignatureLevel
    job_id: str
    at: float


def is_ledger_name(target: str) -> bool:
    """Does `target` read as a record code, `CODE.ORDINAL` or a dossier's id?"""
    record, _, ordinal = target.rpartition(".")
    paper = ordinal.isdecimal() and RECORD_CODE.fullmatch(record)
    return bool(RECORD_CODE.fullmatch(target) or paper or _DOSSIER_ID.fullmatch(target))


def find_renditions(home: Home, target: str) -> tuple[HeldRendition, ...]:
    """The newest renditions of a record code, `CODE.ORDINAL` or dossier id. Raises `NotFoundError`."""
    with home.database.read() as connection:
        if _DOSSIER_ID.fullmatch(target):
            found = list_newest(connection, dossier_id=target)
        elif RECORD_CODE.fullmatch(target):
            found = list_newest(connection, record_code=target)
        else:
            record, _, ordinal = target.rpartition(".")
            found = list_newest(connection, record_code=record, ordinal=int(ordinal))
    if not found:
        raise NotFoundError(f"{target} has no complete document")
    return found


def find_due(home: Home) -> tuple[HeldRendition, ...]:
    """All that lack the level they were to have."""
    with home.database.read() as connection:
        return list_newest(connection, due=True)


def ask_extension(home: Home, held: HeldRendition, goal: SignatureLevel) -> Asked | LedgerExtension:
    """Queue the extension; nothing is done where it has the level. Durable on return. Raises `StoreError`."""
    reached = find_level(home.store.get(held.object.key, held.object.sha256))
    if reached is not None and reached.rung >= goal.rung:
        return LedgerExtension(held, reached, None)
    now = home.now()
    job_id = home.database.transact(lambda connection: ask_level(connection, held, goal, name_actor(), now))
    return Asked(held, goal, job_id, now)


def await_extensions(
    office: EmbeddedOffice, home: Home, asked: Sequence[Asked]
) -> Iterator[LedgerExtension | tuple[Asked, SigningError]]:
    """Each as it ends: made, failed, or left waiting for a service that is down."""
    waiting = list(asked)
    while waiting:
        office.ensure_server()
        time.sleep(_LOOK_EVERY_S)
        for one in list(waiting):
            ended = _look(home, one)
            if ended is not None:
                waiting.remove(one)
                yield ended


def _look(home: Home, asked: Asked) -> LedgerExtension | tuple[Asked, SigningError] | None:
    with home.database.read() as connection:
        newest = find_newest(connection, asked.held.document_id)
        (job,) = [job for job in list_jobs(connection, asked.held.dossier_id) if job.id == asked.job_id]
    if job.state is JobState.DONE:
        made = newest if newest is not None and newest.number > asked.held.number else None
        return LedgerExtension(asked.held, asked.goal, made)
    if job.state is JobState.FAILED:
        return asked, SigningError(job.failure or "the extension failed")
    if job.state is JobState.QUEUED and job.waiting_since is not None and job.next_attempt_at > asked.at:
        what = job.failure or "a service is down"
        return asked, SigningServiceError(what, advice="'sohoa serve' goes on with it by itself")
    return None
