"""Straight edges of a picture that may be sides of a sheet: found, judged and fitted."""

from dataclasses import dataclass
from typing import TypeAlias

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Pixels

Floats: TypeAlias = NDArray[np.float64]

_SHORTEST = 0.05
"""Of the picture's diagonal: a side broken by shadow or a hand still shows a piece as long."""

_MOST = 16
"""Lines kept a direction, longest first: 16 x 15 / 2 pairs a direction are tried with each other."""

_ALIKE_DEG = 1.5
_ALIKE_PX = 2.5

_AROUND_PX = 31
_GAIN = 400.0
"""Grey levels a unit of log light: the detector's least gradient (5 levels) is then 2 % of the light."""

_SAMPLES = 128
_OFFSETS_PX = (2.0, 4.0, 6.0)
_LEAST_STEP = 0.045
"""Logarithm of brightness inside over outside: white paper on a pale desk has 0.1, in shadow or light."""

_PROFILES = 96
_CORNER_SHARE = 0.04
"""Rounded or curled corners are left out of the fit."""


@dataclass(frozen=True, slots=True)
class Line:
    """A straight line: through `point`, along the unit vector `direction`."""

    point: Floats
    direction: Floats

    @property
    def normal(self) -> Floats:
        """Unit vector to the right of the direction (y points down)."""
        return np.array([-self.direction[1], self.direction[0]])

    def cross(self, other: "Line") -> Floats:
        """Where two lines meet; far away where they are parallel."""
        slant = float(self.direction @ other.normal)
        slant = slant if abs(slant) > 1e-9 else 1e-9
        return self.point + self.direction * float((other.point - self.point) @ other.normal) / slant


@dataclass(frozen=True, slots=True)
class Side(Line):
    """A line with what lies beside it: `right` and `left` count, along the line from `start` on in steps
    of `step_px`, the samples at which that side is the brighter one (cumulated)."""

    start: float
    step_px: float
    right: Floats
    left: Floats

    def support_between(self, places: Floats) -> Floats:
        """`2 x N x N`: share of the way between any two of `places` (`N x 2`) along which the left, and the
        right side of the line is the brighter one."""
        at = ((places - self.point) @ self.direction - self.start) / self.step_px
        grid = np.arange(len(self.right))
        length = np.maximum(np.abs(at[:, None] - at[None, :]), 1.0)
        brighter = (np.interp(at, grid, counts) for counts in (self.left, self.right))
        return np.stack([np.abs(count[:, None] - count[None, :]) / length for count in brighter])


def find_sides(closed: Pixels) -> tuple[list[Side], list[Side]]:
    """The longest straight edges of `closed` (grey, print closed up) in two directions across each other."""
    light = np.log(closed.astype(np.float32) + 8)
    # In shadow as in light: a step counts by its share of the light around it.
    around = cv2.blur(light, (_AROUND_PX, _AROUND_PX))
    even = np.clip(128 + _GAIN * (light - around), 0, 255).astype(np.uint8)
    segments = cv2.createLineSegmentDetector(cv2.LSD_REFINE_NONE).detect(even)[0]
    if segments is None:
        return [], []
    ends = segments.reshape(-1, 4).astype(np.float64)
    along = ends[:, 2:] - ends[:, :2]
    length = np.hypot(*along.T)
    keep = np.argsort(-length, kind="stable")
    keep = keep[length[keep] >= _SHORTEST * np.hypot(*closed.shape)]
    if len(keep) == 0:
        return [], []
    ends, along, length = ends[keep], along[keep], length[keep]
    angle = np.arctan2(along[:, 1], along[:, 0])
    # Sides lie in two directions some 90 degrees apart: four times the angle makes them one.
    main = float(np.angle(np.sum(length * np.exp(4j * angle)))) / 4
    crosswise = np.cos(2 * (angle - main)) < 0
    return _keep_distinct(ends[~crosswise], light), _keep_distinct(ends[crosswise], light)


def _keep_distinct(ends: Floats, light: NDArray[np.float32]) -> list[Side]:
    kept: list[Line] = []
    for row in ends:
        point, along = (row[:2] + row[2:]) / 2, row[2:] - row[:2]
        line = Line(point, along / np.hypot(*along))
        if not any(_are_alike(line, other) for other in kept):
            kept.append(line)
        if len(kept) == _MOST:
            break
    return [_look_beside(line, light) for line in kept]


