"""Ink on a sheet: words at exact places with their truth, lines that wrap and justify, pages that follow on.

Margins and sizes follow Nghị định 30/2020/NĐ-CP, Phụ lục I: A4, top and bottom 20-25 mm, left 30-35 mm,
right 15-20 mm, body 13-14 pt, page number centred in the top margin from the second page on.
"""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from schemas.page import Box
from scripts.samples.fonts import Style, assert_font_covers, find_font, load_font
from scripts.samples.page import DPI, SamplePage

INK = (22, 22, 26)
Align = Literal["left", "centre", "right", "justify"]


@dataclass(frozen=True, slots=True)
class Sheet:
    """A paper format and its margins in millimetres; `scale` shrinks type on small formats."""

    width_mm: float = 210
    height_mm: float = 297
    left_mm: float = 30
    right_mm: float = 17
    top_mm: float = 20
    bottom_mm: float = 20
    scale: float = 1.0


A4 = Sheet()
A5 = Sheet(width_mm=148, height_mm=210, left_mm=16, right_mm=11, top_mm=13, bottom_mm=13, scale=0.76)
A5_LANDSCAPE = Sheet(
    width_mm=210, height_mm=148, left_mm=20, right_mm=15, top_mm=11, bottom_mm=10, scale=0.92
)


def to_px(mm: float) -> float:
    """Millimetres to pixels at the samples' resolution."""
    return mm * DPI / 25.4


class Canvas:
    """One sheet being printed. What is put on it first is read first."""

    def __init__(self, sheet: Sheet) -> None:
        size = (round(to_px(sheet.width_mm)), round(to_px(sheet.height_mm)))
        self.image = Image.new("RGB", size, (255, 255, 255))
        self._draw = ImageDraw.Draw(self.image)
        self._words: list[tuple[str, Box]] = []
        self._lines: list[list[str]] = []

    def put(
        self,
        x: float,
        baseline: float,
        text: str,
        style: Style,
        *,
        gap: float | None = None,
        joins: bool = False,
    ) -> float:
        """Print `text` from `x` rightwards; returns where it ends. `gap`: pixels between words instead of
        a space. `joins`: belongs to the printed line before it."""
        text = unicodedata.normalize("NFC", text)
        assert_font_covers(find_font(style), text)
        font = load_font(style, DPI)
        space = font.getlength(" ") if gap is None else gap
        if not joins or not self._lines:
            self._lines.append([])
        for index, word in enumerate(text.split()):
            x += space if index else 0
            place = (round(x), round(baseline))
            self._draw.text(place, word, font=font, fill=INK, anchor="ls")
            self._words.append((word, _ink_box(word, font, place)))
            self._lines[-1].append(word)
            x += font.getlength(word)
        return x

    def put_centred(
        self, centre: float, baseline: float, text: str, style: Style, *, joins: bool = False
    ) -> None:
        """Print `text` around `centre`."""
        self.put(centre - measure(text, style) / 2, baseline, text, style, joins=joins)

    def rule(self, x0: float, y0: float, x1: float, y1: float, thickness: int = 3) -> None:
        """A straight printed line."""
        self._draw.line((round(x0), round(y0), round(x1), round(y1)), fill=INK, width=thickness)

    def dot_line(self, x0: float, x1: float, baseline: float, style: Style) -> None:
        """A dotted line to write on: full stops of the label's type, as word processors fill tabs."""
        font = load_font(style, DPI)
        count = int((x1 - x0) / font.getlength("."))
        self._draw.text((round(x0), round(baseline)), "." * count, font=font, fill=INK, anchor="ls")

    def check_box(self, x: float, baseline: float, side: float, *, ticked: bool) -> float:
        """A square to tick; returns its right edge."""
        box = (round(x), round(baseline - side * 0.92), round(x + side), round(baseline + side * 0.08))
        self._draw.rectangle(box, outline=INK, width=4)
        if ticked:
            inset = side * 0.2
            self._draw.line(
                (box[0] + inset, box[1] + inset, box[2] - inset, box[3] - inset), fill=(28, 40, 96), width=7
            )
            self._draw.line(
                (box[0] + inset, box[3] - inset, box[2] - inset, box[1] + inset), fill=(28, 40, 96), width=7
            )
        return x + side

    def finish(self) -> SamplePage:
        """The printed page with its truth."""
        text = "\n".join(" ".join(line) for line in self._lines)
        pixels = np.array(self.image, dtype=np.uint8)
        pixels.setflags(write=False)
        return SamplePage(pixels=pixels, words=tuple(self._words), text=text)


def _ink_box(word: str, font: ImageFont.FreeTypeFont, place: tuple[int, int]) -> Box:
    """Where a word's ink lies; `textbbox` would add the white before and after it."""
    mask, (dx, dy) = font.getmask2(word, mode="L", anchor="ls")
    left, top, right, bottom = mask.getbbox()
    x, y = place[0] + dx, place[1] + dy
    return Box(x + left, y + top, x + right, y + bottom)


