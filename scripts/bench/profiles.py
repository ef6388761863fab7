"""What the profiles weigh and lose: `python -m scripts.bench.profiles [--ocrmypdf PATH]` over the real scans.

For each file with transcriptions: bytes of the scans as they came (annotations and signatures taken out),
of our unsigned PDF in each profile, and of OCRmyPDF's with the options of the bench; and the share of the
truth's words found when the images of each PDF are read again, page by page; the PDF's own text is not asked.
"""

import argparse
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from pipeline.binding.compose import compose
from pipeline.digitise import Tools, digitise_page, open_tools
from pipeline.intake.open import open_source
from schemas.page import BoundPage, DocumentInfo
from schemas.settings import Settings
from scripts.bench.ocrmypdf_command import OPTIONS
from scripts.bench.real_scans import RealPage, find_real_pages, write_alone
from scripts.bench.scores import word_recall

PROFILES = ("faithful", "compact")
INFO = DocumentInfo("bench", "2026-01-01T00:00:00+07:00", (), "bench")


def main() -> int:
    """Bind, weigh, read again."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--ocrmypdf", help="path of OCRmyPDF's command; left out: not compared")
    ocrmypdf = parser.parse_args().ocrmypdf
    tools = open_tools(Settings())
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        sizes, recalls = _measure(find_real_pages(), tools, Path(folder), ocrmypdf)
    for name, bytes_each in sizes.items():
        share = sum(bytes_each) / sum(sizes["scan"])
        told = f"{name}: {sum(bytes_each)} bytes in {len(bytes_each)} pages, {share:.3f} of the scans"
        if name != "scan" and "ocrmypdf" in sizes:
            told += f", {sum(bytes_each) / sum(sizes['ocrmypdf']):.3f} of OCRmyPDF's"
        if name in recalls:
            told += f"; words found again {100 * sum(recalls[name]) / len(recalls[name]):.2f} %"
        print(told)
    return 0


def _measure(
    pages: Sequence[RealPage], tools: Tools, folder: Path, ocrmypdf: str | None
) -> tuple[dict[str, list[int]], dict[str, list[float]]]:
    sizes: dict[str, list[int]] = {"scan": [], **{profile: [] for profile in PROFILES}}
    recalls: dict[str, list[float]] = {"scan": [], **{profile: [] for profile in PROFILES}}
    for page in pages:
        truth = page.truth.read_text(encoding="utf-8")
        write_alone(page, alone := folder / "alone.pdf")
        sizes["scan"].append(alone.stat().st_size)
        recalls["scan"].append(word_recall(_read_again(alone, tools), truth))
        for profile in PROFILES:
            pdf = _bind(alone, replace(tools, profile=profile))  # type: ignore[arg-type]
            (made := folder / f"{profile}.pdf").write_bytes(pdf)
            sizes[profile].append(len(pdf))
            recalls[profile].append(word_recall(_read_again(made, tools), truth))
        if ocrmypdf is not None:
            theirs = folder / "theirs.pdf"
            subprocess.run([ocrmypdf, *OPTIONS, "-q", alone, theirs], check=True)
            sizes.setdefault("ocrmypdf", []).append(theirs.stat().st_size)
    return sizes, recalls


def _bind(scan: Path, tools: Tools) -> bytes:
    with open_source(scan, tools.limits) as source:
        page = digitise_page(source.read_page(1), tools)
    return compose([BoundPage(page.picture, page.text)], INFO)


def _read_again(pdf: Path, tools: Tools) -> str:
    with open_source(pdf, tools.limits) as source:
        return digitise_page(source.read_page(1), tools).text.text


if __name__ == "__main__":
    raise SystemExit(main())
