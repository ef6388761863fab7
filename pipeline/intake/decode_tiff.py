"""TIFF: pages by Pillow and libtiff; single-strip G4 streams kept for the PDF."""

import mmap
import os
import re
import struct
from typing import Any

import cv2
import numpy as np
from PIL import Image, TiffImagePlugin

from pipeline.intake.decode_pillow import check_size, damage_reported, read_part, to_pixels
from pipeline.intake.noise import Noise
from pipeline.intake.placement import EXIF_PLACEMENTS, UPRIGHT, Placement
from pipeline.intake.resolution import settle_resolution, square_pixels
from pipeline.intake.wire import DecodeLimits
from schemas.errors import DamagedInputError
from schemas.page import Codec, EncodedImage, Pixels, ScanPage

_CUT_SHORT = "the TIFF is cut short or corrupt"
_BITS, _COMPRESSION, _PHOTOMETRIC, _FILL_ORDER, _STRIP_OFFSETS = 258, 259, 262, 266, 273
_ORIENTATION, _SAMPLES, _STRIP_SIZES, _T6_OPTIONS = 274, 277, 279, 293
_G4 = 4
_SILENT_WHEN_CUT = {2, 3, _G4, 7}
"""Fax and JPEG: libtiff fills what is missing with white or grey and only warns. Pillow drops these
warnings, OpenCV prints them, so such pages are decoded twice (28 ms CPU for A4 at 300 dpi)."""
_LOST_DATA = re.compile(r"Premature|premature|Bad code word|Corrupt JPEG|Not enough data")
"""Seen on a G4 page cut at half, at 40 bytes before its end, overwritten in the middle. A lone "line
length mismatch" loses nothing but that line and is let pass."""
_WHITE_IS_ZERO, _BLACK_IS_ZERO = 0, 1


class TiffDocument:
    """A TIFF file: one page per directory, in file order."""

    signatures = 0

    def __init__(self, fd: int, limits: DecodeLimits, noise: Noise) -> None:
        self._fd = fd
        self._limits = limits
        self._noise = noise
        self._image = self._open()
        with damage_reported(_CUT_SHORT):
            self.page_count = int(self._image.n_frames)

    def _open(self) -> TiffImagePlugin.TiffImageFile:
        with damage_reported(_CUT_SHORT):
            file = os.fdopen(os.dup(self._fd), "rb")
            file.seek(0)
            image = Image.open(file, formats=["TIFF"])
        if not isinstance(image, TiffImagePlugin.TiffImageFile):
            raise DamagedInputError(_CUT_SHORT)
        return image

    def read_page(self, number: int) -> ScanPage:
        """Decode one directory; its Orientation tag is applied."""
        if self._image.tell() == number - 1:
            self._image = self._open()  # Pillow turns a loaded page in place: start anew
        image = self._image
        damage = f"page {number} of the TIFF is cut short or corrupt"
        with damage_reported(damage):
            image.seek(number - 1)
            check_size(*image.size, self._limits)
            placement = EXIF_PLACEMENTS.get(image.tag_v2.get(_ORIENTATION, 1), UPRIGHT)
            said = image.info.get("dpi")
            stream = self._g4_stream(image)
            coding = image.tag_v2.get(_COMPRESSION)
            image.load()  # applies the Orientation tag
            pixels, bilevel = to_pixels(image)
        if coding in _SILENT_WHEN_CUT:
            file = np.frombuffer(mmap.mmap(self._fd, 0, access=mmap.ACCESS_READ), np.uint8)
            _decode_by_opencv(file, self._noise, damage, number - 1)
        return _to_page(number, pixels, bilevel, _along(said, placement), stream, placement)

    def _g4_stream(self, image: TiffImagePlugin.TiffImageFile) -> EncodedImage | None:
        tags = image.tag_v2
        offsets, sizes = tags.get(_STRIP_OFFSETS, ()), tags.get(_STRIP_SIZES, ())
        plain = (
            tags.get(_COMPRESSION) == _G4
            and tags.get(_BITS, (1,)) in {1, (1,)}
            and tags.get(_SAMPLES, 1) == 1
            and tags.get(_FILL_ORDER, 1) == 1
            and tags.get(_T6_OPTIONS, 0) == 0
            and tags.get(_PHOTOMETRIC) in {_WHITE_IS_ZERO, _BLACK_IS_ZERO}
            and len(offsets) == len(sizes) == 1
        )
        if not plain or not 0 < sizes[0] <= self._limits.max_bytes:
            return None
        data = read_part(self._fd, sizes[0], offsets[0])
        width, height = image.size
        return EncodedImage(
            Codec.G4, data, width, height, 1, bits_per_component=1,
            black_is_1=tags[_PHOTOMETRIC] == _BLACK_IS_ZERO,
        )  # fmt: skip


