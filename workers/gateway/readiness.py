"""The last answer to "is it ready?": anyone may ask, and the question itself is work."""

import threading
from collections.abc import Callable

from schemas.api_delivery import (
    CheckView,
)

GOOD_FOR_S = 3.0


class Readiness:
    """Asks again when the last answer is older than `GOOD_FOR_S`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._at = float("-inf")
        self._last: tuple[CheckView, ...] = ()

    def ask(self, now: float, check: Callable[[], tuple[CheckView, ...]]) -> tuple[CheckView, ...]:
        """The checks as of `GOOD_FOR_S` ago at most."""
        with self._lock:
            if now - self._at > GOOD_FOR_S:
                self._last, self._at = check(), now
            return self._last
