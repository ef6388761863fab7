"""What a page leaves behind, so that it can be compared with the other pages of its dossier."""

import re
from collections.abc import Iterator
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.quality.marks import find_page_number, find_record_codes, fold
from pipeline.quality.sketch import sketch_few, sketch_words
from schemas.findings import Aspect, PageTrace
from schemas.page import PageText, Pixels, UprightPage

SURE = 0.7
"""Confidence of a word that print alone reaches: of 12 pages of handwriting, which reads as up to 99 pairs of
words, none had more than 4 such pairs."""
SQUARE = 1.1
"""Longer by shorter side; below it a page has no side that one would call its top by its shape alone."""

_TOKEN = re.compile(r"\w+")

_FREQUENCIES = 16
_WORKING_PX = 256
"""Longer side of the picture that is sketched: print becomes grey bars, lines and paragraphs remain."""
_PAPER_PX = 9
"""Working pixels (1 cm of A4): wider than a line of print, so that the brightest point in it is paper."""
_BORDER_LEVEL = 0.55
"""Of the paper's grey level: darker and touching the picture's edge is what lies beside the paper."""


def trace_page(upright: UprightPage, text: PageText, *, blank: bool) -> PageTrace:
    """Sketch an upright page and its corrected text; pure, about 5 ms for A4 at 300 dpi."""
    certain = upright.orientation.certain and not upright.flattened  # a photo's turn is the camera's
    return PageTrace(
        blank=blank,
        aspect=_tell_aspect(upright),
        quarter_turn=upright.orientation.quarter_turn if certain else None,
        picture=_sketch_picture(upright.pixels),
        words=sketch_words(_pair_words(text)),
        sure_words=len(set(_pair_words(text, SURE))),
        particulars=sketch_few(_find_particulars(text)),
        printed=find_page_number(text),
        record_codes=find_record_codes(text),
    )


def _pair_words(text: PageText, least_confidence: float = 0.0) -> Iterator[str]:
    """Neighbours in reading order, without marks: what they have in common, misreadings do not hide."""
    words = (word.text for word in text.words if word.confidence >= least_confidence)
    tokens = [token for word in words for token in _TOKEN.findall(fold(word))]
    kept = (token for token in tokens if token.isalpha() and len(token) > 1)
    return (f"{first} {second}" for first, second in pairwise(kept))


def _find_particulars(text: PageText) -> Iterator[str]:
    """What one filled-in form differs in from another: figures of two digits and more, and names, which are
    neighbours with a capital each."""
    for line in text.lines:
        tokens = _TOKEN.findall(" ".join(word.text for word in line.words))
        yield from (fold(token) for token in tokens if len(token) > 1 and any(map(str.isdigit, token)))
        for first, second in pairwise(tokens):
            if all(token.istitle() and token.isalpha() and len(token) > 1 for token in (first, second)):
                yield fold(f"{first} {second}")


def _tell_aspect(upright: UprightPage) -> Aspect:
    short, long = sorted((upright.width_px, upright.height_px))
    if long < SQUARE * short:
        return "square"
    return "portrait" if upright.height_px == long else "landscape"


def _sketch_picture(pixels: Pixels) -> str:
    """`PICTURE_BYTES` in hex: the signs of the lowest cosine frequencies against their median, as pHash has
    them (C. Zauner, 2010), of the ink and not of the light."""
    factor = max(1, max(pixels.shape[:2]) // _WORKING_PX)
    size = max(1, pixels.shape[1] // factor), max(1, pixels.shape[0] // factor)
    small = cv2.resize(pixels[: size[1] * factor, : size[0] * factor], size, interpolation=cv2.INTER_AREA)
    grey = (small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)).astype(np.float32)
    paper = cv2.GaussianBlur(cv2.dilate(grey, np.ones((_PAPER_PX, _PAPER_PX), np.uint8)), (0, 0), 6)
    ink = 1 - np.clip(grey / np.maximum(paper, 1), 0, 1)
    ink[_find_border(grey)] = 0
    even = cv2.resize(cv2.GaussianBlur(ink, (0, 0), 2), (64, 64), interpolation=cv2.INTER_AREA)
    lowest = cv2.dct(even)[:_FREQUENCIES, :_FREQUENCIES].ravel()
    return np.packbits(lowest > np.median(lowest[1:])).tobytes().hex()


def _find_border(grey: NDArray[np.float32]) -> NDArray[np.bool_]:
    """What is dark around the paper, and a little more."""
    dark = (grey < _BORDER_LEVEL * np.percentile(grey, 90)).astype(np.uint8)
    _, labels = cv2.connectedComponents(cv2.morphologyEx(dark, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8)))
    outside = np.unique(np.concatenate((labels[0], labels[-1], labels[:, 0], labels[:, -1])))
    border = np.isin(labels, outside[outside > 0]).astype(np.uint8)
    return cv2.dilate(border, np.ones((5, 5), np.uint8)) > 0
