"""The summary of a reprocessing run: one line a page as CSV, and a picture of quality before and after."""

import csv
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw, ImageFont

from pipeline.ledger.runs import read_items, read_progress
from schemas.errors import OutputError
from schemas.page import Verdict
from schemas.reprocess import ItemOutcome, ReadingQuality, RunItem

if TYPE_CHECKING:
    from workers.home import Home

HEADINGS = (
    "record_code", "dossier_id", "document", "page", "revision", "outcome", "why", "word_agreement",
    "old_engine", "new_engine", "old_verdict", "new_verdict", "old_confidence", "new_confidence",
    "old_syllable_validity", "new_syllable_validity", "old_words", "new_words",
)  # fmt: skip

_BINS = 20
_WIDTH, _HEIGHT, _MARGIN = 1200, 760, 70
_OLD, _NEW, _INK, _PALE = (150, 150, 150), (31, 119, 80), (30, 30, 30), (225, 225, 225)


def write_summary(home: "Home", run_id: int, folder: Path) -> tuple[Path, Path]:
    """Write `run-N.csv` and `run-N.png`, replacing those of an earlier look. Raises `OutputError`."""
    with home.database.read() as connection:
        progress = read_progress(connection, run_id)
        items = list(read_items(connection, run_id))
    table, picture = folder / f"run-{progress.id}.csv", folder / f"run-{progress.id}.png"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with table.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(HEADINGS)
            writer.writerows(_tell_item(item) for item in items)
        _draw(items, picture, f"Run {progress.id}: {len(items)} pages, {progress.renditions} new renditions")
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror}") from error
    return table, picture


def _tell_item(item: RunItem) -> list[object]:
    old, new = item.old or ReadingQuality(Verdict.UNREADABLE), item.new or ReadingQuality(Verdict.UNREADABLE)
    compared = item.old is not None
    pairs = [
        (old.engine, new.engine),
        (old.verdict if compared else None, new.verdict if compared else None),
        (old.mean_confidence, new.mean_confidence),
        (old.syllable_validity, new.syllable_validity),
        (old.words, new.words),
    ]
    return [
        item.record_code, item.dossier_id, item.ordinal, item.number, item.revision, item.outcome, item.why,
        item.agreement, *(one for pair in pairs for one in pair),
    ]  # fmt: skip


def _draw(items: Sequence[RunItem], path: Path, title: str) -> None:
    """Left: mean confidence of the pages before and as they are shown now. Right: verdicts, outcomes."""
    compared = [(item.old, item.new if item.outcome is ItemOutcome.ADOPTED else item.old)
                for item in items if item.old is not None]  # fmt: skip
    image = Image.new("RGB", (_WIDTH, _HEIGHT), "white")
    draw = ImageDraw.Draw(image)
    draw.text((_MARGIN, 18), title, _INK, ImageFont.load_default(26))
    _draw_histogram(draw, [(old.mean_confidence, new.mean_confidence) for old, new in compared if new])
    lines = [
        f"{outcome}: {count}" for outcome, count in Counter(item.outcome for item in items).most_common()
    ]
    before = Counter(old.verdict for old, _ in compared)
    after = Counter(new.verdict for _, new in compared if new)
    lines += [""] + [f"{verdict}: {before[verdict]} -> {after[verdict]}" for verdict in Verdict]
    for row, line in enumerate(lines):
        draw.text((860, 110 + 34 * row), line, _INK, ImageFont.load_default(22))
    image.save(path)


def _draw_histogram(draw: ImageDraw.ImageDraw, pairs: list[tuple[float | None, float | None]]) -> None:
    left, top, right, bottom = _MARGIN, 110, 800, _HEIGHT - 110
    series = [[pair[side] for pair in pairs if pair[side] is not None] for side in (0, 1)]
    bins = [Counter(min(int(value * _BINS), _BINS - 1) for value in values) for values in series]
    highest = max([1, *bins[0].values(), *bins[1].values()])
    step = (right - left) / _BINS
    font = ImageFont.load_default(18)
    for side, colour in ((0, _OLD), (1, _NEW)):
        for number, count in bins[side].items():
            x = left + number * step + 3 + side * (step - 6) / 2
            draw.rectangle((x, bottom - (bottom - top) * count / highest, x + (step - 6) / 2, bottom), colour)
        values = series[side]
        mean = f"mean {sum(values) / len(values):.4f}" if values else "no page"
        draw.text((left + 330 * side, 66), f"{'after' if side else 'before'}: {mean}", colour, font)
    draw.line((left, bottom, right, bottom), _INK)
    for tick in range(0, _BINS + 1, 4):
        draw.text((left + tick * step - 14, bottom + 8), f"{tick / _BINS:.1f}", _INK, font)
    draw.text((left, bottom + 40), "mean confidence of a page; height: pages", _INK, font)
    draw.line((left, top, right, top), _PALE)
    draw.text((right - 60, top - 26), f"{highest}", _INK, font)
