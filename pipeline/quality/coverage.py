"""How much of the page's text-like ink the reading accounts for, and how sure it is."""

from dataclasses import dataclass

import cv2
import numpy as np

from pipeline.quality.ink import CELL_PX, Mask
from pipeline.quality.look import Look
from schemas.page import Box, PageText, Word

SURE = 0.6
"""Confidence from which a word's box counts as read (Tesseract's words on blurred bands stay below)."""
DOUBTFUL = 0.7
"""Confidence under which a word is doubtful; the share of such words is the best single signal (facts)."""
INKED_CELL = 0.04
"""Share of text-like ink from which a cell counts: 2.5 of 64 pixels."""
PATCH_CELLS = 24
"""Side of a patch (33 mm): five lines high, as large as a thumb."""
PATCH_INK = 40
"""Inked cells of a patch that count in full: about four words."""
WORD_INK = 0.05
"""A word whose box has less text-like ink was read out of leader dots, specks or a seal."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """`unread_share` of inked cells lie in no word box, `unsure_share` in no box of a sure word.

    `word_count` words lie on text-like ink; `mean_confidence`, `p10_confidence` and `doubtful_share`
    are theirs (by letters). `half_gap` is the largest unsure share of the
    page's halves, `worst_patch` of its squares of 33 mm.
    """

    word_count: int
    letter_count: int
    mean_confidence: float
    p10_confidence: float
    doubtful_share: float
    sure_words: int
    unread_share: float
    unsure_share: float
    half_gap: float
    worst_patch: float
    inked_cells: int


def measure_coverage(look: Look, text: PageText) -> Coverage:
    """Lay the recognised words over the source's text-like ink."""
    inked = look.text_cells >= INKED_CELL
    read, sure = np.zeros_like(inked), np.zeros_like(inked)
    confidences: list[float] = []
    letters: list[int] = []
    sure_words = 0
    for word in text.words:
        window = _window(word.box, look.scale, inked)
        read[window] = True
        if not _on_ink(word, window, look, inked):
            continue
        size = sum(character.isalnum() for character in word.text)
        if not size:
            continue
        confidences.append(word.confidence)
        letters.append(size)
        if word.confidence >= SURE:
            sure[window] = True
            sure_words += size >= 2
    weights, values = np.array(letters, np.float64), np.array(confidences, np.float64)
    total = float(weights.sum())
    return Coverage(
        word_count=len(values),
        letter_count=int(total),
        mean_confidence=float((values * weights).sum() / total) if total else 0.0,
        p10_confidence=float(np.percentile(values, 10)) if total else 0.0,
        doubtful_share=float(weights[values < DOUBTFUL].sum() / total) if total else 1.0,
        sure_words=sure_words,
        unread_share=_share(inked & ~read, inked),
        unsure_share=_share(inked & ~sure, inked),
        half_gap=_half_gap(inked, sure),
        worst_patch=_worst_patch(inked, sure),
        inked_cells=int(inked.sum()),
    )


def find_unsure(look: Look, text: PageText) -> Mask:
    """Cells with text-like ink in no sure word's box (`CELL_PX` working px a cell)."""
    inked = look.text_cells >= INKED_CELL
    sure = np.zeros_like(inked)
    for word in text.words:
        if word.confidence >= SURE:
            sure[_window(word.box, look.scale, inked)] = True
    return inked & ~sure


def _worst_patch(inked: Mask, sure: Mask) -> float:
    """The largest unsure share of any square of `PATCH_CELLS`; with little ink it counts for less."""
    unsure, ink = (
        np.asarray(
            cv2.boxFilter(
                cells.astype(np.float32),
                -1,
                (PATCH_CELLS, PATCH_CELLS),
                normalize=False,
                borderType=cv2.BORDER_CONSTANT,
            )
        )
        for cells in (inked & ~sure, inked)
    )
    return float((unsure / np.maximum(ink, PATCH_INK)).max()) if inked.size else 0.0


def _window(box: Box, scale: float, cells: Mask) -> tuple[slice, slice]:
    """Cells under a word's box, with half a cell of margin for marks the box leaves out."""
    rows, columns = cells.shape
    step = CELL_PX / scale
    top, bottom = box.top / step - 0.5, box.bottom / step + 0.5
    left, right = box.left / step - 0.5, box.right / step + 0.5
    return (
        slice(max(0, min(rows, round(top))), max(0, min(rows, round(bottom)))),
        slice(max(0, min(columns, round(left))), max(0, min(columns, round(right)))),
    )


def _on_ink(word: Word, window: tuple[slice, slice], look: Look, inked: Mask) -> bool:
    cells = look.text_cells[window]
    return bool(cells.size) and (float(cells.mean()) >= WORD_INK or float(inked[window].mean()) >= 0.5)


def _share(part: Mask, whole: Mask) -> float:
    count = int(whole.sum())
    return float(part.sum()) / count if count else 0.0


def _half_gap(inked: Mask, sure: Mask) -> float:
    """The worst half's unsure share (upper, lower, left, right), among halves with a fair share of ink."""
    rows, columns = np.nonzero(inked)
    if len(rows) < 60:
        return 0.0
    middle_row, middle_column = int(np.median(rows)), int(np.median(columns))
    gaps = []
    for half in (np.s_[:middle_row], np.s_[middle_row:], np.s_[:, :middle_column], np.s_[:, middle_column:]):
        gaps.append(_share(inked[half] & ~sure[half], inked[half]))
    return max(gaps)
