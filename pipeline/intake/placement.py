"""The eight ways an image can lie on a page, and turning pixels accordingly."""

from dataclasses import dataclass

import cv2

from schemas.page import Pixels, QuarterTurn

_TURNS: dict[int, QuarterTurn] = {0: 0, 90: 90, 180: 180, 270: 270}
_ROTATIONS = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}


@dataclass(frozen=True, slots=True)
class Placement:
    """Flip top to bottom first if `mirrored`, then turn `turn` degrees clockwise."""

    turn: QuarterTurn
    mirrored: bool

    def turned(self, clockwise_deg: int) -> "Placement":
        """This placement on a page that is itself turned."""
        return Placement(_TURNS[(self.turn + clockwise_deg) % 360], self.mirrored)


UPRIGHT = Placement(0, mirrored=False)

EXIF_PLACEMENTS: dict[int, Placement] = {
    1: UPRIGHT,
    2: Placement(180, mirrored=True),
    3: Placement(180, mirrored=False),
    4: Placement(0, mirrored=True),
    5: Placement(90, mirrored=True),
    6: Placement(90, mirrored=False),
    7: Placement(270, mirrored=True),
    8: Placement(270, mirrored=False),
}
"""TIFF 6.0, tag 274 (Orientation); EXIF uses the same numbers."""


def place(pixels: Pixels, placement: Placement) -> Pixels:
    """Show `pixels` as placed; returns them untouched where nothing is to do."""
    if placement.mirrored:
        pixels = cv2.flip(pixels, 0)  # type: ignore[assignment]
    if placement.turn:
        pixels = cv2.rotate(pixels, _ROTATIONS[placement.turn])  # type: ignore[assignment]
    return pixels
