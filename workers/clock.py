"""The ledger's time: what leases, delays and hints are reckoned in, whatever a machine's own clock does."""

import logging
import threading
import time
from collections.abc import Callable

from schemas.errors import StoreError

ANCHOR_S = 20.0
"""How long the answer of the ledger's server is carried on by the monotonic clock, which never jumps."""

ASK_AGAIN_S = 2.0
"""After an answer that did not come: the old one is carried on meanwhile."""

JUMP_S = 5.0
"""Two clocks that NTP keeps differ by milliseconds, one that drifts for `ANCHOR_S` by no more."""

_log = logging.getLogger("sohoa.work")


class LedgerClock:
    """`ask` gives the time of the ledger's server (POSIX seconds), the same for every process at work on it.

    A machine whose own clock is wrong by an hour neither takes jobs from the living nor lets them wait. Where
    the server's clock itself jumps, each process follows within `ANCHOR_S`; until all have (`is_settled`),
    no lease may be called expired. Raises `StoreError` on the first question alone.
    """

    def __init__(self, ask: Callable[[], float], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._ask = ask
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._told, self._told_at = ask(), monotonic()
        self._ask_at = self._told_at + ANCHOR_S
        self._jumped_at: float | None = None
        self._jumps = 0

    def now(self) -> float:
        """The time, POSIX seconds."""
        with self._lock:
            at = self._monotonic()
            if at >= self._ask_at:
                self._anchor(at)
            return self._told + (at - self._told_at)

    @property
    def jumps(self) -> int:
        """How often the server's clock was found to have jumped."""
        return self._jumps

    def is_settled(self) -> bool:
        """Has every process had the time to follow the last jump?"""
        with self._lock:
            return self._jumped_at is None or self._monotonic() > self._jumped_at + 2 * ANCHOR_S

    def _anchor(self, at: float) -> None:
        self._ask_at = at + ASK_AGAIN_S
        try:
            told = self._ask()
        except StoreError:
            return
        answered_at = self._monotonic()
        off_s = told - (self._told + answered_at - self._told_at)
        if abs(off_s) > JUMP_S + (answered_at - at):
            _log.warning("the ledger's clock jumped by_s=%.0f", off_s)
            self._jumped_at = answered_at
            self._jumps += 1
        self._told, self._told_at = told, answered_at
        self._ask_at = answered_at + ANCHOR_S
