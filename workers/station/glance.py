"""The fast look at a scan, in a child of its own: it decodes hostile bytes, once, under limits.

The next child is started ahead, so that its imports (0.4 s) are over when a scan comes. Works without fork,
so on Windows, too; the limit of memory is POSIX only, there the pixels' number and the time are what limits.
"""

import base64
import binascii
import json
import logging
import os
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from schemas.station import Glance, StationSettings

MOST_LOOKS = 4
"""Pages of a multi-page file that are looked at; the gateway looks at all."""

READY = b"ready\n"
"""What the child says first: from here on a death is the scan's doing."""

_MOST_ANSWER_BYTES = 256 * 1024
_MOST_THUMBNAIL_BYTES = 64 * 1024
_PASSED_ON = (
    "PATH",
    "LANG",
    "LC_ALL",
    "LD_LIBRARY_PATH",
    "TMPDIR",
    "TEMP",
    "TMP",
    "SYSTEMROOT",
    "VIRTUAL_ENV",
)
_EXIT_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class Glimpse:
    """What was seen. No looks: this machine cannot look at such a file. `thumbnail`: a small JPEG."""

    pages: int | None
    looks: tuple[Glance, ...]
    thumbnail: bytes | None
    refusal: str = ""
    """Why the bytes are no page, as a problem code; empty where they are."""


class _Seen(BaseModel):
    """The child's answer. Whoever took the child over may say anything: nothing else is believed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["seen"]
    pages: int | None = Field(ge=1, le=100_000)
    looks: tuple[Glance, ...] = Field(max_length=MOST_LOOKS)
    thumbnail: str | None = Field(max_length=2 * _MOST_THUMBNAIL_BYTES)


class _Refused(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["refused"]
    code: Literal["damaged_input", "over_limit", "unsupported_input", "encrypted_input", "bad_input"]


_log = logging.getLogger("sohoa.station")

_ANSWER: TypeAdapter[_Seen | _Refused] = TypeAdapter(_Seen | _Refused)
_BLIND = Glimpse(None, (), None)


class Glancer:
    """Looks at one scan after the other. `close` it."""

    def __init__(self, settings: StationSettings) -> None:
        self._settings = settings
        self._spare = self._start()

    def look(self, path: Path) -> Glimpse:
        """What the image alone tells; a glimpse without looks where the child cannot, or did not in time."""
        child = self._spare
        if child.poll() is not None:  # it was killed while it waited
            _reap(child)
            child = self._start()
        try:
            answer = _converse(child, {"path": str(path.absolute())}, self._settings.glance_timeout_s)
        finally:
            self._spare = self._start()
        if answer is None or not answer.startswith(READY):
            _log.warning("the child that looks at scans does not start")  # OpenCV is missing, or memory
            return _BLIND
        answer = answer.removeprefix(READY)
        if not answer:  # it began, and died of this scan
            return Glimpse(None, (), None, "over_limit" if child.returncode in _KILLED else "damaged_input")
        try:
            told = _ANSWER.validate_json(answer)
        except ValidationError:
            return _BLIND
        if isinstance(told, _Refused):
            return Glimpse(None, (), None, told.code)
        return Glimpse(told.pages, told.looks, _decode_thumbnail(told.thumbnail))

    def close(self) -> None:
        """End the child that waits."""
        self._spare.kill()
        _reap(self._spare)

    def _start(self) -> "subprocess.Popen[bytes]":
        told = self._settings
        limits = {
            "max_bytes": told.max_bytes,
            "max_pixels": told.max_pixels,
            "memory_bytes": told.glance_memory_bytes,
            "timeout_s": told.glance_timeout_s,
            "policy": told.quality_policy,
            "looks": MOST_LOOKS,
            "thumbnail_bytes": _MOST_THUMBNAIL_BYTES,
        }
        environment = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        return subprocess.Popen(
            [sys.executable, "-P", "-c", _BOOT, json.dumps(sys.path), json.dumps(limits)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )


_BOOT = (
    "import json, sys; sys.path[:] = json.loads(sys.argv[1]); "
    "from workers.station.glance_child import main; main(json.loads(sys.argv[2]))"
)
_KILLED = frozenset({-9, -24, -25})
"""SIGKILL by us after the time, SIGXCPU, SIGXFSZ; another signal is a decoder that crashed."""


def _converse(child: "subprocess.Popen[bytes]", request: dict[str, str], timeout_s: float) -> bytes | None:
    """One line in, what the child said out; no more than `READY` where it took too long."""
    box: list[bytes] = []

    def read() -> None:
        if child.stdout is not None:
            box.append(child.stdout.read(_MOST_ANSWER_BYTES))

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        if child.stdin is not None:
            child.stdin.write(json.dumps(request).encode() + b"\n")
            child.stdin.close()
    except OSError:  # it is dead: there will be no answer
        child.kill()
    reader.join(timeout_s)
    in_time = not reader.is_alive()
    child.kill()
    reader.join(_EXIT_TIMEOUT_S)
    _reap(child)
    if not in_time:
        return READY
    return box[0] if box else None


def _reap(child: "subprocess.Popen[bytes]") -> None:
    child.wait(_EXIT_TIMEOUT_S)
    for pipe in (child.stdin, child.stdout):
        if pipe is not None and not pipe.closed:
            try:
                pipe.close()
            except OSError:  # what was not sent is not needed
                continue


def _decode_thumbnail(text: str | None) -> bytes | None:
    if text is None:
        return None
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if data.startswith(b"\xff\xd8\xff") else None
