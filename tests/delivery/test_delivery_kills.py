"""The delivery test, short: `python -m scripts.faults delivery --rounds 50` is the long one."""

import subprocess
import sys
from pathlib import Path


def test_everything_is_acknowledged_once_whoever_dies() -> None:
    command = ["-m", "scripts.faults", "delivery", "--backend", "embedded", "--rounds", "1", "--seed", "115"]
    done = subprocess.run(
        [sys.executable, *command],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "tampered line: refused" in done.stdout
    assert "kills=client,deliver,serve" in done.stdout
    assert done.stdout.count(" ok\n") == 1
