"""What happens to cover sheets on desks and in feeders: pure, seeded functions on grey pages.

Severity runs from 0, a nuisance, to 1, hardly anything left.
"""

import math
import random
from collections.abc import Callable

import cv2
import numpy as np

from schemas.page import Pixels
from scripts.samples.scanning import LID_GREY


def tear(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """A part is torn off along a ragged line; the lid shows instead."""
    height, width = grey.shape
    angle = rng.uniform(0, 2 * math.pi)
    normal = np.array([math.cos(angle), math.sin(angle)])
    reach = abs(normal[0]) * width / 2 + abs(normal[1]) * height / 2
    kept = reach * (0.75 - 1.1 * severity)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    grain = np.random.default_rng(rng.getrandbits(32))
    along = (x - width / 2) * -normal[1] + (y - height / 2) * normal[0]
    ragged = np.interp(along.ravel(), np.linspace(-2000, 2000, 200), np.cumsum(grain.normal(0, 3, 200)))
    across = (x - width / 2) * normal[0] + (y - height / 2) * normal[1] + ragged.reshape(along.shape)
    return np.where(across > kept, LID_GREY, grey).astype(np.uint8)


def stain(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """Coffee and ink: blots that darken what they cover, the worst of them to black."""
    height, width = grey.shape
    veil = np.ones((height, width), np.float32)
    for _ in range(3 + round(9 * severity)):
        place = (rng.randrange(width), rng.randrange(height))
        size = (round(width * rng.uniform(0.04, 0.1 + 0.2 * severity)),) * 2
        darkness = rng.uniform(0.2, 0.5 + 0.5 * severity)
        blot = np.zeros((height, width), np.float32)
        cv2.ellipse(blot, place, size, rng.uniform(0, 180), 0, 360, 1.0, -1)
        veil *= 1 - darkness * cv2.GaussianBlur(blot, (0, 0), 3)
    return (grey * veil).astype(np.uint8)


def scribble(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """Written over with pen and marker."""
    drawn = grey.copy()
    height, width = grey.shape
    for _ in range(8 + round(90 * severity)):
        start = np.array([rng.randrange(width), rng.randrange(height)], float)
        steps = np.cumsum(np.random.default_rng(rng.getrandbits(32)).normal(0, width / 22, (12, 2)), axis=0)
        points = (start + steps).astype(np.int32)
        thick = max(1, round(width / 1240 * rng.uniform(2, 4 + 14 * severity)))
        cv2.polylines(drawn, [points], False, rng.randrange(20, 90), thick, cv2.LINE_AA)
    return drawn


def fade(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """Toner at its end: all of it pale, streaks of it nothing."""
    width = grey.shape[1]
    strength = 0.45 - 0.4 * severity
    streaks = (
        cv2.resize(np.random.default_rng(rng.getrandbits(32)).random((1, 24), np.float32), (width, 1))
        > 0.75 - 0.3 * severity
    )
    kept = np.where(streaks, strength * (1 - 0.7 * severity), strength)
    return (255 - (255 - grey.astype(np.float32)) * kept).astype(np.uint8)


def fold(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """A flap turned over: white back paper hides what lies under it, a shadow beside."""
    height, width = grey.shape
    share = 0.1 + 0.5 * severity
    folded = grey.copy()
    side = rng.randrange(4)
    if side == 0:
        folded[: round(height * share)] = 248
    elif side == 1:
        folded[height - round(height * share) :] = 248
    elif side == 2:
        folded[:, : round(width * share)] = 248
    else:
        corner = rng.choice(((0, 0), (width, 0), (0, height), (width, height)))
        a = (abs(corner[0] - round(width * 2 * share)), corner[1])
        b = (corner[0], abs(corner[1] - round(height * 2 * share)))
        cv2.fillPoly(folded, [np.array([corner, a, b], np.int32)], 248)
        cv2.line(folded, a, b, 150, 4, cv2.LINE_AA)
    return folded


def cut(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """Drawn in off the glass: a side of the sheet is not on the scan."""
    height, width = grey.shape
    share = 0.08 + 0.55 * severity
    moved = np.full_like(grey, LID_GREY)
    if rng.random() < 0.5:
        gone = round(width * share)
        if rng.random() < 0.5:
            moved[:, : width - gone] = grey[:, gone:]
        else:
            moved[:, gone:] = grey[:, : width - gone]
    else:
        gone = round(height * share)
        if rng.random() < 0.5:
            moved[: height - gone] = grey[gone:]
        else:
            moved[gone:] = grey[: height - gone]
    return moved


def paste_over(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """Slips and labels on it, on the codes first of all."""
    covered = grey.copy()
    height, width = grey.shape
    places = [(0.53, 0.1), (0.17, 0.74), (0.15, 0.67)][: 1 + round(2 * severity)]
    for x, y in places:
        left, top = (
            round(width * (x + rng.uniform(-0.02, 0.02))),
            round(height * (y + rng.uniform(-0.01, 0.01))),
        )
        across, down = (
            (round(width * 0.72), round(height * 0.07))
            if x == 0.15
            else (
                round(width * 0.28),
                round(height * 0.2),
            )
        )
        covered[top : top + down, left : left + across] = rng.randrange(225, 255)
    return covered


def photocopy(grey: Pixels, rng: random.Random, severity: float) -> Pixels:
    """A copy of a copy: smaller or larger, black and white with specks."""
    height, width = grey.shape
    zoom = 1 - 0.07 * severity if rng.random() < 0.7 else 1 + 0.02 * severity
    matrix = np.array([[zoom, 0, width * (1 - zoom) / 2], [0, zoom, height * (1 - zoom) / 2]])
    copied = cv2.warpAffine(cv2.GaussianBlur(grey, (0, 0), 0.8), matrix, (width, height), borderValue=255)
    grain = np.random.default_rng(rng.getrandbits(32)).normal(0, 18 + 22 * severity, grey.shape)
    black = np.where(copied + grain < 128, 20, 250).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(black, (0, 0), 0.6), np.uint8)


def skew(grey: Pixels, angle_deg: float, beside: int = LID_GREY) -> Pixels:
    """Turned counter-clockwise on a glass no larger than the paper."""
    height, width = grey.shape
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), angle_deg, 1.0)
    return np.asarray(cv2.warpAffine(grey, matrix, (width, height), borderValue=beside), np.uint8)


SPOILING: dict[str, Callable[[Pixels, random.Random, float], Pixels]] = {
    "torn": tear,
    "stained": stain,
    "scribbled": scribble,
    "faint": fade,
    "folded": fold,
    "cut": cut,
    "pasted over": paste_over,
}
"""What spoils a sheet, by name."""