def measure(text: str, style: Style) -> float:
    """Width of `text` in pixels as `Canvas.put` prints it."""
    font = load_font(style, DPI)
    words = unicodedata.normalize("NFC", text).split()
    return sum(font.getlength(word) for word in words) + font.getlength(" ") * max(0, len(words) - 1)


def wrap(text: str, style: Style, width: float, indent: float = 0) -> list[list[str]]:
    """Break `text` into lines of words that fit `width` pixels, the first one `indent` pixels shorter."""
    font = load_font(style, DPI)
    space = font.getlength(" ")
    lines: list[list[str]] = []
    used = 0.0
    for word in unicodedata.normalize("NFC", text).split():
        length = font.getlength(word)
        room = width - (indent if len(lines) <= 1 else 0)
        if not lines or used + space + length > room:
            lines.append([word])
            used = length
        else:
            lines[-1].append(word)
            used += space + length
    return lines


class Flow:
    """A paper being written from top to bottom; it turns to a new page where one is full."""

    def __init__(self, sheet: Sheet, style: Style, *, line_height: float = 1.28) -> None:
        self.sheet = sheet
        self.style = style.but(size_pt=style.size_pt * sheet.scale)
        self._line_height = line_height
        self._done: list[Canvas] = []
        self.canvas = Canvas(sheet)
        self.y = to_px(sheet.top_mm)

    @property
    def left(self) -> float:
        """Left edge of the type area, pixels."""
        return to_px(self.sheet.left_mm)

    @property
    def right(self) -> float:
        """Right edge of the type area, pixels."""
        return to_px(self.sheet.width_mm - self.sheet.right_mm)

    @property
    def page_count(self) -> int:
        """Pages begun so far."""
        return len(self._done) + 1

    def sized(self, size_pt: float, *, bold: bool = False, italic: bool = False) -> Style:
        """The paper's family at `size_pt` (before the sheet's scale)."""
        return Style(self.style.family, size_pt * self.sheet.scale, bold, italic)

    def leading(self, style: Style) -> float:
        """From baseline to baseline, pixels."""
        return style.size_pt * DPI / 72 * self._line_height

    def skip(self, mm: float) -> None:
        """Leave white space."""
        self.y += to_px(mm * self.sheet.scale)

    def need(self, height: float) -> None:
        """Turn to a new page unless `height` pixels are left on this one."""
        if self.y + height > to_px(self.sheet.height_mm - self.sheet.bottom_mm):
            self.turn_page()

    def turn_page(self) -> None:
        """Begin the next page with its number."""
        self._done.append(self.canvas)
        self.canvas = Canvas(self.sheet)
        self.y = to_px(self.sheet.top_mm)
        number = str(len(self._done) + 1)
        self.canvas.put_centred(
            (self.left + self.right) / 2, to_px(self.sheet.top_mm * 0.72), number, self.sized(13)
        )

    def next_baseline(self, style: Style) -> float:
        """Move down one line of `style` (to a new page if need be) and say where its baseline is."""
        step = self.leading(style)
        self.need(step)
        self.y += step
        return self.y - step * 0.24

    def paragraph(
        self,
        text: str,
        style: Style | None = None,
        *,
        align: Align = "justify",
        indent_mm: float = 10,
        after_mm: float = 1.4,
    ) -> None:
        """Print one paragraph over the full width."""
        style = style or self.style
        indent = to_px(indent_mm * self.sheet.scale) if align in ("left", "justify") else 0.0
        width = self.right - self.left
        lines = wrap(text, style, width, indent)
        for index, words in enumerate(lines):
            baseline = self.next_baseline(style)
            shift = indent if index == 0 else 0.0
            self._print_line(words, style, baseline, shift, align, last=index == len(lines) - 1)
        self.skip(after_mm)

    def _print_line(
        self, words: Sequence[str], style: Style, baseline: float, shift: float, align: Align, *, last: bool
    ) -> None:
        text, room = " ".join(words), self.right - self.left - shift
        natural = measure(text, style)
        if align == "centre":
            self.canvas.put_centred((self.left + self.right) / 2, baseline, text, style)
        elif align == "right":
            self.canvas.put(self.right - natural, baseline, text, style)
        elif align == "justify" and not last and len(words) > 1:
            spare = (room - natural) / (len(words) - 1)
            gap = load_font(style, DPI).getlength(" ") + spare
            self.canvas.put(self.left + shift, baseline, text, style, gap=gap)
        else:
            self.canvas.put(self.left + shift, baseline, text, style)

    def finish(self) -> tuple[SamplePage, ...]:
        """All pages."""
        return tuple(canvas.finish() for canvas in (*self._done, self.canvas))
