"""Corners of a photographed sheet: how far off the truth, and flat scans that must be left alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import fmean

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import working_factor
from pipeline.image.flatten import Flattening, plan_flattening
from pipeline.image.light import shrink
from scripts.bench.kinds import KINDS, BenchPage, draw_page
from scripts.samples.photo import Photo

PHOTO_KINDS = tuple(kind for kind in KINDS if kind.startswith("photo"))
_ASPECT = 210 / 297
_DIAGONAL_MM = float(np.hypot(210, 297))
"""Every photo of the bench shows A4."""


@dataclass(frozen=True, slots=True)
class FoundSheet:
    """One photo: its worst corner's distance and its aspect's error; None where no sheet was found."""

    kind: str
    seed: int
    corner_error_mm: float | None
    aspect_error: float | None


def measure_photos(seeds: Sequence[int]) -> Iterator[FoundSheet]:
    """Every kind of photo at every seed, through the image steps alone (nothing is read)."""
    for kind in PHOTO_KINDS:
        for seed in seeds:
            yield _measure(draw_page(kind, seed))


def count_flattened_scans(seeds: Sequence[int]) -> tuple[int, int]:
    """How many flat scans of all other kinds were taken for photos, and of how many."""
    kinds = [kind for kind in KINDS if kind not in PHOTO_KINDS]
    flattened = sum(_plan(draw_page(kind, seed)) is not None for kind in kinds for seed in seeds)
    return flattened, len(kinds) * len(seeds)


def tell_photos(found: Sequence[FoundSheet], flattened_scans: tuple[int, int] | None) -> str:
    """The figures in words, a line a kind."""
    lines = []
    for kind in dict.fromkeys(sheet.kind for sheet in found):
        sheets = [sheet for sheet in found if sheet.kind == kind]
        corners = [sheet.corner_error_mm for sheet in sheets if sheet.corner_error_mm is not None]
        aspects = [sheet.aspect_error for sheet in sheets if sheet.aspect_error is not None]
        lines.append(f"{kind}: sheet found on {len(corners)} of {len(sheets)} photos")
        if corners:
            lines[-1] += (
                f"; its worst corner off by {fmean(corners):.2f} mm in the mean, {max(corners):.2f} at most"
                f"; aspect off by {fmean(aspects):.2%}, {max(aspects):.2%} at most"
            )
    if flattened_scans is not None:
        lines.append("flat scans taken for photos: {} of {}".format(*flattened_scans))
    return "\n".join(lines)


def _plan(page: BenchPage) -> Flattening | None:
    """What `straighten` makes of the page before it turns and levels it."""
    scan = page.scan
    if scan.bilevel:
        return None
    factor = working_factor(scan.dpi)
    height_px, width_px = scan.pixels.shape[:2]
    return plan_flattening(shrink(scan.pixels, factor), factor, width_px, height_px)


def _measure(page: BenchPage) -> FoundSheet:
    if not isinstance(page.scan, Photo):
        raise ValueError(f"{page.kind} is no kind of photo")
    flattening = _plan(page)
    if flattening is None:
        return FoundSheet(page.kind, page.seed, None, None)
    wanted = np.array(page.scan.quad)
    across_px = np.hypot(*(wanted[2:] - wanted[:2]).T).mean()
    off_px = np.hypot(*(_find_corners(flattening) - wanted).T)
    aspect_error = abs(flattening.width_px / flattening.height_px / _ASPECT - 1)
    return FoundSheet(page.kind, page.seed, float(off_px.max() / across_px) * _DIAGONAL_MM, aspect_error)


def _find_corners(flattening: Flattening) -> NDArray[np.float64]:
    """Where the corners of the flat sheet lie on the photo; the rim left out on purpose counts as error."""
    right, bottom = flattening.width_px - 0.5, flattening.height_px - 0.5
    corners = np.array([[(-0.5, -0.5), (right, -0.5), (right, bottom), (-0.5, bottom)]])
    return np.asarray(cv2.perspectiveTransform(corners, np.linalg.inv(flattening.matrix))[0] + 0.5)
