"""Does a scan have its end? Told from a few bytes, so that a half-written file is not taken."""

import os
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from pipeline.intake.sniff import HEAD_BYTES, MediaType, sniff
from schemas.errors import BadInputError

_TAIL_BYTES = 4096
"""Scanner programs pad a JPEG's or a PDF's end by at most a block."""
_LEAST_BYTES = 32
"""Fewer are the beginning of something, whose kind cannot be told yet."""
_MOST_DIRECTORIES = 2000
_MOST_STRIPS = 200_000
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 16: 8}
_OFFSETS, _COUNTS = (273, 324), (279, 325)  # of strips and tiles


def has_its_end(path: Path) -> bool:
    """False for a JPEG, PNG, TIFF or PDF that goes on; True for what is none of these: others judge that.

    Raises `OSError`.
    """
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        head = _read(file, 0, HEAD_BYTES)
        if size < _LEAST_BYTES:
            return False
        try:
            kind = sniff(head)
        except BadInputError:
            return True
        return _ENDS[kind](file, size)


def _tail(file: BinaryIO, size: int) -> bytes:
    return _read(file, max(0, size - _TAIL_BYTES), _TAIL_BYTES)


def _jpeg_ends(file: BinaryIO, size: int) -> bool:
    return b"\xff\xd9" in _tail(file, size)


def _png_ends(file: BinaryIO, size: int) -> bool:
    return b"IEND\xaeB`\x82" in _tail(file, size)


def _pdf_ends(file: BinaryIO, size: int) -> bool:
    return b"%%EOF" in _tail(file, size)


def _tiff_ends(file: BinaryIO, size: int) -> bool:
    """Every directory and every strip lies within the file. BigTIFF is believed: its end is rarely last."""
    head = _read(file, 0, 8)
    order = "<" if head[:2] == b"II" else ">"
    if len(head) < 8:
        return False
    if struct.unpack(f"{order}H", head[2:4])[0] != 42:
        return True
    (at,) = struct.unpack(f"{order}I", head[4:8])
    if at == 0:
        return False  # written last, when everything else is there
    for _ in range(_MOST_DIRECTORIES):
        if at == 0:
            return True
        following = _directory_ends(file, size, order, at)
        if following is None:
            return False
        at = following
    return True


def _directory_ends(file: BinaryIO, size: int, order: str, at: int) -> int | None:
    """Where the next directory is; None where something of this one lies beyond the file."""
    counted = _read(file, at, 2)
    if len(counted) < 2:
        return None
    (count,) = struct.unpack(f"{order}H", counted)
    entries = _read(file, at + 2, 12 * count + 4)
    if len(entries) < 12 * count + 4:
        return None
    places: list[int] = []
    sizes: list[int] = []
    for number in range(count):
        tag, kind, values = struct.unpack_from(f"{order}HHI", entries, 12 * number)
        if tag in _OFFSETS or tag in _COUNTS:
            found = _values(file, order, kind, values, entries[12 * number + 8 : 12 * number + 12])
            if found is None:
                return None
            (places if tag in _OFFSETS else sizes).extend(found)
    if any(place + length > size for place, length in zip(places, sizes, strict=False)):
        return None
    (following,) = struct.unpack_from(f"{order}I", entries, 12 * count)
    return int(following)


def _values(file: BinaryIO, order: str, kind: int, count: int, field: bytes) -> list[int] | None:
    width = _SIZES.get(kind, 0)
    if kind not in {3, 4} or count > _MOST_STRIPS:
        return []
    if width * count <= 4:
        data = field
    else:
        data = _read(file, struct.unpack(f"{order}I", field)[0], width * count)
        if len(data) < width * count:
            return None
    return list(struct.unpack_from(f"{order}{count}{'H' if kind == 3 else 'I'}", data))


def _read(file: BinaryIO, at: int, size: int) -> bytes:
    file.seek(at)
    return file.read(size)


_ENDS: dict[MediaType, Callable[[BinaryIO, int], bool]] = {
    MediaType.JPEG: _jpeg_ends,
    MediaType.PNG: _png_ends,
    MediaType.PDF: _pdf_ends,
    MediaType.TIFF: _tiff_ends,
}