def _are_alike(line: Line, other: Line) -> bool:
    turned = np.degrees(np.arcsin(min(1.0, abs(float(line.direction @ other.normal)))))
    return bool(turned < _ALIKE_DEG and abs(float((line.point - other.point) @ other.normal)) < _ALIKE_PX)


def _look_beside(line: Line, light: NDArray[np.float32]) -> Side:
    height, width = light.shape
    reach = float(np.hypot(height, width))
    places = np.linspace(-reach, reach, 2 * _SAMPLES)
    points = line.point + places[:, None] * line.direction
    seen = np.zeros(len(places), dtype=np.bool_)
    steps = np.zeros(len(places))
    for shift in (-1.5, 0.0, 1.5):  # sides are not quite straight
        difference = np.zeros(len(places))
        whole = np.ones(len(places), dtype=np.bool_)
        for offset in _OFFSETS_PX:
            for sign in (1, -1):
                spots = np.rint(points + (shift + sign * offset) * line.normal).astype(np.intp)
                x, y = np.clip(spots[:, 0], 0, width - 1), np.clip(spots[:, 1], 0, height - 1)
                whole &= (x == spots[:, 0]) & (y == spots[:, 1])
                difference += sign * light[y, x]
        difference = np.where(whole, difference / len(_OFFSETS_PX), 0)
        steps = np.where(np.abs(difference) > np.abs(steps), difference, steps)
        seen |= whole
    right, left = np.cumsum(steps > _LEAST_STEP), np.cumsum(steps < -_LEAST_STEP)
    return Side(
        line.point,
        line.direction,
        start=-reach,
        step_px=2 * reach / (2 * _SAMPLES - 1),
        right=right.astype(np.float64),
        left=left.astype(np.float64),
    )


def refine_side(pale: Pixels, begin: Floats, end: Floats, inside: Floats, reach_px: float) -> Line | None:
    """The line along the sharpest step to brighter between `begin` and `end`, to a fraction of a pixel."""
    along = end - begin
    length = float(np.hypot(*along))
    direction = along / length
    normal = np.array([-direction[1], direction[0]])
    if float((inside - begin) @ normal) < 0:
        normal = -normal
    places = np.linspace(_CORNER_SHARE, 1 - _CORNER_SHARE, _PROFILES) * length
    depth = np.arange(-reach_px - 2, reach_px + 2.01, 0.5)
    spots = (begin + places[:, None, None] * direction + depth[None, :, None] * normal).astype(np.float32)
    profiles = cv2.remap(
        pale, spots[..., 0], spots[..., 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    steps = np.gradient(cv2.GaussianBlur(profiles.astype(np.float32), (7, 1), 0), axis=1)[:, 2:-2]
    best = steps.argmax(axis=1)
    rows = np.arange(len(best))
    inner = np.clip(best, 1, steps.shape[1] - 2)
    before, at, after = steps[rows, inner - 1], steps[rows, inner], steps[rows, inner + 1]
    bend = before - 2 * at + after
    shift = np.where(bend < 0, 0.5 * (before - after) / np.where(bend < 0, bend, 1), 0)
    offset = depth[2:-2][inner] + 0.5 * np.clip(shift, -1, 1)
    clear = at >= 0.25 * np.median(at)
    return _fit(begin, direction, normal, places[clear], offset[clear])


def _fit(begin: Floats, direction: Floats, normal: Floats, places: Floats, offset: Floats) -> Line | None:
    """Least squares after outliers: first the median's neighbourhood, then what lies on the line."""
    if len(places) < _PROFILES // 4:
        return None
    fitted = cv2.fitLine(np.column_stack((places, offset)).astype(np.float32), cv2.DIST_HUBER, 0, 0.01, 0.01)
    for reach in (3.0, 1.5):
        step_x, step_y, x, y = (float(entry) for entry in fitted.reshape(-1))
        away = np.abs((offset - y) - (places - x) * step_y / step_x)
        near = away <= max(reach, float(np.median(away)))
        if near.sum() < _PROFILES // 4:
            return None
        fitted = cv2.fitLine(
            np.column_stack((places[near], offset[near])).astype(np.float32), cv2.DIST_L2, 0, 0.01, 0.01
        )
    step_x, step_y, x, y = (float(entry) for entry in fitted.reshape(-1))
    heading = step_x * direction + step_y * normal
    return Line(begin + x * direction + y * normal, heading / np.hypot(*heading))
