"""The fast look: what the upright scan alone tells, before any reading."""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.quality.covers import Covers, find_covers
from pipeline.quality.edges import measure_edges
from pipeline.quality.ink import Floats, Ink, Mask, Sheet, cell_shares, find_ink, halve, measure_sheet
from pipeline.quality.stripes import find_stripes
from schemas.page import Pixels, UprightPage

TILE_PX = 32
"""Working pixels (5.4 mm): about one printed line, the finest patch in which an edge is sure to lie."""


DARK_TILE = 0.22
"""Contrast that print of the back never has: 0.18 at most where it shines through."""


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
    photo: bool
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
    legible_tile_share: float
    contrast: float
    contrast_p10: float
    contrast_p50: float
    contrast_p98: float
    dark_tile_count: int
    noise: float
    paper_level: float
    paper_range: float
    clipped_share: float
    dark_share: float
    laid_on_share: float
    glare_share: float
    hidden_share: float
    lamp_share: float
    dark_stripe_share: float
    still_share: float
    jitter: float
    crease: float
    dot_share: float
    height_spread: float
    cut_left: int
    cut_right: int
    cut_top: int
    cut_bottom: int
    margin_mm: float
    text_cells: Floats
    rise_tiles: Floats
    covers: Covers

    @property
    def cut_components(self) -> int:
        """Text-like components touching the border, the worst side."""
        return max(self.cut_left, self.cut_right, self.cut_top, self.cut_bottom)

    def figures(self) -> dict[str, float]:
        """All scalar figures, rounded, short names."""
        names = [
            name for name in self.__dataclass_fields__ if not name.endswith(("_cells", "_tiles", "covers"))
        ]
        return {name: round(float(getattr(self, name)), 4) for name in names}


def look(page: UprightPage) -> Look:
    """Measure one upright page of any size (1 x 1 px and up); pure, 60 ms for A4 at 300 dpi."""
    sheet = measure_sheet(page)
    ink = find_ink(sheet)
    tiles = _measure_tiles(sheet, ink)
    paper = cv2.cvtColor(sheet.paper, cv2.COLOR_RGB2GRAY).astype(np.float32) / 255
    levels = np.percentile(paper, [5, 50, 95])
    text_height = _text_height(ink)
    edges = measure_edges(page, sheet, ink, text_height)
    rise_p50 = _percentile(tiles.rise, 50)
    covers = find_covers(sheet, ink, by_shadow=not page.flattened and rise_p50 <= SOFT_RISE_PX)
    stripes = find_stripes(sheet, ink)
    return Look(
        width_px=page.width_px,
        height_px=page.height_px,
        dpi=page.dpi,
        dpi_known=page.dpi_known,
        photo=page.flattened,
        scale=sheet.scale,
        effective_dpi=_effective_dpi(page, text_height / sheet.scale),
        text_height_px=text_height,
        component_count=len(ink.boxes),
        ink_share=float(np.count_nonzero(ink.mask)) / ink.mask.size,
        other_ink_share=ink.other_share,
        inked_tile_share=ink.inked_tile_share,
        text_tile_count=int(tiles.text.sum()),
        rise_p50=rise_p50,
        rise_p75=_percentile(tiles.rise, 75),
        rise_p90=_percentile(tiles.rise, 90),
        drag_p50=_percentile(tiles.drag, 50),
        energy_p10=_percentile(tiles.energy, 10),
        energy_p50=_percentile(tiles.energy, 50),
        soft_tile_share=_soft_share(tiles.rise),
        legible_tile_share=_legible_share(tiles, ink.noise),
        contrast=ink.contrast,
        contrast_p10=_percentile(tiles.contrast, 10),
        contrast_p50=_percentile(tiles.contrast, 50),
        contrast_p98=_percentile(tiles.contrast, 98),
        dark_tile_count=int(np.count_nonzero(tiles.contrast > DARK_TILE)),
        noise=ink.noise,
        paper_level=float(levels[1]),
        paper_range=float(levels[2] - levels[0]),
        clipped_share=_clipped_share(sheet.rgb),
        dark_share=float(np.mean(paper < 0.25)),
        laid_on_share=covers.laid_on_share,
        glare_share=covers.glare_share,
        hidden_share=covers.hidden_share,
        lamp_share=covers.lamp_share,
        dark_stripe_share=stripes.dark_share,
        still_share=stripes.still_share,
        jitter=stripes.jitter,
        crease=_crease(sheet.paper),
        dot_share=ink.dot_count / max(1, ink.dot_count + len(ink.boxes)),
        height_spread=_height_spread(ink),
        cut_left=edges.cut_left,
        cut_right=edges.cut_right,
        cut_top=edges.cut_top,
        cut_bottom=edges.cut_bottom,
        margin_mm=edges.margin_mm,
        text_cells=cell_shares(ink.mask),
        rise_tiles=tiles.rise,
        covers=covers,
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


LEAST_CONTRAST_OVER_NOISE = 11.0
"""Of a tile that can be read: up to 10.7 pages are always lost, from 12.8 always read (facts)."""


def _legible_share(tiles: _Tiles, noise: float) -> float:
    """Share of the text tiles that are sharp and stand out from the noise; 0 without text."""
    sharp, clear = tiles.rise <= SOFT_RISE_PX, tiles.contrast >= LEAST_CONTRAST_OVER_NOISE * noise
    return float((sharp & clear)[tiles.text].mean()) if tiles.text.any() else 0.0


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
    mean_fine = halve(np.asarray(fine, np.uint8), 5)
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


def _height_spread(ink: Ink) -> float:
    """Deviation of the heights of text-like components over their mean."""
    if not len(ink.boxes):
        return 0.0
    heights = ink.boxes[:, 3]
    return float(heights.std() / max(1.0, float(heights.mean())))


def _crease(paper: Pixels) -> float:
    """How uneven the paper's brightness is within 5 cm, the margins apart: its ninth decile, 0..1."""
    level = cv2.cvtColor(paper, cv2.COLOR_RGB2GRAY).astype(np.float32)
    uneven = np.abs(level - cv2.blur(level, (7, 7))) / np.maximum(level, 8)
    edge = max(1, min(level.shape) // 20)
    inner = uneven[edge:-edge, edge:-edge]
    return float(np.percentile(inner, 90)) if inner.size else 0.0


LETTER_HEIGHT_IN = 0.13
"""Median component height of 12-13 pt Vietnamese print in inches: 19-21 px at 150 dpi (letters with their
marks hang together)."""


def _effective_dpi(page: UprightPage, text_height_page_px: float) -> float:
    """What the resolution amounts to for 12 pt print; the stated dpi where there is no text."""
    if text_height_page_px <= 0:
        return page.dpi
    return text_height_page_px / LETTER_HEIGHT_IN
