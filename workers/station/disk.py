"""What a station asks of its disk that Windows and POSIX answer differently."""

import contextlib
import hashlib
import os
import signal
from pathlib import Path

from schemas.errors import BadInputError, DamagedInputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

_CHUNK_BYTES = 1 << 20


def is_being_written(path: Path) -> bool:
    """Whether another process has the file open for writing, where that can be told; else False.

    Windows: such a file cannot be opened for writing a second time, as scanner programs open theirs. Linux: a
    read lease is refused for it.
    """
    try:
        if os.name == "nt":
            with path.open("r+b"):
                return False
        elif fcntl is not None and hasattr(fcntl, "F_SETLEASE"):
            with path.open("rb") as file:
                # Should someone open it at this moment, the signal that tells us is one ignored by default.
                fcntl.fcntl(file, fcntl.F_SETSIG, signal.SIGURG)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_RDLCK)
                fcntl.fcntl(file, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except BlockingIOError:
        return True
    except PermissionError:
        return os.name == "nt"  # elsewhere it is another user's file, and not ours to ask about
    except OSError:  # network drives have no leases
        return False
    return False


def stamp(path: Path) -> tuple[int, int] | None:
    """Size and time of change in nanoseconds; None where there is no such regular file."""
    try:
        status = path.stat(follow_symlinks=False)
    except OSError:
        return None
    return (status.st_size, status.st_mtime_ns) if _is_regular(path) else None


def hash_steady(path: Path, most_bytes: int) -> tuple[str, int, int]:
    """SHA-256, size and time of a finished file, which is on the disk itself then.

    Raises `DamagedInputError` where it changed meanwhile, `BadInputError` where it cannot be read.
    """
    before = stamp(path)
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            left = most_bytes + 1
            while left > 0 and (chunk := file.read(min(_CHUNK_BYTES, left))):
                digest.update(chunk)
                left -= len(chunk)
            with contextlib.suppress(OSError):  # Windows syncs only what was opened for writing
                os.fsync(file.fileno())
    except OSError as error:
        raise BadInputError(f"the scan cannot be read: {error.strerror}") from error
    if before is None or stamp(path) != before:
        raise DamagedInputError("the scan changed while it was taken in")
    return digest.hexdigest(), *before


def move(source: Path, target: Path) -> None:
    """Move within one disk, durably. Raises `OSError`."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.replace(target)
    for folder in {source.parent, target.parent}:
        sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Names in a folder are durable then; Windows does that by itself."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _is_regular(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()
