"""Who finds the lines: our layout, the engine's where ours doubts itself or the clerk says so."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from layout_pages import Drawing, needs_font

from pipeline.digitise import Tools, digitise_page
from pipeline.reading.strip import StripText
from schemas.page import PageText, Pixels, ReadingImage, RunImage, ScanPage
from schemas.settings import Limits

pytestmark = needs_font


@dataclass
class Recorder:
    """An engine that reads nothing and tells what it was asked for."""

    name: str = "recorder 1"
    model: str = "vie"
    asked: list[str] = field(default_factory=list)

    def read(self, image: ReadingImage, *, width_px: int, height_px: int, timeout_s: float) -> PageText:
        self.asked.append("page")
        return PageText(width_px, height_px, self.name, self.model)

    def read_runs(self, runs: list[RunImage], *, width_px: int, height_px: int, timeout_s: float) -> PageText:
        self.asked.append(f"{len(runs)} runs")
        return PageText(width_px, height_px, self.name, self.model)

    def read_strip(self, grey: Pixels, *, dpi: float) -> StripText:
        return StripText("", 0.0)

    def close(self) -> None: ...


def _page_of_text() -> Pixels:
    sheet = Drawing()
    for row in range(8):
        sheet.put(230, 400 + 60 * row, "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19")
    return np.asarray(sheet.image, dtype=np.uint8)


@pytest.mark.parametrize(
    ("layout", "pixels", "asked"),
    [
        ("own", _page_of_text, "8 runs"),
        ("tesseract", _page_of_text, "page"),
        ("own", lambda: np.full((2339, 1654), 250, np.uint8), "page"),
    ],
    ids=["lines", "as told", "nothing found"],
)
def test_every_page_is_read_once_by_whom_it_should(layout: str, pixels: object, asked: str) -> None:
    engine = Recorder()
    scan = ScanPage(1, pixels(), 200.0, True, False, "image")  # type: ignore[operator]
    page = digitise_page(scan, Tools(engine, Limits(), layout, "compact", 60.0, "normal"))  # type: ignore[arg-type]
    assert engine.asked == [asked]
    assert ("stray_share" in page.report.quality) == (layout == "own")
