"""`python -m scripts.bench.large_file`: the memory that one large file costs in store, check and gateway.

Each thing is done in a process of its own; told is how far its resident set grew, at its highest. With
`--s3` a real S3 service (Ceph RGW) is started beside.
"""

import hashlib
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.storing.folder import FolderStore
from pipeline.storing.s3 import S3Store
from pipeline.storing.store import ObjectStore
from schemas.settings import S3Settings

_KEY = "originals/large"
_BLOCK = bytes(range(256)) * 4096
Deed = Literal["put", "fetch", "check", "send"]
DEEDS: tuple[Deed, ...] = ("put", "fetch", "check", "send")


def do(deed: Deed, store: ObjectStore, path: Path, sha256: str) -> None:
    """One thing with the file at `path`."""
    if deed == "put":
        store.put(_KEY, path, sha256)
    elif deed == "fetch":
        store.fetch(_KEY, sha256, path.with_name("fetched"))
        path.with_name("fetched").unlink()
    elif deed == "check":
        store.check(_KEY, sha256)
    else:
        from workers.gateway.sending import open_verified

        with open_verified(store, _KEY, sha256, path.stat().st_size, path.parent) as file:
            while file.read(1 << 18):
                pass


@contextmanager
def _start_s3(folder: Path) -> Iterator[dict[str, str]]:
    from scripts.faults.site import name_services
    from scripts.services.ceph import ACCESS_KEY, SECRET_KEY, CephRgw

    service = CephRgw(folder / "ceph")
    try:
        service.start()
        named = name_services(folder / "s3", "", "", service.endpoint, (ACCESS_KEY, SECRET_KEY))
        yield {
            "endpoint": named["SOHOA_S3__ENDPOINT"],
            "bucket": named["SOHOA_S3__BUCKET"],
            "access_key_file": named["SOHOA_S3__ACCESS_KEY_FILE"],
            "secret_key_file": named["SOHOA_S3__SECRET_KEY_FILE"],
        }
    finally:
        service.stop()


def _open_store(place: str) -> ObjectStore:
    if place.startswith("{"):
        return S3Store(S3Settings(**json.loads(place), secure=False, retention_days=1))
    return FolderStore(Path(place))


def _measure(deed: Deed, place: str, path: Path, sha256: str) -> float:
    """Growth of the resident set in MB, in a process of its own."""
    command = [sys.executable, "-m", "scripts.bench.large_file", "--child", deed, place, str(path), sha256]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        return float("nan")
    return float(done.stdout)


def _act_as_child(deed: Deed, place: str, path: Path, sha256: str) -> None:
    store = _open_store(place)
    store.stat(_KEY + "-none")  # everything is imported and connected
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    do(deed, store, path, sha256)
    print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)


def main(
    mb: Annotated[int, typer.Option(min=1, help="size of the file")] = 300,
    s3: Annotated[bool, typer.Option("--s3", help="also on an S3 service")] = False,
) -> None:
    """Put, fetch, check and send a large file; tell the memory of each."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        path = folder / "large.pdf"
        digest = hashlib.sha256()
        with path.open("wb") as out:
            for number in range(mb):
                block = number.to_bytes(8) + _BLOCK[8:]
                out.write(block)
                digest.update(block)
        for deed in DEEDS:
            grown = _measure(deed, str(folder / "store"), path, digest.hexdigest())
            print(f"folder  {deed:6} {mb} MB: {grown:6.1f} MB more memory", flush=True)
        if s3:
            with _start_s3(folder) as place:
                for deed in DEEDS:
                    grown = _measure(deed, json.dumps(place), path, digest.hexdigest())
                    print(f"S3      {deed:6} {mb} MB: {grown:6.1f} MB more memory", flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        _act_as_child(sys.argv[2], sys.argv[3], Path(sys.argv[4]), sys.argv[5])  # type: ignore[arg-type]
    else:
        typer.run(main)
