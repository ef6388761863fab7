"""The engine port: anything that turns a reading image into the engine-neutral page tree."""

from collections.abc import Sequence
from typing import Protocol

from pipeline.reading.strip import StripText
from schemas.page import PageText, Pixels, ReadingImage, RunImage

STRIP_TIMEOUT_S = 5.0
"""A strip of print takes 0.1 to 0.2 s; one of noise was seen to take more than 20 s."""


class Engine(Protocol):
    """One recogniser, loaded once per process (or thread) and used for many pages."""

    @property
    def name(self) -> str:
        """Engine and version, e.g. `tesserocr 5.5.4`."""

    @property
    def model(self) -> str:
        """Language model, e.g. `vie`."""

    def read(self, image: ReadingImage, *, width_px: int, height_px: int, timeout_s: float) -> PageText:
        """Read a whole page once: text, confidences and boxes in upright-page pixels.

        `width_px`, `height_px` are the upright page's size. Raises `ReadingTimeoutError`.
        """

    def read_runs(
        self, runs: Sequence[RunImage], *, width_px: int, height_px: int, timeout_s: float
    ) -> PageText:
        """Read pictures of runs in their order; the engine's own layout is left out.

        Word boxes are in upright-page pixels, tight around each word's ink; what was read where no
        ink is, is dropped. Raises `ReadingTimeoutError` when all runs together take too long.
        """

    def read_strip(self, grey: Pixels, *, dpi: float, timeout_s: float = STRIP_TIMEOUT_S) -> StripText:
        """Read a small crop of a few lines (used to settle orientation).

        What takes longer than `timeout_s` says nothing: print does not, noise may.
        """

    def close(self) -> None:
        """Free the model."""
