"""`python -m scripts.bench.duplicates FOLDER`: is a page known again, and never taken for another?

Sheets are drawn, many of them from one template with other people in it; each is scanned three ways and
read. Two scans of one sheet must match, two sheets never. Readings are kept in FOLDER; a call goes on
where the last was stopped.
"""

import os
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from time import process_time
from typing import Annotated

import cv2
import numpy as np
import typer
from pydantic import TypeAdapter

from pipeline.digitise import Tools, digitise_page, open_tools
from pipeline.image.prepare import straighten
from pipeline.quality.duplicates import find_duplicates
from pipeline.quality.trace import trace_page
from pipeline.reading.strip import weigh_strip
from schemas.findings import PageTrace
from schemas.page import Orientation, PageText, ScanPage, Skew, UprightPage, Verdict
from schemas.settings import Settings
from scripts.bench.kinds import SHARED
from scripts.samples import damage, other_pages, typeset
from scripts.samples.fonts import Style
from scripts.samples.page import PaperKind, SamplePage
from scripts.samples.papers import render_paper
from scripts.samples.photo import Photo, photograph
from scripts.samples.prose import load_laws
from scripts.samples.scanning import Conditions, Scan, scan
from scripts.samples.texts import PROCEDURES

SCANS = 3
"""Of each sheet; so each gives three pairs that must match."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """One side of paper. Sheets of one `template` differ in names, dates and figures, or are the pages of
    one law."""

    name: str
    template: str
    page: SamplePage


def draw_sheets(first_seed: int, copies: int) -> Iterator[Sheet]:
    """`copies` sheets of each template, always the same for one `first_seed`."""
    people = range(first_seed, first_seed + copies * len(PROCEDURES), len(PROCEDURES))
    for kind, procedures, pages in (
        (PaperKind.APPLICATION, 3, 1),
        (PaperKind.DECLARATION, 2, 1),
        (PaperKind.LETTER, 2, 1),
        (PaperKind.SHORT_LETTER, 1, 1),
        (PaperKind.LONG, 1, 3),
        (PaperKind.RECEIPT, 1, 2),
        (PaperKind.NOTE, 1, 1),
        (PaperKind.SLIP_A5, 1, 1),
    ):
        for procedure in range(procedures):
            for seed in people:
                paper = render_paper(kind, seed + procedure)
                for number, page in enumerate(paper.pages[:pages], 1):
                    yield Sheet(f"{kind}-{seed + procedure}-{number}", f"{kind}-{procedure}-{number}", page)
    laws = load_laws(SHARED / "data" / "vi_text", "dev")
    for seed in range(first_seed, first_seed + copies):
        rng = random.Random(f"sohoa duplicates {seed}")
        if seed % 2 == 0:
            for number, page in enumerate(typeset.set_consecutive(rng, laws, Style("Tinos", 13), 4), 1):
                yield Sheet(f"law-{seed}-{number}", f"law-{seed}", page)
        yield Sheet(f"form-{seed}", "form", typeset.set_form(rng, laws, "Tinos"))
        yield Sheet(f"tables-{seed}", "tables", typeset.set_tables(rng, laws, Style("Arimo", 12)))
        yield Sheet(f"card-{seed}", "card", typeset.set_card(rng, "Arimo"))
        yield Sheet(f"hand-{seed}", "hand", other_pages.write_by_hand(rng))
        yield Sheet(f"elsewhere-{seed}", "elsewhere", other_pages.look_elsewhere(rng))


def scan_again(sheet: Sheet, number: int) -> Scan | Photo:
    """One scan of a sheet: the first as offices scan, the others worse: turned, bilevel, a photo."""
    rng = random.Random(f"sohoa rescan {sheet.name} {number}")
    seed = rng.randrange(10**6)
    if number == 0:
        return scan(sheet.page, seed=seed, skew_deg=rng.uniform(-1, 1))
    page, conditions = (
        sheet.page,
        Conditions(
            skew_deg=rng.uniform(-2.5, 2.5),
            dpi=rng.choice((200, 240, 300)),
            quarter_turn=rng.choice((0, 0, 90, 180, 270)),
            noise=rng.uniform(0, 4),
            uneven_light=rng.uniform(0, 0.4),
            jpeg_quality=rng.randint(60, 92),
        ),
    )
    way = rng.choice(("dim", "faded", "soft", "bilevel", "border", "photo", "seal"))
    if way == "photo" and sheet.page.pixels.shape[0] > 2000:
        return photograph(sheet.page, seed=seed, tilt_deg=rng.uniform(2, 12), roll_deg=3, shadow=0.3)
    if way == "border":
        page, conditions["dark_border"] = damage.open_lid(page, rng, rng.random()), True
    elif way == "seal" and sheet.page.words:
        page = damage.stamp(page, rng, "ỦY BAN NHÂN DÂN XÃ PHÚ KHÊ HẠ", "TỈNH\nLAM GIANG", 0.3)
    elif way == "bilevel":
        conditions["bilevel"], conditions["uneven_light"] = True, 0.0
    else:
        key = {"dim": "dim", "faded": "fade"}.get(way, "blur_px")
        conditions[key] = rng.uniform(0.2, 0.6) if key != "blur_px" else rng.uniform(0.5, 1.8)
    return scan(page, seed=seed, **conditions)


@dataclass(frozen=True, slots=True)
class Reading:
    """One scan as it was read; the upright page lies beside it as a JPEG."""

    sheet: str
    template: str
    number: int
    dpi: float
    flattened: bool
    orientation: Orientation
    verdict: Verdict
    text: PageText


_READING = TypeAdapter(Reading)


def read_sheets(folder: Path, sheets: Iterable[Sheet], tools: Tools) -> Iterator[Reading]:
    """Scan and read what `folder` does not have yet."""
    for sheet in sheets:
        for number in range(SCANS):
            path = folder / f"{sheet.name}-{number}.json"
            if not path.is_file():
                _read_scan(path, sheet, number, tools)
            yield _READING.validate_json(path.read_bytes())


def _read_scan(path: Path, sheet: Sheet, number: int, tools: Tools) -> None:
    made = scan_again(sheet, number)
    scanned = ScanPage(1, made.pixels, float(made.dpi), True, made.bilevel, "image")
    upright = straighten(scanned, lambda grey, dpi: weigh_strip(tools.engine.read_strip(grey, dpi=dpi)))
    page = digitise_page(scanned, tools)
    reading = Reading(
        sheet.name,
        sheet.template,
        number,
        upright.dpi,
        upright.flattened,
        upright.orientation,
        page.report.verdict,
        page.text,
    )
    pixels = upright.pixels if upright.pixels.ndim == 2 else cv2.cvtColor(upright.pixels, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path.with_suffix(".jpg")), pixels)
    path.write_bytes(_READING.dump_json(reading))


def load_upright(folder: Path, reading: Reading) -> UprightPage:
    """The upright page of a reading."""
    stored = cv2.imread(str(folder / f"{reading.sheet}-{reading.number}.jpg"), cv2.IMREAD_COLOR_RGB)
    return UprightPage(
        number=1,
        pixels=np.asarray(stored, np.uint8),
        dpi=reading.dpi,
        dpi_known=True,
        bilevel=False,
        orientation=reading.orientation,
        skew=Skew(0.0, True),
        matrix=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


@dataclass(frozen=True, slots=True)
class Pair:
    """Two scans and whether they are taken for one page; `clear`: neither is said to be unreadable."""

    one: Reading
    other: Reading
    taken_for_one: bool

    @property
    def same_sheet(self) -> bool:
        """The truth."""
        return self.one.sheet == self.other.sheet

    @property
    def clear(self) -> bool:
        """Whether both can be read."""
        return Verdict.UNREADABLE not in {self.one.verdict, self.other.verdict}


def compare(readings: Sequence[Reading], traces: Sequence[PageTrace]) -> Iterator[Pair]:
    """Every two scans."""
    for (one, first), (other, second) in combinations(zip(readings, traces, strict=True), 2):
        yield Pair(one, other, any(find_duplicates((first, second))))


def tell(pairs: Sequence[Pair]) -> Iterator[str]:
    """Hits and false alarms, and the pairs that went wrong."""
    for name, asked in (
        ("one sheet", [pair for pair in pairs if pair.same_sheet and pair.clear]),
        (
            "one sheet, a scan of it unreadable",
            [pair for pair in pairs if pair.same_sheet and not pair.clear],
        ),
        ("two sheets of one template", [pair for pair in pairs if _share_template(pair)]),
        ("two other sheets", [pair for pair in pairs if pair.one.template != pair.other.template]),
    ):
        yield f"{name}: {sum(pair.taken_for_one for pair in asked)} of {len(asked)} pairs taken for one page"
    for pair in pairs:
        if pair.taken_for_one != pair.same_sheet:
            what = "missed" if pair.same_sheet else "FALSE"
            names = (f"{read.sheet}/{read.number} ({read.verdict})" for read in (pair.one, pair.other))
            yield f"{what}: {' '.join(names)}"


def _share_template(pair: Pair) -> bool:
    return not pair.same_sheet and pair.one.template == pair.other.template


def main(
    folder: Annotated[Path, typer.Argument(help="where the readings are kept")],
    first_seed: Annotated[int, typer.Option(help="other sheets for another seed")] = 4000,
    copies: Annotated[int, typer.Option(min=1, help="sheets of each template")] = 4,
) -> None:
    """Read the sheets and tell how well the same page is known again."""
    folder.mkdir(parents=True, exist_ok=True)
    cv2.setNumThreads(1)
    readings, traces, seconds = [], [], 0.0
    for reading in read_sheets(folder, draw_sheets(first_seed, copies), open_tools(Settings())):
        print(reading.sheet, reading.number, reading.verdict, len(reading.text.words), flush=True)
        upright = load_upright(folder, reading)
        started = process_time()
        traces.append(trace_page(upright, reading.text, blank=reading.verdict is Verdict.BLANK))
        seconds += process_time() - started
        readings.append(reading)
    print(f"trace_page: {1000 * seconds / len(traces):.1f} ms CPU a page over {len(traces)} pages")
    for line in tell(list(compare(readings, traces))):
        print(line)


if __name__ == "__main__":
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before Tesseract is loaded
    typer.run(main)
