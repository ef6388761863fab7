"""Waiting for a ledger that is away: what was worked out is not thrown away because a server restarts."""

import logging
import threading
from collections.abc import Callable
from typing import TypeVar

from schemas.errors import StoreError

FIRST_DELAY_S = 0.2
LONGEST_DELAY_S = 5.0

_T = TypeVar("_T")
_log = logging.getLogger("sohoa.work")


class Patience:
    """Asks again, ever more slowly, until it is told to `give_up`."""

    def __init__(self) -> None:
        self._giving_up = threading.Event()

    def insist(self, ask: Callable[[], _T]) -> _T:
        """What `ask` returns. Raises its `StoreError` once waiting was given up."""
        delay_s = FIRST_DELAY_S
        while True:
            try:
                return ask()
            except StoreError as error:
                if self._giving_up.is_set():
                    raise
                _log.warning("asked again in %.1f s: %s", delay_s, error)
            self._giving_up.wait(delay_s)
            delay_s = min(2 * delay_s, LONGEST_DELAY_S)

    def give_up(self) -> None:
        """The process is to stop: each question is asked once more, not longer."""
        self._giving_up.set()
