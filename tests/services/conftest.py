"""Real services: started once a session from Debian packages, or taken from the environment.

`SOHOA_TEST_DATABASE_URL` (a role that may create databases), `SOHOA_TEST_BROKER_URL`,
`SOHOA_TEST_S3_ENDPOINT` with `SOHOA_TEST_S3_ACCESS_KEY` and `SOHOA_TEST_S3_SECRET_KEY`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOMS = Path(__file__).parents[1]
sys.path += [str(ROOMS / room) for room in ("ledger", "storing", "workers")]  # their tests run here, too

from ledger_bench import Bench  # noqa: E402

from pipeline.ledger.database import Database, open_database  # noqa: E402
from pipeline.storing.s3 import S3Store  # noqa: E402
from scripts.faults.papers import Paper, make_papers  # noqa: E402
from scripts.faults.site import QUICK, Site, list_commands, name_s3, name_services  # noqa: E402
from scripts.services.ceph import ACCESS_KEY, SECRET_KEY  # noqa: E402
from scripts.services.postgres import make_database  # noqa: E402
from scripts.services.process import make_folder, remove_folder  # noqa: E402
from scripts.services.together import Services  # noqa: E402


@pytest.fixture(scope="session")
def services() -> Iterator[Services]:
    """Our own; a test may kill one, if it starts it again."""
    folder = make_folder("test-services")
    started = Services(folder)
    try:
        started.start()
        yield started
    finally:
        started.stop()
        remove_folder(folder)


@pytest.fixture(scope="session")
def database_server(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("SOHOA_TEST_DATABASE_URL")
    return given or request.getfixturevalue("services").postgres.url()


@pytest.fixture(scope="session")
def broker_url(request: pytest.FixtureRequest) -> str:
    given = os.environ.get("SOHOA_TEST_BROKER_URL")
    return given or request.getfixturevalue("services").rabbitmq.url


@pytest.fixture(scope="session")
def s3_server(request: pytest.FixtureRequest) -> tuple[str, str, str]:
    given = os.environ.get("SOHOA_TEST_S3_ENDPOINT")
    if given:
        return given, os.environ["SOHOA_TEST_S3_ACCESS_KEY"], os.environ["SOHOA_TEST_S3_SECRET_KEY"]
    return request.getfixturevalue("services").ceph.endpoint, ACCESS_KEY, SECRET_KEY


@pytest.fixture(scope="session")
def make_database_url(database_server: str) -> Callable[[], str]:
    return lambda: make_database(database_server)


@pytest.fixture
def database(make_database_url: Callable[[], str]) -> Iterator[Database]:
    opened = open_database(make_database_url())
    yield opened
    opened.close()


@pytest.fixture
def bench(database: Database) -> Bench:
    """A ledger on PostgreSQL, in place of the one in `tests/ledger`."""
    return Bench(database)


@pytest.fixture
def s3_environment(tmp_path: Path, s3_server: tuple[str, str, str]) -> dict[str, str]:
    endpoint, access_key, secret_key = s3_server
    return name_services(tmp_path / "s3", "", "", endpoint, (access_key, secret_key))


@pytest.fixture
def store(s3_environment: dict[str, str]) -> S3Store:
    """A bucket of its own on a real S3 server, in place of the folder in `tests/storing`."""
    return S3Store(name_s3(s3_environment))


@pytest.fixture
def environment(
    tmp_path: Path,
    make_database_url: Callable[[], str],
    broker_url: str,
    s3_server: tuple[str, str, str],
) -> dict[str, str]:
    """Settings of a deployment on all three, with a ledger and a bucket of its own."""
    endpoint, access_key, secret_key = s3_server
    return name_services(
        tmp_path / "site", make_database_url(), broker_url, endpoint, (access_key, secret_key)
    )


@pytest.fixture(scope="session")
def small_papers(tmp_path_factory: pytest.TempPathFactory) -> list[Paper]:
    return make_papers(tmp_path_factory.mktemp("small"))


@pytest.fixture
def site(tmp_path: Path, environment: dict[str, str]) -> Iterator[Site]:
    """Worker and sweeper processes over the services; none runs yet."""
    made = Site(tmp_path / "site", environment | QUICK, list_commands())
    yield made
    made.stop()
