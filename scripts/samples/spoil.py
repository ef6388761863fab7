"""What makes a page unreadable, in part or whole: pure, seeded functions from a page to a page.

Words keep their places, also where nothing of them is left: the truth is what was printed. `severity` runs
from 0, a nuisance that a person reads through, to 1, where hardly a word is left.
"""

import math
import random
from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Box, Pixels
from scripts.samples.layout import to_px
from scripts.samples.page import SamplePage

Planes = NDArray[np.float32]

AREA_SHRINK = 8
"""`Spoiled.area` is this much smaller than the page along each side (0.7 mm)."""

_SKINS = ((232, 190, 160), (198, 150, 118), (150, 104, 76), (110, 74, 56))
_SHEETS = (
    (252, 252, 250),
    (244, 240, 226),
    (250, 232, 120),
    (246, 190, 196),
    (214, 226, 240),
    (226, 226, 226),
)
"""White, cream, yellow and pink notes, blue and grey card (RGB)."""

_PAPER_UNDER_LAMP = 0.93
"""A mirrored lamp is brighter than paper: paper gives back at most 0.93 of the light (80 g/m2 copy paper)."""


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A page after the damage; `area` (0 or 255, an eighth of the page's size) is where it is damaged, and
    None where all of it is."""

    page: SamplePage
    area: Pixels | None


def smear(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """The paper moved under the camera: every point drawn out by 0.2 to 4 mm in one direction."""
    length = max(2.0, to_px(0.2 + 3.8 * severity**1.5))
    size = 2 * math.ceil(length / 2) + 1
    kernel = np.zeros((size, size), np.float32)
    angle = math.pi * rng.random()
    reach = np.array([math.cos(angle), math.sin(angle)]) * (length - 1) / 2
    middle = np.array([size // 2, size // 2])
    start, end = (tuple(round(v * 16) for v in middle + way) for way in (-reach, reach))
    cv2.line(kernel, start, end, 1.0, 1, cv2.LINE_AA, shift=4)
    smeared = cv2.filter2D(page.pixels, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)
    return Spoiled(_with_pixels(page, smeared), None)


def blur_part(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """30 to 70 % of the page out of focus (standard deviation 0.2 to 1 mm), the rest sharp."""
    height, width = page.pixels.shape[:2]
    sigma = to_px(0.2 + 0.8 * severity)
    factor = max(1, int(sigma / 3))  # a wide blur is as good on the shrunken page, and quick
    small = cv2.resize(page.pixels, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
    soft = cv2.resize(cv2.GaussianBlur(small, (0, 0), sigma / factor), (width, height))
    depth = _fall_off(rng, (height, width), share=rng.uniform(0.3, 0.7), soft_mm=rng.uniform(4, 15))
    return _mix(page, soft.astype(np.float32), depth)


def cover_with_sheet(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """Another paper, a note or a card lies on the page: 4 to 60 % of the print is under it."""
    corners = _lay_sheet(page, rng, 0.04 + 0.56 * severity)
    return _lay_on(page, rng, corners, rng.choice(_SHEETS))


def fold_corner(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """A corner is folded over and shows its back: legs of 60 to 230 mm (of A4)."""
    height, width = page.pixels.shape[:2]
    reach = (0.28 + 0.6 * severity) * min(width, height / 1.2)
    along, down = reach * rng.uniform(0.8, 1.2), reach * rng.uniform(0.8, 1.3)
    x, y = rng.choice(((0, 0), (width, 0), (width, height), (0, height)))
    corners = np.array([(x, y), (x + math.copysign(along, 1 - x), y), (x, y + math.copysign(down, 1 - y))])
    return _lay_on(page, rng, corners, (238, 237, 232))


def lay_hand(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """One to four fingers, and at last a hand, over the print from one side."""
    height, width = page.pixels.shape[:2]
    mask = np.zeros((height, width), np.uint8)
    side = rng.randrange(4)
    inwards = (90, 180, 270, 0)[side] + rng.uniform(-25, 25)
    way = np.array([math.cos(math.radians(inwards)), math.sin(math.radians(inwards))])
    across = np.array([-way[1], way[0]])
    edge = np.array(((0.5, 0.0), (1.0, 0.5), (0.5, 1.0), (0.0, 0.5))[side]) * (width, height)
    edge = edge + across * rng.uniform(-0.25, 0.25) * min(width, height)
    fingers, thick = 1 + round(3 * severity), to_px(17)
    long_px = to_px(35 + 110 * severity)
    for finger in range(fingers):
        root = edge + across * (finger - (fingers - 1) / 2) * thick * 1.08
        tip = root + way * long_px * (1 - 0.13 * abs(finger - (fingers - 1) / 2))
        _draw_stroke(mask, root - way * thick, tip, thick)
    if severity > 0.5:
        palm = edge + way * long_px * 0.25
        cv2.circle(mask, _point(palm), round(thick * fingers * 0.62), 255, -1)
    skin = np.array(rng.choice(_SKINS), np.float32)
    grain = np.random.default_rng(rng.getrandbits(32))
    round_off = cv2.distanceTransform(cv2.resize(mask, None, fx=0.25, fy=0.25), cv2.DIST_L2, 3)
    shade = 0.72 + 0.28 * np.clip(round_off / (thick / 8), 0, 1)
    shade = cv2.resize(shade * (1 + 0.02 * grain.standard_normal(shade.shape, np.float32)), (width, height))
    return _mix(_shade_around(page, mask), skin * shade[..., None], mask.astype(np.float32) / 255)


def shine(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """A lamp mirrored in a plastic sleeve: print fades out in one to three bright patches."""
    height, width = page.pixels.shape[:2]
    y, x = np.mgrid[0:height:AREA_SHRINK, 0:width:AREA_SHRINK].astype(np.float32)
    light = np.zeros_like(x)
    for _ in range(rng.randint(1, 1 + round(2 * severity))):
        centre = _choose_word(page, rng)
        long, short = to_px(25 + 95 * severity), to_px(14 + 50 * severity)
        lean = math.pi * rng.random()
        along = (x - centre[0]) * math.cos(lean) + (y - centre[1]) * math.sin(lean)
        over = (y - centre[1]) * math.cos(lean) - (x - centre[0]) * math.sin(lean)
        light = np.maximum(light, 1.7 * np.exp(-((along / long) ** 2) - (over / short) ** 2))
    depth = cv2.resize(np.clip(light, 0, 1), (width, height))
    lit = _with_pixels(page, page.pixels * np.float32(_PAPER_UNDER_LAMP))
    return _mix(lit, np.full((1, 1, 3), 255, np.float32), depth, least=0.85)


def band(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """A faulty scanner: stripes of no light or full light, and rows drawn out of place."""
    height, width = page.pixels.shape[:2]
    pixels = page.pixels.copy()
    area = np.zeros((height, width), np.uint8)
    left_out = 0.05 + 0.6 * severity
    across = rng.random() < 0.5
    length = height if across else width
    while area.mean() < 255 * left_out:
        thick = round(to_px(rng.uniform(0.5, 3.5)))
        at = rng.randrange(max(1, length - thick))
        stripe = np.s_[at : at + thick, :] if across else np.s_[:, at : at + thick]
        pixels[stripe] = rng.choice((10, 60, 225, 250)) if rng.random() < 0.7 else pixels[stripe][:1, :1]
        area[stripe] = 255
    return Spoiled(_with_pixels(page, pixels), None)


def shake(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """A feeder that slips: rows are shifted and drawn out, more and more."""
    height, width = page.pixels.shape[:2]
    grain = np.random.default_rng(rng.getrandbits(32))
    steps = max(4, round(to_px(1.2)))
    sway = np.repeat(grain.normal(0, to_px(0.05 + 1.6 * severity**1.5), height // steps + 1), steps)[:height]
    rows = (
        np.arange(height)
        + np.repeat(grain.normal(0, to_px(0.05 + 1.2 * severity**1.5), height // steps + 1), steps)[:height]
    )
    x = np.broadcast_to(np.arange(width, dtype=np.float32), (height, width)) + sway[:, None].astype(
        np.float32
    )
    y = np.broadcast_to(rows[:, None].astype(np.float32), (height, width))
    moved = cv2.remap(page.pixels, np.ascontiguousarray(x), np.ascontiguousarray(y), cv2.INTER_LINEAR,
                      borderMode=cv2.BORDER_REPLICATE)  # fmt: skip
    return Spoiled(_with_pixels(page, moved), None)


def crumple(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """Crushed and smoothed out again: facets bend the lines, catch the light and lose ink at their edges."""
    height, width = page.pixels.shape[:2]
    y, x = np.mgrid[0:height:AREA_SHRINK, 0:width:AREA_SHRINK].astype(np.float32)
    relief = np.zeros_like(x)
    for _ in range(10 + round(40 * severity)):
        lean, at = math.tau * rng.random(), (rng.random() * width, rng.random() * height)
        off = (x - at[0]) * math.cos(lean) + (y - at[1]) * math.sin(lean)
        near = np.exp(-(((x - at[0]) ** 2 + (y - at[1]) ** 2) / to_px(rng.uniform(25, 70)) ** 2))
        relief += rng.uniform(-1, 1) * np.abs(off) / to_px(10) * near
    slope_x, slope_y = cv2.Sobel(relief, cv2.CV_32F, 1, 0), cv2.Sobel(relief, cv2.CV_32F, 0, 1)
    bend = to_px(0.5 + 9 * severity)
    moved = cv2.remap(
        page.pixels,
        cv2.resize(x + bend * cv2.GaussianBlur(slope_x, (0, 0), 2), (width, height)),
        cv2.resize(y + bend * cv2.GaussianBlur(slope_y, (0, 0), 2), (width, height)),
        cv2.INTER_LINEAR,
        borderValue=(255, 255, 255),
    ).astype(np.float32)
    edges = np.clip(np.abs(cv2.Laplacian(relief, cv2.CV_32F, ksize=3)) * (0.6 + 1.6 * severity), 0, 1)
    worn = cv2.resize(edges, (width, height))[..., None] * (0.3 + 0.65 * severity)
    light = 1 + (0.12 + 0.5 * severity) * cv2.resize(np.clip(slope_x + 0.6 * slope_y, -1, 1), (width, height))
    return Spoiled(
        _with_pixels(page, (255 - (255 - moved) * (1 - worn)) * np.minimum(light, 1)[..., None]), None
    )


def cut_side(page: SamplePage, rng: random.Random, severity: float) -> Spoiled:
    """The scan ends within the print on one side: 1 to 70 % of its breadth (height) is lost.

    Words that are gone keep their boxes, outside of the page; `area` is the strip along the cut.
    """
    height, width = page.pixels.shape[:2]
    left, top, right, bottom = _print_box(page)
    share = 0.01 + 0.69 * severity
    side = rng.randrange(4)
    x0 = round(left + share * (right - left)) if side == 0 else 0
    y0 = round(top + share * (bottom - top)) if side == 1 else 0
    x1 = round(right - share * (right - left)) if side == 2 else width
    y1 = round(bottom - share * (bottom - top)) if side == 3 else height
    area = np.zeros((y1 - y0, x1 - x0), np.uint8)
    rim = round(to_px(6))
    area[(np.s_[:, :rim], np.s_[:rim], np.s_[:, -rim:], np.s_[-rim:])[side]] = 255
    words = tuple(
        (text, Box(box.left - x0, box.top - y0, box.right - x0, box.bottom - y0)) for text, box in page.words
    )
    kept = replace(page, words=words)
    return Spoiled(_with_pixels(kept, page.pixels[y0:y1, x0:x1].copy()), _shrink_area(area))


def _lay_sheet(page: SamplePage, rng: random.Random, share: float) -> NDArray[np.float64]:
    """Corners of a leaning rectangle over about `share` of the print."""
    left, top, right, bottom = _print_box(page)
    area, ratio = share * (right - left) * (bottom - top), rng.uniform(0.6, 1.6)
    size = np.array([math.sqrt(area * ratio), math.sqrt(area / ratio)])
    size = np.minimum(size, (right - left, bottom - top))
    size[1] = max(size[1], min(area / size[0], bottom - top))
    middle = [
        rng.uniform(a + s / 2, b - s / 2) for a, b, s in zip((left, top), (right, bottom), size, strict=True)
    ]
    lean = math.radians(rng.uniform(-25, 25))
    turn = np.array([[math.cos(lean), -math.sin(lean)], [math.sin(lean), math.cos(lean)]])
    corners = np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)]) / 2 * size
    return np.asarray(corners @ turn.T + middle, np.float64)


def _lay_on(
    page: SamplePage, rng: random.Random, corners: NDArray[np.float64], colour: tuple[int, int, int]
) -> Spoiled:
    """A sheet of `colour` with its shadow over the polygon `corners`."""
    mask = np.zeros(page.pixels.shape[:2], np.uint8)
    cv2.fillPoly(mask, [np.round(corners).astype(np.int32)], 255, cv2.LINE_AA)
    grain = np.random.default_rng(rng.getrandbits(32))
    light = cv2.resize(grain.normal(1, 0.012, (5, 4)).astype(np.float32), page.pixels.shape[1::-1])
    sheet = np.array(colour, np.float32) * light[..., None]
    return _mix(_shade_around(page, mask), sheet, mask.astype(np.float32) / 255)


def _shade_around(page: SamplePage, mask: Pixels) -> SamplePage:
    """The soft shadow of what lies on the page."""
    height, width = mask.shape
    small = cv2.resize(mask, (width // AREA_SHRINK, height // AREA_SHRINK), interpolation=cv2.INTER_AREA)
    shadow = cv2.resize(cv2.GaussianBlur(small, (0, 0), to_px(1.6) / AREA_SHRINK), (width, height))
    return _with_pixels(page, page.pixels * (1 - 0.3 * shadow.astype(np.float32) / 255)[..., None])


def _mix(page: SamplePage, over: Planes, depth: Planes, *, least: float = 0.5) -> Spoiled:
    """`over` in place of the page by `depth` (0..1); damaged is where that is at least `least`."""
    mixed = page.pixels * (1 - depth[..., None]) + over * depth[..., None]
    return Spoiled(_with_pixels(page, mixed), _shrink_area((depth >= least).astype(np.uint8) * 255))


def _fall_off(rng: random.Random, shape: tuple[int, int], *, share: float, soft_mm: float) -> Planes:
    """0..1 over the page: 1 on `share` of it to one side, with a soft edge."""
    height, width = shape
    side = rng.randrange(4)
    length = width if side % 2 == 0 else height
    ramp = np.clip((share * length - np.arange(length, dtype=np.float32)) / to_px(soft_mm) + 0.5, 0, 1)
    if side >= 2:
        ramp = ramp[::-1]
    across = ramp[None, :] if side % 2 == 0 else ramp[:, None]
    return np.ascontiguousarray(np.broadcast_to(across, shape), np.float32)


def _print_box(page: SamplePage) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of all words. Raises ValueError for a page without any."""
    if not page.words:
        raise ValueError("a page without print has none to spoil")
    boxes = [box for _, box in page.words]
    return (
        min(box.left for box in boxes),
        min(box.top for box in boxes),
        max(box.right for box in boxes),
        max(box.bottom for box in boxes),
    )


def _choose_word(page: SamplePage, rng: random.Random) -> tuple[float, float]:
    """The middle of one word."""
    box = rng.choice(page.words)[1]
    return (box.left + box.right) / 2, (box.top + box.bottom) / 2


def _draw_stroke(mask: Pixels, start: NDArray[np.float64], end: NDArray[np.float64], thick: float) -> None:
    cv2.line(mask, _point(start), _point(end), 255, round(thick), cv2.LINE_AA)


def _point(place: NDArray[np.float64]) -> tuple[int, int]:
    return round(float(place[0])), round(float(place[1]))


def _shrink_area(area: Pixels) -> Pixels:
    height, width = area.shape
    size = max(1, width // AREA_SHRINK), max(1, height // AREA_SHRINK)
    small = cv2.resize(area, size, interpolation=cv2.INTER_AREA)
    return np.asarray((small > 127).astype(np.uint8) * 255, np.uint8)


def _with_pixels(page: SamplePage, planes: Planes | Pixels) -> SamplePage:
    pixels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return replace(page, pixels=pixels)
