"""Where on the page the bad part lies, so that a clerk sees it outlined."""

import cv2
import numpy as np

from pipeline.quality.coverage import find_unsure
from pipeline.quality.covers import outline
from pipeline.quality.ink import CELL_PX, Mask
from pipeline.quality.look import SOFT_RISE_PX, TILE_PX, Look
from schemas.page import Outline, PageText, Reason

HIDING = frozenset({Reason.OCCLUDED, Reason.GLARE})
JOINED_MM = 11.0
"""Bad patches nearer than this are one: two printed lines, or the space between two words of a form."""
LEAST_MM2 = 400.0
"""A patch of 2 x 2 cm; less is a word or two, which a frame would only hide."""
MOST_SHARE = 0.9
"""Of the page: so much is the page itself, which needs no outline."""


def outline_damage(look: Look, text: PageText | None, reasons: tuple[Reason, ...]) -> tuple[Outline, ...]:
    """Outlines of what `reasons` are about, in shares of the page's sides; none where all of it is bad.

    What hides print comes first, then print out of focus, then print that was not read (with `text`).
    """
    if HIDING & set(reasons):
        return outline(look.covers.laid_on | look.covers.glare)
    if Reason.BLUR in reasons and (soft := _join(find_soft(look), TILE_PX, look)).any():
        return outline(soft)
    if Reason.PARTIAL in reasons and text is not None:
        return outline(_join(find_unsure(look, text), CELL_PX, look))
    return ()


def find_soft(look: Look) -> Mask:
    """Tiles (32 working px) whose nearest print is out of focus: a blurred half reaches to the edge."""
    soft = np.nan_to_num(look.rise_tiles, nan=0.0) > SOFT_RISE_PX
    sharp = ~np.isnan(look.rise_tiles) & ~soft
    if not soft.any():
        return soft
    to_soft, to_sharp = (
        cv2.distanceTransform((~tiles).astype(np.uint8), cv2.DIST_L2, 3) if tiles.any() else np.inf
        for tiles in (soft, sharp)
    )
    nearer = np.asarray(to_soft < to_sharp, np.uint8)
    return cv2.morphologyEx(nearer, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)) > 0


def _join(bad: Mask, step_px: int, look: Look) -> Mask:
    """Patches of `bad` cells (`step_px` working px) as closed regions; empty where they fill the page."""
    cell_mm = step_px / (look.dpi * look.scale) * 25.4
    side = max(1, round(JOINED_MM / cell_mm)) | 1
    closed = cv2.morphologyEx(bad.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((side, side), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(closed, connectivity=8)
    large = np.flatnonzero(stats[:, 4] * cell_mm**2 >= LEAST_MM2)
    kept = np.isin(labels, large[large > 0])
    return kept if count > 1 and kept.mean() < MOST_SHARE else np.zeros_like(kept)
