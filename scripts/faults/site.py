"""A deployment to do harm to: its own services and processes of ours, worked by commands alone."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

from schemas.settings import S3Settings, Settings
from scripts.services.ceph import ACCESS_KEY, SECRET_KEY
from scripts.services.process import ServiceProcess
from scripts.services.together import Services
from workers.broker import Lane
from workers.home import Home, open_home

SOHOA = [sys.executable, "-c", "from scripts.cli import main; main()"]

QUICK = {
    "SOHOA_JOB_LEASE_S": "6",
    "SOHOA_JOB_RETRY_DELAY_S": "0.2",
    "SOHOA_OUTAGE_DELAY_S": "0.5",
    "SOHOA_OUTAGE_MAX_DELAY_S": "3",
    "SOHOA_SWEEP_INTERVAL_S": "0.5",
    "SOHOA_STOP_TIMEOUT_S": "15",
    "OMP_THREAD_LIMIT": "1",
}
"""Leases and delays that a test can wait for; attempts stay as they are in production."""


@dataclass
class Site:
    """Processes of ours over some ledger and store. `harm` names what can be killed, and how."""

    folder: Path
    environment: Mapping[str, str]
    commands: Mapping[str, tuple[str, ...]]
    processes: dict[str, ServiceProcess] = field(default_factory=dict)

    def start(self) -> None:
        """Start every process that does not run."""
        for name, arguments in self.commands.items():
            if name not in self.processes or not self.processes[name].running:
                process = ServiceProcess(
                    [*SOHOA, *arguments], self.folder / f"{name}.log", environment=dict(self.environment)
                )
                process.start()
                self.processes[name] = process

    def stop(self) -> None:
        """Stop every process of ours, as an administrator does, all at once."""
        for process in self.processes.values():
            process.ask_to_stop()
        for process in self.processes.values():
            process.stop()

    def submit(self, *arguments: str | Path) -> "subprocess.Popen[str]":
        """`sohoa submit ...`, begun; its id is on its standard output if it ended well."""
        return subprocess.Popen(
            [*SOHOA, "submit", *map(str, arguments)],
            env=os.environ | self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        """`sohoa ...` to its end."""
        return subprocess.run(
            [*SOHOA, *map(str, arguments)],
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )

    def settings(self) -> Settings:
        """As the processes have them."""
        with _environment(self.environment):
            return Settings()

    def open(self) -> Home:
        """The ledger and store that the processes work on. Raises `StoreError`."""
        return open_home(self.settings())

    def victims(self) -> dict[str, Callable[[], None]]:
        """What a `kill -9` may hit, each with the deed."""
        return {name: process.kill for name, process in self.processes.items()}


class EmbeddedSite(Site):
    """`sohoa serve` on a SOHOA_HOME."""

    def __init__(self, folder: Path, **extra: str) -> None:
        super().__init__(
            folder, {"SOHOA_HOME": str(folder / "home"), **QUICK, **extra}, {"serve": ("serve",)}
        )

    def revive(self) -> None:
        """Whatever was killed is started again."""
        self.start()

    def close(self) -> None:
        """End all of it."""
        self.stop()


class ProductionSite(Site):
    """Page and io workers and a sweeper, over PostgreSQL, RabbitMQ and Ceph RGW that can be harmed, too."""

    def __init__(self, folder: Path, services: Services, *, page_processes: int = 2, **extra: str) -> None:
        self.services = services
        keys = (ACCESS_KEY, SECRET_KEY)
        services.start()
        named = name_services(
            folder, services.postgres.make_database(), services.rabbitmq.url, services.ceph.endpoint, keys
        )
        super().__init__(folder, named | QUICK | extra, list_commands(page_processes))

    def revive(self) -> None:
        """Whatever was killed is started again, services first."""
        self.services.start()
        self.start()

    def close(self) -> None:
        """End the processes of ours; whoever started the services ends them."""
        self.stop()

    def victims(self) -> dict[str, Callable[[], None]]:
        """See `Site.victims`; also one worker process under its supervisor."""
        services = {
            "postgres": self.services.postgres.kill,
            "rabbitmq": self.services.rabbitmq.kill,
            "rgw": self.services.ceph.kill,
        }
        return super().victims() | services | {"page-child": lambda: kill_child(self.processes["page"])}


def list_commands(page_processes: int = 1) -> dict[str, tuple[str, ...]]:
    """The processes of a deployment on services."""
    return {
        "page": ("worker", "--queue", "page", "--processes", str(page_processes)),
        "io": ("worker", "--queue", "io", "--processes", "1"),
        "sweeper": ("sweeper",),
    }


def name_services(
    folder: Path, database_url: str, broker_url: str, s3_endpoint: str, s3_keys: tuple[str, str]
) -> dict[str, str]:
    """The environment for processes over these services, with a bucket of its own; secrets as files."""
    home = folder / "home"
    home.mkdir(parents=True, exist_ok=True)
    secrets = {"database_url": database_url, "broker_url": broker_url}
    secrets |= {"s3_access_key": s3_keys[0], "s3_secret_key": s3_keys[1]}
    for name, secret in secrets.items():
        file = folder / name
        file.write_text(secret)
        file.chmod(0o600)
    return {
        "SOHOA_HOME": str(home),
        "SOHOA_DATABASE_URL_FILE": str(folder / "database_url"),
        "SOHOA_BROKER_URL_FILE": str(folder / "broker_url"),
        "SOHOA_S3__ENDPOINT": s3_endpoint,
        "SOHOA_S3__BUCKET": f"sohoa-{uuid4().hex[:12]}",
        "SOHOA_S3__ACCESS_KEY_FILE": str(folder / "s3_access_key"),
        "SOHOA_S3__SECRET_KEY_FILE": str(folder / "s3_secret_key"),
        "SOHOA_S3__SECURE": "false",
        "SOHOA_S3__RETENTION_DAYS": "1",
    }


def name_s3(environment: Mapping[str, str]) -> S3Settings:
    """The store part of such an environment."""
    with _environment(environment):
        settings = Settings()
    if settings.s3 is None:
        raise ValueError("the environment names no S3 service")
    return settings.s3


def kill_child(supervisor: ServiceProcess) -> None:
    """`kill -9` of the first worker process, of the counter's where there are some; nothing where there is
    none at this moment."""
    for pid in [*list_children(supervisor, Lane.COUNTER), *list_children(supervisor)][:1]:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def list_children(supervisor: ServiceProcess, lane: Lane | None = None) -> list[int]:
    """Its worker processes at this moment; those of one lane, or all."""
    listed = Path(f"/proc/{supervisor.pid}/task/{supervisor.pid}/children")
    children = listed.read_text().split() if listed.exists() else []
    return [int(pid) for pid in children if lane is None or lane.encode() in _read_command(pid)]


def _read_command(pid: str) -> list[bytes]:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return []


class _environment:  # noqa: N801 -- reads as a word in `with`
    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values
        self._before: dict[str, str] = {}

    def __enter__(self) -> None:
        self._before = dict(os.environ)
        os.environ.update(self._values)

    def __exit__(self, *_: object) -> None:
        os.environ.clear()
        os.environ.update(self._before)
