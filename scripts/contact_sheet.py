"""One picture of what happened: each page as scanned beside the finished PDF page, with its verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from schemas.errors import OutputError
from schemas.page import Pixels, Reason, Verdict
from schemas.report import REASON_LABELS, VERDICT_LABELS
from scripts.samples.fonts import Style, assert_font_covers, find_font

WIDTH = 1600
_COLUMNS = 3
_MARGIN, _GAP, _PAD = 32, 20, 16
_CARD_WIDTH = (WIDTH - 2 * _MARGIN - (_COLUMNS - 1) * _GAP) // _COLUMNS
_ARROW = 36
_THUMB = ((_CARD_WIDTH - 2 * _PAD - _ARROW) // 2, 318)
_LABEL_HEIGHT, _CAPTION_HEIGHT, _HEADING_HEIGHT = 26, 74, 92
_CARD_HEIGHT = _PAD + _LABEL_HEIGHT + _THUMB[1] + _CAPTION_HEIGHT
_GROUND, _CARD, _EDGE = (238, 240, 243), (255, 255, 255), (206, 211, 218)
_TEXT, _SOFT = (28, 32, 40), (104, 112, 124)
_COLOURS = {
    Verdict.READABLE: (26, 127, 66),
    Verdict.REVIEW: (178, 104, 0),
    Verdict.UNREADABLE: (192, 32, 38),
    Verdict.BLANK: (104, 112, 124),
}
_PALETTE_SIZE = 160
"""Colours of the PNG; measured on the demo's sheet: 160 keep seals red and greys smooth at 0.34 MB."""


@dataclass(frozen=True, slots=True)
class PagePair:
    """One page before and after; `after` is None where no PDF was made, and `remark` then says why.

    `before` and `after` are pixels (H x W or H x W x 3 RGB) of any size.
    """

    caption: str
    before: Pixels
    after: Pixels | None
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    remark: str = ""


