"""The child: its limits, its death, its parent's death, and what it may not do to the parent."""

import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pipeline.intake import reply
from pipeline.intake.open import open_source
from pipeline.intake.reply import read_page_reply, read_refusal
from schemas.errors import DamagedInputError, OverLimitError
from schemas.settings import Limits


@pytest.fixture
def page_file(tmp_path: Path) -> Path:
    path = tmp_path / "a.png"
    Image.fromarray(np.full((30, 20), 77, np.uint8)).save(path)
    return path


@pytest.fixture
def large_file(tmp_path: Path) -> Path:
    path = tmp_path / "large.png"
    Image.new("RGB", (9000, 9000), "white").save(path, compress_level=1)
    return path


def descendants(pid: int) -> set[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = parent_of(int(entry.name))
            except (FileNotFoundError, ProcessLookupError):
                continue
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def decoding_children() -> set[int]:
    return {pid for pid in descendants(os.getpid()) if is_leaf(pid)}


def is_leaf(pid: int) -> bool:
    try:
        folder = (Path("/proc") / str(pid) / "cwd").readlink().parent.name
    except OSError:
        return False
    return folder.startswith("sohoa-intake-")


def wait_until(true: Callable[[], bool], seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if true():
            return True
        time.sleep(0.02)
    return False


def test_the_child_and_its_folder_go_when_the_source_is_closed(page_file: Path) -> None:
    before = decoding_children()
    with open_source(page_file, Limits()) as source:
        source.read_page(1)
        (child,) = decoding_children() - before
        folder = (Path("/proc") / str(child) / "cwd").readlink()
        assert folder.is_dir()
    assert wait_until(lambda: child not in decoding_children() and not folder.exists())


def test_memory_limit(large_file: Path) -> None:
    with (
        open_source(large_file, Limits(decode_memory_bytes=64 * 2**20)) as source,
        pytest.raises(OverLimitError),
    ):
        source.read_page(1)


def test_cpu_limit(large_file: Path) -> None:
    with (
        open_source(large_file, Limits(decode_cpu_s=0)) as source,
        pytest.raises(OverLimitError, match="CPU"),
    ):
        for _ in range(50):
            source.read_page(1)


def test_a_child_that_hangs_is_replaced(page_file: Path) -> None:
    before = decoding_children()
    with open_source(page_file, Limits(decode_timeout_s=1.0)) as source:
        (child,) = decoding_children() - before
        os.kill(child, signal.SIGSTOP)
        with pytest.raises(OverLimitError, match="longer than 1 s"):
            source.read_page(1)
        assert source.read_page(1).pixels[0, 0] == 77
        assert wait_until(lambda: child not in decoding_children())


def test_a_child_that_died_idle_is_replaced_without_a_word(page_file: Path) -> None:
    before = decoding_children()
    with open_source(page_file, Limits()) as source:
        (child,) = decoding_children() - before
        os.kill(child, signal.SIGSEGV)
        assert wait_until(lambda: child not in decoding_children())
        assert source.read_page(1).pixels[0, 0] == 77


@pytest.mark.parametrize(
    ("how", "kind"), [(signal.SIGSEGV, DamagedInputError), (signal.SIGKILL, OverLimitError)]
)
def test_a_child_that_dies_at_work_is_that_pages_error(
    page_file: Path, how: signal.Signals, kind: type[Exception]
) -> None:
    before = decoding_children()
    with open_source(page_file, Limits()) as source:
        (child,) = decoding_children() - before
        os.kill(child, signal.SIGSTOP)
        killer = threading.Timer(0.2, lambda: (os.kill(child, how), os.kill(child, signal.SIGCONT)))
        killer.start()
        with pytest.raises(kind) as caught:
            source.read_page(1)
        assert "\n" not in str(caught.value)
        killer.join()
        assert source.read_page(1).pixels[0, 0] == 77


def test_a_server_that_was_killed_is_replaced(page_file: Path) -> None:
    before = decoding_children()
    with open_source(page_file, Limits()) as source:
        (child,) = decoding_children() - before
        server = parent_of(child)
        os.kill(server, signal.SIGKILL)  # and asked at once, while its children are still dying
        assert source.read_page(1).pixels[0, 0] == 77


def test_a_server_that_is_killed_while_a_page_is_decoded_costs_no_page(page_file: Path) -> None:
    before = decoding_children()
    with open_source(page_file, Limits()) as source:
        (child,) = decoding_children() - before
        server = parent_of(child)  # children of the test before may still be ending under it
        os.kill(child, signal.SIGSTOP)  # it has the request and does not answer
        killer = threading.Timer(0.3, lambda: os.kill(server, signal.SIGKILL))
        killer.start()
        assert source.read_page(1).pixels[0, 0] == 77
        killer.join()


def command_line(pid: int) -> bytes:
    try:
        return (Path("/proc") / str(pid) / "cmdline").read_bytes()
    except OSError:
        return b""


def parent_of(pid: int) -> int:
    return int((Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[1])


def test_threads_share_the_server_and_a_source(page_file: Path) -> None:
    seen: list[int] = []

    def work() -> None:
        with open_source(page_file, Limits()) as source:
            seen.extend(int(source.read_page(1).pixels[0, 0]) for _ in range(5))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [77] * 20


def read_corner(path: str) -> int:
    with open_source(Path(path), Limits()) as source:
        return int(source.read_page(1).pixels[0, 0])


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_process_pools(page_file: Path, method: str) -> None:
    assert read_corner(str(page_file)) == 77
    with ProcessPoolExecutor(2, mp_context=get_context(method)) as pool:
        assert list(pool.map(read_corner, [str(page_file)] * 4)) == [77] * 4
    assert read_corner(str(page_file)) == 77


SCRIPT = """
import sys, time
from pathlib import Path
from pipeline.intake.open import open_source
from pipeline.intake.sandbox import warm_up
from schemas.settings import Limits
if "copied" in sys.argv:
    warm_up()
print("main", flush=True)
with open_source(Path(sys.argv[1]), Limits()) as source:
    source.read_page(1)
    print("read", flush=True)
    time.sleep(60 if "wait" in sys.argv else 0)
"""


def test_a_script_without_a_main_guard_is_run_once_and_silently(page_file: Path, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    command = [sys.executable, script, page_file]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "main\nread\n", "")


STARTS = ("afresh", "copied")
"""The fork server: by itself at the first use, or as a copy of a process with one thread."""


@pytest.mark.parametrize("start", STARTS)
def test_nothing_outlives_a_parent_that_is_killed(page_file: Path, tmp_path: Path, start: str) -> None:
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    parent = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, page_file, "wait", start],
        stdout=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(temporary), "OPENBLAS_NUM_THREADS": "1"},
    )
    with parent:
        assert parent.stdout is not None
        assert [parent.stdout.readline() for _ in range(2)] == [b"main\n", b"read\n"]
        family = descendants(parent.pid)
        assert len(family) == 2 and any(temporary.iterdir())
        assert any(b"fork_server" in command_line(pid) for pid in family) is (start == "afresh")
        parent.kill()
    assert wait_until(lambda: not any((Path("/proc") / str(pid)).exists() for pid in family))
    assert not any(temporary.iterdir())


