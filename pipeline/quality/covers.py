"""What lies over the print: sheets and notes, folded corners, hands, and the bright patches of lamps.

A sheet is told by its colour, by its brightness, or, white on white, by the shadow along its rim that ends
the lines of print. All maps have a quarter of the working picture's resolution (0.7 mm a cell).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.quality.ink import Floats, Ink, Mask, Sheet, halve
from schemas.page import Outline, Pixels

MAP_STEP = 4
"""Working pixels per map cell: a shadow is 2 to 5 cells wide, a printed rule less than one."""
STEP = 0.05
"""Step in paper brightness at the rim of a laid-on sheet; light falling off a page changes 0.006 a tile."""
CHROMA = 0.10
"""Chroma above the page's own paper; seals are thinned out by the paper estimate."""
MIN_SHARE = 0.012
"""Of the page; an ID photo of 3 x 4 cm on A4 takes 1.9 %, but has no shadow and no lines end at it."""
LARGE_SHARE = 0.15
"""Of the page: a hand or a card of that size is asked about wherever it lies."""
SMALL_SHARE = 0.001
"""Of the page, within a closed shadow at which print ends: a stamp-sized slip of paper (60 mm2 of A4)."""
SHADOW = 0.025
"""How much darker than the paper around it a shadow is; lying sheets cast 0.05 to 0.15 at their rim. Of 20
white sheets on white paper 18 are found so, 8 at 0.035; of 84 readable pages one seems covered at both."""
GLARE = 0.045
"""How much brighter than the page: a mirrored lamp 0.06 and more, light from one side 0.02, folds 0.04."""
SATURATED = 0.012
"""Below the brightest paper: the core of a mirrored lamp, where print is lost."""
FADED_CELLS = 9
"""Print fades out towards the middle of a glare: 3 mm within its rim ..."""
FADED = 0.025
"""... 0.012 of the patch is print at most; of the bright panels of folded paper 0.036 and more."""
LAMP_RIM = 0.2
"""Of the page's range of brightness, how much of it lies within 6 mm of a glare's rim: 0.28 to 0.56
round lamps; light from one side, whose brightest corner seems to glare, has 0.02 to 0.06 there."""
LAMP_ALL_ROUND = 0.9
"""Share of the rim that is so much darker: round lamps 1.0, round bright panels of folded paper 0.04 to 0.75
where they end at an edge of the page, or at another fold."""
ROUND_FILL = 0.88
"""Of its rectangle a lamp fills 0.76 to 0.82; panels of folded paper at a corner of the page fill 0.95."""
LAMP_RIM_CELLS = (13, 17)
"""From 4 to 6 mm out."""
GLARE_LEVEL = 0.93
"""Brightness below which nothing is glare: lamps saturate the sensor."""


@dataclass(frozen=True, slots=True)
class Covers:
    """Masks over the page (`ceil(H / 4) x ceil(W / 4)` of the working picture) and their shares of it.

    `hidden_share` is what they hide of the rectangle that the print fills, 0..1; `lamp_share` of the page is
    bright as a lamp's mirror image, whether print ends there or not.
    """

    laid_on: Mask
    glare: Mask
    hidden_share: float
    lamp_share: float

    @property
    def laid_on_share(self) -> float:
        """Share of the page under sheets, corners, hands, 0..1."""
        return float(self.laid_on.mean())

    @property
    def glare_share(self) -> float:
        """Share of the page where a lamp is mirrored, 0..1."""
        return float(self.glare.mean())


FRAME = 0.45
"""Of the page's paper: what is darker and touches the edge is the scanner's lid or the table."""
FRAME_SIDE = 0.5
"""Of one edge of the scan, along which a frame lies: lids and tables 1.0, a hand 0.15 (fit pages)."""
PRINTED = 0.02
"""Share of print from which a patch is a part of the page: fold shades and light have print inside."""
RIM_GAPS = (5, 19)
"""Cells (3 and 13 mm): print at a rim interrupts its shadow; small notes have no room for the second."""
NOISY = 0.05
"""Noise over ink contrast from which the paper is no more even enough to tell a sheet on it by."""
MAX_SHARE = 0.75
"""More is the page itself."""
REACHED = 0.04
"""Share of the rim (2 mm) that print reaches where it ends at a cover; margins have none."""


