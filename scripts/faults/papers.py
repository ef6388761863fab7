"""Small papers that are quick to read, so that a round of harm is short."""

from dataclasses import dataclass
from pathlib import Path

from PIL import Image

DPI = 200
_KEPT_SHARE = 0.4  # the upper part of a page: its head and some lines
_SINGLE_PAPERS = 6


@dataclass(frozen=True, slots=True)
class Paper:
    """A file and how many pages it has."""

    path: Path
    pages: int


def make_papers(folder: Path) -> list[Paper]:
    """Six scans of one page each at 200 dpi, and one PDF of two pages."""
    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(_SINGLE_PAPERS):
        path = folder / f"paper-{number}.jpg"
        _scan_top(number).save(path, quality=85, dpi=(DPI, DPI))
        made.append(Paper(path, 1))
    both = folder / "two.pdf"
    _scan_top(20).save(both, save_all=True, append_images=[_scan_top(21)], resolution=DPI)
    made.append(Paper(both, 2))
    return made


def _scan_top(seed: int) -> Image.Image:
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    pixels = scan(render_page("letter", seed), seed=seed, dpi=DPI).pixels
    return Image.fromarray(pixels[: round(pixels.shape[0] * _KEPT_SHARE)])
