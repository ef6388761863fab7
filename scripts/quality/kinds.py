"""The kinds of pages the verdict is fitted to: every damage over every layout, at every severity.

A kind says only how a page was made. Whether it can be read is told by reading it (`labels`): a severe
page of a damaging kind may read well, and a mild one badly.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from schemas.page import Pixels, QuarterTurn
from scripts.bench.kinds import FAMILIES, SHARED, Draw
from scripts.samples import damage, other_pages, spoil, typeset
from scripts.samples.page import SamplePage
from scripts.samples.photo import Photo, photograph
from scripts.samples.prose import load_laws
from scripts.samples.scanning import Scan
from scripts.samples.spoil import AREA_SHRINK, Spoiled

Split = Literal["fit", "calibration", "test"]
SEEDS: dict[Split, range] = {
    "fit": range(20_000, 30_000),
    "calibration": range(30_000, 40_000),
    "test": range(40_000, 50_000),
}
"""Splits share no seed; test pages are printed from laws that the others do not know."""

_GOLDEN = 0.6180339887
"""Fractional parts of its multiples are spread evenly however many are taken."""


@dataclass(frozen=True, slots=True)
class QualityPage:
    """A page whose readability is asked for. `area` (0 or 255, an eighth of the scan's size) is where it is
    damaged; None where all of it is, or nothing."""

    kind: str
    layout: str
    seed: int
    severity: float
    scan: Scan | Photo
    area: Pixels | None


Drawn = tuple[Scan | Photo, Pixels | None]
Kind = Callable[[Draw, SamplePage], Drawn]


def split_of(seed: int) -> Split:
    """Raises ValueError for a seed that belongs to no split."""
    for split, seeds in SEEDS.items():
        if seed in seeds:
            return split
    raise ValueError(f"seed {seed} belongs to no split")


def draw_quality_page(kind: str, seed: int) -> QualityPage:
    """One page; the same arguments give the same bytes.

    Raises KeyError for a kind there is not, ValueError for a seed of no split, MissingDependencyError
    where a font is missing.
    """
    laws = load_laws(SHARED / "data" / "vi_text", "test" if split_of(seed) == "test" else "dev")
    rng = random.Random(f"sohoa quality {kind} {seed}")
    severity = (0.5 + seed % 10_000 * _GOLDEN) % 1
    draw = Draw(seed, severity, rng, laws, rng.choice(FAMILIES))
    layout = "none" if kind in WITHOUT_PRINT else _choose_layout(kind, rng)
    page = LAYOUTS[layout](draw)
    scanned, area = KINDS[kind](draw, page)
    return QualityPage(kind, layout, seed, severity, scanned, area)


LAYOUTS: dict[str, Callable[[Draw], SamplePage]] = {
    "prose": lambda draw: draw.prose(),
    "dense": lambda draw: typeset.set_prose(draw.rng, draw.laws, draw.style(9.5, 11), line_height=1.18),
    "last_page": lambda draw: typeset.set_last_page(draw.rng, draw.laws, draw.style()),
    "letter": lambda draw: typeset.set_letter(draw.rng, draw.laws, draw.family),
    "form": lambda draw: typeset.set_form(draw.rng, draw.laws, draw.family),
    "tables": lambda draw: typeset.set_tables(draw.rng, draw.laws, draw.style()),
    "two_columns": lambda draw: typeset.set_two_columns(draw.rng, draw.laws, draw.style(10.5, 12)),
    "slip": lambda draw: typeset.set_slip(draw.rng, draw.laws, draw.family),
    "short": lambda draw: typeset.set_short(draw.rng, draw.laws, draw.family),
    "card": lambda draw: typeset.set_card(draw.rng, draw.family),
    "none": lambda draw: other_pages.leave_blank(draw.rng),
}
_WEIGHTS = {"prose": 3, "letter": 2, "form": 2, "last_page": 2, "slip": 2}
"""How much more often a layout comes than the others: what offices print most, and small pages, so that a
page's size and fill tell nothing of its damage."""

_SHEETS_ONLY = {"phone", "corner"}
"""Kinds that make sense only for a whole sheet."""


def _choose_layout(kind: str, rng: random.Random) -> str:
    names = [name for name in LAYOUTS if name != "none"]
    if kind in _SHEETS_ONLY:
        names = [name for name in names if name not in {"slip", "card"}]
    return rng.choices(names, [_WEIGHTS.get(name, 1) for name in names])[0]


def _plain(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page), None


def _askew(draw: Draw, page: SamplePage) -> Drawn:
    skew_deg = draw.either_way(draw.between(1, 12))
    return draw.scan(damage.make_room(page, skew_deg), skew_deg=skew_deg), None


def _turned(draw: Draw, page: SamplePage) -> Drawn:
    turns: tuple[QuarterTurn, ...] = (90, 180, 270)
    return draw.scan(page, quarter_turn=draw.rng.choice(turns)), None


def _phone(draw: Draw, page: SamplePage) -> Drawn:
    tilt_deg, shadow = draw.between(2, 22), draw.between(0.1, 0.8)
    return photograph(page, seed=draw.seed, tilt_deg=tilt_deg, roll_deg=5, shadow=shadow), None


def _border(draw: Draw, page: SamplePage) -> Drawn:
    wide = damage.open_lid(page, draw.rng, draw.severity)
    return draw.scan(wide, skew_deg=draw.either_way(draw.between(0.3, 4)), dark_border=True), None


def _uneven(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, uneven_light=draw.between(0.2, 0.75), noise=1.5), None


def _fax(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, dpi=200, bilevel=True, noise=draw.between(2, 12)), None


def _specks(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(damage.speckle(page, draw.rng, draw.between(0.5, 30), (0.1, 0.25))), None


def _folds(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(damage.fold(page, draw.rng, draw.severity)), None


def _bleed_through(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(damage.bleed_through(page, _same_size(draw.prose(), page), draw.severity)), None


def _jpeg(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, jpeg_quality=round(draw.between(70, 30)), blur_px=draw.between(0, 1.0)), None


def _stamped(draw: Draw, page: SamplePage) -> Drawn:
    if page.pixels.shape[0] < 1000:  # a card is smaller than two seals
        return draw.scan(page), None
    around = "ỦY BAN NHÂN DÂN XÃ PHÚ KHÊ HẠ"
    return draw.scan(damage.stamp(page, draw.rng, around, "TỈNH\nLAM GIANG", draw.severity)), None


def _defocus(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, blur_px=draw.between(1, 12)), None


def _dark(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, dim=draw.between(0.5, 1.0), noise=draw.between(0.5, 9)), None


def _washed_out(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, fade=draw.between(0.7, 1.04), noise=draw.between(0, 1.5)), None


def _coarse(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, dpi=round(draw.between(140, 26))), None


def _noise(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page, noise=draw.between(4, 120)), None


def _dirt(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(damage.speckle(page, draw.rng, draw.between(20, 400), (0.1, 0.4))), None


def _spoil(way: Callable[[SamplePage, random.Random, float], Spoiled]) -> Kind:
    """A kind that spoils the page before it is scanned."""

    def draw_spoiled(draw: Draw, page: SamplePage) -> Drawn:
        spoiled = way(page, draw.rng, draw.severity)
        scanned = draw.scan(spoiled.page)
        return scanned, None if spoiled.area is None else _carry(spoiled.area, scanned)

    return draw_spoiled


def _carry(area: Pixels, scanned: Scan) -> Pixels:
    """The damaged area where it lies on the scan."""
    height, width = scanned.pixels.shape[:2]
    matrix = np.array(scanned.matrix).reshape(2, 3).copy()
    matrix[:, 2] /= AREA_SHRINK
    size = max(1, width // AREA_SHRINK), max(1, height // AREA_SHRINK)
    return np.asarray(cv2.warpAffine(area, matrix, size, flags=cv2.INTER_NEAREST), np.uint8)


def _same_size(page: SamplePage, like: SamplePage) -> SamplePage:
    """The upper left part of `page`, as large as `like`."""
    height, width = like.pixels.shape[:2]
    part = np.full_like(like.pixels, 255)
    cut = page.pixels[:height, :width]
    part[: cut.shape[0], : cut.shape[1]] = cut
    return SamplePage(part, (), "")


def _blank(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(page), None


def _back(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(other_pages.turn_over(draw.prose(), draw.rng, draw.severity)), None


def _handwriting(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(other_pages.write_by_hand(draw.rng)), None


def _elsewhere(draw: Draw, page: SamplePage) -> Drawn:
    return draw.scan(other_pages.look_elsewhere(draw.rng)), None


HARMLESS: dict[str, Kind] = {
    "plain": _plain,
    "askew": _askew,
    "turned": _turned,
    "phone": _phone,
    "border": _border,
    "uneven": _uneven,
    "fax": _fax,
    "specks": _specks,
    "folds": _folds,
    "bleed_through": _bleed_through,
    "jpeg": _jpeg,
    "stamped": _stamped,
}
"""Damage that a page survives."""

DAMAGING: dict[str, Kind] = {
    "defocus": _defocus,
    "motion": _spoil(spoil.smear),
    "dark": _dark,
    "washed_out": _washed_out,
    "coarse": _coarse,
    "noise": _noise,
    "dirt": _dirt,
    "band": _spoil(spoil.band),
    "shake": _spoil(spoil.shake),
    "crumple": _spoil(spoil.crumple),
    "half_blur": _spoil(spoil.blur_part),
    "sheet": _spoil(spoil.cover_with_sheet),
    "corner": _spoil(spoil.fold_corner),
    "hand": _spoil(spoil.lay_hand),
    "glare": _spoil(spoil.shine),
    "cut": _spoil(spoil.cut_side),
}
"""Damage that runs from hardly seen to nothing left."""

WITHOUT_PRINT: dict[str, Kind] = {
    "blank": _blank,
    "back": _back,
    "handwriting": _handwriting,
    "elsewhere": _elsewhere,
}
"""Pages whose truth has no words."""

KINDS = HARMLESS | DAMAGING | WITHOUT_PRINT
PARTIAL = frozenset({"half_blur", "sheet", "corner", "hand", "glare"})
"""Kinds whose damage has a place on the page."""
