"""Pixels out of a Pillow image of any mode, and one error tree for what Pillow raises."""

import os
import struct
import zlib
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from PIL import Image

from pipeline.intake.wire import DecodeLimits
from schemas.errors import DamagedInputError, OverLimitError, UnsupportedInputError
from schemas.page import Pixels

PILLOW_ERRORS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    OverflowError, ZeroDivisionError, struct.error, zlib.error, NotImplementedError,
)  # fmt: skip
"""What Pillow's plugins raise on broken files (its own fuzzers expect the same)."""


def read_part(fd: int, size: int, at: int) -> bytes:
    """`size` bytes of a file from `at` on, or as many as there are; as `os.pread`, which Windows lacks."""
    os.lseek(fd, at, os.SEEK_SET)
    parts = []
    while size > 0 and (part := os.read(fd, size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


@contextmanager
def damage_reported(what: str) -> Iterator[None]:
    """Turn Pillow's errors into `DamagedInputError(what)`; MemoryError passes."""
    try:
        yield
    except PILLOW_ERRORS as error:
        raise DamagedInputError(what) from error


def check_size(width_px: int, height_px: int, limits: DecodeLimits) -> None:
    """Raise `OverLimitError` before anything is allocated, `DamagedInputError` for no pixels at all."""
    if width_px < 1 or height_px < 1:
        raise DamagedInputError("the image has no pixels")
    if width_px * height_px > limits.max_pixels:
        raise OverLimitError(
            f"the page has {width_px} x {height_px} pixels, the limit is {limits.max_pixels}",
            advice="scan at a lower resolution or raise the limit in the settings",
        )


def to_pixels(image: Image.Image) -> tuple[Pixels, bool]:
    """Decode to grey or RGB over white; True with it where the source has one bit a pixel.

    Raises `UnsupportedInputError` for floating-point and other exotic pixels.
    """
    mode = image.mode
    if mode == "1":
        return np.asarray(image.convert("L")), True
    if mode.startswith("I;16") or mode == "I":
        return _eight_bits(np.asarray(image)), False
    if mode in {"LA", "La"}:
        image = _over_white(image.convert("LA"), "L")
    elif mode in {"RGBA", "RGBa", "PA"} or "transparency" in image.info:
        image = _over_white(image.convert("RGBA"), "RGB")
    elif mode == "P":
        image = image.convert("L" if _grey_palette(image) else "RGB")
    elif mode in {"CMYK", "YCbCr", "RGBX"}:
        image = image.convert("RGB")
    elif mode not in {"L", "RGB"}:
        raise UnsupportedInputError(
            "the image has a kind of pixels that is not supported", advice="save it as 8-bit grey or RGB"
        )
    return np.asarray(image), False


def _eight_bits(samples: np.ndarray) -> Pixels:
    """16-bit grey to 8; Pillow's 32-bit mode holds 16-bit values from some files."""
    if samples.dtype.itemsize == 4:
        samples = np.clip(samples, 0, 0xFFFF)
    return (samples >> 8).astype(np.uint8)


def _over_white(image: Image.Image, mode: str) -> Image.Image:
    paper = Image.new(mode, image.size, "white")
    paper.paste(image.convert(mode), mask=image.getchannel("A"))
    return paper


def _grey_palette(image: Image.Image) -> bool:
    colours = np.asarray(image.getpalette("RGB") or [], dtype=np.uint8).reshape(-1, 3)
    return bool((colours == colours[:, :1]).all())
