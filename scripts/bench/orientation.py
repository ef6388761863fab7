"""Which way up, and how far askew: many pages through the image steps alone, nothing read but strips."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import fmean
from time import process_time

from pipeline.reading.engine import Engine
from schemas.page import QuarterTurn, ScanPage
from scripts.bench.floor import turn_upright
from scripts.bench.kinds import DEV_SEEDS, FAMILIES, SHARED
from scripts.samples import damage, typeset
from scripts.samples.fonts import Style
from scripts.samples.page import SamplePage
from scripts.samples.prose import Law, load_laws
from scripts.samples.scanning import scan

MOST_SKEW_DEG = 15.0
MOST_SHORT_WORDS = 15
_DPI = 200
_QUARTERS: tuple[QuarterTurn, ...] = (0, 90, 180, 270)
_BILEVEL_EVERY = 5

_LONG_PAGES: tuple[Callable[[random.Random, tuple[Law, ...], str], SamplePage], ...] = (
    lambda rng, laws, family: typeset.set_prose(rng, laws, Style(family, 13)),
    typeset.set_letter,
    typeset.set_form,
    lambda rng, laws, family: typeset.set_tables(rng, laws, Style(family, 13)),
    lambda rng, laws, family: typeset.set_two_columns(rng, laws, Style(family, 11)),
    typeset.set_slip,
)


@dataclass(frozen=True, slots=True)
class TurnedPage:
    """A scan and the truth of how it lies; `words` it has."""

    scan: ScanPage
    quarter_turn: QuarterTurn
    skew_deg: float
    words: int


@dataclass(frozen=True, slots=True)
class Found:
    """What the image steps made of one page; `skew_error_deg` is None where they held the skew uncertain
    or turned the page wrongly."""

    page: int
    words: int
    true_turn: QuarterTurn
    found_turn: QuarterTurn
    certain: bool
    true_skew_deg: float
    skew_error_deg: float | None
    cpu_s: float


def draw_turned_pages(count: int, seeds: range) -> Iterator[TurnedPage]:
    """Every paper in all four quarters, each time at another skew within 15 degrees; a third of the papers
    have 5 to 15 words, every fifth is black and white."""
    laws = load_laws(SHARED / "data" / "vi_text", "dev" if seeds == DEV_SEEDS else "test")
    rng = random.Random(f"sohoa orientation {seeds.start}")
    for number in range(count):
        paper = number // len(_QUARTERS)
        if number % len(_QUARTERS) == 0:
            family = rng.choice(FAMILIES)
            short = paper % 3 == 0
            page = (typeset.set_short if short else rng.choice(_LONG_PAGES))(rng, laws, family)
        turn, skew_deg = _QUARTERS[number % len(_QUARTERS)], rng.uniform(-MOST_SKEW_DEG, MOST_SKEW_DEG)
        made = scan(
            damage.make_room(page, skew_deg),
            seed=seeds.start + number,
            quarter_turn=turn,
            skew_deg=skew_deg,
            dpi=_DPI,
            grey=True,
            bilevel=paper % _BILEVEL_EVERY == 0,
        )
        scanned = ScanPage(number + 1, made.pixels, made.dpi, True, made.bilevel, "image")
        yield TurnedPage(scanned, turn, skew_deg, len(made.words))


def find_turn(page: TurnedPage, engine: Engine) -> Found:
    """Run the image steps on one page and hold them against the truth."""
    started = process_time()
    upright = turn_upright(page.scan, engine)
    cpu_s = process_time() - started
    right = upright.orientation.quarter_turn == page.quarter_turn
    known = right and upright.skew.certain
    return Found(
        page=page.scan.number,
        words=page.words,
        true_turn=page.quarter_turn,
        found_turn=upright.orientation.quarter_turn,
        certain=upright.orientation.certain,
        true_skew_deg=page.skew_deg,
        skew_error_deg=abs(upright.skew.skew_deg - page.skew_deg) if known else None,
        cpu_s=cpu_s,
    )


def tell_orientation(found: list[Found]) -> str:
    """The figures in words, every wrong page by number."""
    wrong = [page for page in found if page.found_turn != page.true_turn]
    short = [page for page in found if page.words <= MOST_SHORT_WORDS]
    upright = [page for page in found if page.true_turn == 0]
    turned = [page for page in upright if page.found_turn != 0]
    known = [page for page in found if page.skew_error_deg is not None]
    lines = [
        f"{len(found)} pages over four quarters, {len(short)} of them with 5 to 15 words",
        f"orientation wrong: {len(wrong)} ({1 - len(wrong) / len(found):.2%} right), "
        f"{sum(page.words <= MOST_SHORT_WORDS for page in wrong)} of them short, "
        f"{sum(page.certain for page in wrong)} of them held certain",
        f"upright pages turned: {len(turned)} of {len(upright)}",
        f"held uncertain: {sum(not page.certain for page in found)}",
    ]
    for name, pages in (("all", known), ("short", [page for page in known if page in short])):
        errors = [page.skew_error_deg for page in pages if page.skew_error_deg is not None]
        if errors:
            lines.append(
                f"skew error over {len(errors)} pages ({name}): mean {fmean(errors):.4f} deg, "
                f"max {max(errors):.4f} deg, over 0.1 deg: {sum(error > 0.1 for error in errors)}"
            )
    lines.append(
        f"skew left uncertain on {len(found) - len(wrong) - len(known)} more; short pages levelled: "
        f"{sum(page in known for page in short)} of {len(short)}"
    )
    lines.append(f"CPU s a page for turning and levelling: {fmean(page.cpu_s for page in found):.3f}")
    lines += [
        f"  wrong: page {page.page}, {page.words} words, should be {page.true_turn}, found {page.found_turn}"
        f"{' (certain)' if page.certain else ''}, skew {page.true_skew_deg:+.2f}"
        for page in wrong
    ]
    lines += [
        f"  worst skew: page {page.page}, {page.words} words, {page.true_skew_deg:+.2f}, off by "
        f"{page.skew_error_deg:.4f}"
        for page in sorted(known, key=lambda page: -(page.skew_error_deg or 0.0))[:5]
    ]
    return "\n".join(lines)