COPIED_SCRIPT = """
import os, signal, subprocess, sys
from pathlib import Path
from pipeline.intake import sandbox
from pipeline.intake.open import open_source
from schemas.settings import Limits
sandbox.warm_up()
(server,) = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
with open_source(Path(sys.argv[1]), Limits()) as source:
    print(source.read_page(1).pixels[0, 0], source.read_page(1).pixels[0, 0])
    (child,) = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    print(sorted(os.readlink(f"/proc/{server}/fd/{fd}") for fd in "012"))
    held = [os.readlink(entry) for pid in (server, child) for entry in Path(f"/proc/{pid}/fd").iterdir()]
    print(any("secret" in name for name in held))
    os.kill(int(server), signal.SIGKILL)
    print(source.read_page(1).pixels[0, 0])
"""


def test_a_copied_server_lets_go_of_what_is_not_its_own(page_file: Path, tmp_path: Path) -> None:
    """... answers like any other, and where it was killed one is started afresh."""
    secret = tmp_path / "secret"
    secret.touch()
    with secret.open() as held:
        done = subprocess.run(
            [sys.executable, "-c", COPIED_SCRIPT, page_file],
            pass_fds=[held.fileno()],
            env={**os.environ, "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
    null = [os.devnull] * 3
    assert (done.stdout.splitlines(), done.stderr) == (["77 77", str(null), "False", "77"], "")


def header(**more: object) -> dict[str, object]:
    return {
        "shape": [2, 3], "dpi": 300.0, "dpi_known": True, "bilevel": False, "origin": "image", "stream": None,
        "stream_turn": 0, **more,
    }  # fmt: skip


def test_the_child_is_not_believed() -> None:
    """A child taken over by a hostile file may answer anything."""
    limits = Limits(max_pixels=100)
    with tempfile.TemporaryFile() as file:
        file.write(b"\0" * 6)
        file.flush()
        with pytest.raises(DamagedInputError):  # right size, but not sealed: it could shrink under us
            read_page_reply(header(), file.fileno(), 1, limits)
    shapes = [header(shape=shape) for shape in ([2], [2, 3, 4], [-2, -3])]
    for answer in ({}, *shapes, header(dpi=float("nan")), header(more=1), header(stream_turn=45)):
        with pytest.raises(DamagedInputError):
            read_page_reply(answer, None, 1, limits)
    with pytest.raises(OverLimitError):
        read_page_reply(header(shape=[1000, 1000]), 0, 1, limits)
    with pytest.raises(DamagedInputError):
        reply.read_description({"page_count": 0, "signatures": 0})
    refusal = read_refusal({"kind": "SystemExit", "what": "x\n\x1b[2J" * 100, "advice": None})
    assert isinstance(refusal, DamagedInputError)
    assert str(refusal).isprintable() and len(str(refusal)) < 700
