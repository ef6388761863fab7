"""The kinds of pages the bench reads: each a named function of seed and severity, its truth exact.

`KINDS` maps names to functions. Texts of development and test pages come from different laws, both unknown
to the language model (see `scripts.samples.prose`); the seeds are disjoint. Tune on `DEV_SEEDS` alone.
"""

import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from schemas.page import QuarterTurn
from scripts.samples import damage, typeset
from scripts.samples.fonts import Style
from scripts.samples.page import SamplePage
from scripts.samples.photo import Photo, photograph
from scripts.samples.prose import Law, load_laws
from scripts.samples.scanning import Conditions, Scan, scan

DEV_SEEDS = range(1000, 1200)
TEST_SEEDS = range(9000, 9200)
FAMILIES = ("Tinos", "Arimo", "NotoSerif", "NotoSans")
_GOLDEN = 0.6180339887
"""Fractional parts of its multiples are spread evenly however many are taken."""

SHARED = Path(os.environ.get("SOHOA_SHARED", Path(__file__).parents[3] / "shared"))
"""The development data beside the checkout."""


@dataclass(frozen=True, slots=True)
class BenchPage:
    """One page of the bench: what the scanner or phone delivered, and the truth in it."""

    kind: str
    seed: int
    severity: float
    scan: Scan | Photo

    @property
    def skew_deg(self) -> float | None:
        """The truth of the skew; None for a photo, which has no one angle."""
        return self.scan.skew_deg if isinstance(self.scan, Scan) else None


@dataclass(frozen=True, slots=True)
class Draw:
    """What a kind draws from."""

    seed: int
    severity: float
    rng: random.Random
    laws: tuple[Law, ...]
    family: str

    def between(self, least: float, most: float) -> float:
        """From `least` at severity 0 to `most` at 1."""
        return least + (most - least) * self.severity

    def either_way(self, size: float) -> float:
        """`size` to one side or the other."""
        return size if self.rng.random() < 0.5 else -size

    def style(self, least_pt: float = 12, most_pt: float = 14) -> Style:
        """The page's family at a size in between."""
        return Style(self.family, self.rng.choice((least_pt, (least_pt + most_pt) / 2, most_pt)))

    def prose(self) -> SamplePage:
        """A page of ordinary running text."""
        return typeset.set_prose(self.rng, self.laws, self.style(), later_page=self.rng.random() < 0.5)

    def scan(self, page: SamplePage, **conditions: object) -> Scan:
        """Scan `page`, a little askew unless told how much."""
        told: Conditions = {"skew_deg": self.rng.uniform(-1, 1), **conditions}  # type: ignore[typeddict-item]
        return scan(page, seed=self.seed, **told)


def severity_of(seed: int) -> float:
    """0..1, spread evenly over any run of seeds."""
    return (0.5 + seed % 1000 * _GOLDEN) % 1


def family_of(kind: str, seed: int) -> str:
    """The font family of a page: every kind goes through all of them, each beginning elsewhere."""
    return FAMILIES[(seed + list(KINDS).index(kind)) % len(FAMILIES)]


def draw_page(kind: str, seed: int, severity: float | None = None) -> BenchPage:
    """One page; the same arguments give the same bytes. `seed` is one of `DEV_SEEDS` or `TEST_SEEDS`.

    Raises KeyError for a kind there is not, MissingDependencyError where a font is missing.
    """
    if severity is None:
        severity = severity_of(seed)
    purpose: Literal["dev", "test"] = "test" if seed in TEST_SEEDS else "dev"
    laws = load_laws(SHARED / "data" / "vi_text", purpose)
    rng = random.Random(f"sohoa bench {kind} {seed}")
    draw = Draw(seed, severity, rng, laws, family_of(kind, seed))
    return BenchPage(kind, seed, severity, KINDS[kind](draw))


def _clean(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), skew_deg=0.0)


def _skew(draw: Draw) -> Scan:
    skew_deg = draw.either_way(draw.between(1, 15))
    return draw.scan(damage.make_room(draw.prose(), skew_deg), skew_deg=skew_deg)


def _quarter_turn(draw: Draw) -> Scan:
    turns: tuple[QuarterTurn, ...] = (90, 180, 270)
    return draw.scan(draw.prose(), quarter_turn=turns[draw.seed % 3])


def _photo_mild(draw: Draw) -> Photo:
    tilt_deg = draw.between(2, 8)
    return photograph(draw.prose(), seed=draw.seed, tilt_deg=tilt_deg, roll_deg=2, shadow=0.15)