def find_covers(sheet: Sheet, ink: Ink, *, by_shadow: bool) -> Covers:
    """Find what hides print; pure, 13 ms for A4.

    Shadows prove nothing on photos, where hands and phones cast them, nor where blur spreads the print's ink
    over the paper between: there `by_shadow` is False.
    """
    rows, columns = (-(-side // MAP_STEP) for side in sheet.contrast.shape)
    size = (columns, rows)
    text = halve(ink.mask * np.uint8(255), 2) > 12
    paper = np.asarray(cv2.resize(sheet.paper, size, interpolation=cv2.INTER_LINEAR), np.uint8)
    frame = _find_frame(paper)
    lamps = _glaring(paper, ~frame)
    if ink.noise > NOISY * ink.contrast:
        return Covers(np.zeros_like(text), np.zeros_like(text), 0.0, float(lamps.mean()))
    odd = _odd_patches(sheet.paper, size) & ~frame
    laid_on = _keep_covers(odd, text, rim=5, reached=0.01)
    if by_shadow:
        laid_on |= _keep_covers(odd, text, rim=5, reached=0.0, least=LARGE_SHARE)
        shadow = (_shadows(sheet, ink, paper) | frame).astype(np.uint8)
        for gap in RIM_GAPS:
            rim = cv2.dilate(shadow, _square(gap))
            laid_on |= _keep_covers(rim == 0, text, rim=gap + 4, reached=REACHED, least=SMALL_SHARE)
    glare = _keep_covers(lamps, text, rim=1, reached=0.015, fading=True)
    return Covers(laid_on, glare, _hidden_share(laid_on | glare, text), float(lamps.mean()))


def _hidden_share(covers: Mask, text: Mask) -> float:
    if not covers.any():
        return 0.0
    left, top, width, height = cv2.boundingRect(text.astype(np.uint8))
    if not width:
        return 1.0
    return float(covers[top : top + height, left : left + width].mean())


def _square(side: int) -> Pixels:
    return np.ones((side, side), np.uint8)


def _keep_covers(
    patches: Mask,
    text: Mask,
    *,
    rim: int,
    reached: float,
    least: float = MIN_SHARE,
    fading: bool = False,
) -> Mask:
    """The patches that bear no print and at which print ends (`fading`: gradually), grown by half a `rim` to
    each side."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(patches.astype(np.uint8), connectivity=4)
    found = np.zeros(patches.shape, np.uint8)
    within, printed = (FADED_CELLS, FADED) if fading else (3, PRINTED)
    for number in range(1, count):
        left, top, width, height, area = (int(value) for value in stats[number])
        if not least <= area / patches.size <= MAX_SHARE:
            continue
        edge = rim + 8
        window = np.s_[max(0, top - edge) : top + height + edge, max(0, left - edge) : left + width + edge]
        region, print_there = (labels[window] == number).astype(np.uint8), text[window]
        inner = cv2.erode(region, _square(within)) > 0
        with_rim = cv2.dilate(region, _square(rim))
        around = (cv2.dilate(with_rim, _square(11)) - with_rim) > 0
        if float(with_rim.sum()) / patches.size > MAX_SHARE:
            continue
        if not inner.any() or not around.any() or float(print_there[inner].mean()) > printed:
            continue
        if float(print_there[around].mean()) >= reached:
            found[window] |= with_rim.astype(np.uint8)
    return found > 0


def _find_frame(paper: Pixels) -> Mask:
    """What lies beside the sheet: dark, and along one edge of the scan at least; a hand is not."""
    level = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY)
    _, labels = cv2.connectedComponents((level < FRAME * np.median(level)).astype(np.uint8), connectivity=4)
    frame = np.zeros(level.shape, np.uint8)
    for side in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        shares = np.bincount(side) / len(side)
        along = [number for number in np.flatnonzero(shares > FRAME_SIDE) if number]
        frame |= np.isin(labels, along).astype(np.uint8)
    return cv2.dilate(frame, _square(5)) > 0


def _odd_patches(paper: Pixels, size: tuple[int, int]) -> Mask:
    """Patches whose paper has another colour or brightness and a sharp rim."""
    tiles = (max(1, paper.shape[1] // 2), max(1, paper.shape[0] // 2))
    small = cv2.resize(paper, tiles, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    level, chroma = small.max(axis=2), small.max(axis=2) - small.min(axis=2)
    step = np.abs(level / max(float(np.median(level)), 0.02) - 1)
    differs = ((step > STEP) | (chroma - np.median(chroma) > CHROMA)).astype(np.uint8)
    odd = cv2.morphologyEx(differs, cv2.MORPH_OPEN, _square(3)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(odd, connectivity=4)
    edge = np.maximum(_gradient(level), _gradient(chroma))
    found = np.zeros(odd.shape, np.uint8)
    for number in range(1, count):
        region = (labels == number).astype(np.uint8)
        rim = (cv2.dilate(region, _square(3)) > 0) & (cv2.erode(region, _square(3)) == 0)
        large = float(stats[number, 4]) / odd.size >= MIN_SHARE
        if large and rim.any() and float(np.median(edge[rim])) > STEP:
            found |= region
    return cv2.resize(found, size, interpolation=cv2.INTER_NEAREST) > 0


def _gradient(image: Floats) -> Floats:
    return cv2.morphologyEx(image, cv2.MORPH_GRADIENT, _square(3)).astype(np.float32)


def _shadows(sheet: Sheet, ink: Ink, paper: Pixels) -> Mask:
    """Where the paper between the ink is darker than the paper around."""
    paperish = cv2.threshold(ink.soft, 0.5 * ink.threshold * 255, 1, cv2.THRESH_BINARY_INV)[1]
    bare = cv2.erode(paperish, _square(3)).astype(np.uint8)
    share = halve(bare * np.uint8(255), 2).astype(np.float32) / 255
    light = halve(sheet.grey * bare, 2).astype(np.float32)
    seen = np.asarray(cv2.blur(share, (3, 3)), np.float32)
    level = np.asarray(cv2.blur(light, (3, 3)), np.float32) / np.maximum(seen, 0.05)
    around = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY).astype(np.float32)
    dark = (seen > 0.1) & (level < (1 - SHADOW) * around)
    return np.asarray(dark, np.bool_)


def _glaring(paper: Pixels, page: Mask) -> Mask:
    """Where the sensor is as good as saturated, on a page whose paper else is not."""
    level = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    on_page = level[page]
    if not on_page.size:
        return np.zeros(level.shape, np.bool_)
    usual, brightest = np.quantile(on_page[::5], (0.15, 0.99))
    if brightest < GLARE_LEVEL or brightest - usual < GLARE:
        return np.zeros(level.shape, np.bool_)
    glare = page & (level >= brightest - SATURATED)
    core = cv2.morphologyEx(glare.astype(np.uint8), cv2.MORPH_OPEN, _square(9)).astype(np.uint8)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(core, connectivity=4)
    lamps = np.zeros(level.shape, np.bool_)
    for number in range(1, count):
        region = (labels == number).astype(np.uint8)
        inner, outer = (cv2.dilate(region, _square(side)) for side in LAMP_RIM_CELLS)
        rim = (outer > inner) & page
        _, _, width, height, area = (int(value) for value in stats[number])
        if area < MIN_SHARE * level.size or area > ROUND_FILL * width * height or not rim.any():
            continue
        drop = float(level[region > 0].mean() - np.quantile(level[rim], 1 - LAMP_ALL_ROUND))
        if drop >= LAMP_RIM * (brightest - usual):
            lamps |= region > 0
    return lamps


OUTLINE_TOLERANCE = 2.0
"""Map cells (1.4 mm) by which an outline may stray from its region."""


def outline(mask: Mask) -> tuple[Outline, ...]:
    """The regions of `mask`, largest first, as polygons in shares (0..1) of the page's width and height."""
    rows, columns = mask.shape
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    polygons = []
    for contour in sorted(contours, key=cv2.contourArea, reverse=True):
        corners = cv2.approxPolyDP(contour, OUTLINE_TOLERANCE, True).reshape(-1, 2)
        if len(corners) >= 3:
            polygons.append(
                tuple(
                    (round((x + 0.5) / columns, 4), round((y + 0.5) / rows, 4)) for x, y in corners.tolist()
                )
            )
    return tuple(polygons)