def _to_page(
    number: int,
    pixels: Pixels,
    bilevel: bool,
    said: tuple[float, float] | None,
    stream: EncodedImage | None,
    placement: Placement,
) -> ScanPage:
    height, width = pixels.shape[:2]
    resolution = settle_resolution(said, width, height)
    if placement.mirrored or not resolution.square:
        stream = None
    pixels, dpi = square_pixels(pixels, resolution, bilevel=bilevel)
    return ScanPage(
        number=number,
        pixels=pixels,
        dpi=dpi,
        dpi_known=resolution.known,
        bilevel=bilevel,
        origin="image",
        stream=stream,
        stream_turn=placement.turn if stream is not None else 0,
    )


def _along(said: Any, placement: Placement) -> tuple[float, float] | None:
    """The file's resolution along the axes of the page as shown."""
    if not isinstance(said, tuple) or len(said) != 2:
        return None
    x, y = float(said[0]), float(said[1])
    return (y, x) if placement.turn in {90, 270} else (x, y)


def decode_fax(
    data: bytes, width_px: int, height_px: int, *, k: int, black_is_1: bool, noise: Noise
) -> Pixels:
    """A bare CCITT stream (T.6 for `k` < 0, else T.4) to 0/255; black runs are black unless `black_is_1`.

    It is given a TIFF header and decoded by libtiff. Raises `DamagedInputError`.
    """
    damage = "a fax-coded page image is cut short or corrupt"
    tags = [
        (256, 4, width_px), (257, 4, height_px), (_BITS, 3, 1), (_COMPRESSION, 3, _G4 if k < 0 else 3),
        (_PHOTOMETRIC, 3, _BLACK_IS_ZERO if black_is_1 else _WHITE_IS_ZERO), (_STRIP_OFFSETS, 4, 8),
        (_SAMPLES, 3, 1), (278, 4, height_px), (_STRIP_SIZES, 4, len(data)),
    ]  # fmt: skip
    if k > 0:
        tags.append((292, 4, 1))
    entries = b"".join(
        struct.pack("<HHIHH" if kind == 3 else "<HHII", tag, kind, 1, value, *([0] if kind == 3 else []))
        for tag, kind, value in tags
    )
    padded = data + b"\0" * (len(data) % 2)
    directory = struct.pack("<H", len(tags)) + entries + struct.pack("<I", 0)
    file = struct.pack("<2sHI", b"II", 42, 8 + len(padded)) + padded + directory
    pixels = _decode_by_opencv(np.frombuffer(file, np.uint8), noise, damage)
    if pixels is None or pixels.shape != (height_px, width_px):
        raise DamagedInputError(damage)
    return pixels


def _decode_by_opencv(data: Pixels, noise: Noise, damage: str, page: int = 0) -> Pixels | None:
    """Decode with the libtiff that talks. Raises `DamagedInputError(damage)` where it tells of lost data."""
    noise.clear()
    done, images = cv2.imdecodemulti(
        np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED, range=(page, page + 1)
    )
    if _LOST_DATA.search(noise.heard()):
        raise DamagedInputError(damage)
    return images[0] if done and len(images) == 1 else None  # type: ignore[return-value]
