"""The two counts every step makes of a whole picture, each the quickest way OpenCV has."""

import cv2
import numpy as np
from numpy.typing import NDArray

from schemas.page import Pixels


def label_shapes(mask: Pixels) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Connected shapes of `mask` (8 neighbours): labels `H x W`, and `N x 5` left, top, width, height, area.

    Row 0 is what is not set. The block-based method gives the same numbers as OpenCV's default one at a
    third of the cost (A4 at 150 dpi: 6 against 17 ms, OpenCV 5.0).
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStatsWithAlgorithm(mask, 8, cv2.CV_32S, cv2.CCL_BBDT)
    return np.asarray(labels, dtype=np.int32), np.asarray(stats, dtype=np.int32)


def count_levels(grey: Pixels) -> NDArray[np.int64]:
    """How many pixels of `grey` have each of the 256 levels (2 ms for A4 at 150 dpi; numpy takes 5)."""
    counts = cv2.calcHist([grey], [0], None, [256], [0.0, 256.0])
    return np.asarray(counts.reshape(-1), dtype=np.int64)
