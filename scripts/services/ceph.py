"""A real S3 server of our own: Ceph RGW over one monitor and one OSD in memory.

The OSD keeps its objects in memory: killing it loses them. Only the gateway may be killed.
"""

import uuid
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from scripts.services.process import ServiceProcess, find_ports, run_quietly

ACCESS_KEY = "sohoaaccess"
SECRET_KEY = "sohoasecret12345"  # noqa: S105 -- of a server that lives on loopback for one test run

_CONFIG = """
[global]
fsid = {fsid}
mon host = [v2:127.0.0.1:{mon2},v1:127.0.0.1:{mon1}]
public network = 127.0.0.0/8
cluster network = 127.0.0.0/8
public addr = 127.0.0.1
cluster addr = 127.0.0.1
auth cluster required = none
auth service required = none
auth client required = none
ms mon client mode = crc
ms cluster mode = crc
ms service mode = crc
ms client mode = crc
run dir = {folder}/run
admin socket = {folder}/run/$name.asok
pid file = {folder}/run/$name.pid
log file = {folder}/run/$name.log
crash dir = {folder}/run
osd pool default size = 1
osd pool default min size = 1
osd pool default pg num = 1
osd pool default pgp num = 1
osd crush chooseleaf type = 0
osd pool default pg autoscale mode = off
mon allow pool size one = true
mon allow pool delete = true
mon warn on pool no redundancy = false
mon data avail crit = 1
mon data avail warn = 2
mon data = {folder}/mon
mon max pg per osd = 1000
osd data = {folder}/osd
osd objectstore = memstore
osd op num shards = 1
memstore device bytes = 2147483648
[client.rgw]
rgw frontends = beast endpoint=127.0.0.1:{port}
rgw data = {folder}/rgw
rgw thread pool size = 16
rgw dns name = 127.0.0.1
rgw enable usage log = false
"""


class CephRgw:
    """Monitor, OSD and gateway in `folder`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "ceph"
        for name in ("mon", "osd", "rgw", "run"):
            (self._folder / name).mkdir(parents=True)
        self.port, self._mon2, self._mon1 = find_ports(3)
        self._log = folder / "ceph.log"
        self._config = self._folder / "ceph.conf"
        self._fsid = str(uuid.uuid4())
        self._config.write_text(
            _CONFIG.format(
                fsid=self._fsid, folder=self._folder, port=self.port, mon1=self._mon1, mon2=self._mon2
            )
        )
        options = ["-f", "-c", self._config]
        self._mon = ServiceProcess(["ceph-mon", *options, "-i", "a"], self._log)
        self._osd = ServiceProcess(["ceph-osd", *options, "-i", "0"], self._log)
        self.process = ServiceProcess(["radosgw", *options, "-n", "client.rgw"], self._log)
        self._made = False

    @property
    def endpoint(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start all, or the gateway alone after it was killed. Raises `ServiceError`."""
        if not self._made:
            self._make_cluster()
        self.process.start()
        self.process.await_answer(self._answers, "Ceph RGW")
        if not self._made:
            self._run(
                *(
                    "radosgw-admin",
                    "-n",
                    "client.rgw",
                    "user",
                    "create",
                    "--uid=sohoa",
                    "--display-name=sohoa",
                ),
                *(f"--access-key={ACCESS_KEY}", f"--secret-key={SECRET_KEY}"),
            )
            self._made = True

    def kill(self) -> None:
        """`kill -9` of the gateway; the objects stay."""
        self.process.kill()

    def stop(self) -> None:
        """End all; nothing of it is to be kept."""
        for process in (self.process, self._osd, self._mon):
            process.kill()

    def _make_cluster(self) -> None:
        map_file, keyring = self._folder / "monmap", self._folder / "keyring"
        address = f"[v2:127.0.0.1:{self._mon2},v1:127.0.0.1:{self._mon1}]"
        self._run(
            "monmaptool", "--create", "--clobber", "--fsid", self._fsid, "--addv", "a", address, map_file
        )
        self._run(
            *("ceph-authtool", "--create-keyring", keyring, "--gen-key", "-n", "mon."),
            *("--cap", "mon", "allow *"),
        )
        self._run("ceph-mon", "--mkfs", "-i", "a", "--monmap", map_file, "--keyring", keyring)
        self._mon.start()
        self._run("ceph", "osd", "create")
        self._run("ceph-osd", "-i", "0", "--mkfs", "--osd-uuid", str(uuid.uuid4()))
        self._osd.start()

    def _run(self, program: str, *arguments: str | Path) -> None:
        run_quietly([program, "-c", self._config, *arguments], self._log, CEPH_CONF=str(self._config))

    def _answers(self) -> bool:
        try:
            with urlopen(f"http://{self.endpoint}/", timeout=2.0) as answer:
                return bool(answer.status == 200)
        except (URLError, OSError):
            return False
