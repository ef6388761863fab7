"""Draw docs/signatures.png: the top of page 1 in each appearance, as poppler shows it.

    python scripts/signature_sheet.py [TARGET.png]

Names, agency and seal are invented.
"""

import io
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.sign import sign
from pipeline.binding.signer import Signer, load_or_create_local_signer
from pipeline.digitise import digitise_page, open_tools
from schemas.page import BoundPage, DocumentInfo, ScanPage
from schemas.settings import Settings
from schemas.signing import AgencyMark, AppearanceProfile
from scripts.samples.page import DPI
from scripts.samples.papers import render_page
from scripts.samples.scanning import scan
from scripts.samples.seal import SEAL_RED, draw_seal

TARGET = Path(__file__).parents[1] / "docs" / "signatures.png"
CLERK, OFFICE = "Nguyễn Thị Hường", "Ủy ban nhân dân phường An Sơn, tỉnh Gia Lai"
SCAN_TIME = "2026-11-24T12:00:00+07:00"
SHEET: tuple[tuple[AppearanceProfile, ...], ...] = (
    ("ca-nhan",), ("sao-y",), ("luu-tru",), ("ca-nhan", "sao-y")
)  # fmt: skip
SHOWN_DPI, SHOWN_MM, GAP_PX = 110, 66, 8


def make_seal(dpi: int | None = DPI) -> bytes:
    """PNG of an invented red seal on a clear ground; without `dpi` it does not tell its size."""
    mask = draw_seal("ỦY BAN NHÂN DÂN PHƯỜNG AN SƠN", "MẪU", random.Random(1))
    ink = np.zeros((*mask.shape, 4), np.uint8)
    ink[:, :, :3] = SEAL_RED
    ink[:, :, 3] = np.rint(mask * 255)
    held = io.BytesIO()
    Image.fromarray(ink).save(held, "PNG", **({"dpi": (dpi, dpi)} if dpi else {}))
    return held.getvalue()


def draw_sheet(keys: Path) -> Image.Image:
    """One strip an appearance, top to bottom."""
    unsigned = _compose()
    agency = AgencyMark(OFFICE, "SAO Y", make_seal())
    signers = {"ca-nhan": load_or_create_local_signer(keys, CLERK)}
    office = load_or_create_local_signer(keys, OFFICE)
    strips = []
    for profiles in SHEET:
        pdf = unsigned
        for profile in profiles:
            signer: Signer = signers.get(profile, office)
            pdf = sign(pdf, signer, signer_name=CLERK, scan_time=SCAN_TIME, profile=profile, agency=agency)
        strips.append(_show_top(pdf))
    width, height = strips[0].size
    sheet = Image.new("RGB", (width, len(strips) * (height + GAP_PX) - GAP_PX), (150, 150, 150))
    for row, strip in enumerate(strips):
        sheet.paste(strip, (0, row * (height + GAP_PX)))
    return sheet


def _compose() -> bytes:
    page = scan(render_page("letter", 6), seed=1)
    scanned = ScanPage(1, page.pixels, float(page.dpi), True, False, "image")
    tools = open_tools(Settings())
    read = digitise_page(scanned, tools)
    info = DocumentInfo(title="Đơn", scan_time=SCAN_TIME, source_sha256=("00" * 32,), engine=read.text.engine)
    return compose([BoundPage(read.picture, read.text)], info)


def _show_top(pdf: bytes) -> Image.Image:
    drawn = subprocess.run(
        ["pdftoppm", "-png", "-r", str(SHOWN_DPI), "-f", "1", "-l", "1", "-"],
        input=pdf,
        capture_output=True,
        check=True,
    ).stdout
    page = Image.open(io.BytesIO(drawn)).convert("RGB")
    return page.crop((0, 0, page.width, round(SHOWN_MM / 25.4 * SHOWN_DPI)))


if __name__ == "__main__":
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else TARGET
    with tempfile.TemporaryDirectory() as folder:
        sheet = draw_sheet(Path(folder))
    sheet.quantize(200).save(target, optimize=True)
    print(f"{target}: {target.stat().st_size} bytes")
