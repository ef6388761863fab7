"""What the profiles weigh, lose and cost: `python -m scripts.bench.profiles [--ocrmypdf PATH] [--small]`.

Over the real scans with transcriptions, page by page: bytes of the scans as they came (annotations and
signatures taken out), of our unsigned PDF in each profile, and of OCRmyPDF's with the options of the bench;
the share of the truth's words found when the images of each PDF are read again (its own text is not asked),
over all words and as the mean of pages; and CPU seconds of making picture and PDF. `small` is no profile of
ours: `compact` with JPEG 2000 at 200 dpi for its JPEG, measured to show why.
"""

import argparse
import io
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from time import process_time

import numpy as np
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.picture import is_grey, make_picture
from pipeline.digitise import Tools, digitise_page, open_tools
from pipeline.image.prepare import straighten
from pipeline.intake.open import open_source
from pipeline.reading.strip import weigh_strip
from schemas.page import BoundPage, DocumentInfo, PageText, ScanPage, UprightPage
from schemas.settings import Limits, Settings
from scripts.bench.ocrmypdf_command import OPTIONS
from scripts.bench.real_scans import find_real_pages, write_alone
from scripts.bench.scores import fold, word_recall

PROFILES = ("faithful", "compact")
SMALL_DPI, SMALL_BITS_PER_PIXEL = 200.0, 0.3
"""facts/pdf-and-signing.md, "Compact": the smallest JPEG 2000 that read as well on its one page. Of the 3,766
words on the ten real pages that are no faxes it misses 203 where `compact` misses 37, at 0.24 of OCRmyPDF's
bytes; with 0.22 bits 527 at 0.18; with 0.4 at 150 dpi 172 at 0.20; at 31 dB 55, no smaller than `compact`."""
INFO = DocumentInfo("bench", "2026-01-01T00:00:00+07:00", (), "bench")


@dataclass(slots=True)
class Row:
    """One way to keep the pages."""

    sizes: list[int] = field(default_factory=list)
    recalls: list[float] = field(default_factory=list)
    cpu_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Bound:
    """A page's PDF, its size, and the CPU it took to picture and compose."""

    scan: ScanPage
    size: int
    cpu_s: float


def main() -> int:
    """Bind, weigh, read again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ocrmypdf", help="path of OCRmyPDF's command; left out: not compared")
    parser.add_argument("--small", action="store_true", help="JPEG 2000, too")
    asked = parser.parse_args()
    tools = open_tools(Settings())
    words: list[int] = []
    rows: dict[str, Row] = {}
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        for page in find_real_pages():
            truth = page.truth.read_text(encoding="utf-8")
            words.append(len(fold(truth).split()))
            write_alone(page, alone := Path(folder) / "alone.pdf")
            _measure(alone, truth, tools, rows, small=asked.small)
            if asked.ocrmypdf is not None:
                theirs = Path(folder) / "theirs.pdf"
                subprocess.run([asked.ocrmypdf, *OPTIONS, "-q", alone, theirs], check=True)
                rows.setdefault("ocrmypdf", Row()).sizes.append(theirs.stat().st_size)
    print(tell_rows(rows, words))
    return 0


def tell_rows(rows: dict[str, Row], words: Sequence[int]) -> str:
    """A table; `words`: of the truth, page by page."""
    lines = [f"{len(words)} pages, {sum(words)} words"]
    lines += [f"{'':9} {'bytes':>9}  of scans  of OCRmyPDF  words found  mean of pages  CPU s a page"]
    for name, row in rows.items():
        bytes_all = sum(row.sizes)
        told = f"{name:9} {bytes_all:9}  {bytes_all / sum(rows['scan'].sizes):8.3f}"
        told += f"  {bytes_all / sum(rows['ocrmypdf'].sizes):11.3f}" if "ocrmypdf" in rows else " " * 13
        if row.recalls:
            pooled = sum(recall * count for recall, count in zip(row.recalls, words, strict=True))
            told += f"  {100 * pooled / sum(words):9.2f} %  {100 * sum(row.recalls) / len(words):11.2f} %"
        if row.cpu_s:
            told += f"  {row.cpu_s / len(words):12.3f}"
        lines.append(told)
    return "\n".join(lines)


def _measure(alone: Path, truth: str, tools: Tools, rows: dict[str, Row], *, small: bool) -> None:
    """One page in every way of ours."""
    with open_source(alone, tools.limits) as source:
        scan = source.read_page(1)
    read = digitise_page(scan, tools)
    upright = straighten(scan, lambda grey, dpi: weigh_strip(tools.engine.read_strip(grey, dpi=dpi)))
    row = rows.setdefault("scan", Row())
    row.sizes.append(alone.stat().st_size)
    row.recalls.append(word_recall(read.text.text, truth))
    made = {profile: _bind(scan, upright, read.text, profile, alone.parent) for profile in PROFILES}
    if small:
        made["small"] = _bind_small(made["compact"], upright)
    for name, bound in made.items():
        row = rows.setdefault(name, Row())
        row.sizes.append(bound.size)
        row.recalls.append(word_recall(digitise_page(bound.scan, tools).text.text, truth))
        row.cpu_s += bound.cpu_s


def _bind(scan: ScanPage, upright: UprightPage, text: PageText, profile: str, folder: Path) -> Bound:
    started = process_time()
    picture = make_picture(scan, upright, profile)  # type: ignore[arg-type]
    pdf = compose([BoundPage(picture, text)], INFO)
    cpu_s = process_time() - started
    (path := folder / f"{profile}.pdf").write_bytes(pdf)
    with open_source(path, Limits()) as source:
        return Bound(source.read_page(1), len(pdf), cpu_s)


def _bind_small(compact: Bound, upright: UprightPage) -> Bound:
    """`compact` with JPEG 2000 in the place of its JPEG; faxes stay as they are there."""
    if upright.bilevel or compact.scan.stream is None:
        return compact
    started = process_time()
    scale = min(1.0, SMALL_DPI / upright.dpi)
    image = Image.fromarray(upright.pixels)
    image = image.resize((round(image.width * scale), round(image.height * scale)), Image.Resampling.BOX)
    if is_grey(upright.pixels):
        image = image.convert("L")
    packed = io.BytesIO()
    rate = 8 * len(image.getbands()) / SMALL_BITS_PER_PIXEL
    image.save(packed, "JPEG2000", quality_mode="rates", quality_layers=[rate], irreversible=True)
    cpu_s = process_time() - started
    pixels = np.asarray(Image.open(packed))
    scan = replace(compact.scan, pixels=pixels, dpi=upright.dpi * scale, stream=None)
    return Bound(scan, compact.size - len(compact.scan.stream.data) + len(packed.getvalue()), cpu_s)


if __name__ == "__main__":
    raise SystemExit(main())
