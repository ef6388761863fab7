"""A page photographed with a phone as it lies on a table: a pinhole camera, a table, light and shadow."""

import io
import math
import random
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from schemas.page import Box, Pixels, QuarterTurn
from scripts.samples.page import SamplePage
from scripts.samples.scanning import PAPER_TINT

Point = tuple[float, float]
Quad = tuple[Point, Point, Point, Point]
"""The corners of the paper, clockwise from the one that is top left to a reader."""

PHOTO_SIZE = (3024, 4032)
"""Width and height of the 12 million pixels an ordinary phone gives."""

_FOCAL_PX = 3150.0
"""A main camera of 26 mm (35 mm equivalent) sees 65 degrees along the longer side."""

PHOTO_DPI = 300
"""What is written into the file; a phone does not know it. The paper comes out at 250 to 310 dpi."""

TABLES = ((112, 78, 52), (58, 52, 50), (150, 116, 80), (84, 96, 110), (122, 126, 130))
"""Wood, slate, light wood, blue cloth, grey laminate (RGB)."""


@dataclass(frozen=True, slots=True)
class Photo:
    """What the phone delivers, in the shape of a `Scan`, and where the paper lies in it.

    `homography` (3 x 3, row-major) takes pixel coordinates of the clean page to the photo's.
    """

    pixels: Pixels
    dpi: int
    bilevel: bool
    jpeg: bytes
    quad: Quad
    homography: tuple[float, ...]
    words: tuple[tuple[str, Box], ...]
    text: str
    quarter_turn: QuarterTurn = 0


def photograph(page: SamplePage, *, seed: int, tilt_deg: float, roll_deg: float, shadow: float) -> Photo:
    """Photograph `page` from `tilt_deg` off the vertical, rolled by up to `roll_deg` either way.

    `shadow` 0..1: how deep the shadow of hand and phone falls. The same arguments give the same bytes.
    """
    rng = random.Random(f"sohoa photo {seed}")
    grain = np.random.default_rng(seed)
    quad = _aim(page, rng, tilt_deg, roll_deg)
    height, width = page.pixels.shape[:2]
    corners = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float32)
    way = cv2.getPerspectiveTransform(corners, np.array(quad, np.float32))
    planes = _lay_on_table(page.pixels, way, rng, grain)
    planes *= _shine(rng, shadow)[..., None]
    planes *= np.array([1.0, rng.uniform(0.96, 1.0), rng.uniform(0.88, 0.98)], np.float32)
    planes = cv2.GaussianBlur(planes, (0, 0), rng.uniform(0.6, 0.9))
    planes += grain.standard_normal(planes.shape[:2], dtype=np.float32)[..., None] * rng.uniform(1.5, 3.0)
    packed = io.BytesIO()
    seen = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    Image.fromarray(seen).save(packed, "JPEG", quality=90, dpi=(PHOTO_DPI, PHOTO_DPI))
    pixels = np.array(Image.open(io.BytesIO(packed.getvalue())), dtype=np.uint8)
    pixels.setflags(write=False)
    words = tuple((text, _map_box(way, box)) for text, box in page.words)
    homography = tuple(float(entry) for entry in way.ravel())
    return Photo(pixels, PHOTO_DPI, False, packed.getvalue(), quad, homography, words, page.text)


