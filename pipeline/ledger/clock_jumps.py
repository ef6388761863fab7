"""Times that a clock gone wrong left in the ledger: none of them may keep a job waiting."""

from sqlalchemy import Connection, update

from schemas.dossier import JobState
from schemas.ledger import RetryPolicy
from schemas.tables import jobs


def mend_times(connection: Connection, policy: RetryPolicy, lease_s: float, now: float) -> int:
    """Bring times that lie further ahead than any could back to `now`; returns how many jobs had one.

    A job due later than the longest delay of `policy` is due at once, its hint to be sent again; a lease
    longer than `lease_s` is one from now on: a living worker renews it before it runs out.
    """
    too_late = jobs.c.next_attempt_at > now + policy.longest_delay_s
    hinted_ahead = jobs.c.hinted_at > now
    waiting = (
        update(jobs)
        .where(jobs.c.state == JobState.QUEUED, too_late | hinted_ahead)
        .values(next_attempt_at=now, hinted_at=None)
    )
    held = (
        update(jobs)
        .where(jobs.c.state == JobState.RUNNING, jobs.c.lease_until > now + lease_s)
        .values(lease_until=now + lease_s)
    )
    return connection.execute(waiting).rowcount + connection.execute(held).rowcount
