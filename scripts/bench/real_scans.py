"""The real scans with a transcription: printed words found, by us and by OCRmyPDF, on the same page.

The scans are development data beside the checkout, never part of the repository. Some transcriptions lie
with them; those in `truths/` were written for this bench, by eye, and no step was tuned on them.
"""

import re
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pikepdf

from schemas.page import ScanPage
from scripts.bench.kinds import SHARED
from scripts.bench.result import PageResult
from scripts.bench.run import KindResult, Readers, Truth, keep_picture, read_scans, score

HELD_OUT_TRUTHS = Path(__file__).with_name("truths")
_TRUTH_NAME = re.compile(r"(.+)_p(\d+)")


@dataclass(frozen=True, slots=True)
class RealPage:
    """One page of a scanned file and where its transcription lies."""

    file: Path
    number: int
    truth: Path


def find_real_pages(folder: Path = SHARED / "data" / "real_scans") -> list[RealPage]:
    """Every page that has a transcription (`<file>_p<number>.txt`) here or in `HELD_OUT_TRUTHS`, by name;
    none where the folder is absent."""
    truths = [*folder.glob("*_p*.txt"), *HELD_OUT_TRUTHS.glob("*_p*.txt")]
    pages = []
    for truth in sorted(truths, key=lambda path: path.name):
        named = _TRUTH_NAME.fullmatch(truth.stem)
        if named is not None and (file := folder / f"{named[1]}.pdf").is_file():
            pages.append(RealPage(file, int(named[2]), truth))
    return pages


def run_real_scans(readers: Readers, out: Path) -> Iterator[KindResult]:
    """Each page as a kind and a file of its own, read by everyone."""
    for page in find_real_pages():
        yield _run_page(page, readers, out)


def _run_page(page: RealPage, readers: Readers, out: Path) -> KindResult:
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        alone = Path(folder) / f"{page.truth.stem}.pdf"
        write_alone(page, alone)
        ours = readers.read_ours(alone, 1)
        scans = list(read_scans(alone))
        bare = readers.floor.read(scans)
        theirs, cached = readers.ocrmypdf.read(alone, 1) if readers.ocrmypdf else (None, False)
    truth = Truth(page.truth.read_text(encoding="utf-8"), 0, None)
    picture = f"real-{page.truth.stem}.jpg"
    keep_picture(scans[0].pixels, out / picture)
    result = PageResult(
        kind=page.truth.stem,
        seed=0,
        severity=0.0,
        dpi=round(scans[0].dpi),
        truth=truth.text,
        quarter_turn=0,
        skew_deg=None,
        verdict=ours.pages[0].verdict,
        sohoa=score(ours, 0, truth, readers.sohoa_start_up_s),
        bare=score(bare, 0, truth, 0.0),
        ocrmypdf=score(theirs, 0, truth, readers.ocrmypdf_start_up_s or 0.0) if theirs else None,
        picture=picture,
    )
    return KindResult((result,), cached)


def take_page(page: RealPage) -> Iterator[ScanPage]:
    """The page alone, as intake hands it on."""
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        alone = Path(folder) / f"{page.truth.stem}.pdf"
        write_alone(page, alone)
        yield from read_scans(alone)


def write_alone(page: RealPage, target: Path) -> None:
    """One page without the signatures and forms of its file, which both readers would have to refuse."""
    with pikepdf.open(page.file) as whole, pikepdf.new() as alone:
        alone.pages.append(whole.pages[page.number - 1])
        for key in ("/Annots", "/StructParents"):
            if key in alone.pages[0].obj:
                del alone.pages[0].obj[key]
        alone.save(target, deterministic_id=True)
