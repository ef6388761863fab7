"""What an engine's confidence in a word is worth."""

from collections.abc import Sequence

import numpy as np

from schemas.page import Word

WRONG_BY_CONFIDENCE = (
    (0.05, 0.985), (0.15, 0.956), (0.25, 0.932), (0.35, 0.866), (0.45, 0.825),
    (0.55, 0.774), (0.65, 0.660), (0.75, 0.532), (0.85, 0.298), (0.95, 0.009),
)  # fmt: skip
"""Confidence of a word, and the share of such words that are not in the truth: 170,000 letters of every
second damaged page that the verdict was fitted to (`scripts.quality`), Tesseract's `vie` model."""


def count_letters(words: Sequence[Word]) -> tuple[float, float]:
    """Letters of all words: how many are likely read right, and how many wrong."""
    letters = np.array([len(word.text) for word in words], np.float64)
    confidences, shares = np.array(WRONG_BY_CONFIDENCE).T
    wrong = float((letters * np.interp([word.confidence for word in words], confidences, shares)).sum())
    return float(letters.sum()) - wrong, wrong


def misread_share(words: Sequence[Word]) -> float:
    """Share of the letters that were likely read wrong, 0..1; 1 where there are none."""
    right, wrong = count_letters(words)
    return wrong / (right + wrong) if right + wrong else 1.0
