"""Red round seals and signatures, as ink laid over print.

The seals are invented: a star, two rings and the name of a place that does not exist; no emblem of state.
Organ seals of communes measure 36 mm (Nghị định 99/2016/NĐ-CP and Thông tư 07/2010/TT-BCA), and cover about
a third of the signature from its left (Nghị định 30/2020/NĐ-CP, Phụ lục I).
"""

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from scripts.samples.fonts import Style, assert_font_covers, find_font, load_font
from scripts.samples.page import DPI

SEAL_DIAMETER_MM = 36
SEAL_RED = (206, 24, 40)
PEN_INKS = ((24, 42, 128), (30, 30, 36), (18, 58, 150))
_FINE = 2
"""Masks are drawn this many times larger and shrunk, which smooths their edges."""

Mask = NDArray[np.float32]


def lay_ink(page: Image.Image, mask: Mask, colour: tuple[int, int, int], left: int, top: int) -> None:
    """Lay translucent ink over print: `mask` 0..1 is how much; dark print stays dark beneath it."""
    height, width = mask.shape
    area = (left, top, left + width, top + height)
    under = np.asarray(page.crop(area), dtype=np.float32)
    tint = np.asarray(colour, dtype=np.float32) / 255
    inked = under * (1 - mask[..., None] * (1 - tint))
    page.paste(Image.fromarray(inked.round().astype(np.uint8)), (left, top))


def draw_seal(around: str, across: str, rng: random.Random) -> Mask:
    """The ink of a seal: `around` runs clockwise in the ring, `across` lies small under the star."""
    size = round(SEAL_DIAMETER_MM * DPI / 25.4) * _FINE
    image = Image.new("L", (size, size), 0)
    draw = ImageDraw.Draw(image)
    middle = size / 2
    for radius, thickness in ((0.492, 0.016), (0.466, 0.006), (0.322, 0.009)):
        edge = radius * size
        box = (middle - edge, middle - edge, middle + edge, middle + edge)
        draw.ellipse(box, outline=255, width=max(2, round(thickness * size)))
    draw.polygon(_star_points(middle, middle - 0.055 * size, 0.155 * size), fill=255)
    _draw_across(image, across, size)
    _draw_around(image, around, size)
    return _ink_unevenly(image.rotate(rng.uniform(-7, 7), Image.Resampling.BICUBIC), rng)


def _star_points(x: float, y: float, radius: float) -> list[tuple[float, float]]:
    points = []
    for corner in range(10):
        reach = radius if corner % 2 == 0 else radius * 0.382
        angle = math.pi * corner / 5 - math.pi / 2
        points.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    return points


def _draw_across(image: Image.Image, text: str, size: int) -> None:
    style = Style("Arimo", 5.6 * _FINE, bold=True)
    assert_font_covers(find_font(style), text)
    for index, line in enumerate(text.split("\n")):
        place = (size / 2, size * (0.665 + 0.066 * index))
        ImageDraw.Draw(image).text(place, line, font=load_font(style, DPI), fill=255, anchor="ms")


def _draw_around(image: Image.Image, text: str, size: int) -> None:
    """Letters stand on a circle, spread evenly; a small star closes the ring at the bottom."""
    style = Style("Arimo", 7.9 * _FINE, bold=True)
    assert_font_covers(find_font(style), text)
    font = load_font(style, DPI)
    radius = 0.352 * size
    lengths = [font.getlength(letter) for letter in text]
    spread = min(1.12, math.radians(318) * (radius + 0.03 * size) / sum(lengths))
    angle = -sum(lengths) * spread / (radius + 0.03 * size) / 2
    for letter, length in zip(text, lengths, strict=True):
        angle += length * spread / (radius + 0.03 * size) / 2
        glyph = Image.new("L", (160 * _FINE, 160 * _FINE), 0)
        ImageDraw.Draw(glyph).text((80 * _FINE, 80 * _FINE), letter, font=font, fill=255, anchor="ms")
        turned = glyph.rotate(-math.degrees(angle), Image.Resampling.BICUBIC)
        x = size / 2 + radius * math.sin(angle) - 80 * _FINE
        y = size / 2 - radius * math.cos(angle) - 80 * _FINE
        image.paste(255, (round(x), round(y)), turned)
        angle += length * spread / (radius + 0.03 * size) / 2
    star = _star_points(size / 2, size / 2 + 0.394 * size, 0.036 * size)
    ImageDraw.Draw(image).polygon(star, fill=255)


