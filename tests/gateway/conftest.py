from collections.abc import Iterator
from pathlib import Path

import pytest
from gateway_outside import Asker, Outside, Running, Scans

from schemas.access import Role
from schemas.gateway_settings import GatewaySettings
from schemas.settings import Settings
from workers.home import open_home

FAST = GatewaySettings(
    requests_per_s=1000,
    request_burst=10_000,
    failed_logins_per_minute=10_000,
    header_timeout_s=1.0,
    body_idle_timeout_s=1.0,
    body_grace_s=1.5,
    max_page_bytes=4 * 2**20,
    stream_max_s=30.0,
    least_free_bytes=2**20,
)
"""Limits that a test can reach in a second or two."""


@pytest.fixture(scope="session")
def scans(tmp_path_factory: pytest.TempPathFactory) -> Scans:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    folder = tmp_path_factory.mktemp("scans")
    page = render_page("letter", 6)
    pages = {
        "good.jpg": [scan(page, seed=1, dpi=200)],
        "other.jpg": [scan(page, seed=2, dpi=200)],
        "bad.jpg": [scan(page, seed=3, dpi=200, blur_px=12.0, noise=2.5)],
        "three.pdf": [scan(page, seed=seed, dpi=200) for seed in (4, 5, 6)],
    }
    for name, scanned in pages.items():
        write_scans(folder / name, scanned)
    return Scans(*((folder / name).read_bytes() for name in pages))


@pytest.fixture(scope="session")
def outside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outside]:
    """One gateway with workers behind it; each test has dossiers, keys and records of its own."""
    home = open_home(Settings(home=tmp_path_factory.mktemp("office"), gateway=FAST))
    running = Running(home, workers=True)
    yield running.outside
    running.stop()
    home.close()


@pytest.fixture(scope="session")
def station(outside: Outside) -> Asker:
    return outside.station("600000")


@pytest.fixture(scope="session")
def supervisor(outside: Outside) -> Asker:
    return outside.staff(Role.SUPERVISOR)


@pytest.fixture
def other_home(tmp_path: Path) -> Path:
    return tmp_path / "home"
