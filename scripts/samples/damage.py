"""What happens to paper before it is scanned: pure, seeded functions from a page to a page.

The truth stays: words keep their places (`open_lid` and `make_room` move them along). `severity` runs
from 0, hardly seen, to 1, a nuisance that a person still reads through.
"""

import math
import random
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from schemas.page import Box, Pixels
from scripts.samples.layout import to_px
from scripts.samples.page import SamplePage
from scripts.samples.scanning import LID_GREY, PAPER_TINT
from scripts.samples.seal import PEN_INKS, SEAL_RED, draw_seal, draw_signature, lay_ink

SCANNER_BLACK = 14
BLEED_CONTRASTS = (0.10, 0.20)
"""Least and greatest share of the back's ink that shows through."""


def fold(page: SamplePage, rng: random.Random, severity: float) -> SamplePage:
    """One to three creases: the panels catch the light differently, ink is worn along each crease."""
    height, width = page.pixels.shape[:2]
    light = np.ones((height, width), np.float32)
    worn = np.zeros((height, width), np.float32)
    grain = np.random.default_rng(rng.getrandbits(32))
    for across, at in _choose_creases(rng, 1 + round(2 * severity)):
        length, depth = (height, width) if across else (width, height)
        place = at * length + np.cumsum(grain.normal(0, 0.05, depth)).astype(np.float32)
        offset = np.arange(length, dtype=np.float32)[:, None] - place[None, :]
        side = 0.06 + 0.14 * severity
        panel = 1 - side * np.clip(0.5 + offset / to_px(30), 0, 1) * np.exp(-np.abs(offset) / to_px(28))
        line = 1 - (0.15 + 0.35 * severity) * np.exp(-((offset / to_px(0.35)) ** 2))
        wear = (0.25 + 0.45 * severity) * np.exp(-((offset / to_px(0.25)) ** 2))
        light *= panel * line if across else (panel * line).T
        worn = np.maximum(worn, wear if across else wear.T)
    patchy = cv2.resize(grain.random((height // 6, width // 6), np.float32), (width, height))
    ink = (255 - page.pixels.astype(np.float32)) * (1 - worn * patchy)[..., None]
    return replace(page, pixels=_to_pixels((255 - ink) * light[..., None]))


def _choose_creases(rng: random.Random, count: int) -> list[tuple[bool, float]]:
    """As letters are folded: in thirds or in half, now and then upright too."""
    usual = [(True, 1 / 3), (True, 2 / 3), (False, 1 / 2)] if rng.random() < 0.5 else [(True, 1 / 2)]
    usual += [(False, 1 / 2), (True, 1 / 4), (True, 3 / 4)]
    return [(across, at + rng.uniform(-0.03, 0.03)) for across, at in dict.fromkeys(usual[:count])]


def bleed_through(page: SamplePage, back: SamplePage, severity: float) -> SamplePage:
    """The print of the back, mirrored and soft, shows through at 10 to 20 % of its contrast."""
    height, width = page.pixels.shape[:2]
    mirrored = cv2.GaussianBlur(cv2.flip(back.pixels, 1), (0, 0), to_px(0.12))
    mirrored = cv2.resize(mirrored, (width, height)).astype(np.float32)
    least, most = BLEED_CONTRASTS
    shown = 1 - (least + (most - least) * severity) * (1 - mirrored / 255)
    return replace(page, pixels=_to_pixels(page.pixels * shown))


def speckle(
    page: SamplePage, rng: random.Random, dots_per_cm2: float, size_mm: tuple[float, float]
) -> SamplePage:
    """Dark dots of toner or dust, and as many pinholes in the ink."""
    pixels = page.pixels.copy()
    height, width = pixels.shape[:2]
    count = round(dots_per_cm2 * height * width / to_px(10) ** 2)
    grain = np.random.default_rng(rng.getrandbits(32))
    dark, light = (
        _draw_dots(grain, (height, width), count, size_mm),
        _draw_dots(grain, (height, width), count, size_mm),
    )
    pixels[light] = 255
    pixels[dark] = 40
    return replace(page, pixels=_to_pixels(pixels))


def _draw_dots(
    grain: np.random.Generator, shape: tuple[int, int], count: int, size_mm: tuple[float, float]
) -> NDArray[np.bool_]:
    mask = np.zeros(shape, np.uint8)
    places = (grain.random((count, 2)) * shape[::-1]).astype(int)
    for (x, y), size in zip(places.tolist(), grain.uniform(*size_mm, count).tolist(), strict=True):
        radius = max(0, round((to_px(size) - 1) / 2))
        cv2.circle(mask, (x, y), radius, 1, -1)
    return mask.astype(bool)


def stamp(page: SamplePage, rng: random.Random, around: str, across: str, severity: float) -> SamplePage:
    """A red seal and a signature over the text, more of them the severer; the print stays beneath."""
    image = Image.fromarray(page.pixels)
    text_boxes = [box for _, box in page.words]
    for _ in range(1 + round(severity)):
        seal = draw_seal(around, across, rng)
        box = rng.choice(text_boxes)
        left = round(min(max(0, box.left - seal.shape[1] * rng.random()), image.width - seal.shape[1]))
        top = round(min(max(0, box.top - seal.shape[0] * rng.random()), image.height - seal.shape[0]))
        lay_ink(image, seal, SEAL_RED, left, top)
        strokes = draw_signature(round(to_px(rng.uniform(38, 55))), round(to_px(rng.uniform(16, 24))), rng)
        left = min(left + round(seal.shape[1] * rng.uniform(0.4, 0.7)), image.width - strokes.shape[1])
        top = min(top + round(seal.shape[0] * rng.uniform(0.1, 0.5)), image.height - strokes.shape[0])
        lay_ink(image, strokes, rng.choice((PEN_INKS[0], PEN_INKS[2])), left, top)
    return replace(page, pixels=_to_pixels(np.asarray(image)))


def open_lid(page: SamplePage, rng: random.Random, severity: float) -> SamplePage:
    """The paper on a larger glass with the lid open: black all round, unevenly wide."""
    left, top, right, bottom = (round(to_px(rng.uniform(3, 6 + 16 * severity))) for _ in range(4))
    black = (SCANNER_BLACK, SCANNER_BLACK, SCANNER_BLACK + 2)
    return _widen(page, (left, top, right, bottom), black)


def make_room(page: SamplePage, skew_deg: float) -> SamplePage:
    """The paper on a glass so large that no corner is lost when it lies `skew_deg` askew."""
    height, width = page.pixels.shape[:2]
    lean = math.sin(math.radians(abs(skew_deg))) / 2
    across, along = round(height * lean), round(width * lean)
    # What scanning tints like paper is to come out as grey as the lid beyond it.
    red, green, blue = (round(LID_GREY * 255 / tint) for tint in PAPER_TINT)
    return _widen(page, (across, along, across, along), (red, green, blue))


def _widen(page: SamplePage, sides: tuple[int, int, int, int], colour: tuple[int, int, int]) -> SamplePage:
    left, top, right, bottom = sides
    wide = cv2.copyMakeBorder(page.pixels, top, bottom, left, right, cv2.BORDER_CONSTANT, value=colour)
    words = tuple(
        (text, Box(box.left + left, box.top + top, box.right + left, box.bottom + top))
        for text, box in page.words
    )
    return replace(page, pixels=_to_pixels(wide), words=words)


def _to_pixels(planes: NDArray[np.float32] | NDArray[np.uint8]) -> Pixels:
    pixels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels
