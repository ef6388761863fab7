"""A run of the bench: kind by kind, every reader on the same file, scored page by page."""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2

from pipeline.intake.open import open_source
from schemas.page import Pixels, QuarterTurn, ScanPage
from schemas.settings import Limits
from scripts.bench.floor import Floor
from scripts.bench.kinds import draw_page
from scripts.bench.ocrmypdf_command import Ocrmypdf
from scripts.bench.reading import DocumentReading
from scripts.bench.result import PageResult, Score
from scripts.bench.scores import character_error_rate, skew_error, word_recall
from scripts.bench.sohoa_command import read_with_sohoa
from scripts.samples.dossier import write_scans

PICTURE_PX = 760
"""Longer side of the pictures kept for the HTML page."""


@dataclass(frozen=True, slots=True)
class Readers:
    """Who reads, and what each call costs before it reads anything (CPU seconds)."""

    floor: Floor
    sohoa_start_up_s: float
    ocrmypdf: Ocrmypdf | None
    ocrmypdf_start_up_s: float | None
    options: Sequence[str] = ()

    def read_ours(self, file: Path, page_count: int) -> DocumentReading:
        """Our side, with the options this run is about: the one place where the bench digitises."""
        return read_with_sohoa(file, page_count, self.options)


@dataclass(frozen=True, slots=True)
class KindResult:
    """The pages of one kind; `cached`: the peer's part is from an earlier run."""

    pages: tuple[PageResult, ...]
    cached: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """What a reading of one page is held against; None where it is not known or has no meaning."""

    text: str
    quarter_turn: QuarterTurn | None
    skew_deg: float | None


def run_kind(kind: str, seeds: Sequence[int], readers: Readers, out: Path) -> KindResult:
    """Draw the pages of one kind into one PDF, have everyone read it, keep a picture of each in `out`."""
    pages = [draw_page(kind, seed) for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        pdf = Path(folder) / f"{kind}.pdf"
        write_scans(pdf, [page.scan for page in pages])
        ours = readers.read_ours(pdf, len(pages))
        bare = readers.floor.read(list(read_scans(pdf)))
        theirs, cached = readers.ocrmypdf.read(pdf, len(pages)) if readers.ocrmypdf else (None, False)
    results = []
    for index, page in enumerate(pages):
        truth = Truth(page.scan.text, page.scan.quarter_turn, page.skew_deg)
        picture = f"{kind}-{page.seed}.jpg"
        keep_picture(page.scan.pixels, out / picture)
        results.append(
            PageResult(
                kind=kind,
                seed=page.seed,
                severity=round(page.severity, 3),
                dpi=page.scan.dpi,
                truth=truth.text,
                quarter_turn=page.scan.quarter_turn,
                skew_deg=page.skew_deg,
                verdict=ours.pages[index].verdict,
                sohoa=score(ours, index, truth, readers.sohoa_start_up_s),
                bare=score(bare, index, truth, 0.0),
                ocrmypdf=score(theirs, index, truth, readers.ocrmypdf_start_up_s or 0.0) if theirs else None,
                picture=picture,
            )
        )
    return KindResult(tuple(results), cached)


def score(reading: DocumentReading, index: int, truth: Truth, start_up_s: float) -> Score:
    """One page of a reading against its truth; a failed file counts as nothing read."""
    page = reading.pages[index]
    right = None if truth.quarter_turn is None else page.quarter_turn == truth.quarter_turn
    return Score(
        text=page.text,
        cer=character_error_rate(page.text, truth.text),
        word_recall=word_recall(page.text, truth.text),
        quarter_turn=page.quarter_turn,
        orientation_right=right,
        skew_error_deg=skew_error(page.skew_deg, truth.skew_deg, upright=bool(right)),
        flattened=page.flattened,
        cpu_s=(reading.cpu_s - start_up_s) / len(reading.pages),
        failure=reading.failure,
    )


def read_scans(file: Path) -> Iterator[ScanPage]:
    """The pages of a file as intake hands them on."""
    with open_source(file, Limits()) as source:
        for number in range(1, source.page_count + 1):
            yield source.read_page(number)


def keep_picture(pixels: Pixels, path: Path) -> None:
    """A small JPEG of a page."""
    factor = PICTURE_PX / max(pixels.shape[:2])
    small = cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(path), shown, [cv2.IMWRITE_JPEG_QUALITY, 62])


def choose_seeds(seeds: range, count: int) -> list[int]:
    """The first `count` seeds. Raises ValueError where there are not so many."""
    if count > len(seeds):
        raise ValueError(f"there are only {len(seeds)} seeds")
    return list(seeds[:count])
