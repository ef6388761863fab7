"""Pages drawn for the tests of the layout room, with the place of every text that was printed."""

from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.image.prepare import find_print
from pipeline.layout.find import FoundLayout, find_layout
from schemas.page import Box, Orientation, Pixels, Skew, UprightPage

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
needs_font = pytest.mark.skipif(not FONT.exists(), reason="fonts-croscore is not installed")

DPI = 200
BODY_PX = 37  # 13.5 pt
LEADING_PX = 48


@dataclass
class Drawing:
    """An A4 sheet at 200 dpi; `printed` holds each text with the box of its ink."""

    image: Image.Image = field(default_factory=lambda: Image.new("L", (1654, 2339), 250))
    printed: list[tuple[str, Box]] = field(default_factory=list)

    def put(self, x: float, y: float, text: str, size_px: int = BODY_PX) -> None:
        """Print from `x` with the baseline at `y`."""
        font = ImageFont.truetype(str(FONT), size_px)
        draw = ImageDraw.Draw(self.image)
        draw.text((x, y), text, font=font, fill=25, anchor="ls")
        self.printed.append((text, Box(*draw.textbbox((x, y), text, font=font, anchor="ls"))))

    def centre(self, x: float, y: float, text: str, size_px: int = BODY_PX) -> None:
        """Print around `x`."""
        font = ImageFont.truetype(str(FONT), size_px)
        self.put(x - font.getlength(text) / 2, y, text, size_px)

    def rule(self, x0: int, y0: int, x1: int, y1: int) -> None:
        """A straight line 2 px thick."""
        ImageDraw.Draw(self.image).line((x0, y0, x1, y1), fill=25, width=2)

    @property
    def page(self) -> UprightPage:
        """The sheet as it comes from straightening."""
        return upright(np.asarray(self.image, dtype=np.uint8))

    def found(self) -> FoundLayout:
        """The layout of the sheet."""
        return find_layout(find_print(self.page))

    def order(self) -> list[str]:
        """The printed texts in the order their runs come out; each text once, in the run that holds it."""
        runs = self.found().layout.runs
        placed = [
            (index, text)
            for text, box in self.printed
            for index in [max(range(len(runs)), key=lambda index: _shared(runs[index].box, box))]
        ]
        return [text for _, text in sorted(placed, key=lambda pair: pair[0])]


def upright(pixels: Pixels, dpi: float = DPI) -> UprightPage:
    """A page that needs no turning."""
    return UprightPage(
        1, pixels, dpi, True, False, Orientation(0, True), Skew(0.0, True), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    )


def _shared(one: Box, other: Box) -> float:
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    return max(width, 0.0) * max(height, 0.0)
