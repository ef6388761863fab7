"""What a scanner or a careless clerk does to a page: pure, seeded functions from pixels to pixels."""

import io
import math
from dataclasses import dataclass
from typing import TypedDict, Unpack

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from schemas.page import Box, Pixels, QuarterTurn
from scripts.samples.page import DPI, SamplePage

Planes = NDArray[np.float32]
Matrix = tuple[float, float, float, float, float, float]

PAPER_TINT = (250, 248, 242)
LID_GREY = 236
"""The scanner's lid beside the paper; `dark_border` shows the open scanner instead."""


class Conditions(TypedDict, total=False):
    """The keywords of `scan`; whatever is left out is an ordinary office scanner."""

    skew_deg: float
    """Text turned counter-clockwise by this much on the upright scan."""
    quarter_turn: QuarterTurn
    """Degrees clockwise that make the scan upright again."""
    dpi: int
    """Resolution of the scan; the page is resampled."""
    dim: float
    """0..1: less light, all the way to nearly black."""
    fade: float
    """0..1: ink paler, all the way to nearly white."""
    blur_px: float
    """Standard deviation of the defocus in pixels at 300 dpi."""
    motion_px: float
    """Length of a sideways smear in pixels at 300 dpi."""
    noise: float
    """Standard deviation of added noise in grey levels (of 255)."""
    uneven_light: float
    """0..1: how much of the light is lost in the darkest corner."""
    cut_px: int
    """The scan misses this much of the page's left side, pixels at 300 dpi."""
    jpeg_quality: int
    bilevel: bool
    """Black and white by a global threshold (Otsu), values 0 and 255, one plane."""
    grey: bool
    """One plane instead of RGB."""
    dark_border: bool
    """Black beside the paper instead of the lid's pale grey."""


@dataclass(frozen=True, slots=True)
class Scan:
    """What the scanner delivers.

    `pixels` are decoded from `jpeg` where there is one (colour and grey scans). `words` and `text` are the
    page's truth, boxes as they lie on the scan (of the turned, skewed word: its upright bounding box).
    `matrix` (2 x 3, row-major) takes pixel coordinates of the clean page to the scan's.
    """

    pixels: Pixels
    dpi: int
    bilevel: bool
    jpeg: bytes | None
    matrix: Matrix
    words: tuple[tuple[str, Box], ...]
    text: str
    quarter_turn: QuarterTurn
    skew_deg: float