def _ink_unevenly(image: Image.Image, rng: random.Random) -> Mask:
    """Stamped ink is patchy at two scales and heavier on the side that was pressed."""
    half = (image.width // _FINE, image.height // _FINE)
    solid = np.asarray(image.resize(half, Image.Resampling.BOX), dtype=np.float32) / 255
    grain = np.random.default_rng(rng.getrandbits(32))
    patches = cv2.resize(grain.random((9, 9), dtype=np.float32), half, interpolation=cv2.INTER_CUBIC)
    speckle = cv2.GaussianBlur(grain.random((half[1], half[0]), dtype=np.float32), (0, 0), 1.1)
    lean = math.tau * rng.random()
    y, x = np.mgrid[-1 : 1 : half[1] * 1j, -1 : 1 : half[0] * 1j]
    pressed = 0.07 * (x * math.cos(lean) + y * math.sin(lean))
    strength = np.clip(0.80 + 0.22 * (patches - 0.5) + 1.1 * (speckle - 0.5) + pressed, 0.25, 0.97)
    mask: Mask = (solid * strength).astype(np.float32)
    return mask


def draw_signature(width_px: int, height_px: int, rng: random.Random) -> Mask:
    """A quick signature: a tall first letter, a run of loops and a flourish beneath, one pen."""
    canvas = np.zeros((height_px * _FINE, width_px * _FINE), dtype=np.uint8)
    for stroke, thickness in _signature_strokes(rng):
        path = _smooth(stroke) * np.array([width_px, height_px]) * _FINE
        speed = np.linalg.norm(np.gradient(path, axis=0), axis=1)
        slow = 1 - np.clip(speed / (np.percentile(speed, 90) + 1e-6), 0, 1)
        for index in range(len(path) - 1):
            weight = max(2, round(thickness * _FINE * (0.62 + 0.75 * float(slow[index]))))
            start, end = path[index], path[index + 1]
            cv2.line(
                canvas,
                (round(float(start[0])), round(float(start[1]))),
                (round(float(end[0])), round(float(end[1]))),
                255,
                weight,
                cv2.LINE_AA,
            )
    small = cv2.resize(canvas, (width_px, height_px), interpolation=cv2.INTER_AREA)
    mask: Mask = (small.astype(np.float32) / 255 * 0.94).astype(np.float32)
    return mask


def _signature_strokes(rng: random.Random) -> list[tuple[NDArray[np.float64], float]]:
    """Control points in the unit square: capital, loops, flourish; thickness in pixels."""
    capital = [(x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.04, 0.04)) for x, y in rng.choice(_CAPITALS)]
    x, loops = capital[-1][0] + 0.02, []
    tall, narrow = rng.uniform(0.10, 0.28), rng.uniform(0.6, 1.3)
    for _ in range(rng.randint(2, 5)):
        rise = tall * rng.uniform(0.35, 1.2)
        loops += [
            (x, 0.58),
            (x + 0.045 * narrow, 0.56 - rise),
            (x + 0.015, 0.54 - rise),
            (x + 0.03 * narrow, 0.60),
        ]
        x += rng.uniform(0.05, 0.11) * narrow
    end = min(0.97, x + rng.uniform(0.15, 0.32))
    loops += [(x + 0.04, 0.54), ((x + end) / 2, rng.uniform(0.36, 0.60)), (end, rng.uniform(0.22, 0.66))]
    flourish = [(px, py + rng.uniform(-0.04, 0.04)) for px, py in rng.choice(_FLOURISHES)]
    pen = rng.uniform(4.6, 7.0)
    lean, lift = rng.uniform(-0.12, 0.14), rng.uniform(0.0, 0.14)
    strokes = [(capital + loops, pen), (flourish, pen * rng.uniform(0.75, 0.95))]
    return [(np.array([_slant(x, y, lean, lift) for x, y in stroke]), weight) for stroke, weight in strokes]


def _slant(x: float, y: float, lean: float, lift: float) -> tuple[float, float]:
    """Lean letters over and let the line climb, kept inside the unit square."""
    return min(0.98, max(0.02, x + lean * (0.6 - y))), min(0.97, max(0.03, y - lift * (x - 0.5)))


_CAPITALS: tuple[tuple[tuple[float, float], ...], ...] = (
    (
        (0.10, 0.62),
        (0.16, 0.40),
        (0.25, 0.10),
        (0.28, 0.10),
        (0.20, 0.45),
        (0.13, 0.80),
        (0.10, 0.86),
        (0.16, 0.70),
        (0.30, 0.45),
        (0.33, 0.58),
    ),
    (
        (0.12, 0.80),
        (0.13, 0.45),
        (0.17, 0.14),
        (0.19, 0.30),
        (0.24, 0.66),
        (0.28, 0.74),
        (0.31, 0.40),
        (0.36, 0.12),
        (0.37, 0.35),
        (0.36, 0.60),
    ),
    (
        (0.30, 0.20),
        (0.22, 0.12),
        (0.12, 0.30),
        (0.10, 0.60),
        (0.18, 0.76),
        (0.29, 0.64),
        (0.30, 0.46),
        (0.23, 0.50),
        (0.27, 0.62),
    ),
    (
        (0.06, 0.24),
        (0.20, 0.15),
        (0.36, 0.16),
        (0.24, 0.20),
        (0.22, 0.50),
        (0.19, 0.76),
        (0.12, 0.72),
        (0.16, 0.58),
        (0.27, 0.52),
        (0.31, 0.60),
    ),
)
_FLOURISHES: tuple[tuple[tuple[float, float], ...], ...] = (
    ((0.90, 0.52), (0.62, 0.66), (0.26, 0.86), (0.22, 0.92), (0.40, 0.84), (0.70, 0.74), (0.93, 0.70)),
    ((0.16, 0.84), (0.45, 0.76), (0.80, 0.66), (0.94, 0.58)),
    ((0.70, 0.30), (0.60, 0.62), (0.48, 0.90), (0.40, 0.93), (0.44, 0.80), (0.62, 0.72), (0.84, 0.76)),
    ((0.84, 0.64), (0.50, 0.78), (0.20, 0.80), (0.14, 0.72), (0.30, 0.68), (0.56, 0.76), (0.90, 0.88)),
)


def _smooth(points: NDArray[np.float64], steps: int = 22) -> NDArray[np.float64]:
    """A Catmull-Rom curve through `points` (Catmull & Rom, 1974)."""
    padded = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, steps, endpoint=False)[:, None]
    pieces = []
    for p0, p1, p2, p3 in zip(padded, padded[1:], padded[2:], padded[3:], strict=False):
        pieces.append(
            0.5
            * (
                2 * p1
                + (p2 - p0) * t
                + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
                + (3 * p1 - p0 - 3 * p2 + p3) * t**3
            )
        )
    return np.vstack([*pieces, points[-1:]])
