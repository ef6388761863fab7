"""How often one key, or one address without a key, may ask: token buckets, in this process."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from schemas.errors import RateLimitedError

_MOST_BUCKETS = 10_000


class Buckets:
    """A bucket a name: `burst` at once, `per_s` over time."""

    def __init__(self, per_s: float, burst: float) -> None:
        self._per_s = per_s
        self._burst = burst
        self._held: dict[str, tuple[float, float]] = {}
        self._lock = threading.Lock()

    def take(self, name: str, now: float | None = None) -> None:
        """Take one. Raises `RateLimitedError` where the bucket is empty."""
        if not self._take(name, time.monotonic() if now is None else now):
            raise RateLimitedError("too many requests")

    def _take(self, name: str, now: float) -> bool:
        with self._lock:
            level, at = self._held.get(name, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._per_s)
            if level < 1.0:
                self._held[name] = (level, now)
                return False
            self._held[name] = (level - 1.0, now)
            if len(self._held) > _MOST_BUCKETS:
                self._forget(now)
            return True

    def _forget(self, now: float) -> None:
        """Drop those that are full again: they know nothing."""
        full = [
            name
            for name, (level, at) in self._held.items()
            if level + (now - at) * self._per_s >= self._burst
        ]
        for name in full:
            del self._held[name]


class Seats:
    """At most `seats` of something at once for one name."""

    def __init__(self, seats: int) -> None:
        self._seats = seats
        self._taken: Counter[str] = Counter()

    def free(self, name: str) -> bool:
        """Is one left?"""
        return self._taken[name] < self._seats

    @contextmanager
    def stand(self) -> Iterator[None]:
        """For who needs no seat."""
        yield

    @contextmanager
    def sit(self, name: str) -> Iterator[None]:
        """Hold one. Raises `RateLimitedError` where all are taken."""
        if self._taken[name] >= self._seats:
            raise RateLimitedError("too many open streams of one key", advice="close one first")
        self._taken[name] += 1
        try:
            yield
        finally:
            self._taken[name] -= 1
            if not self._taken[name]:
                del self._taken[name]