def scan(page: SamplePage, *, seed: int = 0, **conditions: Unpack[Conditions]) -> Scan:
    """Scan `page` under `conditions`; the same arguments give the same bytes.

    Always: paper tint, soft edges, a little noise, JPEG (quality 85 unless told) for colour and grey.
    """
    turn = conditions.get("quarter_turn", 0)
    skew_deg = conditions.get("skew_deg", 0.0)
    dpi = conditions.get("dpi", page.dpi)
    grain = np.random.default_rng(seed)
    matrix, size = _place_paper(page, conditions)
    planes = _lay_on_glass(page.pixels, matrix, size, dark_border=conditions.get("dark_border", False))
    planes = _blur(planes, conditions, dpi / DPI)
    planes = _light(planes, conditions, grain)
    planes = _add_noise(planes, 1.6 + conditions.get("noise", 0.0), grain)
    pixels = np.clip(np.rint(planes), 0, 255).astype(np.uint8)
    pixels = np.ascontiguousarray(np.rot90(pixels, turn // 90))
    matrix = _turn_matrix(matrix, size, turn)
    bilevel = conditions.get("bilevel", False)
    jpeg = None
    if bilevel:
        pixels = cv2.threshold(to_grey(pixels), 0, 255, cv2.THRESH_BINARY | cv2.THRESH_OTSU)[1].astype(
            np.uint8
        )
    else:
        jpeg = _encode_jpeg(to_grey(pixels) if conditions.get("grey", False) else pixels, conditions, dpi)
        pixels = np.array(Image.open(io.BytesIO(jpeg)), dtype=np.uint8)
    pixels.setflags(write=False)
    words = tuple((text, map_box(matrix, box)) for text, box in page.words)
    return Scan(pixels, dpi, bilevel, jpeg, matrix, words, page.text, turn, skew_deg)


def map_point(matrix: Matrix, x: float, y: float) -> tuple[float, float]:
    """A point of the clean page on the scan."""
    a, b, c, d, e, f = matrix
    return a * x + b * y + c, d * x + e * y + f


def map_box(matrix: Matrix, box: Box) -> Box:
    """The upright bounding box on the scan of a box of the clean page."""
    corners = [map_point(matrix, x, y) for x in (box.left, box.right) for y in (box.top, box.bottom)]
    return Box(
        min(x for x, _ in corners),
        min(y for _, y in corners),
        max(x for x, _ in corners),
        max(y for _, y in corners),
    )


def invert(matrix: Matrix) -> Matrix:
    """The way back: from the scan's pixel coordinates to the clean page's."""
    a, b, c, d, e, f = (float(entry) for entry in cv2.invertAffineTransform(_as_array(matrix)).ravel())
    return a, b, c, d, e, f


def to_grey(pixels: Pixels) -> Pixels:
    """One plane of luma (ITU-R BT.601); grey stays as it is."""
    return pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8)


def _as_array(matrix: Matrix) -> NDArray[np.float64]:
    return np.array(matrix, dtype=np.float64).reshape(2, 3)


def _place_paper(page: SamplePage, conditions: Conditions) -> tuple[Matrix, tuple[int, int]]:
    """How the upright page lies on the glass, which is as large as the paper: (matrix, (width, height))."""
    height, width = page.pixels.shape[:2]
    zoom = conditions.get("dpi", page.dpi) / page.dpi
    size = (round((width - conditions.get("cut_px", 0)) * zoom), round(height * zoom))
    angle = math.radians(conditions.get("skew_deg", 0.0))
    cos, sin = zoom * math.cos(angle), zoom * math.sin(angle)
    shift_x = size[0] / 2 - cos * width / 2 - sin * height / 2 - conditions.get("cut_px", 0) * zoom / 2
    shift_y = size[1] / 2 + sin * width / 2 - cos * height / 2
    return (cos, sin, shift_x, -sin, cos, shift_y), size


def _turn_matrix(matrix: Matrix, size: tuple[int, int], turn: QuarterTurn) -> Matrix:
    """Follow the counter-clockwise turn of the finished scan, whose upright size is `size`."""
    a, b, c, d, e, f = matrix
    width, height = size
    if turn == 90:
        return d, e, f, -a, -b, width - c
    if turn == 180:
        return -a, -b, width - c, -d, -e, height - f
    if turn == 270:
        return -d, -e, height - f, a, b, c
    return matrix


def _lay_on_glass(pixels: Pixels, matrix: Matrix, size: tuple[int, int], *, dark_border: bool) -> Planes:
    """Resample the page where the paper lies; beside it the lid or the dark. Float planes 0..255."""
    tint = np.asarray(PAPER_TINT, dtype=np.float32) / 255
    rgb = pixels if pixels.ndim == 3 else cv2.cvtColor(pixels, cv2.COLOR_GRAY2RGB)
    # Pixel centres, not corners, are what warpAffine maps.
    at_centres = _as_array(matrix)
    at_centres[:, 2] += at_centres[:, :2].sum(axis=1) / 2 - 0.5
    zoom = math.hypot(matrix[0], matrix[3])
    if zoom < 0.95:
        rgb = cv2.GaussianBlur(rgb, (0, 0), 0.45 / zoom)
    beside = (18.0, 18.0, 20.0) if dark_border else (float(LID_GREY),) * 3
    outside = tuple(value / float(part) for value, part in zip(beside, tint, strict=True))
    laid = cv2.warpAffine(rgb, at_centres, size, flags=cv2.INTER_LINEAR, borderValue=outside)
    return (laid.astype(np.float32) * tint).astype(np.float32)


def _blur(planes: Planes, conditions: Conditions, zoom: float) -> Planes:
    sigma = math.hypot(0.55, conditions.get("blur_px", 0.0)) * zoom
    planes = cv2.GaussianBlur(planes, (0, 0), sigma).astype(np.float32)
    length = round(conditions.get("motion_px", 0.0) * zoom)
    return cv2.blur(planes, (length, 1)).astype(np.float32) if length > 1 else planes


def _light(planes: Planes, conditions: Conditions, grain: np.random.Generator) -> Planes:
    fade, dim, uneven = (
        conditions.get("fade", 0.0),
        conditions.get("dim", 0.0),
        conditions.get("uneven_light", 0.0),
    )
    if fade:
        planes = (255 - (255 - planes) * (1 - 0.95 * fade)).astype(np.float32)
    if dim:
        planes = 12 + planes * (1 - 0.9 * dim) * (1 - 0.05 * dim)
    if uneven:
        height, width = planes.shape[:2]
        corner = grain.random(2) > 0.5
        x = np.linspace(-0.1, 1, width, dtype=np.float32)[:: -1 if corner[0] else 1]
        y = np.linspace(-0.1, 1, height, dtype=np.float32)[:: -1 if corner[1] else 1]
        shade = np.clip((x[None, :] ** 2 + y[:, None] ** 2) / 2, 0, 1)
        planes = (planes * (1 - uneven * shade)[..., None]).astype(np.float32)
    return planes.astype(np.float32)


def _add_noise(planes: Planes, sigma: float, grain: np.random.Generator) -> Planes:
    """Sensor noise, the same in all planes: what matters to reading is brightness."""
    height, width = planes.shape[:2]
    luma = grain.standard_normal((height, width), dtype=np.float32)
    noisy: Planes = planes + luma[..., None] * np.float32(sigma)
    return noisy


def _encode_jpeg(pixels: Pixels, conditions: Conditions, dpi: int) -> bytes:
    packed = io.BytesIO()
    Image.fromarray(pixels).save(packed, "JPEG", quality=conditions.get("jpeg_quality", 85), dpi=(dpi, dpi))
    return packed.getvalue()
