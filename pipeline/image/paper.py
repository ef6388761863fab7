"""How large the sheet on a photo is: its aspect ratio from one view, and the paper size that fits."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

FOCAL_LENGTHS = (0.62, 0.75, 1.0)
"""Of the picture's longer side: main cameras of phones are 24 to 28 mm on 36 mm film, and so are 0.67 to
0.78; the middle one is assumed where the view itself does not tell, the others bound what is believed."""

_ISO_ASPECT = 2**0.5
_CARD_MM = (85.6, 54.0)
"""ISO/IEC 7810 ID-1: identity and bank cards."""

_ASPECT_WITHIN = 0.06
"""Relative; A4 (1.414) and a card (1.585) are 12 % apart. On 60 drawn photos, up to 28 deg off the vertical
and off the middle, the measured aspect is off by 1.7 % (median) and 4.3 % (90th percentile)."""

_A4_MM, _A5_MM = (297.0, 210.0), (210.0, 148.5)

LETTER_SHARE = 0.0108
"""Median letter height over the longer side of the sheet, above which an ISO sheet is taken for A5: print of
13 pt measures 0.0080 to 0.0097 on A4, 0.0137 on A5."""


def measure_aspect(corners: Floats, width_px: int, height_px: int) -> float:
    """Width over height of the rectangle whose corners (`4 x 2`, clockwise from its first side) are seen.

    Pinhole camera looking at the middle of the picture (Zhang and He, "Whiteboard scanning and image
    enhancement", 2007). The focal length follows from the corners too, but badly where opposite sides are
    nearly parallel; the closest believable one is taken.
    """
    longer = max(width_px, height_px)
    points = np.column_stack(((corners - ((width_px - 1) / 2, (height_px - 1) / 2)) / longer, np.ones(4)))
    top_left, top_right, bottom_right, bottom_left = points
    diagonal = np.cross(top_left, bottom_right)
    k2 = (diagonal @ bottom_left) / (np.cross(top_right, bottom_right) @ bottom_left)
    k3 = (diagonal @ top_right) / (np.cross(bottom_left, bottom_right) @ top_right)
    across, down = k2 * top_right - top_left, k3 * bottom_left - top_left
    vanishing = float(across[2] * down[2])
    squared = -float(across[:2] @ down[:2]) / vanishing if abs(vanishing) > _LEAST_VANISHING else -1.0
    low, assumed, high = FOCAL_LENGTHS
    focal = float(np.clip(np.sqrt(squared), low, high)) if squared > 0 else assumed
    return float(
        np.sqrt(
            (across[:2] @ across[:2] / focal**2 + across[2] ** 2)
            / (down[:2] @ down[:2] / focal**2 + down[2] ** 2)
        )
    )


_LEAST_VANISHING = 0.05
"""Product of the two convergences (opposite sides' lengths differ by some 20 % both ways)."""


def known_aspect(aspect: float) -> float | None:
    """The aspect (width over height) of ISO paper or a card that `aspect` comes close to."""
    known = (_ISO_ASPECT, _CARD_MM[0] / _CARD_MM[1])
    nearest = min((*known, *(1 / value for value in known)), key=lambda value: abs(np.log(aspect / value)))
    return nearest if abs(np.log(aspect / nearest)) <= _ASPECT_WITHIN else None


def guess_longer_mm(aspect: float, letter_share: float) -> float:
    """Millimetres of a sheet's longer side: a card by its shape, else A5 where print is large on it, else A4.

    `letter_share` is the median letter height over the longer side, 0 where no print is seen.
    """
    slenderness = max(aspect, 1 / aspect)
    if abs(np.log(slenderness / (_CARD_MM[0] / _CARD_MM[1]))) < abs(np.log(slenderness / _ISO_ASPECT)):
        return _CARD_MM[0] if letter_share > LETTER_SHARE else _A4_MM[0]
    return _A5_MM[0] if letter_share > LETTER_SHARE else _A4_MM[0]
