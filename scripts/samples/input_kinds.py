"""One drawn page in every kind of image file that scanners and phones deliver."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from scripts.samples.drawn import draw_page

PAGE = Image.fromarray(draw_page(1)[1].pixels)
LANDSCAPE = PAGE.rotate(90, expand=True)
A5 = PAGE.resize((874, 1240))


def _save(path: Path, image: Image.Image, **options: object) -> None:
    image.save(path, dpi=(150, 150), **options)


def _deep_rgb(path: Path) -> None:
    """Pillow has no 16-bit RGB; OpenCV writes it (BGR)."""
    if not cv2.imwrite(str(path), np.asarray(PAGE)[:, :, ::-1].astype(np.uint16) * 257):
        raise OSError(f"{path} cannot be written")


def _with_alpha() -> Image.Image:
    image = PAGE.convert("RGBA")
    image.putalpha(Image.new("L", image.size, 255))
    image.paste((0, 0, 0, 0), (0, 0, 200, 150))  # transparent black: paper, not ink
    return image


KINDS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "grey-jpeg": ("jpg", lambda path: _save(path, PAGE.convert("L"), quality=85)),
    "rgb-jpeg": ("jpg", lambda path: _save(path, PAGE, quality=85)),
    "progressive-jpeg": ("jpg", lambda path: _save(path, PAGE, quality=85, progressive=True)),
    "cmyk-jpeg": ("jpg", lambda path: _save(path, PAGE.convert("CMYK"), quality=90)),
    "rgb-png": ("png", lambda path: _save(path, PAGE)),
    "alpha-png": ("png", lambda path: _save(path, _with_alpha())),
    "palette-png": ("png", lambda path: _save(path, PAGE.quantize(32))),
    "grey-16-bit-png": ("png", lambda path: _save(path, _deepened())),
    "rgb-16-bit-png": ("png", _deep_rgb),
    "g4-tiff": (
        "tif",
        lambda path: _save(path, PAGE.convert("1"), compression="group4", tiffinfo={278: PAGE.height}),
    ),
    "lzw-tiff": ("tif", lambda path: _save(path, PAGE, compression="tiff_lzw")),
    "1-bit-png": ("png", lambda path: _save(path, PAGE.convert("1"))),
    "landscape": ("jpg", lambda path: _save(path, LANDSCAPE, quality=85)),
    "a5": ("jpg", lambda path: _save(path, A5, quality=85)),
}


def _deepened() -> Image.Image:
    grey = np.asarray(PAGE.convert("L")).astype(np.uint16) * 257
    return Image.fromarray(grey)


def write_input(kind: str, folder: Path) -> Path:
    """The page as a file of `kind`, 150 dpi."""
    suffix, write = KINDS[kind]
    path = folder / f"{kind}.{suffix}"
    write(path)
    return path
