"""When has the scanner finished a file?"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from workers.station.disk import is_being_written, stamp
from workers.station.wholeness import has_its_end


class Readiness(StrEnum):
    """What may be done with a file now."""

    WAIT = "wait"
    READY = "ready"
    CUT_SHORT = "cut_short"
    """It has not grown for long, and lacks its end."""


@dataclass(slots=True)
class _Seen:
    stamp: tuple[int, int]
    since: float


class Steadiness:
    """Remembers how long every file has been as it is. `clock` is monotonic, in seconds."""

    def __init__(self, settle_s: float, give_up_s: float, clock: Callable[[], float]) -> None:
        self._settle_s = settle_s
        self._give_up_s = give_up_s
        self._clock = clock
        self._seen: dict[Path, _Seen] = {}

    def judge(self, path: Path, is_whole: Callable[[Path], bool] = has_its_end) -> Readiness:
        """Ask again and again: the time counts from the first time that the file is seen as it is."""
        now, found = self._clock(), stamp(path)
        seen = self._seen.get(path)
        if found is None:
            self._seen.pop(path, None)
            return Readiness.WAIT
        if seen is None or seen.stamp != found:
            self._seen[path] = _Seen(found, now)
            if self._settle_s > 0:
                return Readiness.WAIT
            seen = self._seen[path]
        if now - seen.since < self._settle_s or is_being_written(path):
            return Readiness.WAIT
        try:
            whole = is_whole(path)
        except OSError:  # locked, or just moved away
            return Readiness.WAIT
        if whole:
            return Readiness.READY
        return Readiness.CUT_SHORT if now - seen.since >= self._give_up_s else Readiness.WAIT

    def forget_all_but(self, paths: set[Path]) -> None:
        """Files that are no longer there."""
        for path in set(self._seen) - paths:
            del self._seen[path]
