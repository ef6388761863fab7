"""The text layer in a browser: found, selected and copied with PDFium, which is Chromium's PDF engine."""

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pypdfium2
import pytest
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from schemas.page import BoundPage, PageText
from scripts.samples.drawn import INFO, draw_page, skew_page

DPI = 150
LEAST_INK = 0.05
"""Share of dark pixels in a found word's box; measured 0.07 to 0.31 over words, 0 between the lines."""


@pytest.fixture(params=[("compact", 0.0), ("faithful", 0.0), ("faithful", 10.0), ("compact", 10.0)])
def opened(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[pypdfium2.PdfPage, PageText]]:
    profile, skew_deg = request.param
    scan, upright, text = draw_page(1)
    if skew_deg:
        scan, upright = skew_page(upright, skew_deg)
    (path := tmp_path / "page.pdf").write_bytes(
        compose([BoundPage(make_picture(scan, upright, profile), text)], INFO)
    )
    with pypdfium2.PdfDocument(path) as pdf:
        yield pdf[0], text


def test_the_text_comes_out_as_it_was_read_in_order(opened: tuple[pypdfium2.PdfPage, PageText]) -> None:
    page, text = opened
    copied = page.get_textpage().get_text_range()
    assert copied == unicodedata.normalize("NFC", copied)
    assert copied.split() == [word.text for word in text.words]
    lines = [" ".join(word.text for word in line.words) for block in text.blocks for line in block.lines]
    assert [line.strip() for line in copied.splitlines() if line.strip()] == lines


def test_every_word_is_found_over_its_ink(opened: tuple[pypdfium2.PdfPage, PageText]) -> None:
    page, text = opened
    shown = page.render(scale=DPI / 72).to_pil().convert("L")
    dark = np.asarray(shown) < 128
    reader = page.get_textpage()
    for word in text.words:
        search = reader.search(word.text, match_case=True, match_whole_word=False)
        hits = []
        while (hit := search.get_next()) is not None:
            hits.append(hit)
        assert hits, word.text
        for index, count in hits:
            for place in range(reader.count_rects(index, count)):
                left, bottom, right, top = (value * DPI / 72 for value in reader.get_rect(place))
                rows = slice(int(shown.height - top), int(shown.height - bottom) + 1)
                assert dark[rows, int(left) : int(right) + 1].mean() > LEAST_INK, word.text


def test_words_can_be_selected(opened: tuple[pypdfium2.PdfPage, PageText]) -> None:
    """What lies in a word's box is that word."""
    page, text = opened
    reader, scale, height = page.get_textpage(), 72 / DPI, page.get_height()
    for word in text.words:
        box = word.box
        selected = reader.get_text_bounded(
            box.left * scale + 1, height - box.bottom * scale, box.right * scale - 1, height - box.top * scale
        )
        assert selected.strip() == word.text


def test_the_skewed_page_is_shown_upright(opened: tuple[pypdfium2.PdfPage, PageText]) -> None:
    """So that the boxes above are compared with print, not with a turned page."""
    page, _ = opened
    shown = page.render(scale=DPI / 72).to_pil().convert("L")
    straight = Image.fromarray(draw_page(1)[1].pixels).convert("L").resize(shown.size)
    difference = np.abs(np.asarray(shown, float) - np.asarray(straight, float))
    assert difference.mean() < 6
