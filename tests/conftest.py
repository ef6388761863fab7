"""What every room's tests share: the command line, the sample scans, the development data if there."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings
from sohoa_command import Sohoa

os.environ.setdefault("OMP_THREAD_LIMIT", "1")

# A test run says the same twice; `HYPOTHESIS_PROFILE=explore ./scripts/test` looks for new counter-examples.
settings.register_profile("repeatable", derandomize=True, deadline=None)
settings.register_profile("explore", max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "repeatable"))

ROOT = Path(__file__).parents[1]
SHARED = Path(os.environ.get("SOHOA_SHARED", ROOT.parent / "shared"))


@pytest.fixture(scope="session")
def shared() -> Path:
    """The development data beside the checkout; tests that need it skip where it is absent."""
    if not (SHARED / "data").is_dir():
        pytest.skip("no ../shared data")
    return SHARED


@pytest.fixture(scope="session")
def session_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def sohoa(session_home: Path) -> Sohoa:
    """Run the command `sohoa` as a user would, with a SOHOA_HOME of its own."""

    def run(
        *arguments: str | Path, timeout_s: float = 300, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [Path(sys.executable).with_name("sohoa"), *map(str, arguments)],
            env={**os.environ, "SOHOA_HOME": str(session_home), **environment},
            capture_output=True,
            text=True,
            timeout=timeout_s,
            check=False,
        )

    return run
