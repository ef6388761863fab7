"""All three services of a deployment."""

from pathlib import Path

from scripts.services.ceph import CephRgw
from scripts.services.postgres import Postgres
from scripts.services.rabbitmq import Rabbitmq


class Services:
    """PostgreSQL, RabbitMQ and Ceph RGW in one folder."""

    def __init__(self, folder: Path) -> None:
        self.postgres = Postgres(folder)
        self.rabbitmq = Rabbitmq(folder)
        self.ceph = CephRgw(folder)

    def start(self) -> None:
        """Start what does not run. Raises `ServiceError`, `MissingDependencyError`."""
        if not self.rabbitmq.process.running:
            self.rabbitmq.launch()  # the slow ones boot beside each other
        for service in (self.postgres, self.ceph):
            if not service.process.running:
                service.start()
        self.rabbitmq.await_up()

    def stop(self) -> None:
        """End all; nothing of it is to be kept."""
        self.ceph.stop()
        self.rabbitmq.stop()
        self.postgres.kill()  # a shutdown would first write every file of every database to disk
