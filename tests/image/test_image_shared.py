"""Real scans and the public orientation set, where the development data is beside the checkout."""

import json
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from image_pages import scan_of
from PIL import Image

from pipeline.image.prepare import straighten


def test_real_scans_are_upright_from_every_quarter(shared: Path) -> None:
    for file in sorted((shared / "data" / "real_scans").glob("*.pdf")):
        with pypdfium2.PdfDocument(file) as document:
            for number in range(len(document)):
                picture = document[number].render(scale=150 / 72).to_pil().convert("RGB")
                pixels = np.asarray(picture, dtype=np.uint8)
                leans = []
                for turn in (0, 90, 180, 270):
                    upright = straighten(scan_of(np.rot90(pixels, k=turn // 90), 150), None)
                    assert upright.orientation.quarter_turn == turn, (file.name, number + 1)
                    leans.append(upright.skew.skew_deg)
                assert max(leans) - min(leans) < 0.06
                assert max(map(abs, leans)) < 1.5


@pytest.mark.parametrize(
    "name",
    ["phototest.tif", "phototest-rotated-L.png", "phototest-rotated-R.png", "phototest-rotated-180.png"],
)
def test_english_pages_of_the_orientation_set(shared: Path, name: str) -> None:
    folder = shared / "data" / "orientation"
    with Image.open(folder / name) as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.uint8)
    turn = json.loads((folder / "orientation.json").read_text())["files"][name]
    assert straighten(scan_of(pixels, 100), None).orientation.quarter_turn == turn


def test_one_word_says_nothing_of_its_page(shared: Path) -> None:
    with Image.open(shared / "data" / "orientation" / "viet.tif") as picture:
        pixels = np.asarray(picture.convert("L"), dtype=np.uint8)
    upright = straighten(scan_of(pixels, 200), None)
    assert np.array_equal(upright.pixels, pixels)
    assert not upright.orientation.certain
