"""Words of one run: boxes drawn tight around their ink, inventions where no ink is left out."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.page_tree import ListedWord
from schemas.page import RunImage

_BLANK_ANSWER = "¬"
"""What the model says of an empty line."""

_NEARNESS = 0.1
"""What a pixel of distance from the expected edge counts against a pixel of white."""

_FEW_LETTERS, _LEAST_SURE = 3, 50.0
"""A run read as so few letters, none of its words with this confidence (0..100), is a speck or a scrap of
a stroke: of 11,900 right words 0.1 % have less than 43, of invented ones half have less than 61."""


def place_words(words: Sequence[ListedWord], run: RunImage) -> Iterator[ListedWord]:
    """`words` in picture pixels of `run`, to page pixels; edges snapped to the run's ink.

    Tesseract's words on a raw line are as high as the line, good to some ten pixels on the left, and may
    end anywhere on the right (the first word of a short line often reaches to its end): two words are
    parted in the middle of the widest white near the left edge of the second.
    """
    columns = np.asarray(run.ink.any(axis=0))
    words = [word for word in words if word.text.strip() and word.text.strip() != _BLANK_ANSWER]
    if _is_no_print(words):
        return
    words = [replace(word, right=min(word.right, after.left)) for word, after in pairwise(words)] + words[-1:]
    edges = [0, *(_part(columns, one, other) for one, other in pairwise(words)), len(columns)]
    for word, left, right in zip(words, edges, edges[1:], strict=False):
        inked = np.flatnonzero(columns[left:right])
        if not len(inked):
            continue
        start, end = left + int(inked[0]), left + int(inked[-1]) + 1
        rows = np.flatnonzero(run.ink[:, start:end].any(axis=1))
        yield ListedWord(
            block=run.block,
            line=(run.block, run.row),
            text=word.text,
            confidence=word.confidence,
            left=run.left + start / run.scale_x,
            top=run.top + int(rows[0]) / run.scale_y,
            right=run.left + end / run.scale_x,
            bottom=run.top + (int(rows[-1]) + 1) / run.scale_y,
        )


def _is_no_print(words: Sequence[ListedWord]) -> bool:
    letters = sum(character.isalnum() for word in words for character in word.text)
    return letters <= _FEW_LETTERS and all(word.confidence < _LEAST_SURE for word in words)


def _part(columns: NDArray[np.bool_], word: ListedWord, following: ListedWord) -> int:
    """Column between two words: the middle of the widest white between their middles."""
    start = int((word.left + word.right) / 2)
    end = max(start + 1, int((following.left + following.right) / 2) + 1)
    expected = min(max(int(following.left), start), end)
    white = ~columns[start:end]
    if not white.any():
        return expected
    bounds = np.flatnonzero(np.diff(np.concatenate(([False], white, [False])).astype(np.int8)))
    starts, ends = bounds[::2], bounds[1::2]
    middles = start + (starts + ends) / 2
    # wide white near the expected edge: a gap between letters far off must not win by a pixel
    worth = (ends - starts) - _NEARNESS * np.abs(middles - expected)
    return int(middles[int(worth.argmax())])
