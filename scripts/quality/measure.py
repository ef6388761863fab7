"""The signals of every example, measured as the pipeline measures them, without reading anything again."""

import json
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import cv2

from pipeline.image.prepare import straighten
from pipeline.quality.coverage import measure_coverage
from pipeline.quality.look import Look, look
from pipeline.quality.signals import image_signals, reading_signals
from pipeline.reading.open import open_engine
from pipeline.reading.strip import weigh_strip
from pipeline.reading.syllables import syllable_validity
from schemas.page import UprightPage
from scripts.quality.examples import Example, load_examples, load_scan

SIGNALS_FILE = "signals.jsonl"


@dataclass(frozen=True, slots=True)
class Measured:
    """An example and all its signals."""

    example: Example
    signals: dict[str, float]


def measure_examples(folder: Path, jobs: int, *, anew: bool = False) -> list[Measured]:
    """All examples of `folder`; what was measured before is kept in `SIGNALS_FILE` unless `anew`."""
    examples = load_examples(folder)
    kept = {} if anew else dict(_load(folder / SIGNALS_FILE))
    missing = [example for example in examples if _name(example) not in kept]
    with (
        ProcessPoolExecutor(jobs) as pool,
        (folder / SIGNALS_FILE).open("w" if anew else "a", encoding="utf-8") as out,
    ):
        for example, signals in zip(missing, pool.map(partial(_measure, folder), missing), strict=True):
            kept[_name(example)] = signals
            print(json.dumps({"name": _name(example), "signals": signals}), file=out, flush=True)
    return [Measured(example, kept[_name(example)]) for example in examples]


def look_at(folder: Path, example: Example) -> tuple[UprightPage, Look]:
    """The example's page made upright, and what its image tells."""
    cv2.setNumThreads(1)
    engine = open_engine("auto")
    page = straighten(
        load_scan(folder, example), lambda grey, dpi: weigh_strip(engine.read_strip(grey, dpi=dpi))
    )
    engine.close()
    return page, look(page)


def _measure(folder: Path, example: Example) -> dict[str, float]:
    page, seen = look_at(folder, example)
    coverage = measure_coverage(seen, example.text)
    validity = syllable_validity(word.text for word in example.text.words)
    figures = {name: float(getattr(coverage, name)) for name in coverage.__dataclass_fields__}
    return {
        **figures,
        **image_signals(seen),
        **reading_signals(seen, coverage, example.text, validity),
        "syllable_validity": validity,
        "flattened": float(page.flattened),
    }


def _name(example: Example) -> str:
    return f"{example.kind}-{example.seed}"


def _load(path: Path) -> Iterator[tuple[str, dict[str, float]]]:
    if path.is_file():
        for line in path.read_text(encoding="utf-8").splitlines():
            entry = json.loads(line)
            yield entry["name"], entry["signals"]
