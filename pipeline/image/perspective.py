"""The sheet of paper on a photo: where its four sides lie, and the way to see it flat.

Sides are straight edges with something brighter and paler (the paper) on their inner side. Printed
frames and tables have paper on both sides, scans have paper up to their rim: neither is taken for a sheet.
"""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.light import shrink
from pipeline.image.paper import known_aspect, measure_aspect
from pipeline.image.sides import Side, find_sides, refine_side
from schemas.page import Pixels

Floats: TypeAlias = NDArray[np.float64]

_SEARCH_PX = 480
"""Longer side of the picture sides are searched on: print is 2 to 3 px high there and closes up."""

_CLOSING_PX = 7
"""Closes print of 2 to 3 px and the gaps between its lines."""

_RIM_SHARE = 0.02
_BRIGHT_RIM = 0.8
_BRIGHT_RIM_SHARE = 0.8
"""A scan whose rim is, for this share, nearly as bright as its paper shows no table; costs 1 ms."""

_LEAST_AREA = 0.1
"""Of the picture; a card that fills less is too coarse to read."""

_LEAST_SUPPORT = 0.5
_LEAST_MEAN_SUPPORT = 0.72
"""Share of each side, and of all four, along which the inner side is brighter."""

_AREA_POWER = 0.3
"""A lit half of a sheet has four good sides too, so the larger sheet wins unless its sides are poor."""

_FOREMOST = 40
_KNOWN_PAPER = 1.15
"""A shape that ISO paper or a card can have beats one that it cannot, by as much as half more area."""

_ANGLES_DEG = (50.0, 130.0)

