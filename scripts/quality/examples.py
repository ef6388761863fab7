"""`python -m scripts.quality.examples FOLDER`: draw, read and label the pages; resumes where it was stopped.

Of each page the scan, the reading and the label are kept, so that features can be measured anew without
reading anything again.
"""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from pydantic import TypeAdapter

from pipeline.digitise import Tools, digitise_page, open_tools
from pipeline.image.prepare import prepare_for_reading, straighten
from pipeline.reading.strip import weigh_strip
from schemas.errors import ReadingTimeoutError
from schemas.page import PageText, Pixels, ScanPage
from schemas.settings import Settings
from scripts.quality.kinds import (
    DAMAGING,
    HARMLESS,
    SEEDS,
    WITHOUT_PRINT,
    QualityPage,
    Split,
    draw_quality_page,
)
from scripts.quality.labels import Label, Loss, label_page, measure_loss

PAGES_OF_A_KIND: dict[Split, tuple[int, int, int]] = {
    "fit": (14, 14, 6),
    "calibration": (8, 10, 4),
    "test": (16, 20, 10),
}
"""Pages of each harmless kind, damaging kind, and kind without print: 12, 16 and 4 kinds, 1,240 pages."""

_CLEAR_CER = 0.03
"""A page that reads so well at once is not read a second way."""


@dataclass(frozen=True, slots=True)
class Example:
    """One labelled page without its pixels. `text` is the reading as the pipeline has it."""

    kind: str
    layout: str
    seed: int
    split: Split
    severity: float
    dpi: int
    bilevel: bool
    loss: Loss
    label: Label
    verdict: str
    text: PageText


_EXAMPLE = TypeAdapter(Example)


def load_examples(folder: Path) -> list[Example]:
    """All examples kept in `folder`, by kind and seed."""
    return [_EXAMPLE.validate_json(path.read_bytes()) for path in sorted(folder.glob("*.json"))]


def load_scan(folder: Path, example: Example) -> ScanPage:
    """The scan of an example, decoded as intake does."""
    flag = cv2.IMREAD_GRAYSCALE if example.bilevel else cv2.IMREAD_COLOR_RGB
    path = folder / f"{example.kind}-{example.seed}{'.png' if example.bilevel else '.jpg'}"
    pixels = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flag | cv2.IMREAD_IGNORE_ORIENTATION)
    if pixels is None:
        raise ValueError(f"{path.name} cannot be decoded; remove it and its JSON file, and draw it anew")
    return _as_page(np.asarray(pixels, np.uint8), example.dpi, example.bilevel)


def load_area(folder: Path, example: Example) -> Pixels | None:
    """Where the example's page is damaged, an eighth of the scan's size; None where it has no one place."""
    path = folder / f"{example.kind}-{example.seed}-area.png"
    return np.asarray(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), np.uint8) if path.is_file() else None


def make_example(kind: str, seed: int, split: Split, folder: Path, tools: Tools) -> Example:
    """Draw, read and label one page; its files come last, the JSON file last of all."""
    page = draw_quality_page(kind, seed)
    scan = _as_page(page.scan.pixels, page.scan.dpi, page.scan.bilevel)
    digitised = digitise_page(scan, tools)
    readings = [digitised.report.text]
    loss = measure_loss(page, readings)
    if loss.cer > _CLEAR_CER:
        readings.append(_read_whole(scan, tools))
        loss = measure_loss(page, readings)
    example = Example(
        kind=kind,
        layout=page.layout,
        seed=seed,
        split=split,
        severity=page.severity,
        dpi=page.scan.dpi,
        bilevel=page.scan.bilevel,
        loss=loss,
        label=label_page(page, loss),
        verdict=str(digitised.report.verdict),
        text=digitised.text,
    )
    _keep(page, example, folder)
    return example


def _read_whole(scan: ScanPage, tools: Tools) -> str:
    """The other way to read a page: the engine finds its own lines. Empty where it comes to no end."""
    engine = tools.engine
    upright = straighten(scan, lambda grey, dpi: weigh_strip(engine.read_strip(grey, dpi=dpi)))
    try:
        return engine.read(
            prepare_for_reading(upright),
            width_px=upright.width_px,
            height_px=upright.height_px,
            timeout_s=tools.reading_timeout_s,
        ).text
    except ReadingTimeoutError:
        return ""


def _as_page(pixels: Pixels, dpi: int, bilevel: bool) -> ScanPage:
    return ScanPage(1, pixels, float(dpi), dpi_known=True, bilevel=bilevel, origin="image")


def _keep(page: QualityPage, example: Example, folder: Path) -> None:
    stem = f"{example.kind}-{example.seed}"
    if page.scan.jpeg is not None:
        (folder / f"{stem}.jpg").write_bytes(page.scan.jpeg)
    else:
        cv2.imwrite(str(folder / f"{stem}.png"), page.scan.pixels)
    if page.area is not None:
        cv2.imwrite(str(folder / f"{stem}-area.png"), page.area)
    draft = folder / f"{stem}.part"
    draft.write_bytes(_EXAMPLE.dump_json(example))
    draft.replace(folder / f"{stem}.json")


def list_pages(share: float = 1.0) -> Iterator[tuple[str, int, Split]]:
    """Kind, seed and split of every page of the set, or of `share` of each kind (one at least)."""
    for split, counts in PAGES_OF_A_KIND.items():
        for kinds, count in zip((HARMLESS, DAMAGING, WITHOUT_PRINT), counts, strict=True):
            numbers = SEEDS[split][: max(1, round(count * share))]
            yield from ((kind, seed, split) for seed, kind in product(numbers, kinds))


_tools: list[Tools] = []


def _open() -> None:
    cv2.setNumThreads(1)
    _tools.append(open_tools(Settings()))


def _make(task: tuple[str, int, Split, Path]) -> str:
    kind, seed, split, folder = task
    example = make_example(kind, seed, split, folder, _tools[0])
    return f"{kind} {seed}: {example.label}, CER {example.loss.cer:.3f}, {example.verdict}"


def make_all(folder: Path, pages: Sequence[tuple[str, int, Split]], jobs: int) -> Iterator[str]:
    """Make what `folder` does not have yet; a line of each."""
    missing = [
        (kind, seed, split, folder)
        for kind, seed, split in pages
        if not (folder / f"{kind}-{seed}.json").is_file()
    ]
    with ProcessPoolExecutor(jobs, initializer=_open) as pool:
        yield from pool.map(_make, missing)


def main(
    folder: Annotated[Path, typer.Argument(help="where the examples are kept")],
    share: Annotated[float, typer.Option(min=0.0, max=1.0, help="of each kind's pages")] = 1.0,
    jobs: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Draw, read and label the pages that the verdict is fitted to and measured on."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = list(list_pages(share))
    for number, line in enumerate(make_all(folder, pages, jobs), start=1):
        print(f"{number}/{len(pages)} {line}", flush=True)


if __name__ == "__main__":
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before Tesseract is loaded
    typer.run(main)
