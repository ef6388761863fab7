"""`python -m scripts.bench.no_sheets`: is any ordinary page taken for a cover sheet?

Pages of every kind of the bench (forms, tables, photos, hand-writing, faxes), sample papers of the demo, real
scans beside the checkout; whole and as a feeder would deliver them, at 150 dpi.
"""

import random
import re
from collections.abc import Iterator
from typing import Annotated

import cv2
import numpy as np
import typer
from pdf2image import convert_from_path

from pipeline.separation.bands import SHEET_MM, believe_dpi, find_bands
from pipeline.separation.sight import READING_DPI, see_page
from schemas.covers import RECORD_IN_TEXT
from schemas.page import Pixels, ScanPage
from scripts.bench.kinds import DEV_SEEDS, KINDS, SHARED, TEST_SEEDS, draw_page
from scripts.samples.other_pages import look_elsewhere, write_by_hand
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page

_TEMPLATES = (re.compile(RECORD_IN_TEXT),)


def draw_ordinary(pages: int, seeds: range) -> Iterator[tuple[str, Pixels, float]]:
    """Name, grey pixels, resolution."""
    for path in sorted((SHARED / "data" / "real_scans").glob("*.pdf")):
        for number, page in enumerate(convert_from_path(path, dpi=200, grayscale=True), 1):
            yield f"{path.stem} {number}", np.asarray(page, np.uint8), 200.0
    rng = random.Random(f"no sheets {seeds[0]}")
    for at in range(pages):
        seed = seeds[at % len(seeds)]
        if at % 5 == 0:
            kind = rng.choice(list(PaperKind))
            yield f"{kind} {seed}", _grey(render_page(kind, seed).pixels), 300.0
        elif at % 25 == 1:
            yield f"hand {seed}", _grey(write_by_hand(rng).pixels), 300.0
        elif at % 25 == 2:
            yield f"elsewhere {seed}", _grey(look_elsewhere(rng).pixels), 300.0
        else:
            kind = list(KINDS)[at % len(KINDS)]
            scan = draw_page(kind, seed).scan
            yield f"{kind} {seed}", _grey(scan.pixels), float(scan.dpi)


def _grey(pixels: Pixels) -> Pixels:
    small = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    return np.asarray(small, np.uint8)


def main(
    pages: Annotated[int, typer.Option(min=1)] = 300,
    seeds: Annotated[str, typer.Option(help="dev or test")] = "dev",
) -> None:
    """Look at many ordinary pages; tell those taken for a sheet, and how near the others come."""
    cv2.setNumThreads(1)
    taken, lengths = [], []
    for name, grey, dpi in draw_ordinary(pages, DEV_SEEDS if seeds == "dev" else TEST_SEEDS):
        sight = see_page(ScanPage(1, grey, dpi, True, False, "image"), _TEMPLATES)
        believed = believe_dpi(grey, dpi)
        factor = min(1.0, READING_DPI / believed)
        small = cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
        lengths.append((find_bands(np.asarray(small, np.uint8), believed * factor).length_mm, name))
        if sight.banded or sight.marks:
            taken.append(name)
    lengths.sort(reverse=True)
    print(f"taken for a sheet: {len(taken)} of {len(lengths)} ordinary pages {taken}")
    nearest = ", ".join(f"{length:.1f} mm ({name})" for length, name in lengths[:5])
    print(f"longest rows of bars on them (a sheet from {SHEET_MM:g} mm): {nearest}")


if __name__ == "__main__":
    typer.run(main)
