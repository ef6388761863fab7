"""`docs/profiles.png`: a seal over text, a signature and faded text, scanned and as each profile shows them.

`python -m scripts.profile_sheet [TARGET.png]`: generated pages of the bench's development seeds, each PDF as
poppler draws it at 300 dpi; columns scan, faithful, compact.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from pipeline.intake.open import open_source
from schemas.page import (
    BoundPage,
    DocumentInfo,
    Orientation,
    PageText,
    Pixels,
    ScanPage,
    Skew,
    UprightPage,
)
from schemas.settings import Limits
from scripts.bench.kinds import draw_page
from scripts.samples.dossier import write_scans

CROP_PX = (440, 300)
ROWS = (("seals", 1050, "red"), ("seals", 1101, "blue"), ("faded", 1111, "middle"))
INFO = DocumentInfo("profiles", "2026-01-01T00:00:00+07:00", (), "none")


def main() -> None:
    """Draw the sheet."""
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else Path("docs/profiles.png")
    rows = [_draw_row(*row) for row in ROWS]
    line = np.full((12, rows[0].shape[1], 3), 90, np.uint8)
    sheet = np.vstack([part for row in rows for part in (row, line)][:-1])
    Image.fromarray(sheet).quantize(96, dither=Image.Dither.NONE).save(target, optimize=True)


def _draw_row(kind: str, seed: int, where: str) -> Pixels:
    with tempfile.TemporaryDirectory(prefix="sohoa-sheet-") as folder:
        write_scans(path := Path(folder) / "scan.jpg", [draw_page(kind, seed).scan])
        with open_source(path, Limits()) as source:
            scan = source.read_page(1)
        shown = [scan.pixels, *(_show(scan, profile, Path(folder)) for profile in ("faithful", "compact"))]
    left, top = _find_crop(scan.pixels, where)
    width, height = CROP_PX
    parts = [page[top : top + height, left : left + width] for page in shown]
    line = np.full((height, 12, 3), 90, np.uint8)
    return np.hstack([parts[0], line, parts[1], line, parts[2]])


def _show(scan: ScanPage, profile: str, folder: Path) -> Pixels:
    page = UprightPage(
        1, scan.pixels, scan.dpi, scan.dpi_known, scan.bilevel,
        Orientation(0, certain=True), Skew(0.0, certain=True), (1, 0, 0, 0, 1, 0),
    )  # fmt: skip
    text = PageText(page.width_px, page.height_px, "none", "none")
    picture = make_picture(scan, page, profile)  # type: ignore[arg-type]
    (path := folder / "page.pdf").write_bytes(compose([BoundPage(picture, text)], INFO))
    subprocess.run(["pdftoppm", "-r", "300", "-singlefile", path, folder / "page"], check=True)
    return np.asarray(Image.open(folder / "page.ppm").convert("RGB"))


def _find_crop(pixels: Pixels, where: str) -> tuple[int, int]:
    """The corner of a crop about the ink of that colour, or about the middle of the page."""
    height, width = pixels.shape[:2]
    x, y = width / 2, height / 3
    if where != "middle":
        red, _, blue = cv2.split(pixels.astype(np.int16))
        rows, columns = np.nonzero((red - blue if where == "red" else blue - red) > 60)
        x, y = float(np.median(columns)), float(np.median(rows))
    left = min(max(0, round(x - CROP_PX[0] / 2)), width - CROP_PX[0])
    return left, min(max(0, round(y - CROP_PX[1] / 2)), height - CROP_PX[1])


if __name__ == "__main__":
    main()
