"""Parts of forms: letterheads, fields on dotted lines, check boxes, ruled tables, signature blocks."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from scripts.samples.fonts import Style
from scripts.samples.layout import Flow, measure, to_px, wrap
from scripts.samples.seal import (
    PEN_INKS,
    SEAL_DIAMETER_MM,
    SEAL_RED,
    Mask,
    draw_seal,
    draw_signature,
    lay_ink,
)

COUNTRY = "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
MOTTO = "Độc lập - Tự do - Hạnh phúc"


@dataclass(frozen=True, slots=True)
class Letterhead:
    """The two-column head of an official letter; `subject` (V/v ...) may be empty."""

    above: str
    agency: str
    number: str
    place_and_date: str
    subject: str = ""


@dataclass(frozen=True, slots=True)
class Signatory:
    """Who signs: offices above, name below; `seal` is (ring, centre) where the agency stamps."""

    offices: tuple[str, ...]
    name: str
    hint: str = ""
    seal: tuple[str, str] | None = None
    signed: bool = True


def write_letterhead(flow: Flow, head: Letterhead) -> None:
    """Agency left, country and motto right with the line beneath, number left, place and date right."""
    width = flow.right - flow.left
    left, right = flow.left + width * 0.195, flow.left + width * 0.695
    put = flow.canvas.put_centred
    base = flow.next_baseline(flow.sized(12.5))
    put(left, base, head.above, flow.sized(12.5))
    put(right, base, COUNTRY, flow.sized(12.5, bold=True), joins=True)
    base = flow.next_baseline(flow.sized(13))
    put(left, base, head.agency, flow.sized(12.5, bold=True))
    put(right, base, MOTTO, flow.sized(13.5, bold=True), joins=True)
    low = base + to_px(2.2 * flow.sheet.scale)
    short, long = (
        measure(head.agency, flow.sized(12.5, bold=True)) * 0.22,
        measure(MOTTO, flow.sized(13.5, bold=True)) / 2,
    )
    flow.canvas.rule(left - short, low, left + short, low)
    flow.canvas.rule(right - long, low, right + long, low)
    flow.skip(3.2)
    base = flow.next_baseline(flow.sized(13))
    put(left, base, head.number, flow.sized(13))
    put(right, base, head.place_and_date, flow.sized(13, italic=True), joins=True)
    if head.subject:
        for words in wrap(head.subject, flow.sized(12), width * 0.36):
            put(left, flow.next_baseline(flow.sized(12)), " ".join(words), flow.sized(12))
    flow.skip(5)


def write_country(flow: Flow) -> None:
    """The centred head of an application: country and motto with the line beneath."""
    flow.paragraph(COUNTRY, flow.sized(13, bold=True), align="centre", after_mm=0)
    flow.paragraph(MOTTO, flow.sized(14, bold=True), align="centre", after_mm=0)
    low = flow.y + to_px(0.6)
    centre, half = (flow.left + flow.right) / 2, measure(MOTTO, flow.sized(14, bold=True)) / 2
    flow.canvas.rule(centre - half, low, centre + half, low)
    flow.skip(7)


def write_title(flow: Flow, lines: Sequence[str], size_pt: float = 15) -> None:
    """The paper's title; the lines after the first are smaller, in brackets they are italic."""
    for index, line in enumerate(lines):
        aside = line.startswith("(")
        style = flow.sized(size_pt if index == 0 else size_pt - 1, bold=not aside, italic=aside)
        flow.paragraph(line, style, align="centre", after_mm=0.2)
    flow.skip(4)


def write_field(flow: Flow, label: str, value: str, *, under: bool = False) -> None:
    """`label` and what was filled in, typed, then dots to the margin as word processors set them.

    `under`: the dots run beneath the value too, as on a printed form filled in by a typewriter.
    """
    style, filled = flow.style, Style("Arimo", flow.style.size_pt - 1.5)
    start = flow.left + to_px(8 * flow.sheet.scale)
    end = start + measure(f"- {label}", style) + to_px(2)
    lines = wrap(value, filled, flow.right - flow.left - to_px(2), indent=end - flow.left) or [[]]
    for index, words in enumerate(lines):
        base = flow.next_baseline(style)
        x = flow.left
        if index == 0:
            flow.canvas.put(start, base, f"- {label}", style)
            x = end
        done = flow.canvas.put(x, base, " ".join(words), filled, joins=index == 0)
        if under:
            flow.canvas.dot_line(x - to_px(1), flow.right, base + to_px(1.5), style)
        elif index == len(lines) - 1:
            flow.canvas.dot_line(done + to_px(1.2), flow.right, base, style)
    flow.skip(0.7)


def write_choices(flow: Flow, label: str, choices: Sequence[str], ticked: int) -> None:
    """`label` and check boxes with their words, one of them ticked."""
    base = flow.next_baseline(flow.style)
    x = flow.canvas.put(flow.left, base, label, flow.style) + to_px(4)
    for index, choice in enumerate(choices):
        x = flow.canvas.check_box(x, base, to_px(4 * flow.sheet.scale), ticked=index == ticked) + to_px(2)
        x = flow.canvas.put(x, base, choice, flow.style, joins=True) + to_px(6 * flow.sheet.scale)
    flow.skip(2)


