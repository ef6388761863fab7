"""What the generator makes: pages with the truth of what is printed on them, and papers of such pages."""

from dataclasses import dataclass
from enum import StrEnum

from schemas.page import Box, Pixels

DPI = 300
"""Resolution every sample is drawn at; A4 is then 2480 x 3508 pixels."""


class PaperKind(StrEnum):
    """The papers the generator can draw. `LONG` has several pages; `NOTE` holds 10 to 30 words."""

    APPLICATION = "application"
    DECLARATION = "declaration"
    LETTER = "letter"
    LONG = "long"
    RECEIPT = "receipt"
    NOTE = "note"
    SHORT_LETTER = "short_letter"
    SLIP_A5 = "slip_a5"


@dataclass(frozen=True, slots=True)
class SamplePage:
    """One clean page: RGB pixels (H x W x 3), and the truth.

    `words` are the printed words in reading order with the box of their ink; `text` is the same with
    the printed lines parted by line feeds (NFC). Dots of dotted lines, seals and signatures are no words.
    """

    pixels: Pixels
    words: tuple[tuple[str, Box], ...]
    text: str
    dpi: int = DPI


@dataclass(frozen=True, slots=True)
class SamplePaper:
    """One paper of a dossier; `type_code` is stable, `title` what a clerk would call it."""

    type_code: str
    title: str
    pages: tuple[SamplePage, ...]
