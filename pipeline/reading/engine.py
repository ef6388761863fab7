"""The engine port: anything that turns a reading image into the engine-neutral page tree."""

from typing import Protocol

from schemas.page import PageText, Pixels, ReadingImage


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

    def read_strip(self, grey: Pixels, *, dpi: float) -> str:
        """Read a small crop of a few lines as plain text (used to settle orientation)."""

    def close(self) -> None:
        """Free the model."""
