"""CPU seconds of a whole command: of every process it starts, waited for or not.

The command runs under a small parent (this module as a program) that adopts what outlives it, such as
Sohoa's decoding processes, and waits for all of it; without that their seconds would be counted nowhere.
"""

import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36


@dataclass(frozen=True, slots=True)
class CountedRun:
    """A command that has ended: `cpu_s` is user and system time of all its processes, `peak_mb` the
    resident set of the largest one."""

    exit_code: int
    cpu_s: float
    peak_mb: float
    stdout: str
    stderr: str


def run_counted(
    command: Sequence[str | Path], *, timeout_s: float, environment: Mapping[str, str] | None = None
) -> CountedRun:
    """Run `command` to its end. Raises `subprocess.TimeoutExpired`."""
    with tempfile.NamedTemporaryFile("r", suffix=".json") as counted:
        ran = subprocess.run(
            [sys.executable, "-m", "scripts.bench.cpu", counted.name, *map(str, command)],
            env={**_environment(), "OMP_THREAD_LIMIT": "1", **(environment or {})},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )
        figures = json.load(counted)
    return CountedRun(stdout=ran.stdout, stderr=ran.stderr, **figures)


def _environment() -> dict[str, str]:
    """Byte code is kept, as an installed command has it: compiling afresh is no part of what is measured."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _count(report: Path, command: Sequence[str]) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    exit_code = subprocess.run(command, check=False).returncode
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    figures = {
        "exit_code": exit_code,
        "cpu_s": used.ru_utime + used.ru_stime,
        "peak_mb": used.ru_maxrss / 1024,
    }
    report.write_text(json.dumps(figures))


if __name__ == "__main__":
    _count(Path(sys.argv[1]), sys.argv[2:])
