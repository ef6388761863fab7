"""Phone photos drawn for the tests of the image room: a sheet on a table, seen by a pinhole camera."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Pixels

TABLES = ("wood", "dark", "grey", "cloth", "pale", "tiles")
FOCAL_LENGTH = 0.75
"""Of the longer side of the picture: a phone's main camera (26-28 mm on 36 mm film)."""


@dataclass(frozen=True, slots=True)
class Photo:
    """`pixels` (RGB), and where the corners of the sheet lie: top left, top right, bottom right, bottom left
    of the sheet as its text stands."""

    pixels: Pixels
    corners: NDArray[np.float64]


def take_photo(
    sheet: Pixels,
    seed: int,
    *,
    size: tuple[int, int] = (1600, 1200),
    tilt_deg: float = 18.0,
    turn_deg: float | None = None,
    table: str | None = None,
    clutter: bool = True,
    shadow: bool = True,
) -> Photo:
    """Photograph `sheet` (RGB) from `tilt_deg` off the vertical; everything left out is drawn from `seed`."""
    rng = np.random.default_rng(seed)
    table = table or TABLES[int(rng.integers(len(TABLES)))]
    turn_deg = float(rng.uniform(-12, 12)) if turn_deg is None else turn_deg
    corners = _look_down(sheet.shape[1] / sheet.shape[0], size, tilt_deg, turn_deg, rng)
    picture = _draw_table(table, size, rng)
    if clutter:
        picture = _lay_clutter(picture, corners, rng)
    picture = _cast_sheet_shadow(picture, corners, rng)
    picture = _lay_sheet(picture, sheet, corners)
    light = _draw_light(size, rng, shadow=shadow)
    noisy = picture * light[..., None] + rng.normal(0, 2.0, picture.shape[:2])[..., None]
    packed = cv2.imencode(".jpg", np.clip(noisy, 0, 255)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])[1]
    pixels = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR)[..., ::-1], dtype=np.uint8)
    return Photo(np.ascontiguousarray(pixels), corners)


