"""A second look at doubtful words: which letters did Tesseract weigh where it read them?

Symbol alternatives for a whole page cost 0.15 CPU s (`lstm_choice_mode=2`, facts/image-and-ocr.md), so
only words that the language model would read otherwise are read again, each as one small raw line.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol

import cv2
import numpy as np

from pipeline.reading.confusions import take_apart
from pipeline.reading.language_model import fold
from pipeline.reading.page_tree import with_words
from schemas.page import LetterChoice, PageText, Pixels, ReadingImage, Word

NETWORK_HEIGHT_PX = 36  # the height of the input of Tesseract's `vie` network (facts, own lines)
_RAW_LINE = 13  # Tesseract's page segmentation mode
_MARGIN_PX, _SIDE_SHARE = 3, 0.12  # above and below; left and right as a share of the crop's height
# Marks on capitals may lie above Tesseract's box: TINH for TỈNH on a real letterhead, clear in the ink.
_MARK_SHARE = 0.3
_NEIGHBOURS = 2  # words on either side that tell how high the line is here
_LEAST_SIDE_PX = 8
_DPI_OF_CROP = 70  # 36 px are a line of 12 pt; only silences Tesseract's guess


class RawLineReader(Protocol):
    """What is needed of `tesserocr.PyTessBaseAPI`."""

    def SetPageSegMode(self, psm: int) -> None: ...  # noqa: D102, N802
    def SetVariable(self, name: str, value: str) -> bool: ...  # noqa: D102, N802
    def SetImageBytes(self, data: bytes, width: int, height: int, depth: int, stride: int) -> None: ...  # noqa: D102, N802
    def SetSourceResolution(self, dpi: int) -> None: ...  # noqa: D102, N802
    def Recognize(self, timeout_ms: int) -> bool: ...  # noqa: D102, N802
    def GetBestLSTMSymbolChoices(self) -> list[list[list[tuple[str, float]]]] | None: ...  # noqa: D102, N802
    def Clear(self) -> None: ...  # noqa: D102, N802


def weigh_words(api: RawLineReader, image: ReadingImage, text: PageText, doubtful: Iterable[int]) -> PageText:
    """The page with `alternatives` on those of its words (places in `text.words`) that can be aligned.

    About 3 ms a word. Leaves `api` in raw line mode with an empty page.
    """
    asked = set(doubtful)
    if not asked:
        return text
    words: list[Word] = []
    api.SetPageSegMode(_RAW_LINE)
    api.SetVariable("lstm_choice_mode", "2")
    try:
        for line in text.lines:
            for at, word in enumerate(line.words):
                crop = _crop(image, line.words, at) if len(words) in asked else None
                symbols = [] if crop is None else read_alternatives(api, crop)
                words.append(replace(word, alternatives=align(word.text, symbols)) if symbols else word)
    finally:
        api.SetVariable("lstm_choice_mode", "0")
        api.Clear()
    return with_words(text, words)


def read_alternatives(api: RawLineReader, crop: Pixels) -> list[dict[str, float]]:
    """Letters weighed and their costs (nats), symbol after symbol, over one crop of the network's height."""
    height, width = crop.shape
    api.SetImageBytes(np.ascontiguousarray(crop).tobytes(), width, height, 1, width)
    api.SetSourceResolution(_DPI_OF_CROP)
    api.Recognize(0)
    found = api.GetBestLSTMSymbolChoices() or []
    return [dict(symbol) for word in found for symbol in word if symbol]


def align(word: str, symbols: Sequence[Mapping[str, float]]) -> tuple[tuple[LetterChoice, ...], ...]:
    """The symbols that stand for each character of `word`; empty where the second look saw other letters.

    Tesseract's list leaves symbols out and adds blanks, so letters are matched without their marks.
    Characters that are no letters get no choices.
    """
    letters = [at for at, char in enumerate(word) if char.isalpha()]
    seen = [symbol for symbol in symbols if len(_best(symbol)) == 1 and _best(symbol).isalpha()]
    start = "".join(_bare(_best(symbol)) for symbol in seen).find("".join(_bare(word[at]) for at in letters))
    if start < 0 or not letters:
        return ()
    choices: list[tuple[LetterChoice, ...]] = [()] * len(word)
    for at, symbol in zip(letters, seen[start:], strict=False):
        choices[at] = tuple(LetterChoice(letter, round(cost, 2)) for letter, cost in symbol.items())
    return tuple(choices)


def _crop(image: ReadingImage, words: Sequence[Word], at: int) -> Pixels | None:
    """One word as a raw line: as wide as its box, as high as its line is around it."""
    near = words[max(0, at - _NEIGHBOURS) : at + _NEIGHBOURS + 1]
    top = max(0, int(min(word.box.top for word in near) * image.scale) - _MARGIN_PX)
    bottom = int(max(word.box.bottom for word in near) * image.scale) + _MARGIN_PX
    side = _SIDE_SHARE * (bottom - top)
    if words[at].text.isupper() and words[at].text.isascii():
        top = max(0, top - round(_MARK_SHARE * (bottom - top)))
    left = max(0, int(words[at].box.left * image.scale - side))
    right = int(words[at].box.right * image.scale + side)
    crop = image.grey[top:bottom, left:right]
    height, width = crop.shape
    if min(height, width) < _LEAST_SIDE_PX:
        return None
    factor = NETWORK_HEIGHT_PX / height
    size = (max(_LEAST_SIDE_PX, round(width * factor)), NETWORK_HEIGHT_PX)
    how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    return cv2.resize(crop, size, interpolation=how).astype(np.uint8)


def _best(symbol: Mapping[str, float]) -> str:
    return min(symbol, key=lambda letter: symbol[letter])


@lru_cache(maxsize=1000)
def _bare(letter: str) -> str:
    return take_apart(fold(letter)).bare
