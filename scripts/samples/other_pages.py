"""Pages without print: blank ones, backs, handwriting, and photos that show no document. Pure and seeded."""

import math
import random

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from schemas.page import Pixels
from scripts.samples.damage import bleed_through
from scripts.samples.layout import A4, A5, Sheet, to_px
from scripts.samples.page import SamplePage
from scripts.samples.seal import PEN_INKS, Mask, draw_signature, lay_ink

Planes = NDArray[np.float32]


def leave_blank(rng: random.Random) -> SamplePage:
    """A blank sheet, now and then punched, with a shadow at its rim or a speck of dirt."""
    sheet = rng.choice((A4, A4, A5))
    pixels = _bare(sheet)
    if rng.random() < 0.4:
        _punch(pixels, rng)
    if rng.random() < 0.3:
        side = round(to_px(rng.uniform(0.5, 2)))
        pixels[:, -side:] = np.linspace(250, 150, side)[None, :, None]
    for _ in range(rng.choice((0, 0, 1, 4))):
        at = rng.randrange(pixels.shape[1]), rng.randrange(pixels.shape[0])
        cv2.circle(pixels, at, round(to_px(rng.uniform(0.1, 0.4))), (90, 84, 80), -1, cv2.LINE_AA)
    return _page(pixels)


def turn_over(front: SamplePage, rng: random.Random, severity: float) -> SamplePage:
    """The blank back of `front`, whose print shows through."""
    back = _page(np.full_like(front.pixels, 255))
    shown = bleed_through(back, front, severity)
    if rng.random() < 0.3:
        pixels = shown.pixels.copy()
        _punch(pixels, rng)
        shown = _page(pixels)
    return shown


def write_by_hand(rng: random.Random) -> SamplePage:
    """A page of handwriting, ruled or not; nobody but a person can read it, so its truth has no words."""
    sheet = rng.choice((A4, A4, A5))
    pixels = _bare(sheet)
    leading = to_px(rng.uniform(8, 11))
    height, width = pixels.shape[:2]
    if rng.random() < 0.5:
        for y in np.arange(to_px(25), height - to_px(15), leading):
            cv2.line(pixels, (0, round(y)), (width, round(y)), (170, 190, 222), 2)
    image, ink = Image.fromarray(pixels), rng.choice(PEN_INKS)
    last = height - to_px(rng.choice((15, 15, 120)))
    for y in np.arange(to_px(25), last, leading):
        _write_line(image, rng, float(y), leading, ink)
    return _page(np.array(image))


def look_elsewhere(rng: random.Random) -> SamplePage:
    """A photo of no document: soft light, shapes with shade and texture, as rooms and tables have."""
    height, width = 3508, 2480
    grain = np.random.default_rng(rng.getrandbits(32))
    planes = _draw_clouds(grain, (height // 4, width // 4))
    for _ in range(rng.randint(3, 14)):
        _draw_thing(planes, rng, grain)
    planes += grain.normal(0, rng.uniform(2, 6), planes.shape[:2]).astype(np.float32)[..., None]
    return _page(cv2.resize(np.clip(planes, 0, 255).astype(np.uint8), (width, height)))


def _bare(sheet: Sheet) -> Pixels:
    return np.full((round(to_px(sheet.height_mm)), round(to_px(sheet.width_mm)), 3), 255, np.uint8)


def _page(pixels: Pixels) -> SamplePage:
    pixels.setflags(write=False)
    return SamplePage(pixels=pixels, words=(), text="")


def _punch(pixels: Pixels, rng: random.Random) -> None:
    """Two holes of 6 mm, 80 mm apart (ISO 838), dark or pale as what lies behind."""
    behind = rng.choice((30, 120, 215))
    middle = pixels.shape[0] // 2
    for y in (middle - round(to_px(40)), middle + round(to_px(40))):
        cv2.circle(pixels, (round(to_px(12)), y), round(to_px(3)), (behind,) * 3, -1, cv2.LINE_AA)


def _write_line(
    image: Image.Image, rng: random.Random, y: float, leading: float, ink: tuple[int, int, int]
) -> None:
    """Words of one hand: loops on a line, with dots and strokes above as Vietnamese has them."""
    x, end = to_px(rng.uniform(15, 30)), image.width - to_px(rng.uniform(12, 60))
    while x < end:
        width, height = round(to_px(rng.uniform(7, 22))), round(leading * rng.uniform(0.75, 1.0))
        word = draw_signature(width, height, rng)
        word = _thin(word, rng)
        left, top = round(x), round(y - 0.72 * height + rng.uniform(-0.06, 0.06) * leading)
        if left + width >= image.width or not 0 <= top < image.height - height:
            break
        lay_ink(image, word, ink, left, top)
        x += width + to_px(rng.uniform(1.5, 4))


def _thin(word: Mask, rng: random.Random) -> Mask:
    """The pen of a writing hand is finer than that of a signature; marks stand above the word."""
    thin: Mask = cv2.erode(word, np.ones((2, 2), np.uint8)).astype(np.float32)
    height, width = thin.shape
    for _ in range(rng.randint(0, 2)):
        start = rng.randrange(max(1, width - 12)), rng.randrange(max(1, height // 4))
        end = start[0] + rng.randint(3, 14), start[1] + rng.randint(-7, 7)
        cv2.line(thin, start, end, 0.9, 3, cv2.LINE_AA)
    return thin


def _draw_clouds(grain: np.random.Generator, shape: tuple[int, int]) -> Planes:
    """Soft colour over the whole picture, from coarse to fine."""
    height, width = shape
    planes = np.full((height, width, 3), grain.uniform(60, 190, 3), np.float32)
    for cells, strength in ((3, 60.0), (9, 25.0), (40, 9.0)):
        patch = grain.normal(0, strength, (cells, cells, 1)) + grain.normal(
            0, strength / 5, (cells, cells, 3)
        )
        planes += cv2.resize(patch.astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return planes


def _draw_thing(planes: Planes, rng: random.Random, grain: np.random.Generator) -> None:
    """An ellipse or a box in its own colour, lit from one side, perhaps with a pattern."""
    height, width = planes.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    middle = rng.randrange(width), rng.randrange(height)
    size = rng.randint(width // 20, width // 3), rng.randint(width // 20, width // 3)
    lean = rng.uniform(0, 180)
    if rng.random() < 0.5:
        cv2.ellipse(mask, middle, size, lean, 0, 360, 255, -1, cv2.LINE_AA)
    else:
        corners = cv2.boxPoints((middle, size, lean))
        cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255, cv2.LINE_AA)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    towards = math.tau * rng.random()
    shade = 1 + 0.4 * ((x - middle[0]) * math.cos(towards) + (y - middle[1]) * math.sin(towards)) / max(size)
    thing = grain.uniform(20, 235, 3).astype(np.float32) * np.clip(shade, 0.4, 1.4)[..., None]
    if rng.random() < 0.4:
        thing *= (1 + 0.2 * np.sin(x / rng.uniform(3, 20)) * np.sin(y / rng.uniform(3, 20)))[..., None]
    cover = (mask.astype(np.float32) / 255)[..., None]
    planes *= 1 - cover
    planes += cover * thing