def draw_contact_sheet(
    pairs: Sequence[PagePair], path: Path, *, heading: str = "Sohoa", subheading: str = ""
) -> None:
    """Write the picture as a palette PNG, 1600 pixels wide, three pages a row.

    Raises OutputError where `path` cannot be written, MissingDependencyError without the font.
    """
    rows = -(-len(pairs) // _COLUMNS)
    height = _HEADING_HEIGHT + rows * (_CARD_HEIGHT + _GAP) - _GAP + _MARGIN
    sheet = Image.new("RGB", (WIDTH, height), _GROUND)
    draw = ImageDraw.Draw(sheet)
    _print(draw, (_MARGIN, 46), heading, _font(30, bold=True), _TEXT)
    _print(draw, (_MARGIN, 74), subheading, _font(17), _SOFT)
    _draw_legend(draw, pairs)
    for index, pair in enumerate(pairs):
        x = _MARGIN + index % _COLUMNS * (_CARD_WIDTH + _GAP)
        y = _HEADING_HEIGHT + index // _COLUMNS * (_CARD_HEIGHT + _GAP)
        _draw_card(sheet, pair, x, y)
    few = sheet.quantize(_PALETTE_SIZE, Image.Quantize.MAXCOVERAGE, kmeans=1, dither=Image.Dither.NONE)
    try:
        few.save(path, "PNG", optimize=True)
    except OSError as error:
        raise OutputError(f"cannot write {path.name}: {error.strerror or 'the picture failed'}") from error


def _draw_card(sheet: Image.Image, pair: PagePair, x: int, y: int) -> None:
    draw = ImageDraw.Draw(sheet)
    box = (x, y, x + _CARD_WIDTH, y + _CARD_HEIGHT)
    draw.rounded_rectangle(box, radius=10, fill=_CARD, outline=_EDGE, width=1)
    left, right, top = x + _PAD, x + _CARD_WIDTH - _PAD - _THUMB[0], y + _PAD + _LABEL_HEIGHT
    _print(draw, (left, y + _PAD + 14), "Bản quét", _font(14), _SOFT)
    _print(draw, (right, y + _PAD + 14), "PDF/A đã ký số", _font(14), _SOFT)
    _paste_page(sheet, pair.before, left, top)
    middle = top + _THUMB[1] // 2
    tip = x + _CARD_WIDTH // 2 + 11
    draw.line((tip - 22, middle, tip - 6, middle), fill=_COLOURS[pair.verdict], width=4)
    draw.polygon(
        ((tip - 9, middle - 8), (tip - 9, middle + 8), (tip + 2, middle)), fill=_COLOURS[pair.verdict]
    )
    if pair.after is None:
        _draw_absence(draw, pair.remark, right, top)
    else:
        _paste_page(sheet, pair.after, right, top)
    _draw_caption(draw, pair, left, top + _THUMB[1] + 24)


def _paste_page(sheet: Image.Image, pixels: Pixels, x: int, y: int) -> None:
    """A page, as large as fits, centred in its place with a thin edge."""
    page = Image.fromarray(pixels).convert("RGB")
    scale = min(_THUMB[0] / page.width, _THUMB[1] / page.height)
    size = (max(1, round(page.width * scale)), max(1, round(page.height * scale)))
    small = page.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0)
    place = (x + (_THUMB[0] - size[0]) // 2, y + (_THUMB[1] - size[1]) // 2)
    sheet.paste(small, place)
    edge = (place[0] - 1, place[1] - 1, place[0] + size[0], place[1] + size[1])
    ImageDraw.Draw(sheet).rectangle(edge, outline=_EDGE)


def _draw_absence(draw: ImageDraw.ImageDraw, remark: str, x: int, y: int) -> None:
    """A dashed frame where the PDF page would be."""
    width, height, red = _THUMB[0], _THUMB[1], _COLOURS[Verdict.UNREADABLE]
    for step in range(0, width, 14):
        for edge in (y, y + height - 2):
            draw.line((x + step, edge, x + min(step + 8, width), edge), fill=red, width=2)
    for step in range(0, height, 14):
        for side in (x, x + width - 2):
            draw.line((side, y + step, side, y + min(step + 8, height)), fill=red, width=2)
    font = _font(16, bold=True)
    lines = _wrap(remark, font, width - 32)
    for index, line in enumerate(lines):
        offset = (index - (len(lines) - 1) / 2) * 24
        _print(draw, (x + width / 2, y + height / 2 + offset), line, font, red, anchor="mm")


def _draw_caption(draw: ImageDraw.ImageDraw, pair: PagePair, x: int, y: int) -> None:
    font = _font(16, bold=True)
    _print(draw, (x, y), _shorten(pair.caption, font, _CARD_WIDTH - 2 * _PAD), font, _TEXT)
    end = _draw_pill(draw, pair.verdict, x, y + 13)
    said = ", ".join(REASON_LABELS[reason] for reason in pair.reasons)
    if pair.after is not None and pair.remark:
        said = f"{said} · {pair.remark}" if said else pair.remark
    room = x + _CARD_WIDTH - 2 * _PAD - end - 10
    _print(draw, (end + 10, y + 31), _shorten(said, _font(15), room), _font(15), _SOFT)


def _draw_pill(draw: ImageDraw.ImageDraw, verdict: Verdict, x: float, y: float) -> float:
    font, label = _font(15, bold=True), VERDICT_LABELS[verdict]
    end = x + font.getlength(label) + 24
    draw.rounded_rectangle((x, y, end, y + 26), radius=13, fill=_COLOURS[verdict])
    _print(draw, (x + 12, y + 18), label, font, _CARD)
    return end


def _draw_legend(draw: ImageDraw.ImageDraw, pairs: Sequence[PagePair]) -> None:
    """How many pages got which verdict, at the top right."""
    x = float(WIDTH - _MARGIN)
    for verdict in reversed(Verdict):
        count = sum(pair.verdict is verdict for pair in pairs)
        if count:
            font = _font(15, bold=True)
            x -= font.getlength(VERDICT_LABELS[verdict]) + 24
            _draw_pill(draw, verdict, x, 36)
            x -= _font(19, bold=True).getlength(str(count)) + 8
            _print(draw, (x, 56), str(count), _font(19, bold=True), _COLOURS[verdict])
            x -= 22


def _font(size_px: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(find_font(Style("Arimo", size_px, bold)), size_px)


def _print(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    colour: tuple[int, int, int],
    anchor: str = "ls",
) -> None:
    assert_font_covers(Path(str(font.path)), text)
    draw.text(place, text, font=font, fill=colour, anchor=anchor)


def _shorten(text: str, font: ImageFont.FreeTypeFont, width: float) -> str:
    if font.getlength(text) <= width:
        return text
    words = text.split()
    while words and font.getlength(" ".join(words) + "…") > width:
        words.pop()
    return " ".join(words) + "…"


def _wrap(text: str, font: ImageFont.FreeTypeFont, width: float) -> list[str]:
    lines: list[str] = []
    for word in text.split():
        if lines and font.getlength(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines
