"""What one page is on its way: a scan, upright pixels, text, a picture for the PDF.

Pixels are uint8 arrays, `H x W` (grey) or `H x W x 3` (RGB, never BGR). Boxes are in pixels of the
page they belong to, origin top left, right and bottom exclusive.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

Pixels: TypeAlias = NDArray[np.uint8]
QuarterTurn: TypeAlias = Literal[0, 90, 180, 270]
Outline: TypeAlias = tuple[tuple[float, float], ...]
"""Corners of a region, each in shares (0..1) of the page's width and height."""
Homography: TypeAlias = tuple[float, float, float, float, float, float, float, float, float]


class Verdict(StrEnum):
    """Can a person (and a machine) read this page?"""

    READABLE = "readable"
    REVIEW = "review"
    UNREADABLE = "unreadable"
    BLANK = "blank"


class Reason(StrEnum):
    """Why a verdict is not `readable`; stable codes, Vietnamese labels in `report.REASON_LABELS`."""

    BLUR = "blur"
    MOTION = "motion"
    DARK = "dark"
    WASHED_OUT = "washed_out"
    LOW_CONTRAST = "low_contrast"
    LOW_RESOLUTION = "low_resolution"
    CUT_OFF = "cut_off"
    OCCLUDED = "occluded"
    GLARE = "glare"
    BANDING = "banding"
    CRUMPLED = "crumpled"
    NOISE = "noise"
    GIBBERISH = "gibberish"
    PARTIAL = "partial"
    HANDWRITING = "handwriting"
    PHOTOGRAPH = "photograph"
    BLANK = "blank"
    DUPLICATE = "duplicate"
    SKEW_UNCERTAIN = "skew_uncertain"
    ORIENTATION_UNCERTAIN = "orientation_uncertain"


class Codec(StrEnum):
    """How the bytes of an `EncodedImage` are packed."""

    JPEG = "jpeg"
    G4 = "g4"  # CCITT T.6, one strip, no EOL; 0 bits are white unless black_is_1
    FLATE = "flate"  # zlib over rows that each begin with their PNG filter type, as in a PNG's IDAT


@dataclass(frozen=True, slots=True)
class EncodedImage:
    """An image as a PDF can carry it, undecoded: `components` 1 (grey or bilevel) or 3 (RGB)."""

    codec: Codec
    data: bytes
    width_px: int
    height_px: int
    components: Literal[1, 3]
    bits_per_component: Literal[1, 8] = 8
    black_is_1: bool = False


@dataclass(frozen=True, slots=True)
class OwnText:
    """The beginning of the text that a page of a PDF carries itself; what annotations show (signatures,
    stamps) is left out.

    `visible` is false for the invisible layer that scanners and OCR programs lay over a picture.
    """

    text: str
    visible: bool


@dataclass(frozen=True, slots=True)
class ScanPage:
    """One page as intake hands it on: decoded, EXIF orientation and PDF /Rotate already applied.

    `stream` is the scanner's own image stream where the page is exactly that image; showing it
    needs `stream_turn` degrees clockwise first. `dpi_known` is false where the file does not say
    its resolution and `dpi` was estimated from the pixel count.
    """

    number: int
    pixels: Pixels
    dpi: float
    dpi_known: bool
    bilevel: bool
    origin: Literal["embedded", "rasterised", "image"]
    stream: EncodedImage | None = None
    stream_turn: QuarterTurn = 0
    own_text: OwnText | None = None


@dataclass(frozen=True, slots=True)
class Orientation:
    """`quarter_turn`: degrees clockwise that make the scan upright. `certain` is false where the
    cues disagreed or there was nothing to go by (then `quarter_turn` is 0 or the best guess)."""

    quarter_turn: QuarterTurn
    certain: bool


@dataclass(frozen=True, slots=True)
class Skew:
    """`skew_deg`: how far text is turned counter-clockwise on the upright scan (OpenCV's sign).

    `certain` is false without enough evidence; the angle is then 0.
    """

    skew_deg: float
    certain: bool


@dataclass(frozen=True, slots=True)
class UprightPage:
    """The true scan turned upright and straight, colours as scanned; nothing cut at the corners.

    `matrix` (2 x 3, row-major) takes pixel coordinates of `ScanPage.pixels` to this page's. A photo was
    flattened first: `flattening` (3 x 3, row-major) takes its pixel coordinates to the flat sheet's, and
    `matrix` goes on from there; `dpi` is then estimated from the paper. Where `bilevel` says so the
    scan was black and white; levelling left grey edges, which reading likes.
    """

    number: int
    pixels: Pixels
    dpi: float
    dpi_known: bool
    bilevel: bool
    orientation: Orientation
    skew: Skew
    matrix: tuple[float, float, float, float, float, float]
    flattening: Homography | None = None

    @property
    def flattened(self) -> bool:
        """Whether this was a photo of a sheet, seen aslant."""
        return self.flattening is not None

    @property
    def height_px(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])

    @property
    def width_px(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])


@dataclass(frozen=True, slots=True)
class ReadingImage:
    """What the engine sees: normalised grey, never binarised, at a resolution that suits it.

    `scale` is reading pixels per page pixel; boxes are divided by it on the way back.
    """

    grey: Pixels
    dpi: float
    scale: float


@dataclass(frozen=True, slots=True)
class LetterChoice:
    """A letter the engine weighed at one place of a word, and its cost in nats (0: certain)."""

    letter: str
    cost: float


@dataclass(frozen=True, slots=True)
class Box:
    """A rectangle in pixels, right and bottom exclusive."""

    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class TextRun:
    """A stretch of one printed line without wide gaps, read in one go.

    `box` holds its ink with all marks, in pixels of the upright page. Runs of one `row` form one
    printed line, rows of one `block` belong together.
    """

    box: Box
    block: int
    row: int


@dataclass(frozen=True, slots=True)
class Layout:
    """Where a page's print stands: runs in the order a person reads them.

    `certain` is false where the print does not form lines (the engine's own layout then decides);
    `stray_share` is the share (0..1) of letter-like ink that lies in no run.
    """

    runs: tuple[TextRun, ...]
    certain: bool
    stray_share: float


@dataclass(frozen=True, slots=True)
class RunImage:
    """The picture of one run, cut so that a line recogniser needs no more scaling.

    `grey` is normalised (paper near 255), print of other lines taken out; `ink` (0 or 255, same size)
    is the run's own ink. `scale_x`, `scale_y` are picture pixels per page pixel, `left`, `top` where
    the picture's corner lies on the upright page.
    """

    grey: Pixels
    ink: Pixels
    left: float
    top: float
    scale_x: float
    scale_y: float
    block: int
    row: int


@dataclass(frozen=True, slots=True)
class Word:
    """One word: NFC text, confidence 0..1, and what the engine read before correction.

    `alternatives`: for each letter of what was read, the letters the engine weighed; empty where it was
    not asked. They serve correction only and are not stored.
    """

    text: str
    confidence: float
    box: Box
    raw: str | None = None
    alternatives: tuple[tuple[LetterChoice, ...], ...] = ()


@dataclass(frozen=True, slots=True)
class Line:
    """Words of one printed line, left to right."""

    words: tuple[Word, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class Block:
    """Lines that belong together, top to bottom."""

    lines: tuple[Line, ...]
    box: Box


@dataclass(frozen=True, slots=True)
class PageText:
    """The engine-neutral tree page > block > line > word, boxes in pixels of the upright page."""

    width_px: int
    height_px: int
    engine: str
    model: str
    blocks: tuple[Block, ...] = ()

    @property
    def lines(self) -> tuple[Line, ...]:
        """All lines in reading order."""
        return tuple(line for block in self.blocks for line in block.lines)

    @property
    def words(self) -> tuple[Word, ...]:
        """All words in reading order."""
        return tuple(word for line in self.lines for word in line.words)

    @property
    def text(self) -> str:
        """Words parted by spaces, lines by line feeds."""
        return "\n".join(" ".join(word.text for word in line.words) for line in self.lines)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict on one page; reasons with the weightiest first; `signals` are the measured figures,
    `regions` the places where print is hidden, out of focus or not read."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    p_unreadable: float
    signals: dict[str, float] = field(default_factory=dict)
    regions: tuple[Outline, ...] = ()


@dataclass(frozen=True, slots=True)
class PagePicture:
    """What the PDF shows for one page.

    `matrix` is the PDF content matrix that takes the unit square of the image to points of the
    upright page, whose size is `width_pt` x `height_pt` (origin bottom left).
    """

    image: EncodedImage
    width_pt: float
    height_pt: float
    matrix: tuple[float, float, float, float, float, float]


@dataclass(frozen=True, slots=True)
class BoundPage:
    """A picture and the text that lies invisibly over it."""

    picture: PagePicture
    text: PageText


@dataclass(frozen=True, slots=True)
class Attachment:
    """The PDF a copy was made from, to lie inside the copy bit for bit."""

    name: str
    pdf: bytes


@dataclass(frozen=True, slots=True)
class DocumentInfo:
    """What the PDF says of itself in document info and XMP."""

    title: str
    scan_time: str
    """ISO 8601 with zone, e.g. `2026-11-24T12:00:00+07:00`."""
    source_sha256: tuple[str, ...]
    """Of each original scan, in order of first use."""
    engine: str
    """Name and version of the engine that read it."""
    record_code: str | None = None
    ordinal: int | None = None
    paper_type: str | None = None
    """Type code of the paper (giấy tờ)."""
    station: str | None = None
    """The scanning station or scanner."""
    page_sources: tuple[tuple[str, int], ...] = ()
    """For each page the SHA-256 of its original and the page's number in it; empty where not told."""