_RECTANGLE_DEG = 0.6
_SCANNER_RECTANGLE_DEG = 1.2
_DARK_TABLE = 60.0
_EVEN_TABLE = 8.0
"""Round a scan lies an even lid or the dark (standard deviation of grey levels); there a torn corner or a
fold must not pass for perspective. Where a table is seen, a rectangle is a sheet seen from straight above."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """A sheet on a photo. `corners` (`4 x 2`: x, y) in pixels of the photo, clockwise, the first side the
    one that runs most nearly rightwards; `support` 0..1: how much of its sides is seen."""

    corners: Floats
    support: float


def find_sheet(small: Pixels) -> Sheet | None:
    """The sheet of paper on `small` (`H x W [x 3]`, a photo averaged down to some 1,000 px or more).

    None on scans: where paper reaches the rim, where no four sides are found, and where the sheet lies
    square on an even ground, as the scanner's lid or its darkness is.
    """
    pale = _palest(small)
    factor = max(1, round(max(pale.shape) / _SEARCH_PX))
    search = shrink(pale, factor)
    if min(search.shape) < _SEARCH_PX // 8 or _reaches_rim(search):
        return None
    closed = _close(search, _CLOSING_PX)
    best = _choose_sides(find_sides(closed), closed.shape)
    if best is None:
        return None
    rough, support = best
    # The middle of a block of small pixels, not its corner.
    rough = (rough + 0.5) * factor - 0.5
    corners = _refine(_close(pale, _CLOSING_PX), rough, reach_px=1.5 * factor + 3)
    if corners is None or not _is_sheet(corners, small, closed, factor):
        return None
    return Sheet(_rightwards(corners), support)


def _palest(pixels: Pixels) -> Pixels:
    """The weakest of the three colours: white paper keeps it high, wood, cloth and skin do not."""
    if pixels.ndim == 2:
        return pixels
    red, green, blue = cv2.split(pixels)
    return np.asarray(cv2.min(cv2.min(red, green), blue), dtype=np.uint8)


def _close(pale: Pixels, size_px: int) -> Pixels:
    return np.asarray(cv2.morphologyEx(pale, cv2.MORPH_CLOSE, np.ones((size_px, size_px), np.uint8)))


def _reaches_rim(search: Pixels) -> bool:
    deep = max(2, round(_RIM_SHARE * max(search.shape)))
    closed = _close(search, 5)
    sides = (closed[:deep], closed[-deep:], closed[:, :deep], closed[:, -deep:])
    rim = np.concatenate([side.reshape(-1) for side in sides])
    paper = float(np.percentile(closed[deep:-deep:3, deep:-deep:3], 93))
    return float(np.mean(rim >= _BRIGHT_RIM * paper)) >= _BRIGHT_RIM_SHARE


def _choose_sides(
    sides: tuple[list[Side], list[Side]], shape: tuple[int, ...]
) -> tuple[Floats, float] | None:
    """The best two sides of one direction with the best two across: corners in order, and their support."""
    across, along = sides
    if min(len(across), len(along)) < 2:
        return None
    crossings = np.array([[one.cross(other) for other in along] for one in across])
    rows, columns = _support_table(across, crossings), _support_table(along, crossings.transpose(1, 0, 2))
    (i, j), (k, m) = np.triu_indices(len(across), 1), np.triu_indices(len(along), 1)
    i, j = np.repeat(i, len(k)), np.repeat(j, len(k))
    k, m = np.tile(k, len(i) // len(k)), np.tile(m, len(i) // len(k))
    corners = np.stack((crossings[i, k], crossings[i, m], crossings[j, m], crossings[j, k]), axis=1)
    middle = corners.mean(axis=1)
    support = np.stack(
        (
            rows[_facing(across, i, middle), i, k, m],
            rows[_facing(across, j, middle), j, k, m],
            columns[_facing(along, k, middle), k, i, j],
            columns[_facing(along, m, middle), m, i, j],
        )
    )
    height, width = shape
    slack = 0.02 * max(shape)
    x, y = corners[..., 0], corners[..., 1]
    area = (
        np.abs((x * np.roll(y, -1, axis=1) - y * np.roll(x, -1, axis=1)).sum(axis=1)) / 2 / (height * width)
    )
    possible = (corners > -slack).all(axis=(1, 2)) & (corners < (width + slack, height + slack)).all(
        axis=(1, 2)
    )
    possible &= (area >= _LEAST_AREA) & (support.min(axis=0) >= _LEAST_SUPPORT)
    possible &= support.mean(axis=0) >= _LEAST_MEAN_SUPPORT
    if not possible.any():
        return None
    scores = np.where(possible, support.prod(axis=0) * area**_AREA_POWER, 0)
    foremost = np.argsort(-scores)[:_FOREMOST]
    for index in foremost:
        if known_aspect(measure_aspect(corners[index], width, height)) is not None:
            scores[index] *= _KNOWN_PAPER
    best = int(foremost[np.argmax(scores[foremost])])
    return corners[best], float(support[:, best].mean())


def _support_table(sides: list[Side], crossings: Floats) -> Floats:
    """`2 x N x M x M`: support of each side between two crossings, with the sheet to its left or right."""
    return np.stack([side.support_between(met) for side, met in zip(sides, crossings, strict=True)], axis=1)


def _facing(sides: list[Side], chosen: NDArray[np.intp], middle: Floats) -> NDArray[np.intp]:
    """1 where `middle` lies to the right of the chosen side, 0 to the left."""
    points, normals = np.array([side.point for side in sides]), np.array([side.normal for side in sides])
    heights = ((middle - points[chosen]) * normals[chosen]).sum(axis=1)
    return np.asarray(heights > 0, dtype=np.intp)


def _area(corners: Floats) -> float:
    x, y = corners.T
    return float(x @ np.roll(y, -1) - y @ np.roll(x, -1)) / 2


def _refine(pale: Pixels, rough: Floats, reach_px: float) -> Floats | None:
    """Corners to a fraction of a pixel: where lines fitted to the sides meet."""
    middle = rough.mean(axis=0)
    lines = [refine_side(pale, rough[k], rough[(k + 1) % 4], middle, reach_px) for k in range(4)]
    if any(line is None for line in lines):
        return None
    known = [line for line in lines if line is not None]
    return np.array([known[k - 1].cross(known[k]) for k in range(4)])


def _is_sheet(corners: Floats, small: Pixels, closed: Pixels, factor: int) -> bool:
    angles = _corner_angles_deg(corners)
    if not (_ANGLES_DEG[0] <= angles.min() and angles.max() <= _ANGLES_DEG[1]):
        return False
    beyond = np.full(closed.shape, 255, np.uint8)
    cv2.fillConvexPoly(beyond, np.round(corners / factor).astype(np.int32), 0)
    clear = cv2.erode(beyond, np.ones((9, 9), np.uint8), borderValue=255)
    table = shrink(_palest(small), factor)[clear > 0]
    even = len(table) == 0 or float(table.std()) < _EVEN_TABLE or float(np.median(table)) < _DARK_TABLE
    least = _SCANNER_RECTANGLE_DEG if even else 0.0
    return bool(np.abs(angles - 90).max() >= least)


def _corner_angles_deg(corners: Floats) -> Floats:
    before, after = np.roll(corners, 1, axis=0) - corners, np.roll(corners, -1, axis=0) - corners
    cosine = (before * after).sum(axis=1) / np.hypot(*before.T) / np.hypot(*after.T)
    return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))))


def _rightwards(corners: Floats) -> Floats:
    """Clockwise on the picture (y points down), first side nearest to rightwards."""
    if _area(corners) < 0:
        corners = corners[::-1]
    along = np.roll(corners, -1, axis=0) - corners
    first = int(np.argmax(along[:, 0] / np.hypot(*along.T)))
    return np.roll(corners, -first, axis=0)
