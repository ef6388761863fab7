"""Stacks for the tests: real sheets from the printed PDF, small pages with a number on each."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import segno
from pdf2image import convert_from_bytes
from PIL import Image

from pipeline.binding.lettering import load_font
from pipeline.separation.drawing import draw_sheets
from pipeline.separation.payload import name_run
from pipeline.separation.run import PrintedSheet, Separators, list_sheets
from schemas.covers import (
    CoveredDossier,
    CoveredPaper,
    PageSight,
    Sheet,
    SheetKind,
    SheetMark,
)
from schemas.page import Pixels

DPI = 100
FIRST, SECOND, THIRD = "H21.65-220914-0011", "000.00.01.H21-220426-0002", "H21.65-220914-0013"


def dossier(record: str, *pages: int | None) -> CoveredDossier:
    papers = tuple(CoveredPaper(f"Giấy tờ {number}", count) for number, count in enumerate(pages, 1))
    return CoveredDossier(record, papers, "1.004884 Đăng ký đất đai")


def sheets_of(
    *dossiers: CoveredDossier, run: str = "a", separators: Separators = "auto"
) -> list[PrintedSheet]:
    return list(list_sheets(dossiers, name_run(run.encode()), separators))


def see_sheet(sheet: Sheet) -> PageSight:
    """A sheet as it is seen when everything on it is read."""
    mark = SheetMark(sheet.kind, sheet.record_code, sheet.ordinal, sheet)
    return PageSight(1, (mark,), banded=True)


def see_page(*, ink: float = 0.8, record_codes: tuple[str, ...] = ()) -> PageSight:
    return PageSight(1, record_codes=record_codes, ink=ink)


UNREADABLE = PageSight(1, banded=True)
BLANK = PageSight(1, ink=0.01)


def number_pages(sights: Sequence[PageSight]) -> list[PageSight]:
    return [
        PageSight(number, s.marks, s.banded, s.record_codes, s.ink, s.failure)
        for number, s in enumerate(sights, 1)
    ]


def stack_of(sheets: Sequence[PrintedSheet], pages_after: Sequence[int]) -> list[PageSight]:
    """Each sheet followed by so many pages."""
    sights: list[PageSight] = []
    for printed, count in zip(sheets, pages_after, strict=True):
        sights += [see_sheet(printed.sheet), *[see_page() for _ in range(count)]]
    return sights


def render(sheets: Sequence[PrintedSheet], dpi: int = DPI) -> list[Pixels]:
    pages = convert_from_bytes(draw_sheets(sheets, load_font()), dpi=dpi, grayscale=True)
    return [np.asarray(page, np.uint8) for page in pages]


def draw_page(number: int, dpi: int = DPI, *, blank: bool = False, receipt: str | None = None) -> Pixels:
    """A grey page with lines of print, and its number."""
    grey = np.full((round(dpi * 11.69), round(dpi * 8.27)), 246, np.uint8)
    if blank:
        return grey
    for line in range(12):
        place = (dpi, dpi * 2 + line * dpi // 3)
        cv2.putText(grey, f"Trang {number} dong {line} giay to", place, 0, dpi / 170, 40, 1, cv2.LINE_AA)
    if receipt:
        code = segno.make_qr(f"{receipt}|1.004884|Phieu tiep nhan", error="m")
        dark = np.kron(np.array([list(row) for row in code.matrix], np.uint8), np.ones((3, 3), np.uint8))
        grey[40 : 40 + len(dark), 40 : 40 + len(dark)] = np.where(dark, 10, 250)
    return grey


def write_tiff(pages: Sequence[Pixels], path: Path, dpi: int = DPI) -> Path:
    first, *rest = [Image.fromarray(page) for page in pages]
    first.save(path, save_all=True, append_images=rest, compression="tiff_deflate", dpi=(dpi, dpi))
    return path


def kinds(sheets: Sequence[PrintedSheet]) -> list[SheetKind]:
    return [printed.sheet.kind for printed in sheets]