def _look_down(
    aspect: float, size: tuple[int, int], tilt_deg: float, turn_deg: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Corners of a sheet of width / height `aspect` as the camera sees them, 70 to 92 % of the frame."""
    width, height = size
    towards = rng.uniform(0, 2 * np.pi)
    tilt = np.radians(tilt_deg) * np.array([np.cos(towards), np.sin(towards), 0])
    turn = cv2.Rodrigues(np.array([0, 0, np.radians(turn_deg)]))[0]
    rotation = cv2.Rodrigues(tilt)[0] @ turn
    half = np.array([aspect, 1.0]) / 2
    flat = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    focal = FOCAL_LENGTH * max(size)
    solid = (rotation @ np.column_stack((flat, np.zeros(4))).T).T
    fill = rng.uniform(0.70, 0.92)
    distance = 3.0
    for _ in range(30):
        seen = focal * solid[:, :2] / (solid[:, 2:] + distance)
        extent = np.ptp(seen, axis=0) / (width, height)
        distance *= extent.max() / fill
    middle = (seen.max(axis=0) + seen.min(axis=0)) / 2
    slack = np.array([width, height]) * (1 - extent) * 0.3
    return np.asarray(seen - middle + np.array([width, height]) / 2 + rng.uniform(-1, 1, 2) * slack)


def _draw_table(table: str, size: tuple[int, int], rng: np.random.Generator) -> NDArray[np.float32]:
    width, height = size
    grain = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 1.2)
    colour = {
        "wood": (168, 122, 78),
        "dark": (52, 46, 44),
        "grey": (128, 130, 132),
        "cloth": (60, 88, 142),
        "pale": (204, 198, 186),
        "tiles": (176, 168, 160),
    }[table]
    picture = np.ones((height, width, 3), np.float32) * np.array(colour, np.float32)
    if table == "wood":
        along = cv2.GaussianBlur(rng.normal(0, 1, (height, width)).astype(np.float32), (0, 0), 60, sigmaY=1.5)
        picture *= (1 + 2.2 * along)[..., None]
        for y in rng.integers(0, height, 3):
            cv2.line(picture, (0, int(y)), (width, int(y + rng.integers(-40, 40))), (70, 48, 30), 4)
    if table == "tiles":
        for x in range(int(rng.integers(0, 200)), width, width // 5):
            cv2.line(picture, (x, 0), (x + 60, height), (120, 116, 110), 6)
        for y in range(int(rng.integers(0, 200)), height, height // 4):
            cv2.line(picture, (0, y), (width, y + 50), (120, 116, 110), 6)
    return np.asarray(picture * (1 + 0.12 * grain)[..., None], dtype=np.float32)


def _lay_clutter(
    picture: NDArray[np.float32], corners: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    """A pen, a cup, the table's edge, and another sheet that sticks out from under the page."""
    height, width = picture.shape[:2]
    if rng.random() < 0.4:  # the table ends, the floor is dark
        x = int(width * rng.choice((0.03, 0.97)))
        far = 0 if x < width / 2 else width
        edge = np.array([[x, 0], [x + 20, height], [far, height], [far, 0]], np.int32)
        cv2.fillPoly(picture, [edge], (30, 28, 27))
    if rng.random() < 0.5:
        middle = corners.mean(axis=0) + rng.uniform(-0.25, 0.25, 2) * (width, height)
        box = cv2.boxPoints((tuple(middle), (width * 0.7, height * 0.7), float(rng.uniform(0, 90))))
        cv2.fillPoly(picture, [box.astype(np.int32)], (228, 228, 224), lineType=cv2.LINE_AA)
    if rng.random() < 0.6:
        start = rng.uniform(0, 1, 2) * (width, height)
        finish = start + rng.uniform(-0.3, 0.3, 2) * (width, height)
        points = tuple(map(int, start)), tuple(map(int, finish))
        cv2.line(picture, points[0], points[1], (28, 40, 120), 14, lineType=cv2.LINE_AA)
    if rng.random() < 0.4:
        middle = tuple(
            int(share * side) for share, side in zip(rng.uniform(0, 1, 2), (width, height), strict=True)
        )
        cv2.circle(picture, middle, height // 9, (238, 236, 232), -1, lineType=cv2.LINE_AA)
        cv2.circle(picture, middle, height // 11, (70, 40, 22), -1, lineType=cv2.LINE_AA)
    return picture


def _cast_sheet_shadow(
    picture: NDArray[np.float32], corners: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float32]:
    mask = np.zeros(picture.shape[:2], np.float32)
    reach = rng.uniform(-6, 6, 2)
    cv2.fillConvexPoly(mask, np.round(corners + reach).astype(np.int32), 1.0)
    mask = cv2.GaussianBlur(mask, (0, 0), 4)
    return np.asarray(picture * (1 - 0.35 * mask)[..., None], dtype=np.float32)


def _lay_sheet(
    picture: NDArray[np.float32], sheet: Pixels, corners: NDArray[np.float64]
) -> NDArray[np.float32]:
    """Four samples a pixel, so that fine print is averaged as a sensor does."""
    height, width = picture.shape[:2]
    sheet_height, sheet_width = sheet.shape[:2]
    # Corners of the sheet, not centres of its corner pixels.
    flat = np.array([[0, 0], [sheet_width, 0], [sheet_width, sheet_height], [0, sheet_height]]) - 0.5
    double = (2 * (corners + 0.5) - 0.5).astype(np.float32)
    matrix = cv2.getPerspectiveTransform(flat.astype(np.float32), double)
    size = 2 * width, 2 * height
    laid = cv2.warpPerspective(sheet, matrix, size, flags=cv2.INTER_AREA)
    cover = cv2.warpPerspective(np.full(sheet.shape[:2], 255, np.uint8), matrix, size)
    laid = cv2.resize(laid, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)
    share = (
        cv2.resize(cover, (width, height), interpolation=cv2.INTER_AREA).astype(np.float32)[..., None] / 255
    )
    return np.asarray(picture * (1 - share) + laid, dtype=np.float32)


def _draw_light(size: tuple[int, int], rng: np.random.Generator, *, shadow: bool) -> NDArray[np.float32]:
    """A slope of the light, and the photographer's shadow with a hard or soft rim."""
    width, height = size
    x, y = np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height))
    slope = rng.uniform(-0.12, 0.12, 2)
    light = (0.92 + slope[0] * x + slope[1] * y).astype(np.float32)
    if shadow:
        mask = np.zeros((height, width), np.float32)
        middle = np.array([width, height]) * rng.uniform(0.2, 0.8, 2)
        spread = np.array([width, height]) * rng.uniform(0.3, 0.6, 2)
        box = cv2.boxPoints((tuple(middle), tuple(spread), float(rng.uniform(0, 90))))
        cv2.fillPoly(mask, [box.astype(np.int32)], 1.0)
        mask = cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(4, 50)))
        light *= 1 - float(rng.uniform(0.2, 0.5)) * mask
    return light