def write_table(
    flow: Flow, shares: Sequence[float], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()
) -> None:
    """A ruled table, first row bold; `shares` are relative column widths, `right` the columns of figures."""
    total = flow.right - flow.left
    widths = [total * share / sum(shares) for share in shares]
    pad = to_px(1.4)
    flow.skip(1)
    for number, row in enumerate(rows):
        style = flow.sized(12, bold=number == 0)
        cells = [wrap(cell, style, width - 2 * pad) for cell, width in zip(row, widths, strict=True)]
        step, deep = flow.leading(style), max(len(cell) for cell in cells)
        height = deep * step + 2 * pad
        flow.need(height)
        _write_row(flow, cells, widths, style, right if number else (), header=number == 0)
        x = flow.left
        for edge in (0.0, *widths):
            x += edge
            flow.canvas.rule(x, flow.y, x, flow.y + height)
        flow.canvas.rule(flow.left, flow.y, flow.right, flow.y)
        flow.canvas.rule(flow.left, flow.y + height, flow.right, flow.y + height)
        flow.y += height
    flow.skip(3)


def _write_row(
    flow: Flow,
    cells: list[list[list[str]]],
    widths: list[float],
    style: Style,
    right: Sequence[int],
    *,
    header: bool,
) -> None:
    """Cell by cell, each whole, as a person reads them; a row of one-line cells is one line."""
    pad, step, deep = to_px(1.4), flow.leading(style), max(len(cell) for cell in cells)
    x, joins = flow.left, False
    for column, (cell, width) in enumerate(zip(cells, widths, strict=True)):
        for number, line in enumerate(cell):
            text = " ".join(line)
            base = flow.y + pad + step * (number + 0.76)
            spare = width - 2 * pad - measure(text, style)
            shift = spare / 2 if header or column == 0 else spare if column in right else 0.0
            flow.canvas.put(x + pad + shift, base, text, style, joins=joins)
            joins = deep == 1
        x += width


def write_signatures(
    flow: Flow, rng: random.Random, signatories: Sequence[Signatory], recipients: Sequence[str] = ()
) -> None:
    """Signature blocks side by side, the last one right; "Nơi nhận" left where there are recipients."""
    flow.need(to_px(64 * flow.sheet.scale))
    top = flow.y
    width = flow.right - flow.left
    places = (0.735,) if len(signatories) == 1 else (0.24, 0.745)
    for line, recipient in enumerate(("Nơi nhận:", *recipients) if recipients else ()):
        style = flow.sized(12, bold=True, italic=True) if line == 0 else flow.sized(11)
        flow.y += flow.leading(flow.sized(11))
        flow.canvas.put(flow.left, flow.y - flow.leading(flow.sized(11)) * 0.24, recipient, style)
    ends = [flow.y]
    for place, signatory in zip(places, signatories, strict=True):
        flow.y = top
        _write_signatory(flow, rng, signatory, flow.left + width * place)
        ends.append(flow.y)
    flow.y = max(ends)
    flow.skip(3)


def _write_signatory(flow: Flow, rng: random.Random, signatory: Signatory, centre: float) -> None:
    for office in signatory.offices:
        flow.canvas.put_centred(centre, flow.next_baseline(flow.sized(13)), office, flow.sized(13, bold=True))
    if signatory.hint:
        flow.canvas.put_centred(
            centre, flow.next_baseline(flow.sized(12)), signatory.hint, flow.sized(12, italic=True)
        )
    titles_end = flow.y
    flow.skip(26)
    base = flow.next_baseline(flow.sized(13.5))
    flow.canvas.put_centred(centre, base, signatory.name, flow.sized(13.5, bold=True))
    if signatory.signed:
        hand = random.Random(signatory.name)  # a person signs alike on every paper
        mask = draw_signature(round(to_px(52 * flow.sheet.scale)), round(to_px(25 * flow.sheet.scale)), hand)
        _sign(flow.canvas.image, rng, mask, centre, (titles_end, base), signatory.seal)


def _sign(
    image: Image.Image,
    rng: random.Random,
    strokes: Mask,
    centre: float,
    between: tuple[float, float],
    seal: tuple[str, str] | None,
) -> None:
    """Strokes between the office and the name, running into the name; the seal over their left third."""
    top, base = between
    high, wide = strokes.shape
    left = min(round(centre - wide * 0.46), image.width - wide)
    lay_ink(image, strokes, rng.choice(PEN_INKS), left, round(base - high * rng.uniform(0.97, 1.04)))
    if seal is not None:
        side = round(to_px(SEAL_DIAMETER_MM))
        x = round(centre - to_px(rng.uniform(29, 33)))
        y = round((top + base) / 2 - side * rng.uniform(0.46, 0.54))
        lay_ink(image, draw_seal(*seal, rng), SEAL_RED, x, y)
