"""Is the text a PDF page carries itself worth anything? It is told, and the page read anew in any case."""

from typing import Literal

from pipeline.reading.syllables import syllable_validity
from schemas.page import OwnText

LEAST_WORDS = 20
"""Fewer are a stamp of the scanning program (`Scanned with ...`), a number, a footer."""
LEAST_VALIDITY = 0.85
"""Share of valid syllables in 200 pieces of statutes of 1,200 letters: 0.98 or more as they are, 0.81 or less
without tones (a scanner's foreign model at its best), at most 0.44 in TCVN3, the letters of old files."""


def judge_own_text(own: OwnText | None) -> Literal["none", "visible", "hidden", "garbage"]:
    """`visible`: the page is text itself. `hidden`: a sound layer under a picture. `garbage`: no Vietnamese,
    as scanners read it with a foreign model, and as old encodings come out."""
    words = own.text.split() if own is not None else []
    if own is None or len(words) < LEAST_WORDS:
        return "none"
    if syllable_validity(words) < LEAST_VALIDITY:
        return "garbage"
    return "visible" if own.visible else "hidden"


def is_born_digital(own: OwnText | None) -> bool:
    """Whether the page draws its text, in whatever encoding, rather than a picture of it."""
    return own is not None and own.visible and len(own.text.split()) >= LEAST_WORDS
