import filecmp
import hashlib
import os
import stat
import subprocess
import sys
import threading
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.storing.folder import INCOMING, STALE_AFTER_S, FolderStore
from pipeline.storing.store import ObjectStore
from schemas.errors import IntegrityError, NotFoundError, StoreError


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def write_large(path: Path, mb: int) -> tuple[Path, str]:
    """A file of so many MB, no two of them alike, and its digest."""
    digest = hashlib.sha256()
    with path.open("wb") as out:
        for number in range(mb):
            block = number.to_bytes(4) * 2**18
            out.write(block)
            digest.update(block)
    return path, digest.hexdigest()


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return FolderStore(tmp_path / "store")


@given(data=st.binary(max_size=5000))
def test_bytes_come_back_as_they_went_in(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    store: ObjectStore = FolderStore(tmp_path_factory.mktemp("store"))
    put = store.put("a/b/object", data, digest(data))
    assert store.get("a/b/object", digest(data)) == data
    assert store.stat("a/b/object") == put
    assert (put.sha256, put.size) == (digest(data), len(data))


def test_a_file_is_stored_like_bytes(store: ObjectStore, tmp_path: Path) -> None:
    source = tmp_path / "scan.jpg"
    source.write_bytes(b"x" * 3_000_000)
    store.put("scan", source, digest(source.read_bytes()))
    assert store.get("scan", digest(b"x" * 3_000_000)) == source.read_bytes()


def test_the_same_bytes_again_change_nothing(store: ObjectStore) -> None:
    store.put("k", b"one", digest(b"one"))
    assert store.put("k", b"one", digest(b"one")).size == 3
    assert list(store.list()) == ["k"]


def test_other_bytes_never_replace_an_object(store: ObjectStore) -> None:
    store.put("k", b"one", digest(b"one"))
    with pytest.raises(IntegrityError):
        store.put("k", b"two", digest(b"two"))
    assert store.get("k", digest(b"one")) == b"one"


def test_bytes_other_than_announced_are_refused(store: ObjectStore) -> None:
    with pytest.raises(IntegrityError):
        store.put("k", b"one", digest(b"two"))
    assert store.stat("k") is None
    assert list(store.list()) == []


def test_changed_bytes_are_never_given_out(store: ObjectStore) -> None:
    store.put("k", b"one", digest(b"one"))
    path = store.local_path("k")
    assert path is not None
    path.chmod(0o644)
    path.write_bytes(b"onE")
    with pytest.raises(IntegrityError):
        store.get("k", digest(b"one"))


def test_reading_to_check_tells_sound_changed_and_missing(store: ObjectStore, tmp_path: Path) -> None:
    data = b"scan" * 500_000
    store.put("k", data, digest(data))
    store.check("k", digest(data))
    with pytest.raises(IntegrityError):
        store.check("k", digest(b"other"))
    with pytest.raises(NotFoundError):
        store.check("none", digest(data))


def test_a_large_file_goes_in_and_out_without_lying_in_memory(store: ObjectStore, tmp_path: Path) -> None:
    large, sha256 = write_large(tmp_path / "large", 48)
    tracemalloc.start()
    try:
        put = store.put("large", large, sha256)
        store.check("large", sha256)
        store.fetch("large", sha256, tmp_path / "back")
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert put.size == large.stat().st_size
    assert filecmp.cmp(large, tmp_path / "back", shallow=False)
    assert most < 36 * 2**20, "a part of 16 MB at a time, and what it is copied to"


def test_a_large_file_other_than_announced_is_refused(store: ObjectStore, tmp_path: Path) -> None:
    large, sha256 = write_large(tmp_path / "large", 36)
    with large.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"?")
    with pytest.raises(IntegrityError):
        store.put("large", large, sha256)
    assert store.stat("large") is None
    assert list(store.list()) == []


def test_what_is_not_there_is_said_so(store: ObjectStore) -> None:
    assert store.stat("nothing") is None
    with pytest.raises(NotFoundError):
        store.get("nothing", digest(b""))


def test_objects_are_read_only_and_nothing_is_left_over(store: FolderStore) -> None:
    store.put("k", b"one", digest(b"one"))
    path = store.local_path("k")
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert list((path.parent / INCOMING).iterdir()) == []


def test_keys_are_listed_in_order_by_prefix(store: ObjectStore) -> None:
    for key in ("b/2", "a/1", "b/1", "bb/1"):
        store.put(key, b"x", digest(b"x"))
    assert list(store.list("b/")) == ["b/1", "b/2"]
    assert list(store.list()) == ["a/1", "b/1", "b/2", "bb/1"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "a/../../x",
        "a//b",
        "a/",
        "./a",
        "a\0b",
        "a\\b",
        "C:x",
        f"{INCOMING}/x",
        "a" * 300,
    ],
)
def test_keys_that_lead_elsewhere_are_refused(store: ObjectStore, key: str) -> None:
    for call in (
        lambda: store.put(key, b"x", digest(b"x")),
        lambda: store.stat(key),
        lambda: store.local_path(key),
    ):
        with pytest.raises(StoreError):
            call()


def test_writers_at_once_leave_one_whole_object(store: ObjectStore) -> None:
    bodies = [bytes([n]) * 200_000 for n in range(8)]
    refused: list[IntegrityError] = []

    def write(body: bytes) -> None:
        try:
            store.put("k", body, digest(body))
        except IntegrityError as error:
            refused.append(error)

    threads = [threading.Thread(target=write, args=(body,)) for body in bodies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = store.stat("k")
    assert found is not None
    assert found.sha256 in {digest(body) for body in bodies}
    assert len(refused) == len(bodies) - 1


def test_half_written_files_of_the_dead_are_cleared(store: FolderStore, tmp_path: Path) -> None:
    left = tmp_path / "store" / INCOMING / "tmpdead"
    left.write_bytes(b"half")
    assert store.clear_stale() == 0
    assert store.clear_stale(now=left.stat().st_mtime + STALE_AFTER_S + 1) == 1
    assert not left.exists()


FILL = """
import hashlib, resource, signal, sys
from pathlib import Path
from pipeline.storing.folder import FolderStore
from schemas.errors import StoreError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
store = FolderStore(Path(sys.argv[1]))
body = b"x" * 1_000_000
try:
    store.put("k", body, hashlib.sha256(body).hexdigest())
except StoreError as error:
    print(error)
    sys.exit(9)
"""


def test_a_write_that_does_not_fit_leaves_nothing(store: FolderStore, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", FILL, str(tmp_path / "store")],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[2],
    )
    assert done.returncode == 9, done.stderr
    assert "cannot store k" in done.stdout
    assert store.stat("k") is None
    assert list((tmp_path / "store" / INCOMING).iterdir()) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="a full file system needs root to mount one")
def test_a_full_disk_is_a_store_error(tmp_path: Path) -> None:
    mounted = tmp_path / "small"
    mounted.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(mounted)], check=False, capture_output=True
    )
    if done.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        store = FolderStore(mounted / "store")
        store.put("small", b"fits", digest(b"fits"))
        body = b"x" * 1_000_000
        with pytest.raises(StoreError):
            store.put("large", body, digest(body))
        assert list(store.list()) == ["small"]
        store.put("next", b"fits", digest(b"fits"))
    finally:
        subprocess.run(["umount", str(mounted)], check=True)
