"""How well a reading agrees with the truth: the same rules for everyone who reads."""

import re
import unicodedata
from collections import Counter

from rapidfuzz.distance import Levenshtein

GAP = "␣"
"""Stands in a truth for a gap filled in by hand; it is left out of every score."""

_LEADERS = re.compile(r"(?:[.…·_‥]\s?){3,}")
"""Dots and strokes to write on are no text: left out on both sides."""


def fold(text: str) -> str:
    """NFC, white space to single spaces, leaders and gaps left out."""
    bare = _LEADERS.sub(" ", unicodedata.normalize("NFC", text).replace(GAP, " "))
    return " ".join(bare.split())


def character_error_rate(read: str, truth: str) -> float:
    """Edits (insert, delete, replace one letter) that make `read` into `truth`, over the truth's length.

    Reading order counts. May exceed 1 where much was invented. Raises ValueError for an empty truth.
    """
    wanted = fold(truth)
    if not wanted:
        raise ValueError("a truth without text cannot be scored")
    return Levenshtein.distance(fold(read), wanted) / len(wanted)


def word_recall(read: str, truth: str) -> float:
    """Share of the truth's words that were read, whatever their order; a word counts as often as it stands.

    A word is what stands between spaces, its punctuation included. Raises ValueError for an empty truth.
    """
    wanted, found = Counter(fold(truth).split()), Counter(fold(read).split())
    if not wanted:
        raise ValueError("a truth without text cannot be scored")
    return (wanted & found).total() / wanted.total()


def skew_error(found_deg: float, true_deg: float | None, *, upright: bool) -> float | None:
    """Degrees between found and true skew; None for a photo, or where the page was not turned upright."""
    return abs(found_deg - true_deg) if upright and true_deg is not None else None
