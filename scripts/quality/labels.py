"""What a reader could do with a page: the label a verdict is held against. Never the way it was made."""

import re
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from rapidfuzz.distance import Levenshtein

from scripts.bench.scores import character_error_rate, fold, word_recall
from scripts.quality.kinds import QualityPage
from scripts.samples.spoil import AREA_SHRINK

READABLE_CER = 0.1
UNREADABLE_CER = 0.3
LEAST_DPI = 150
"""Coarser pages may be read, and break the rule of 200 dpi for digitised papers all the same."""
LOST_SHARE = 0.25
"""Of the words: what an office would not accept, and what it would, by the issue this set was made for."""

_WORD_LEFT = 0.5
"""A word of which fewer letters were read is lost; one with a wrong tone mark is not."""

_HIDDEN_KINDS = {"sheet", "corner", "hand"}
"""Under these nothing can be read, by anyone."""


class Label(StrEnum):
    """`border` lies between the clear cases and is counted apart; `no_print` has nothing to be read."""

    READABLE = "readable"
    BORDER = "border"
    UNREADABLE = "unreadable"
    NO_PRINT = "no_print"


@dataclass(frozen=True, slots=True)
class Loss:
    """What the best reading missed: `cer`, the share of words lost, and the share that nobody can see because
    it was cut off or covered. All 0 for a page without print."""

    cer: float
    lost_share: float
    hidden_share: float


def measure_loss(page: QualityPage, readings: list[str]) -> Loss:
    """The loss of the best of several readings of one page; the order of its words does not count."""
    truth = page.scan.text
    if not fold(truth):
        return Loss(0.0, 0.0, 0.0)
    cer = min(
        min(character_error_rate(reading, truth), _missing_share(reading, truth)) for reading in readings
    )
    lost = min(min(_lost_share(reading, truth), 1 - word_recall(reading, truth)) for reading in readings)
    return Loss(cer, lost, _hidden_share(page))


def _missing_share(read: str, truth: str) -> float:
    """Share of the truth's letters that stand in words not read, whatever the order: two columns read across
    are not a page that cannot be read."""
    wanted, found = Counter(fold(truth).split()), Counter(fold(read).split())
    missing = wanted - found
    return sum(len(word) * count for word, count in missing.items()) / sum(
        len(word) * count for word, count in wanted.items()
    )


def label_page(page: QualityPage, loss: Loss) -> Label:
    """A page of which any word is cut off or covered is never clearly readable."""
    if not page.scan.words:
        return Label.NO_PRINT
    if loss.cer > UNREADABLE_CER or loss.lost_share > LOST_SHARE:
        return Label.UNREADABLE
    if loss.cer < READABLE_CER and loss.hidden_share == 0 and page.scan.dpi >= LEAST_DPI:
        return Label.READABLE
    return Label.BORDER


def _lost_share(read: str, truth: str) -> float:
    """Share of the truth's words of which less than half was read, in the truth's order."""
    wanted = fold(truth)
    matched = np.zeros(len(wanted), np.bool_)
    for start, _, length in Levenshtein.opcodes(wanted, fold(read)).as_matching_blocks():
        matched[start : start + length] = True
    words = list(re.finditer(r"\S+", wanted))
    return sum(bool(matched[word.start() : word.end()].mean() < _WORD_LEFT) for word in words) / len(words)


def _hidden_share(page: QualityPage) -> float:
    """Share of the printed words whose middle lies outside of the scan or under what lies on it."""
    height, width = page.scan.pixels.shape[:2]
    hidden = 0
    for _, box in page.scan.words:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        outside = not (0 <= x < width and 0 <= y < height)
        hidden += outside or _is_covered(page, x, y)
    return hidden / len(page.scan.words)


def _is_covered(page: QualityPage, x: float, y: float) -> bool:
    if page.area is None or page.kind not in _HIDDEN_KINDS:
        return False
    row, column = int(y / AREA_SHRINK), int(x / AREA_SHRINK)
    return bool(page.area[min(row, page.area.shape[0] - 1), min(column, page.area.shape[1] - 1)])
