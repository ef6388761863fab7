import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from station_outside import Pages, Station, make_pages

from schemas.access import Role
from schemas.gateway_settings import GatewaySettings
from schemas.settings import Settings
from workers.home import open_home

if TYPE_CHECKING:
    from gateway_outside import Outside

sys.path.append(str(Path(__file__).parents[1] / "gateway"))  # a station sees the gateway from outside

GENEROUS = GatewaySettings(requests_per_s=1000, request_burst=10_000, least_free_bytes=2**20)


@pytest.fixture(scope="session")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Pages:
    return make_pages(tmp_path_factory.mktemp("pages"))


@pytest.fixture(scope="session")
def gateway(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Outside]":
    from gateway_outside import Running

    home = open_home(Settings(home=tmp_path_factory.mktemp("office"), gateway=GENEROUS))
    running = Running(home, workers=True)
    yield running.outside
    running.stop()
    home.close()


@pytest.fixture
def station(tmp_path: Path, gateway: "Outside") -> Iterator[Station]:
    """A station of its own, with an agent that is started by `start`."""
    _, key = gateway.issue(Role.STATION, office="600000", station=tmp_path.name[:20])
    made = Station(tmp_path / "Máy quét", gateway.url, key)
    yield made
    made.stop()


@pytest.fixture
def stranger(station: Station) -> Station:
    """The same folder, with a key that is good for nothing."""
    return replace(station, key="sohoa_st_0000000000_" + "0" * 64)
