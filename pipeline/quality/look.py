"""The fast look: what the upright scan alone tells, before any reading."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.quality.ink import Floats, Ink, Mask, Sheet, cell_shares, find_ink, measure_sheet
from schemas.page import Pixels, UprightPage

TILE_PX = 32
"""Working pixels (5.4 mm): about one printed line, the finest patch in which an edge is sure to lie."""
BORDER_PX = 2
"""Working pixels from the sheet's edge within which a letter counts as cut."""

LETTER_SHARE = 0.6
"""Of the text height: what stands beside a cut letter is itself a letter; edge shadows had 0.5 at most."""
LINE_GAP = 2.0
"""Of the text height: letters of one line stand closer, words of justified print too."""


@dataclass(frozen=True, slots=True)
class Look:
    """Figures of one page. Shares and contrasts are 0..1, `_px` are working pixels unless said.

    `text_cells` holds the share of text-like ink per cell of 8 working px (`scale` working px per
    page px), `rise_tiles` the edge rise per 32 px tile (NaN where there is no text).
    """

    width_px: int
    height_px: int
    dpi: float
    dpi_known: bool
    scale: float
    effective_dpi: float
    text_height_px: float
    component_count: int
    ink_share: float
    other_ink_share: float
    inked_tile_share: float
    text_tile_count: int
    rise_p50: float
    rise_p75: float
    rise_p90: float
    drag_p50: float
    energy_p10: float
    energy_p50: float
    soft_tile_share: float
    contrast: float
    contrast_p10: float
    contrast_p50: float
    noise: float
    paper_level: float
    paper_range: float
    clipped_share: float
    dark_share: float
    cover_share: float
    cut_left: int
    cut_right: int
    cut_top: int
    cut_bottom: int
    text_cells: Floats
    rise_tiles: Floats

    @property
    def cut_components(self) -> int:
        """Text-like components touching the border, the worst side."""
        return max(self.cut_left, self.cut_right, self.cut_top, self.cut_bottom)

    def figures(self) -> dict[str, float]:
        """All scalar figures, rounded, short names."""
        names = [name for name in self.__dataclass_fields__ if not name.endswith(("_cells", "_tiles"))]
        return {name: round(float(getattr(self, name)), 4) for name in names}


