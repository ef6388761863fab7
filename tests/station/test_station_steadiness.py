"""A file is taken when the scanner has finished it, and not before."""

import io
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from workers.station.disk import hash_steady, is_being_written
from workers.station.steadiness import Readiness, Steadiness
from workers.station.wholeness import has_its_end


def picture(kind: str, **options: object) -> bytes:
    made = io.BytesIO()
    sheet = Image.effect_noise((120, 160), 60)
    if kind == "TIFF":
        sheet.save(made, kind, save_all=True, append_images=[sheet, sheet], **options)  # type: ignore[arg-type]
    else:
        sheet.save(made, kind, **options)  # type: ignore[arg-type]
    return made.getvalue()


WHOLE = {
    "page.jpg": picture("JPEG"),
    "page.png": picture("PNG"),
    "pages.tif": picture("TIFF"),
    "pages.lzw.tif": picture("TIFF", compression="tiff_lzw"),
    "page.pdf": picture("PDF"),
    "padded.jpg": picture("JPEG") + b"\0" * 512,
}


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def judged(path: Path, clock: Clock, steadiness: Steadiness, *times: float) -> list[Readiness]:
    told = []
    for time in times:
        clock.now = time
        told.append(steadiness.judge(path))
    return told


@pytest.mark.parametrize("name", WHOLE)
def test_a_whole_file_is_taken_once_it_rests(tmp_path: Path, name: str) -> None:
    path, clock = tmp_path / name, Clock()
    path.write_bytes(WHOLE[name])
    told = judged(path, clock, Steadiness(2.0, 60.0, clock), 0.0, 1.9, 2.0)
    assert told == [Readiness.WAIT, Readiness.WAIT, Readiness.READY]


@pytest.mark.parametrize("name", WHOLE)
@given(share=st.floats(0.0, 0.85))
def test_a_file_that_lacks_its_end_is_not_taken_however_long_it_rests(
    tmp_path_factory: pytest.TempPathFactory, name: str, share: float
) -> None:
    path, clock = tmp_path_factory.mktemp("half") / name, Clock()
    path.write_bytes(WHOLE[name][: int(share * len(WHOLE[name].rstrip(b"\0")))])
    steadiness = Steadiness(2.0, 60.0, clock)
    told = judged(path, clock, steadiness, 0.0, 5.0, 59.0, 60.0)
    assert told == [*[Readiness.WAIT] * 3, Readiness.CUT_SHORT]
    path.write_bytes(WHOLE[name])
    assert judged(path, clock, steadiness, 61.0, 63.0)[-1] is Readiness.READY


def test_a_file_that_grows_is_waited_for(tmp_path: Path) -> None:
    path, clock = tmp_path / "page.jpg", Clock()
    steadiness, data = Steadiness(2.0, 60.0, clock), WHOLE["page.jpg"]
    for second in range(10):
        path.write_bytes(data[: len(data) * (second + 1) // 10])
        assert judged(path, clock, steadiness, float(second)) == [Readiness.WAIT]
    assert judged(path, clock, steadiness, 12.0) == [Readiness.READY]


def test_a_file_that_is_open_for_writing_is_not_finished(tmp_path: Path) -> None:
    path, clock = tmp_path / "page.jpg", Clock()
    with path.open("wb") as scanner:
        scanner.write(WHOLE["page.jpg"])
        scanner.flush()
        assert is_being_written(path)
        told = judged(path, clock, Steadiness(0.0, 60.0, clock), 0.0, 10.0)
        assert told == [Readiness.WAIT] * 2
    assert not is_being_written(path)
    with path.open("rb"):
        assert not is_being_written(path)


def test_folders_links_and_what_is_gone_are_never_ready(tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_bytes(WHOLE["page.jpg"])
    (tmp_path / "link.jpg").symlink_to(tmp_path / "page.jpg")
    (tmp_path / "folder.jpg").mkdir()
    os.mkfifo(tmp_path / "pipe.jpg")
    clock = Clock()
    steadiness = Steadiness(0.0, 60.0, clock)
    for name in ("link.jpg", "folder.jpg", "pipe.jpg", "gone.jpg"):
        assert judged(tmp_path / name, clock, steadiness, 0.0, 99.0) == [Readiness.WAIT] * 2


@given(
    head=st.sampled_from([b"II*\0", b"MM\0*", b"\xff\xd8\xff", b"%PDF-", b"\x89PNG\r\n\x1a\n"]),
    rest=st.binary(),
)
def test_no_bytes_break_the_look_for_an_end(
    tmp_path_factory: pytest.TempPathFactory, head: bytes, rest: bytes
) -> None:
    path = tmp_path_factory.mktemp("bytes") / "scan"
    path.write_bytes(head + rest)
    assert has_its_end(path) in {True, False}


def test_what_was_hashed_is_what_is_there(tmp_path: Path, on_bytes: Callable[[bytes], str]) -> None:
    path = tmp_path / "page.png"
    path.write_bytes(WHOLE["page.png"])
    sha256, size, mtime_ns = hash_steady(path, 2**20)
    assert (sha256, size, mtime_ns) == (
        on_bytes(WHOLE["page.png"]),
        path.stat().st_size,
        path.stat().st_mtime_ns,
    )


@pytest.fixture
def on_bytes() -> Callable[[bytes], str]:
    import hashlib

    return lambda data: hashlib.sha256(data).hexdigest()
