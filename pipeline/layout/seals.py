"""Round seals on grey and black-and-white scans, where no colour tells them from print."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.layout.linking import Boxes
from schemas.page import Pixels

_RADIUS_MM = (10.0, 22.0)
"""Seals of agencies and courts measure 36 to 42 mm, those of firms 36, small ones 22 and more."""

_SEARCH_DPI = 40.0
"""Circles are sought on a picture this coarse (a ring of 36 mm is 57 px wide): 1 to 3 ms."""

_INKED_RING = 0.85
"""Share of a ring that is ink: 0.9 and more on seals, under 0.6 anywhere on signatures."""

_INKED, _RIM = 30, 3
"""Coarse pixels with this much ink (of 255) count; white around the shape, so that its rim can be tried."""

_RING_SLACK = 0.12

_FEW_LETTERS = 8
"""Print of the page that crosses a seal has more letters, or reaches beyond it."""


@dataclass(frozen=True, slots=True)
class Seal:
    """A ring in small-image pixels."""

    x: float
    y: float
    radius: float


def find_seals(ink: Pixels, large: Boxes, dpi: float) -> tuple[Seal, ...]:
    """Rings among the shapes of `large` that are big enough in both directions."""
    px = dpi / 25.4
    sides = large[:, 2:] - large[:, :2]
    seals = []
    for left, top, right, bottom in large[sides.min(axis=1, initial=2**30) >= 2 * _RADIUS_MM[0] * px]:
        seal = _find_ring(ink[top:bottom, left:right], px, dpi)
        if seal is not None:
            seals.append(Seal(seal.x + left, seal.y + top, seal.radius))
    return tuple(seals)


def belong_to_seals(boxes: Boxes, letters: NDArray[np.intp], seals: tuple[Seal, ...]) -> NDArray[np.bool_]:
    """Which runs (`letters` of them in each) are the seal's own: short, and wholly inside a ring."""
    inside = np.zeros(len(boxes), np.bool_)
    for seal in seals:
        x = np.maximum(np.abs(boxes[:, 0] - seal.x), np.abs(boxes[:, 2] - seal.x))
        y = np.maximum(np.abs(boxes[:, 1] - seal.y), np.abs(boxes[:, 3] - seal.y))
        inside |= np.hypot(x, y) <= (1 + _RING_SLACK) * seal.radius
    return inside & (letters <= _FEW_LETTERS)


def _find_ring(ink: Pixels, px: float, dpi: float) -> Seal | None:
    """The largest ring of ink; its rim may run into a signature or print."""
    zoom = _SEARCH_DPI / dpi
    size = max(1, round(ink.shape[1] * zoom)), max(1, round(ink.shape[0] * zoom))
    coarse = cv2.resize(ink, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.copyMakeBorder(coarse, _RIM, _RIM, _RIM, _RIM, cv2.BORDER_CONSTANT, value=(0.0,))
    inked = cv2.dilate((coarse > _INKED).astype(np.float32), np.ones((3, 3), np.uint8))
    low, high = (round(radius * px * zoom) for radius in _RADIUS_MM)
    for radius in range(min(high, min(inked.shape) // 2 - 1), low - 1, -1):
        ring = np.zeros((2 * radius + 1, 2 * radius + 1), np.float32)
        cv2.circle(ring, (radius, radius), radius, 1.0, 1)
        share = cv2.matchTemplate(inked, ring / ring.sum(), cv2.TM_CCORR)
        _, best, _, (x, y) = cv2.minMaxLoc(share)
        if best >= _INKED_RING:
            return Seal((x + radius - _RIM) / zoom, (y + radius - _RIM) / zoom, radius / zoom)
    return None