def look(page: UprightPage) -> Look:
    """Measure one upright page of any size (1 x 1 px and up); pure, about 50 ms for A4 at 300 dpi."""
    sheet = measure_sheet(page)
    ink = find_ink(sheet)
    tiles = _measure_tiles(sheet, ink)
    paper = cv2.cvtColor(sheet.paper, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    levels = np.percentile(paper, [5, 50, 95])
    text_height = _text_height(ink)
    left, right, top, bottom = _cut_components(page, sheet, ink, text_height)
    return Look(
        width_px=page.width_px,
        height_px=page.height_px,
        dpi=page.dpi,
        dpi_known=page.dpi_known,
        scale=sheet.scale,
        effective_dpi=_effective_dpi(page, text_height / sheet.scale),
        text_height_px=text_height,
        component_count=len(ink.boxes),
        ink_share=float(np.count_nonzero(ink.mask)) / ink.mask.size,
        other_ink_share=ink.other_share,
        inked_tile_share=ink.inked_tile_share,
        text_tile_count=int(tiles.text.sum()),
        rise_p50=_percentile(tiles.rise, 50),
        rise_p75=_percentile(tiles.rise, 75),
        rise_p90=_percentile(tiles.rise, 90),
        drag_p50=_percentile(tiles.drag, 50),
        energy_p10=_percentile(tiles.energy, 10),
        energy_p50=_percentile(tiles.energy, 50),
        soft_tile_share=_soft_share(tiles.rise),
        contrast=ink.contrast,
        contrast_p10=_percentile(tiles.contrast, 10),
        contrast_p50=_percentile(tiles.contrast, 50),
        noise=ink.noise,
        paper_level=float(levels[1]),
        paper_range=float(levels[2] - levels[0]),
        clipped_share=_clipped_share(sheet.rgb),
        dark_share=float(np.mean(paper < 0.25)),
        cover_share=_cover_share(sheet.paper),
        cut_left=left,
        cut_right=right,
        cut_top=top,
        cut_bottom=bottom,
        text_cells=cell_shares(ink.mask),
        rise_tiles=tiles.rise,
    )


def _clipped_share(rgb: Pixels) -> float:
    red, green, blue = cv2.split(np.ascontiguousarray(rgb[::4, ::4]))
    weakest = cv2.min(cv2.min(red, green), blue)
    return float(np.count_nonzero(weakest >= 254)) / weakest.size


@dataclass(frozen=True, slots=True)
class _Tiles:
    text: Mask
    rise: Floats
    drag: Floats
    energy: Floats
    contrast: Floats


SOFT_RISE_PX = 5.0
"""Edge rise of a tile that no longer reads: see RISE_PX in verdict.py for the measurement."""


def _soft_share(rise: Floats) -> float:
    known = rise[~np.isnan(rise)]
    return float(np.mean(known > SOFT_RISE_PX)) if known.size else 0.0


def _percentile(values: Floats, percent: float) -> float:
    known = values[~np.isnan(values)]
    return float(np.percentile(known, percent)) if known.size else 0.0


def _measure_tiles(sheet: Sheet, ink: Ink) -> _Tiles:
    """Edge rise (range over steepest slope), fine-detail energy and contrast of each tile with text."""
    height, width = sheet.contrast.shape
    pad = (0, -height % TILE_PX, 0, -width % TILE_PX)
    smooth = cv2.GaussianBlur(sheet.contrast, (3, 3), 0.6)
    horizontal = cv2.Sobel(smooth, cv2.CV_16S, 1, 0, ksize=3)
    vertical = cv2.Sobel(smooth, cv2.CV_16S, 0, 1, ksize=3)
    across = cv2.convertScaleAbs(horizontal, alpha=0.25)
    down = cv2.convertScaleAbs(vertical, alpha=0.25)
    fine = cv2.absdiff(sheet.contrast, ink.soft)

    def tile(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        full = cv2.copyMakeBorder(image, *pad, cv2.BORDER_REPLICATE)
        rows, columns = full.shape[0] // TILE_PX, full.shape[1] // TILE_PX
        return full.reshape(rows, TILE_PX, columns, TILE_PX).astype(np.uint8, copy=False)

    top = tile(smooth.astype(np.uint8)).max(axis=1).max(axis=2).astype(np.float32)
    slopes = [
        tile(slope.astype(np.uint8)).max(axis=1).max(axis=2).astype(np.float32) for slope in (across, down)
    ]
    inked = tile(ink.mask).sum(axis=1, dtype=np.uint8).sum(axis=2, dtype=np.float32)
    small = (inked.shape[1], inked.shape[0])
    mean_fine = cv2.resize(
        cv2.copyMakeBorder(fine, *pad, cv2.BORDER_REPLICATE), small, interpolation=cv2.INTER_AREA
    )
    text = (inked >= 24) & (top >= 255 * ink.threshold)
    unknown = np.float32(np.nan)
    detail = np.maximum(mean_fine.astype(np.float32) - 255 * 0.7 * ink.noise, 0) * TILE_PX**2
    return _Tiles(
        text=text,
        # Sobel / 8 is the slope per pixel; convertScaleAbs kept a quarter of Sobel, so twice the slope
        rise=np.where(text, top / np.maximum(np.maximum(*slopes) / 2, 0.5), unknown).astype(np.float32),
        drag=np.where(text, top / np.maximum(np.minimum(*slopes) / 2, 0.5), unknown).astype(np.float32),
        energy=np.where(text, detail / np.maximum(inked * top, 1), unknown).astype(np.float32),
        contrast=np.where(text, top / 255, unknown).astype(np.float32),
    )


def _text_height(ink: Ink) -> float:
    """Median height of text-like components that are wide enough to be letters; 0 without text."""
    if not len(ink.boxes):
        return 0.0
    heights = ink.boxes[:, 3]
    return float(np.median(heights))


LETTER_HEIGHT_IN = 0.13
"""Median component height of 12-13 pt Vietnamese print in inches: 19-21 px at 150 dpi (letters with their
marks hang together)."""


def _effective_dpi(page: UprightPage, text_height_page_px: float) -> float:
    """What the resolution amounts to for 12 pt print; the stated dpi where there is no text."""
    if text_height_page_px <= 0:
        return page.dpi
    return text_height_page_px / LETTER_HEIGHT_IN


def _cut_components(
    page: UprightPage, sheet: Sheet, ink: Ink, text_height: float
) -> tuple[int, int, int, int]:
    """How many text-like components touch the left, right, top, bottom edge of the scan."""
    tall = ink.boxes[ink.boxes[:, 3] >= 0.4 * text_height] if len(ink.boxes) else ink.boxes
    if not len(tall):
        return 0, 0, 0, 0
    height, width = ink.mask.shape
    x0, y0 = tall[:, 0].astype(np.float64), tall[:, 1].astype(np.float64)
    x1, y1 = x0 + tall[:, 2], y0 + tall[:, 3]
    # the straightened page is the turned scan inside its bounding box: its edges slope by the skew
    slope = math.tan(math.radians(_turned_deg(page.matrix)))
    cx, cy = (x0 + x1) / 2, (y0 + y1) / 2
    lean = abs(slope)
    near_left = x0 - _edge_offset(cy, height, slope, lean) <= BORDER_PX
    near_right = width - x1 - _edge_offset(height - cy, height, slope, lean) <= BORDER_PX
    near_top = y0 - _edge_offset(width - cx, width, slope, lean) <= BORDER_PX
    near_bottom = height - y1 - _edge_offset(cx, width, slope, lean) <= BORDER_PX
    in_line = _stand_in_line(tall, text_height, near_left | near_right | near_top | near_bottom)
    left, right, top, bottom = (
        int((near & in_line).sum()) for near in (near_left, near_right, near_top, near_bottom)
    )
    return left, right, top, bottom


def _stand_in_line(tall: NDArray[np.int32], text_height: float, asked: Mask) -> Mask:
    """Which of the `asked` components have a letter beside them: shadows along a paper's edge have none."""
    letters = tall[tall[:, 3] >= LETTER_SHARE * text_height].astype(np.float64)
    in_line = np.zeros(len(tall), np.bool_)
    for number in np.flatnonzero(asked):
        x, y, width, height = (float(side) for side in tall[number, :4])
        overlap = np.minimum(letters[:, 1] + letters[:, 3], y + height) - np.maximum(letters[:, 1], y)
        apart = np.maximum(letters[:, 0] - x - width, x - letters[:, 0] - letters[:, 2])
        beside = (apart > -0.5 * width) & (apart < LINE_GAP * text_height)
        in_line[number] = bool((beside & (overlap >= 0.5 * np.minimum(letters[:, 3], height))).any())
    return in_line


def _turned_deg(matrix: tuple[float, float, float, float, float, float]) -> float:
    """Degrees between the scan's edges and the page's, -45..45, from the affine matrix."""
    angle = math.degrees(math.atan2(matrix[3], matrix[0]))
    return (angle + 45.0) % 90.0 - 45.0


def _edge_offset(
    along: NDArray[np.float64], length: float, slope: float, lean: float
) -> NDArray[np.float64] | float:
    """Distance of the scan's sloping edge from the page's edge at `along` of `length`."""
    if lean < 1e-3:
        return 0.0
    return lean * (length - along if slope > 0 else along)


COVER_STEP = 0.05
"""Step in paper brightness at the rim of a laid-on sheet; light falling off a page changes 0.006 a tile."""
COVER_CHROMA = 0.10
"""Chroma above the page's own paper; seals are thinned out by the paper estimate."""
COVER_MIN_SHARE = 0.02
"""Of the page; an ID photo of 3 x 4 cm on A4 takes 1.9 %."""


def _cover_share(paper: Pixels) -> float:
    """Share of the page under patches whose paper has another colour or brightness and a sharp rim."""
    tiles = (max(1, paper.shape[1] // 2), max(1, paper.shape[0] // 2))
    small = cv2.resize(paper, tiles, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    level, chroma = small.max(axis=2), small.max(axis=2) - small.min(axis=2)
    step = np.abs(level / max(float(np.median(level)), 0.02) - 1)
    odd = ((step > COVER_STEP) | (chroma - np.median(chroma) > COVER_CHROMA)).astype(np.uint8)
    odd = cv2.morphologyEx(odd, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(odd, connectivity=4)
    edge = np.maximum(_morphological_gradient(level), _morphological_gradient(chroma))
    share = 0.0
    for number in range(1, count):
        region = (labels == number).astype(np.uint8)
        rim = (cv2.dilate(region, np.ones((3, 3), np.uint8)) > 0) & (
            cv2.erode(region, np.ones((3, 3), np.uint8)) == 0
        )
        area = float(stats[number, 4]) / odd.size
        if area >= COVER_MIN_SHARE and rim.any() and float(np.median(edge[rim])) > COVER_STEP:
            share += area
    return share


def _morphological_gradient(image: Floats) -> Floats:
    return cv2.morphologyEx(image, cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)).astype(np.float32)
