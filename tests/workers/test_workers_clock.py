"""The ledger's time, whatever the clocks do."""

from dataclasses import dataclass

import pytest

from schemas.errors import StoreError
from workers.clock import ANCHOR_S, ASK_AGAIN_S, LedgerClock


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
