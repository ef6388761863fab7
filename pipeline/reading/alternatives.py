"""A second look at doubtful words: which letters did Tesseract weigh where it read them?

Symbol alternatives for a whole page cost 0.15 CPU s (`lstm_choice_mode=2`, facts/image-and-ocr.md), so
only words that the language model would read otherwise are read again, each as one small raw line.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

import cv2
import numpy as np
import tesserocr

from pipeline.reading.confusions import take_apart
from pipeline.reading.language_model import fold
from pipeline.reading.page_tree import with_words
from schemas.page import Box, LetterChoice, PageText, Pixels, ReadingImage, RunImage, Word

NETWORK_HEIGHT_PX = 36  # the height of the input of Tesseract's `vie` network (facts, own lines)
MOST_ASKED = 60  # words a page, 0.2 CPU s; 27 is the most on the real scans, pages past it are lost anyway
_MARGIN_PX, _SIDE_SHARE = 3, 0.12  # above and below; left and right as a share of the crop's height
# Marks on capitals may lie above Tesseract's box: TINH for TỈNH on a real letterhead, clear in the ink.
_MARK_SHARE = 0.3
_NEIGHBOURS = 2  # words on either side that tell how high the line is here
_LEAST_SIDE_PX = 8
_DPI_OF_CROP = 70  # 36 px are a line of 12 pt; only silences Tesseract's guess


CropOf = Callable[[int], Pixels | None]
"""The picture of a word (its place in `text.words`) at the network's height; None where there is none."""


def weigh_words(
    api: tesserocr.PyTessBaseAPI, text: PageText, doubtful: Iterable[int], crop_of: CropOf
) -> PageText:
    """The page with `alternatives` on those of its words (places in `text.words`) that can be aligned.

    About 3 ms a word. Leaves `api` in raw line mode with an empty page.
    """
    words = list(text.words)
    asked = sorted(doubtful, key=lambda at: words[at].confidence)[:MOST_ASKED]
    if not asked:
        return text
    api.SetPageSegMode(tesserocr.PSM.RAW_LINE)
    api.SetVariable("lstm_choice_mode", "2")
    try:
        for at in asked:
            crop = crop_of(at)
            if crop is not None:
                symbols = read_alternatives(api, crop)
                words[at] = replace(words[at], alternatives=align(words[at].text, symbols))
    finally:
        api.SetVariable("lstm_choice_mode", "0")
        api.Clear()
    return with_words(text, words)


def crop_from_page(image: ReadingImage, text: PageText) -> CropOf:
    """Words cut from the page as it was read: as wide as their box, as high as their line is around them."""
    places = [(line.words, at) for line in text.lines for at in range(len(line.words))]
    return lambda word: _cut_from_page(image, *places[word])


def crop_from_runs(runs: Sequence[RunImage], text: PageText) -> CropOf:
    """Words cut from pictures of runs, which have the network's height already."""
    words = text.words
    return lambda word: _cut_from_runs(runs, words[word].box)


def read_alternatives(api: tesserocr.PyTessBaseAPI, crop: Pixels) -> list[dict[str, float]]:
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


def _cut_from_page(image: ReadingImage, words: Sequence[Word], at: int) -> Pixels | None:
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


def _cut_from_runs(runs: Sequence[RunImage], box: Box) -> Pixels | None:
    middle_x, middle_y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    for run in runs:
        height, width = run.grey.shape
        x, y = (middle_x - run.left) * run.scale_x, (middle_y - run.top) * run.scale_y
        if 0 <= y < height and 0 <= x < width:
            side = _SIDE_SHARE * height
            left = max(0, int((box.left - run.left) * run.scale_x - side))
            crop = run.grey[:, left : int((box.right - run.left) * run.scale_x + side)]
            return crop if min(crop.shape) >= _LEAST_SIDE_PX else None
    return None


def _best(symbol: Mapping[str, float]) -> str:
    return min(symbol, key=lambda letter: symbol[letter])


@lru_cache(maxsize=1000)
def _bare(letter: str) -> str:
    return take_apart(fold(letter)).bare
