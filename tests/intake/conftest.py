"""Pictures that look different in every orientation, and one call that opens and reads them."""

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pipeline.intake.open import open_source
from schemas.page import Pixels, ScanPage
from schemas.settings import Limits


def _shared() -> Path:
    return Path(os.environ.get("SOHOA_SHARED", Path(__file__).parents[2].parent / "shared"))


@pytest.fixture
def shared() -> Path:
    folder = _shared() / "data"
    if not folder.is_dir():
        pytest.skip("needs the shared development data")
    return folder


@pytest.fixture
def picture() -> Pixels:
    """RGB, 120 wide, 160 high: red block top left, blue top right, text-like stripes at the bottom left."""
    pixels = np.full((160, 120, 3), 255, np.uint8)
    pixels[:40, :32] = (200, 16, 16)
    pixels[:24, 80:] = (16, 16, 200)
    pixels[100:160:8, :48] = 0
    return pixels


@pytest.fixture
def read() -> Callable[..., ScanPage]:
    def read_one(path: Path, number: int = 1, limits: Limits | None = None) -> ScanPage:
        with open_source(path, limits or Limits()) as source:
            return source.read_page(number)

    return read_one
