"""PNG: Pillow, which checks every chunk's CRC and refuses what is cut short.

The compressed rows of a plain PNG are what a PDF's Flate filter with a PNG predictor takes, bit for bit.
"""

import os
import struct
from collections.abc import Iterator
from typing import Literal

from PIL import Image

from pipeline.intake.decode_pillow import PILLOW_ERRORS, check_size, damage_reported, read_part, to_pixels
from pipeline.intake.placement import EXIF_PLACEMENTS, place
from pipeline.intake.resolution import settle_resolution, square_pixels
from pipeline.intake.wire import DecodeLimits
from schemas.page import Codec, EncodedImage, ScanPage

_ORIENTATION = 0x0112
_SIGNATURE_BYTES = 8
_GREY, _RGB = 0, 2  # colour types of PNG, 11.2.2
_CUT_SHORT = "the PNG is cut short or corrupt"


class PngDocument:
    """A PNG file: one page (the first picture of an animation)."""

    page_count = 1
    signatures = 0

    def __init__(self, fd: int, limits: DecodeLimits) -> None:
        with damage_reported(_CUT_SHORT):
            self._fd = fd
            self._image = Image.open(os.fdopen(os.dup(fd), "rb"), formats=["PNG"])
        check_size(*self._image.size, limits)

    def read_page(self, number: int) -> ScanPage:
        """Decode over white, turn as an eXIf chunk says."""
        with damage_reported(_CUT_SHORT):
            self._image.load()
        pixels, bilevel = to_pixels(self._image)
        height, width = pixels.shape[:2]
        resolution = settle_resolution(self._image.info.get("dpi"), width, height)
        pixels, dpi = square_pixels(pixels, resolution, bilevel=bilevel)
        placement = EXIF_PLACEMENTS[self._orientation()]
        kept = resolution.square and not placement.mirrored
        stream = _take_rows(read_part(self._fd, os.fstat(self._fd).st_size, 0)) if kept else None
        return ScanPage(
            number=number,
            pixels=place(pixels, placement),
            dpi=dpi,
            dpi_known=resolution.known,
            bilevel=bilevel,
            origin="image",
            stream=stream,
            stream_turn=placement.turn if stream is not None else 0,
        )

    def _orientation(self) -> int:
        try:
            value = self._image.getexif().get(_ORIENTATION, 1)
        except PILLOW_ERRORS:  # EXIF that cannot be read says nothing
            return 1
        return value if value in EXIF_PLACEMENTS else 1


def _take_rows(data: bytes) -> EncodedImage | None:
    """The picture undecoded; None where a PDF cannot show it so: interlaced, palette, alpha, 16 bits."""
    header, rows = b"", []
    for kind, body in _read_chunks(data):
        if kind == b"IHDR":
            header = body
        elif kind == b"IDAT":
            rows.append(body)
        elif kind == b"tRNS":
            return None
    if len(header) != 13 or not rows:
        return None
    width, height, bits, colour, _, _, interlaced = struct.unpack(">IIBBBBB", header)
    if interlaced or (colour, bits) not in {(_GREY, 1), (_GREY, 8), (_RGB, 8)}:
        return None
    components: Literal[1, 3] = 3 if colour == _RGB else 1
    return EncodedImage(
        Codec.FLATE, b"".join(rows), width, height, components, bits_per_component=1 if bits == 1 else 8
    )


def _read_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Pillow has read them already: lengths fit."""
    at = _SIGNATURE_BYTES
    while at + 12 <= len(data):
        length, kind = struct.unpack_from(">I4s", data, at)
        yield kind, data[at + 8 : at + 8 + length]
        if kind == b"IEND":
            return
        at += 12 + length
