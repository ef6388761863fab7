"""The header of a JPEG: what its decoder and a PDF reader need to know, without decoding.

ITU-T T.81 Annex B (markers), JFIF 1.02 (APP0), Adobe technical note 5116 (APP14).
"""

import struct
from dataclasses import dataclass

from PIL import Image

from pipeline.intake.decode_pillow import PILLOW_ERRORS
from schemas.errors import DamagedInputError, UnsupportedInputError

_SOF = {0xC0, 0xC1, 0xC2}
_OTHER_SOF = {0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF}
_BARE = {0x01, *range(0xD0, 0xD9)}
_CM_PER_INCH = 2.54
_EXIF_ORIENTATION, _EXIF_X, _EXIF_Y, _EXIF_UNIT = 0x0112, 0x011A, 0x011B, 0x0128


@dataclass(slots=True)
class JpegHeader:
    """What stands before the image data."""

    width_px: int = 0
    height_px: int = 0
    component_ids: bytes = b""
    adobe_transform: int | None = None
    jfif_dpi: tuple[float, float] | None = None
    exif_dpi: tuple[float, float] | None = None
    orientation: int = 1
    tidy: bytes = b""
    """Marker, length and content of every segment before the first scan, without stray bytes between."""
    scan_at: int = 0

    @property
    def components(self) -> int:
        """Channels as stored."""
        return len(self.component_ids)

    @property
    def dpi(self) -> tuple[float, float] | None:
        """EXIF's resolution where JFIF gives only an aspect ratio or nothing."""
        return self.jfif_dpi or self.exif_dpi

    @property
    def plain_in_pdf(self) -> bool:
        """Whether a PDF reader decodes it to the same colours as libjpeg without extra parameters."""
        if self.components == 1:
            return True
        return self.components == 3 and (self.adobe_transform is not None or self.component_ids != b"RGB")


def read_jpeg_header(data: bytes) -> JpegHeader:
    """Parse up to the first scan.

    Raises `DamagedInputError` where the header is cut short and `UnsupportedInputError` for lossless,
    hierarchical, arithmetic-coded and 12-bit JPEG.
    """
    header = JpegHeader()
    at = 2
    while True:
        at = data.find(b"\xff", at)
        if at < 0 or at + 2 > len(data):
            raise DamagedInputError("the JPEG ends before its image data")
        marker = data[at + 1]
        if marker in {0x00, 0xFF} or marker in _BARE:
            at += 1 if marker == 0xFF else 2
            continue
        if marker == 0xD9 or at + 4 > len(data):
            raise DamagedInputError("the JPEG ends before its image data")
        length = int.from_bytes(data[at + 2 : at + 4])
        segment = data[at + 4 : at + 2 + length]
        if marker == 0xDA:
            break
        _take(header, marker, segment)
        header.tidy += data[at : at + 2 + max(length, 2)]
        at += 2 + max(length, 2)
    header.scan_at = at
    if not header.component_ids:
        raise DamagedInputError("the JPEG has no frame header")
    return header


def _take(header: JpegHeader, marker: int, segment: bytes) -> None:
    if marker in _OTHER_SOF:
        raise UnsupportedInputError("the JPEG is of a rare kind (lossless or arithmetic-coded)")
    if marker in _SOF and len(segment) >= 6:
        precision, header.height_px, header.width_px, count = struct.unpack(">BHHB", segment[:6])
        header.component_ids = segment[6 : 6 + 3 * count : 3]
        if precision != 8:
            raise UnsupportedInputError(f"the JPEG has {precision} bits a colour, only 8 are supported")
    elif marker == 0xE0 and segment[:5] == b"JFIF\0" and len(segment) >= 12:
        unit, x, y = struct.unpack(">BHH", segment[7:12])
        if unit in {1, 2} and x and y:
            scale = 1.0 if unit == 1 else _CM_PER_INCH
            header.jfif_dpi = (x * scale, y * scale)
    elif marker == 0xE1 and segment[:6] == b"Exif\0\0":
        _take_exif(header, segment)
    elif marker == 0xEE and segment[:5] == b"Adobe" and len(segment) >= 12:
        header.adobe_transform = segment[11]


def _take_exif(header: JpegHeader, segment: bytes) -> None:
    exif = Image.Exif()
    try:
        exif.load(segment)
        orientation = int(exif.get(_EXIF_ORIENTATION, 1))
        x, y = float(exif.get(_EXIF_X, 0)), float(exif.get(_EXIF_Y, 0))
        unit = exif.get(_EXIF_UNIT, 2)
    except PILLOW_ERRORS:  # EXIF that cannot be read says nothing
        return
    header.orientation = orientation if orientation in range(1, 9) else 1
    if unit in {2, 3} and x > 0 and y > 0:
        scale = 1.0 if unit == 2 else _CM_PER_INCH
        header.exif_dpi = (x * scale, y * scale)
