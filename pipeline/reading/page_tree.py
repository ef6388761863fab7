"""From words as an engine lists them to the engine-neutral tree page > block > line > word."""

import unicodedata
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import groupby

from schemas.page import Block, Box, Line, PageText, Word

_SCRATCHES = " \t\n_`´ˆ˜¨"
"""Signs that no word consists of: what is left of specks, strokes and lines to write on."""


@dataclass(frozen=True, slots=True)
class ListedWord:
    """One word in reading order: numbers of its block and line, text, confidence 0..100.

    Edges are in reading pixels, right and bottom exclusive.
    """

    block: int
    line: tuple[int, int]
    text: str
    confidence: float
    left: float
    top: float
    right: float
    bottom: float


@dataclass(frozen=True, slots=True)
class PageFrame:
    """The upright page that boxes are brought back to; `scale` is reading pixels per page pixel."""

    width_px: int
    height_px: int
    scale: float

    def place(self, word: ListedWord) -> Box:
        """The word's box in page pixels, kept inside the page."""
        return Box(
            left=min(max(word.left / self.scale, 0.0), self.width_px),
            top=min(max(word.top / self.scale, 0.0), self.height_px),
            right=min(max(word.right / self.scale, 0.0), self.width_px),
            bottom=min(max(word.bottom / self.scale, 0.0), self.height_px),
        )


def build_page_text(words: Iterable[ListedWord], frame: PageFrame, *, engine: str, model: str) -> PageText:
    """The page tree; blank words, words in another's place, and lines and blocks left empty are dropped.

    Lines and blocks are as large as the words in them, so that every engine's tree means the same.
    """
    blocks = tuple(
        _block(lines)
        for _, members in groupby(_kept(words), key=lambda word: word.block)
        if (lines := tuple(_lines(members, frame)))
    )
    return PageText(frame.width_px, frame.height_px, engine, model, blocks)


def union(boxes: Iterable[Box]) -> Box:
    """The smallest box around one or more boxes."""
    every = list(boxes)
    return Box(
        min(box.left for box in every),
        min(box.top for box in every),
        max(box.right for box in every),
        max(box.bottom for box in every),
    )


def with_words(text: PageText, words: Iterable[Word]) -> PageText:
    """The same tree with other words, as many as it has; the boxes of lines and blocks stay."""
    remaining = iter(words)
    return replace(
        text,
        blocks=tuple(
            replace(
                block,
                lines=tuple(
                    replace(line, words=tuple(next(remaining) for _ in line.words)) for line in block.lines
                ),
            )
            for block in text.blocks
        ),
    )


def _kept(words: Iterable[ListedWord]) -> Iterator[ListedWord]:
    return (word for word in words if word.text.strip(_SCRATCHES))


def _lines(words: Iterable[ListedWord], frame: PageFrame) -> Iterator[Line]:
    for _, members in groupby(words, key=lambda word: word.line):
        line = tuple(
            Word(
                text=unicodedata.normalize("NFC", word.text.strip()),
                confidence=min(max(word.confidence / 100, 0.0), 1.0),
                box=frame.place(word),
            )
            for word in members
        )
        printed = _drop_covered(line)
        yield Line(printed, union(word.box for word in printed))


def _drop_covered(line: tuple[Word, ...]) -> tuple[Word, ...]:
    """Two words cannot be printed in one place: the less sure one was read out of leader dots or a smudge."""
    kept: list[Word] = []
    for word in line:
        middle = (word.box.left + word.box.right) / 2
        if not kept or not kept[-1].box.left < middle < kept[-1].box.right:
            kept.append(word)
        elif word.confidence > kept[-1].confidence:
            kept[-1] = word
    return tuple(kept)


def _block(lines: tuple[Line, ...]) -> Block:
    return Block(lines, union(line.box for line in lines))
