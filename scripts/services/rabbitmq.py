"""A RabbitMQ server of our own: its own node name, epmd, cookie and folders; no plugin."""

import secrets
import signal
import socket
from pathlib import Path

from scripts.services.process import ServiceProcess, find_ports, is_listening

_SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the one in /usr/sbin changes to its own user and folders


class Rabbitmq:
    """One node in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "rabbitmq"
        self._folder.mkdir()
        self.port, distribution, epmd = find_ports(3)
        cookie = self._folder / ".erlang.cookie"
        cookie.write_text(secrets.token_hex(16))
        cookie.chmod(0o400)
        plugins = self._folder / "plugins"
        plugins.write_text("[].\n")
        config = self._folder / "rabbitmq.conf"
        config.write_text(
            f"listeners.tcp.1 = 127.0.0.1:{self.port}\n"
            "vm_memory_high_watermark.absolute = 400MB\ndisk_free_limit.absolute = 50MB\n"
        )
        environment = {
            "HOME": str(self._folder),
            "ERL_EPMD_PORT": str(epmd),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODENAME": f"sohoa{self.port}@localhost",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(distribution),
            "RABBITMQ_MNESIA_BASE": str(self._folder / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self._folder / "log"),
            "RABBITMQ_LOGS": "-",
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_ADVANCED_CONFIG_FILE": str(self._folder / "none"),
            "RABBITMQ_CONF_ENV_FILE": str(self._folder / "none"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(plugins),
            "RABBITMQ_PID_FILE": str(self._folder / "pid"),
            # one scheduler that does not spin: the tests' machine has few cores
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }
        self._epmd_port = epmd
        self._epmd = ServiceProcess(
            ["epmd", "-port", str(epmd), "-address", "127.0.0.1"], folder / "epmd.log"
        )
        self.process = ServiceProcess([_SERVER], folder / "rabbitmq.log", environment=environment)

    @property
    def url(self) -> str:
        """Where a broker finds it."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2f?connection_attempts=3&retry_delay=0.5"

    def start(self) -> None:
        """Start, also over what a killed node left. Raises `ServiceError`."""
        self.launch()
        self.await_up()

    def launch(self) -> None:
        """Begin to start. Raises `ServiceError`."""
        if not self._epmd.running:
            self._epmd.start()
            self._epmd.await_answer(lambda: is_listening(self._epmd_port), "epmd")
        self.process.start()

    def await_up(self) -> None:
        """Until it answers. Raises `ServiceError`."""
        self.process.await_answer(self._answers, "RabbitMQ")

    def kill(self) -> None:
        """`kill -9` of the node."""
        self.process.kill()

    def stop(self) -> None:
        """End node and epmd; nothing of it is to be kept."""
        self.process.stop(signal.SIGTERM, patience_s=5.0)
        self._epmd.kill()

    def _answers(self) -> bool:
        """A listening port is not enough: the protocol's greeting comes when the node is up."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=2.0) as connection:
                connection.sendall(b"AMQP\x00\x00\x09\x01")
                return connection.recv(1) == b"\x01"
        except OSError:
            return False
