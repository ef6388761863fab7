"""The clock of our processes put forward or back while they run; the monotonic one goes on (libfaketime)."""

from pathlib import Path

from schemas.errors import MissingDependencyError

LIBRARY = Path("/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1")
"""Debian's package libfaketime."""


class WrongClock:
    """`environment` for processes whose clock is off by what `put` said last."""

    def __init__(self, folder: Path) -> None:
        if not LIBRARY.exists():
            raise MissingDependencyError("libfaketime is missing", advice="apt-get install libfaketime")
        self._file = folder / "clock"
        self.environment = {
            "LD_PRELOAD": str(LIBRARY),
            "FAKETIME_TIMESTAMP_FILE": str(self._file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
            "FAKETIME_DISABLE_SHM": "1",
        }
        self.put(0)

    def put(self, off_s: int) -> None:
        """The clock jumps now."""
        made = self._file.with_suffix(".new")
        made.write_text(f"{off_s:+d}s\n")
        made.replace(self._file)