def _photo(draw: Draw) -> Photo:
    tilt_deg, shadow = draw.between(9, 24), draw.between(0.4, 0.9)
    return photograph(draw.prose(), seed=draw.seed, tilt_deg=tilt_deg, roll_deg=6, shadow=shadow)


def _scanner_border(draw: Draw) -> Scan:
    page = damage.open_lid(draw.prose(), draw.rng, draw.severity)
    return draw.scan(page, skew_deg=draw.either_way(draw.between(0.3, 4)), dark_border=True)


def _uneven_light(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), uneven_light=draw.between(0.3, 0.75), noise=1.5)


def _dim(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), dim=draw.between(0.4, 0.75), noise=1.5, uneven_light=0.2)


def _faded(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), fade=draw.between(0.4, 0.75))


def _fax(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), dpi=200, bilevel=True, noise=draw.between(4, 16))


def _fax_dots(draw: Draw) -> Scan:
    page = damage.speckle(draw.prose(), draw.rng, draw.between(3, 12), (0.15, 0.28))
    return draw.scan(page, dpi=200, bilevel=True, noise=6)


def _speckle_light(draw: Draw) -> Scan:
    return draw.scan(damage.speckle(draw.prose(), draw.rng, draw.between(0.5, 4), (0.1, 0.3)))


def _speckle_dense(draw: Draw) -> Scan:
    return draw.scan(damage.speckle(draw.prose(), draw.rng, draw.between(8, 30), (0.1, 0.25)))


def _folds(draw: Draw) -> Scan:
    return draw.scan(damage.fold(draw.prose(), draw.rng, draw.severity))


def _bleed_through(draw: Draw) -> Scan:
    return draw.scan(damage.bleed_through(draw.prose(), draw.prose(), draw.severity))


def _small_print(draw: Draw) -> Scan:
    style = Style(draw.family, draw.between(10, 8))
    return draw.scan(typeset.set_prose(draw.rng, draw.laws, style, line_height=1.2), dpi=200)


def _jpeg40(draw: Draw) -> Scan:
    return draw.scan(draw.prose(), jpeg_quality=40, blur_px=draw.between(0, 1.2), noise=2)


def _seals(draw: Draw) -> Scan:
    around = "ỦY BAN NHÂN DÂN XÃ PHÚ KHÊ HẠ"
    page = damage.stamp(draw.prose(), draw.rng, around, "TỈNH\nLAM GIANG", draw.severity)
    return draw.scan(page)


def _tables(draw: Draw) -> Scan:
    return draw.scan(typeset.set_tables(draw.rng, draw.laws, draw.style()))


def _letterhead(draw: Draw) -> Scan:
    return draw.scan(typeset.set_letter(draw.rng, draw.laws, draw.family))


def _form(draw: Draw) -> Scan:
    return draw.scan(typeset.set_form(draw.rng, draw.laws, draw.family))


def _short(draw: Draw) -> Scan:
    page = typeset.set_short(draw.rng, draw.laws, draw.family)
    turns: tuple[QuarterTurn, ...] = (0, 90, 180, 270)
    skew_deg = draw.either_way(draw.between(0.3, 6))
    return draw.scan(page, quarter_turn=turns[draw.seed % 4], skew_deg=skew_deg)


def _slip(draw: Draw) -> Scan:
    page = typeset.set_slip(draw.rng, draw.laws, draw.family)
    return draw.scan(page, skew_deg=draw.either_way(draw.between(0, 4)))


def _two_columns(draw: Draw) -> Scan:
    return draw.scan(typeset.set_two_columns(draw.rng, draw.laws, draw.style(10.5, 12)))


def _dense(draw: Draw) -> Scan:
    return draw.scan(typeset.set_prose(draw.rng, draw.laws, draw.style(11, 12), line_height=1.15))


KINDS: dict[str, Callable[[Draw], Scan | Photo]] = {
    "clean": _clean,
    "skew": _skew,
    "quarter_turn": _quarter_turn,
    "photo_mild": _photo_mild,
    "photo": _photo,
    "scanner_border": _scanner_border,
    "uneven_light": _uneven_light,
    "dim": _dim,
    "faded": _faded,
    "fax": _fax,
    "fax_dots": _fax_dots,
    "speckle_light": _speckle_light,
    "speckle_dense": _speckle_dense,
    "folds": _folds,
    "bleed_through": _bleed_through,
    "small_print": _small_print,
    "jpeg40": _jpeg40,
    "seals": _seals,
    "tables": _tables,
    "letterhead": _letterhead,
    "form": _form,
    "short": _short,
    "slip": _slip,
    "two_columns": _two_columns,
    "dense": _dense,
}
"""Clean and readable damage, least first as the tables list them."""
