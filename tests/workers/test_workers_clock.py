"""The ledger's time, whatever the clocks do."""

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from office_outside import RECORD, Papers
from sqlalchemy import select

from pipeline.ledger.jobs import claim_job
from schemas.dossier import JobKind, JobState
from schemas.errors import StoreError
from schemas.settings import Settings
from schemas.tables import jobs
from workers.actors import JobWorker, declare_actors
from workers.broker import open_broker
from workers.clock import ANCHOR_S, ASK_AGAIN_S, LedgerClock
from workers.home import Home, open_home
from workers.leases import Leases
from workers.submit import submit_dossier
from workers.sweeper import Sweeper


@dataclass
class Clocks:
    """The server's clock and the monotonic one."""

    server: float = 1_800_000_000.0
    monotonic: float = 50.0
    away: bool = False

    def ask(self) -> float:
        if self.away:
            raise StoreError("away")
        return self.server

    def go(self, seconds: float) -> None:
        self.server += seconds
        self.monotonic += seconds


@pytest.fixture
def clocks() -> Clocks:
    return Clocks()


@pytest.fixture
def clock(clocks: Clocks) -> LedgerClock:
    return LedgerClock(clocks.ask, lambda: clocks.monotonic)


def test_time_goes_on_between_the_servers_answers(clocks: Clocks, clock: LedgerClock) -> None:
    for _ in range(100):
        clocks.go(1.7)
        assert clock.now() == pytest.approx(clocks.server)
    assert clock.jumps == 0
    assert clock.is_settled()


def test_a_server_that_is_away_does_not_stop_the_time(clocks: Clocks, clock: LedgerClock) -> None:
    clocks.away = True
    clocks.go(10 * ANCHOR_S)
    assert clock.now() == pytest.approx(clocks.server)


@pytest.mark.parametrize("jump_s", [-3600.0, 3600.0])
def test_a_jump_is_followed_and_settles_when_every_process_had_the_time(
    clocks: Clocks, clock: LedgerClock, jump_s: float
) -> None:
    clocks.server += jump_s
    before = clock.now()
    assert before == pytest.approx(clocks.server - jump_s)  # not asked yet
    clocks.go(ANCHOR_S + ASK_AGAIN_S)
    assert clock.now() == pytest.approx(clocks.server)
    assert (clock.jumps, clock.is_settled()) == (1, False)
    clocks.go(2 * ANCHOR_S + 1)
    assert clock.now() == pytest.approx(clocks.server)
    assert (clock.jumps, clock.is_settled()) == (1, True)


@pytest.fixture
def home(tmp_path: Path, clock: LedgerClock) -> Iterator[Home]:
    opened = replace(open_home(Settings(home=tmp_path / "home")), clock=clock)
    yield opened
    opened.close()


def make_sweeper(home: Home) -> Sweeper:
    worker = JobWorker(home, "test", Leases(home), lambda: None)
    return Sweeper(home, declare_actors(open_broker(None, []), worker), dict.fromkeys(JobKind, 8))


def read_state(home: Home) -> tuple[JobState, bool]:
    """Of the one job: its state, and whether it is due."""
    with home.database.read() as connection:
        row = connection.execute(select(jobs.c.state, jobs.c.next_attempt_at)).one()
    return JobState(row.state), row.next_attempt_at <= home.now()


def test_a_clock_put_forward_takes_no_job_from_who_holds_it(
    home: Home, clocks: Clocks, papers: Papers
) -> None:
    submit_dossier(home, RECORD, [papers.good])
    sweeper = make_sweeper(home)
    with home.database.write() as connection:
        (job_id,) = connection.execute(select(jobs.c.id)).scalars()
        assert claim_job(connection, job_id, "another", 120.0, home.now())
    clocks.server += 3600
    clocks.go(ANCHOR_S + 1)
    sweeper.sweep(home.now())
    assert read_state(home)[0] is JobState.RUNNING  # its holder has not followed the jump yet
    clocks.go(2 * ANCHOR_S + 1)
    sweeper.sweep(home.now())
    assert read_state(home)[0] is JobState.QUEUED  # and had the time to


def test_a_clock_put_back_makes_no_job_wait(home: Home, clocks: Clocks, papers: Papers) -> None:
    submit_dossier(home, RECORD, [papers.good])
    clocks.server -= 7200
    clocks.go(ANCHOR_S + 1)
    assert read_state(home) == (JobState.QUEUED, False)
    sweeper = make_sweeper(home)
    sweeper.start()
    deadline = time.monotonic() + 20
    while not read_state(home)[1] and time.monotonic() < deadline:
        time.sleep(0.05)
    sweeper.stop()
    assert read_state(home) == (JobState.QUEUED, True)
