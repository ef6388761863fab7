"""The clock of our processes put forward or back while they run; the monotonic one goes on.

`time.time` is replaced in every Python process of the environment, by a `sitecustomize` of its own:
libfaketime 0.9.10 makes `time.sleep` fail where the monotonic clock is left as it is, and a jump of the real
clock would hit the whole machine. `datetime.now`, which dates signatures and requests to S3, stays right.
"""

import os
from pathlib import Path

_SITECUSTOMIZE = """
import os, time
_true, _file, _told, _at = time.time, os.environ["SOHOA_WRONG_CLOCK"], 0.0, -1.0
def _time():
    global _told, _at
    if time.monotonic() > _at + 0.2:
        with open(_file) as file:
            _told = float(file.read())
        _at = time.monotonic()
    return _true() + _told
time.time = _time
time.time_ns = lambda: int(_time() * 1e9)
"""


class WrongClock:
    """`environment` for processes whose clock is off by what `put` said last."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "clock"
        site = folder / "wrong_clock"
        site.mkdir()
        (site / "sitecustomize.py").write_text(_SITECUSTOMIZE)
        others = os.environ.get("PYTHONPATH")
        self.environment = {
            "SOHOA_WRONG_CLOCK": str(self._file),
            "PYTHONPATH": os.pathsep.join([str(site), *([others] if others else [])]),
        }
        self.put(0)

    def put(self, off_s: int) -> None:
        """The clock jumps now."""
        made = self._file.with_suffix(".new")
        made.write_text(str(off_s))
        made.replace(self._file)
