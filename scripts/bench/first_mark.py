"""The first mark: CPU seconds a page on ordinary office scans, beside OCRmyPDF on the same pages."""

import random
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.page import QuarterTurn
from scripts.bench.ocrmypdf_command import Ocrmypdf
from scripts.bench.sohoa_command import measure_start_up, read_with_sohoa
from scripts.samples.dossier import write_scans
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_paper
from scripts.samples.scanning import Scan, scan

PAGES = 20
_KINDS = (
    PaperKind.APPLICATION,
    PaperKind.DECLARATION,
    PaperKind.LETTER,
    PaperKind.LONG,
    PaperKind.RECEIPT,
    PaperKind.SHORT_LETTER,
)
_MOST_SKEW_DEG = 2.0
_TURNED_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class FirstMark:
    """CPU seconds a page of both, everything included, on `pages` pages in one PDF."""

    pages: int
    sohoa_s: float
    ocrmypdf_s: float
    cached: bool

    @property
    def ratio(self) -> float:
        """How many times fewer ours are."""
        return self.ocrmypdf_s / self.sohoa_s


def draw_office_scans(pages: int = PAGES, seed: int = 1) -> Iterator[Scan]:
    """Ordinary papers as an office scanner gives them: 300 dpi colour JPEG, up to 2 degrees askew, a
    quarter of them turned by a quarter, a half or three."""
    rng = random.Random(f"sohoa first mark {seed}")
    drawn, number = 0, 0
    while drawn < pages:
        paper = render_paper(_KINDS[number % len(_KINDS)], seed * 1000 + number)
        number += 1
        for page in paper.pages[: min(2, pages - drawn)]:
            turns: tuple[QuarterTurn, ...] = (90, 180, 270)
            turn = rng.choice(turns) if rng.random() < _TURNED_SHARE else 0
            skew_deg = rng.uniform(-_MOST_SKEW_DEG, _MOST_SKEW_DEG)
            drawn += 1
            yield scan(page, seed=seed * 1000 + drawn, quarter_turn=turn, skew_deg=skew_deg)


def measure_first_mark(ocrmypdf: Ocrmypdf, pages: int = PAGES) -> FirstMark:
    """Both commands on the same PDF, one after the other. Raises RuntimeError where one fails."""
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        pdf = Path(folder) / "office.pdf"
        write_scans(pdf, list(draw_office_scans(pages)))
        measure_start_up()  # code is compiled before anything counts
        ours = read_with_sohoa(pdf, pages)
        theirs, cached = ocrmypdf.read(pdf, pages)
    for name, reading in (("sohoa", ours), ("ocrmypdf", theirs)):
        if reading.failure:
            raise RuntimeError(f"{name} failed: {reading.failure}")
    return FirstMark(pages, ours.cpu_s / pages, theirs.cpu_s / pages, cached)
