"""The house: floors and rooms, checked by import-linter as ./scripts/test does."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_imports_run_down_the_floors() -> None:
    linted = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert linted.returncode == 0, linted.stdout


def test_every_room_fits_a_page() -> None:
    """A room of about 400 lines at most."""
    sources = [
        path
        for floor in ("schemas", "pipeline", "workers", "scripts")
        for path in (ROOT / floor).rglob("*.py")
    ]
    assert {path.name for path in sources if len(path.read_text().splitlines()) > 420} == set()
