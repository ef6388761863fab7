"""The before/after picture: small enough for a README, true to its pages, honest about missing ones."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from schemas.errors import OutputError
from schemas.page import Reason, Verdict
from scripts.contact_sheet import WIDTH, PagePair, draw_contact_sheet
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page
from scripts.samples.scanning import scan


def test_a_sheet_of_real_pages_is_readable_and_small(tmp_path: Path) -> None:
    page = render_page(PaperKind.LETTER, 6)
    pairs = [
        PagePair(
            "1. Công văn, trang 1",
            scan(page, quarter_turn=turn, dpi=100).pixels,
            page.pixels,
            Verdict.READABLE,
        )
        for turn in (0, 90, 180, 270)
    ]
    pairs.append(
        PagePair(
            "Công văn có tên rất dài " * 5,
            scan(page, blur_px=18, grey=True, dpi=100).pixels,
            None,
            Verdict.UNREADABLE,
            (Reason.BLUR, Reason.GIBBERISH, Reason.PARTIAL, Reason.LOW_CONTRAST),
            "Chờ bưu điện quét lại trang này",
        )
    )
    draw_contact_sheet(pairs, tmp_path / "sheet.png", heading="Hồ sơ", subheading="Một trang phải quét lại")
    assert (tmp_path / "sheet.png").stat().st_size < 600_000
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == WIDTH
        pixels = np.asarray(sheet.convert("RGB")).astype(int)
    red = (pixels[..., 0] > 170) & (pixels[..., 1] < 60) & (pixels[..., 2] < 70)
    green = (pixels[..., 0] < 60) & (pixels[..., 1] > 100) & (pixels[..., 2] < 100)
    assert red.sum() > 1000
    assert green.sum() > 4 * 1000


def test_a_folder_that_is_not_there_is_one_clear_line(tmp_path: Path) -> None:
    white = np.full((30, 20), 255, dtype=np.uint8)
    pair = PagePair("Trang", white, white, Verdict.BLANK)
    with pytest.raises(OutputError, match=r"sheet\.png"):
        draw_contact_sheet([pair], tmp_path / "missing" / "sheet.png")
