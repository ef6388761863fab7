"""PNG: Pillow, which checks every chunk's CRC and refuses what is cut short."""

import os

from PIL import Image

from pipeline.intake.decode_pillow import PILLOW_ERRORS, check_size, damage_reported, to_pixels
from pipeline.intake.placement import EXIF_PLACEMENTS, place
from pipeline.intake.resolution import settle_resolution, square_pixels
from pipeline.intake.wire import DecodeLimits
from schemas.page import ScanPage

_ORIENTATION = 0x0112
_CUT_SHORT = "the PNG is cut short or corrupt"


class PngDocument:
    """A PNG file: one page (the first picture of an animation)."""

    page_count = 1
    signatures = 0

    def __init__(self, fd: int, limits: DecodeLimits) -> None:
        with damage_reported(_CUT_SHORT):
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
        return ScanPage(
            number=number,
            pixels=place(pixels, EXIF_PLACEMENTS[self._orientation()]),
            dpi=dpi,
            dpi_known=resolution.known,
            bilevel=bilevel,
            origin="image",
        )

    def _orientation(self) -> int:
        try:
            value = self._image.getexif().get(_ORIENTATION, 1)
        except PILLOW_ERRORS:  # EXIF that cannot be read says nothing
            return 1
        return value if value in EXIF_PLACEMENTS else 1
