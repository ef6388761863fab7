"""Real services: started once a session from Debian packages, or taken from the environment.

`SOHOA_TEST_DATABASE_URL` (a role that may create databases), `SOHOA_TEST_BROKER_URL`,
`SOHOA_TEST_S3_ENDPOINT` with `SOHOA_TEST_S3_ACCESS_KEY` and `SOHOA_TEST_S3_SECRET_KEY`.
"""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from sqlalchemy import make_url

ROOMS = Path(__file__).parents[1]
sys.path += [str(ROOMS / room) for room in ("ledger", "storing", "workers")]  # their tests run here, too

from ledger_bench import Bench  # noqa: E402
from office_outside import Papers  # noqa: E402

from pipeline.ledger.database import Database, open_database  # noqa: E402
from pipeline.storing.s3 import S3Store  # noqa: E402
from scripts.faults.site import name_s3, name_services  # noqa: E402
from scripts.services.ceph import ACCESS_KEY, SECRET_KEY, CephRgw  # noqa: E402
from scripts.services.postgres import Postgres  # noqa: E402
from scripts.services.process import make_folder, remove_folder  # noqa: E402
from scripts.services.rabbitmq import Rabbitmq  # noqa: E402


@pytest.fixture(scope="session")
def services_folder() -> Iterator[Path]:
    folder = make_folder("test-services")
    yield folder
    remove_folder(folder)


@pytest.fixture(scope="session")
def database_server(services_folder: Path) -> Iterator[str]:
    given = os.environ.get("SOHOA_TEST_DATABASE_URL")
    if given:
        yield given
        return
    server = Postgres(services_folder)
    try:
        server.start()
        yield server.url()
    finally:
        server.stop()


@pytest.fixture(scope="session")
def broker_url(services_folder: Path) -> Iterator[str]:
    given = os.environ.get("SOHOA_TEST_BROKER_URL")
    if given:
        yield given
        return
    server = Rabbitmq(services_folder)
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


@pytest.fixture(scope="session")
def s3_server(services_folder: Path) -> Iterator[tuple[str, str, str]]:
    given = os.environ.get("SOHOA_TEST_S3_ENDPOINT")
    if given:
        yield given, os.environ["SOHOA_TEST_S3_ACCESS_KEY"], os.environ["SOHOA_TEST_S3_SECRET_KEY"]
        return
    server = CephRgw(services_folder)
    try:
        server.start()
        yield server.endpoint, ACCESS_KEY, SECRET_KEY
    finally:
        server.stop()


@pytest.fixture(scope="session")
def make_database_url(database_server: str) -> Callable[[], str]:
    def make() -> str:
        name = f"ledger_{uuid4().hex[:12]}"
        with psycopg.connect(database_server, autocommit=True) as connection:
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {}").format(psycopg.sql.Identifier(name)))
        return make_url(database_server).set(database=name).render_as_string(hide_password=False)

    return make


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
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    folder = tmp_path_factory.mktemp("papers")
    page = render_page("letter", 6)
    made = Papers(folder / "good.jpg", folder / "bad.jpg", folder / "three.pdf")
    write_scans(made.good, [scan(page, seed=1, skew_deg=0.5, dpi=200)])
    write_scans(made.bad, [scan(page, seed=2, blur_px=18.0, noise=2.5)])
    write_scans(made.three, [scan(page, seed=n, dpi=200) for n in (3, 4, 5)])
    return made
