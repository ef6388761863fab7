"""How well a figure ranks pages, and how far a probability can be taken at its word."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def auc(bad: Floats, good: Floats) -> float:
    """Chance that a bad page ranks above a good one; ties count half."""
    return float(np.mean((bad[:, None] > good) + 0.5 * (bad[:, None] == good)))


def rank_correlation(one: Floats, other: Floats) -> float:
    """Spearman's, with mean ranks for ties."""
    return float(np.corrcoef(_rank(one), _rank(other))[0, 1])


def _rank(values: Floats) -> Floats:
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2)[places], np.float64)


@dataclass(frozen=True, slots=True)
class Bin:
    """Pages whose probability lies in one tenth: how many, what was said on average, what was so."""

    pages: int
    said: float
    was: float


def reliability(p: Floats, bad: NDArray[np.bool_], bins: int = 10) -> list[Bin]:
    """The bins of equal width that have pages."""
    place = np.minimum((p * bins).astype(int), bins - 1)
    inside = [place == number for number in range(bins)]
    return [Bin(int(at.sum()), float(p[at].mean()), float(bad[at].mean())) for at in inside if at.any()]


def calibration_error(found: list[Bin]) -> float:
    """Expected calibration error: what was said against what was so, by pages."""
    return sum(abs(part.said - part.was) * part.pages for part in found) / sum(part.pages for part in found)