def _aim(page: SamplePage, rng: random.Random, tilt_deg: float, roll_deg: float) -> Quad:
    """The paper's corners in the photo, seen from `tilt_deg` in any direction, filling most of the frame."""
    height, width = page.pixels.shape[:2]
    corners = np.array([(-width, -height, 0), (width, -height, 0), (width, height, 0), (-width, height, 0)])
    towards = math.tau * rng.random()
    axis = np.array([math.cos(towards), math.sin(towards), 0.0]) * math.radians(tilt_deg)
    tilted = corners / 2 @ cv2.Rodrigues(axis)[0].T
    rolled = tilted @ cv2.Rodrigues(np.array([0, 0, math.radians(rng.uniform(-roll_deg, roll_deg))]))[0].T
    fill = rng.uniform(0.86, 0.94)
    frame = np.array(PHOTO_SIZE, float)
    distance = 2.0 * height
    for _ in range(8):  # nearer or farther until the frame is filled
        seen = _FOCAL_PX * rolled[:, :2] / (rolled[:, 2:] + distance)
        distance *= float((np.ptp(seen, axis=0) / frame).max()) / fill
    seen = _FOCAL_PX * rolled[:, :2] / (rolled[:, 2:] + distance)
    slack = frame - np.ptp(seen, axis=0)
    shift = slack * (0.5 + np.array([rng.uniform(-0.25, 0.25), rng.uniform(-0.25, 0.25)])) - seen.min(axis=0)
    top_left, top_right, bottom_right, bottom_left = ((float(x), float(y)) for x, y in seen + shift)
    return top_left, top_right, bottom_right, bottom_left


def _lay_on_table(
    pixels: Pixels, way: NDArray[np.float64], rng: random.Random, grain: np.random.Generator
) -> NDArray[np.float32]:
    """The page over a table with a grain, its soft shadow around it."""
    width, height = PHOTO_SIZE
    table = np.array(rng.choice(TABLES), np.float32)
    streaks = cv2.resize(grain.normal(0, 1, (height // 8, 24)).astype(np.float32), PHOTO_SIZE)
    patches = cv2.resize(grain.normal(0, 1, (9, 7)).astype(np.float32), PHOTO_SIZE)
    planes = table * (1 + 0.05 * streaks + 0.06 * patches)[..., None]
    inside = cv2.warpPerspective(np.full(pixels.shape[:2], 255, np.uint8), way, PHOTO_SIZE)
    cover = inside.astype(np.float32)[..., None] / 255
    lifted = cv2.GaussianBlur(cv2.resize(inside, (width // 8, height // 8)), (0, 0), 4)
    planes *= 1 - 0.45 * cv2.resize(lifted, PHOTO_SIZE).astype(np.float32)[..., None] / 255
    paper = cv2.warpPerspective(pixels, _to_centres(way), PHOTO_SIZE, flags=cv2.INTER_LINEAR)
    paper = paper.astype(np.float32) * (np.array(PAPER_TINT, np.float32) / 255)
    laid: NDArray[np.float32] = planes * (1 - cover) + paper * cover
    return laid


def _shine(rng: random.Random, shadow: float) -> NDArray[np.float32]:
    """Light over the frame: it falls off to one side and to the corners; a soft-edged shadow across."""
    width, height = PHOTO_SIZE[0] // 8, PHOTO_SIZE[1] // 8
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j].astype(np.float32)
    lean = math.tau * rng.random()
    light = 0.94 - 0.08 * (x * math.cos(lean) + y * math.sin(lean)) - 0.07 * (x * x + y * y) / 2
    edge = math.tau * rng.random()
    beyond = x * math.cos(edge) + y * math.sin(edge) - rng.uniform(-0.1, 0.5)
    soft = 1 / (1 + np.exp(-beyond / rng.uniform(0.03, 0.1)))
    light *= 1 - 0.6 * shadow * soft
    return np.asarray(cv2.resize(light, PHOTO_SIZE, interpolation=cv2.INTER_LINEAR), np.float32)


def _to_centres(way: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same way between pixel centres, which is what OpenCV maps, instead of pixel corners."""
    half = np.array([(1, 0, 0.5), (0, 1, 0.5), (0, 0, 1)])
    centres: NDArray[np.float64] = np.linalg.inv(half) @ way @ half
    return centres


def _map_box(way: NDArray[np.float64], box: Box) -> Box:
    corners = [(x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
    mapped = cv2.perspectiveTransform(np.array([corners], np.float64), way)[0]
    (left, top), (right, bottom) = mapped.min(axis=0), mapped.max(axis=0)
    return Box(float(left), float(top), float(right), float(bottom))
