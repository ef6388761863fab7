"""A PostgreSQL server of our own."""

import os
import secrets
import shutil
import signal
import time
from pathlib import Path

from schemas.errors import MissingDependencyError
from scripts.services.process import ServiceError, ServiceProcess, find_ports

USER = "sohoa"
_ACCOUNT = "postgres"  # it refuses to run as root


class Postgres:
    """Server, role `sohoa` and database `sohoa` in `folder`, its password in `password_file`."""

    def __init__(self, folder: Path) -> None:
        self._programs = _find_programs()
        self._folder = folder / "postgres"
        self._folder.mkdir()
        self._log = folder / "postgres.log"
        (self.port,) = find_ports(1)
        self.password = secrets.token_urlsafe(16)
        self._make()
        self.process = ServiceProcess(
            [
                self._programs / "postgres",
                *("-D", self._folder / "data", "-p", str(self.port), "-k", self._folder),
                *(
                    "-c",
                    "listen_addresses=127.0.0.1",
                    "-c",
                    "max_connections=60",
                    "-c",
                    "shared_buffers=32MB",
                ),
            ],
            self._log,
            user=_ACCOUNT,
        )

    def url(self, database: str = USER) -> str:
        """Where a ledger finds it."""
        return f"postgresql://{USER}:{self.password}@127.0.0.1:{self.port}/{database}"

    def start(self) -> None:
        """Start, also over what a killed server left. Raises `ServiceError`."""
        deadline = time.monotonic() + 60.0
        while True:
            self.process.start()
            try:
                self.process.await_answer(self._answers, "PostgreSQL")
            except ServiceError:
                # backends of a killed postmaster hold its memory until they notice
                self.process.kill()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.2)
            else:
                return

    def kill(self) -> None:
        """`kill -9`."""
        self.process.kill()

    def stop(self) -> None:
        """A fast shutdown."""
        self.process.stop(signal.SIGINT)

    def make_database(self) -> str:
        """An empty database; returns its URL."""
        return make_database(self.url())

    def _make(self) -> None:
        password = self._folder / "password"
        password.write_text(self.password)
        if os.geteuid() == 0:
            for path in (self._folder, password):
                shutil.chown(path, _ACCOUNT, _ACCOUNT)
        initdb = [
            self._programs / "initdb",
            *("-D", self._folder / "data", "-U", USER, "-A", "scram-sha-256", "--pwfile", password),
            *("-E", "UTF8", "--locale=C.UTF-8", "--no-sync"),
        ]
        making = ServiceProcess(initdb, self._log, user=_ACCOUNT)
        making.start()
        making.await_end()

    def _answers(self) -> bool:
        import psycopg

        try:
            with psycopg.connect(self.url("postgres"), connect_timeout=2, autocommit=True) as connection:
                if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (USER,)).fetchone():
                    connection.execute(f"CREATE DATABASE {USER}")
        except psycopg.OperationalError:
            return False
        return True


def make_database(server_url: str) -> str:
    """An empty database on the server that a role which may create one names; returns its URL."""
    import psycopg
    from sqlalchemy import make_url

    name = f"sohoa_{secrets.token_hex(6)}"
    with psycopg.connect(server_url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return make_url(server_url).set(database=name).render_as_string(hide_password=False)


def _find_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise MissingDependencyError("no PostgreSQL server", advice="apt-get install postgresql")
    return found[-1].parent
