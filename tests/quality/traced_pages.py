"""Traces for the tests of dossier checks: of drawn pages, and made up where only one field matters."""

from dataclasses import replace
from itertools import count

from pipeline.quality.sketch import sketch_words
from pipeline.quality.trace import trace_page
from schemas.findings import PageTrace, PrintedNumber
from schemas.page import (
    Block,
    Box,
    Line,
    Orientation,
    PageText,
    QuarterTurn,
    Skew,
    UprightPage,
    Word,
)
from scripts.samples.page import SamplePage
from scripts.samples.scanning import Scan

_serial = count()


def set_text(lines: list[tuple[str, Box]], height_px: int = 3508, confidence: float = 0.95) -> PageText:
    """A reading of these lines; every word has its line's box."""
    read = tuple(
        Line(tuple(Word(word, confidence, box) for word in text.split()), box) for text, box in lines
    )
    whole = Box(0, 0, 2480, height_px)
    return PageText(2480, height_px, "test", "vie", (Block(read, whole),) if read else ())


def read_scan(scan: Scan | SamplePage, *, misread_every: int = 0) -> PageText:
    """What a good engine reads: the truth, every so many-th word spoilt."""
    words = iter(scan.words)
    lines = []
    at = 0
    for told in scan.text.split("\n"):
        line = []
        for _ in told.split():
            text, box = next(words)
            at += 1
            line.append(
                Word(f"x{text[1:]}" if misread_every and at % misread_every == 0 else text, 0.95, box)
            )
        boxes = [word.box for word in line]
        around = Box(
            min(box.left for box in boxes),
            min(box.top for box in boxes),
            max(box.right for box in boxes),
            max(box.bottom for box in boxes),
        )
        lines.append(Line(tuple(line), around))
    height, width = scan.pixels.shape[:2]
    return PageText(width, height, "test", "vie", (Block(tuple(lines), lines[0].box),))


def lay_upright(
    scan: Scan | SamplePage, *, quarter_turn: QuarterTurn = 0, certain: bool = True
) -> UprightPage:
    """The scan as an upright page."""
    return UprightPage(
        number=1,
        pixels=scan.pixels,
        dpi=scan.dpi,
        dpi_known=True,
        bilevel=False,
        orientation=Orientation(quarter_turn, certain),
        skew=Skew(0.0, True),
        matrix=(1, 0, 0, 0, 1, 0),
    )


def trace_scan(scan: Scan | SamplePage, *, misread_every: int = 0) -> PageTrace:
    """The trace of a drawn page."""
    text = read_scan(scan, misread_every=misread_every)
    return trace_page(lay_upright(scan), text, blank=False)


def make_trace(number: int | None = None, total: int | None = None, **fields: object) -> PageTrace:
    """A page like no other, in all but the fields given."""
    serial = next(_serial)
    trace = PageTrace(
        blank=False,
        aspect="portrait",
        quarter_turn=0,
        picture="00" * 32,
        words=sketch_words(f"{serial} {at}" for at in range(50)),
        sure_words=50,
        particulars=f"{serial:04x}",
        printed=PrintedNumber(number, total) if number is not None else None,
    )
    return replace(trace, **fields)  # type: ignore[arg-type]
