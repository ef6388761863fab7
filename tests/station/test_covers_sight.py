"""Sheets are read however they were scanned, known as sheets when no code is left; nothing else is one."""

import re

import cv2
import numpy as np
import pytest
from covers_stacks import DPI, FIRST, SECOND, dossier, draw_page, render, sheets_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.separation.sight import see_page
from schemas.covers import RECORD_IN_TEXT, PageSight
from schemas.page import Pixels, ScanPage
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page
from scripts.samples.sheets import photocopy, skew

TEMPLATES = (re.compile(RECORD_IN_TEXT),)


@pytest.fixture(scope="module")
def sheet() -> Pixels:
    return render(sheets_of(dossier(FIRST, 2, 1, 3)))[0]


def look(grey: Pixels, dpi: float = DPI) -> PageSight:
    return see_page(ScanPage(1, np.ascontiguousarray(grey), dpi, True, False, "image"), TEMPLATES)


def hide_codes(sheet: Pixels) -> Pixels:
    """Everything but the bars along the edges."""
    height, width = sheet.shape
    hidden = sheet.copy()
    hidden[round(height * 0.085) : round(height * 0.915), round(width * 0.12) : round(width * 0.88)] = 250
    return hidden


@pytest.mark.parametrize("quarter", range(4))
@pytest.mark.parametrize("angle", [-15.0, -4.0, 0.0, 9.0, 15.0])
def test_any_quarter_turn_and_skew_is_read(sheet: Pixels, quarter: int, angle: float) -> None:
    seen = look(np.rot90(skew(sheet, angle), quarter))
    assert [mark.record_code for mark in seen.marks] == [FIRST]
    assert seen.marks[0].sheet is not None
    assert seen.marks[0].sheet.page_counts == (2, 1, 3)
    assert seen.banded


def test_faint_dark_soft_and_photocopied_sheets_are_read(sheet: Pixels) -> None:
    import random

    grain = np.random.default_rng(3).normal(0, 4, sheet.shape)
    faint = np.clip(255 - (255 - sheet.astype(np.float32)) * 0.1 + grain, 0, 255).astype(np.uint8)
    dark = np.clip(sheet * 0.35 + grain, 0, 255).astype(np.uint8)
    soft = np.asarray(cv2.GaussianBlur(sheet, (0, 0), 1.6), np.uint8)
    for grey in (faint, dark, soft, photocopy(sheet, random.Random(1), 1.0)):
        assert [mark.sheet is not None for mark in look(grey).marks] == [True]


def test_colour_and_wrong_resolution_do_no_harm(sheet: Pixels) -> None:
    colour = np.repeat(sheet[..., None], 3, axis=2)
    assert look(colour).marks
    for told in (30.0, 72.0, 600.0):
        seen = look(sheet, told)
        assert seen.marks
        assert seen.banded


def test_the_bar_code_alone_names_the_sheet(sheet: Pixels) -> None:
    height, width = sheet.shape
    spoiled = sheet.copy()
    spoiled[: round(height * 0.3), width // 2 :] = 250
    spoiled[round(height * 0.76) :, : width // 2] = 250
    (mark,) = look(spoiled).marks
    assert (mark.record_code, mark.sheet) == (FIRST, None)


def test_without_any_code_it_is_still_a_sheet(sheet: Pixels) -> None:
    bare = hide_codes(sheet)
    height, width = bare.shape
    for grey in (
        bare,
        np.rot90(bare),
        skew(bare, 12.0),
        np.vstack([bare[: height // 3], np.full((height - height // 3, width), 240, np.uint8)]),
        np.clip(255 - (255 - bare.astype(np.float32)) * 0.12, 0, 255).astype(np.uint8),
    ):
        seen = look(grey)
        assert seen.banded
        assert not seen.marks


def test_codes_of_two_sheets_are_both_told() -> None:
    one, other = render(sheets_of(dossier(FIRST, 1), dossier(SECOND, 1)))
    half = one.shape[0] // 2
    seen = look(np.vstack([one[:half], other[half:]]))
    assert {mark.record_code for mark in seen.marks} == {FIRST, SECOND}


@pytest.mark.parametrize("kind", [PaperKind.APPLICATION, PaperKind.DECLARATION, PaperKind.RECEIPT])
def test_papers_are_no_sheets(kind: PaperKind) -> None:
    grey = np.asarray(cv2.cvtColor(render_page(kind, 5).pixels, cv2.COLOR_RGB2GRAY), np.uint8)
    seen = look(grey, 300.0)
    assert not seen.banded
    assert not seen.marks
    assert seen.ink > 0.5


def test_stripes_and_bar_codes_are_no_sheets() -> None:
    grey = draw_page(1)
    grey[400:500] = np.tile(np.repeat([0, 255], 5), grey.shape[1] // 10 + 1)[: grey.shape[1]]
    grey[600:700] = np.where(np.arange(100) % 8 < 4, 0, 255)[:, None]
    assert not look(grey).banded


@given(
    st.integers(1, 80),
    st.integers(1, 80),
    st.sampled_from((72.0, 150.0, 600.0)),
    st.sampled_from((0, 255)),
    st.booleans(),
)
def test_a_scrap_is_a_page_and_no_error(height: int, width: int, dpi: float, grey: int, colour: bool) -> None:
    pixels = np.full((height, width, 3) if colour else (height, width), grey, np.uint8)
    seen = see_page(ScanPage(1, pixels, dpi, True, False, "image"), TEMPLATES)
    assert (seen.marks, seen.banded, seen.record_codes) == ((), False, ())


def test_a_template_takes_nothing_but_record_codes() -> None:
    page = draw_page(1, receipt="../../etc/passwd")
    grey = ScanPage(1, page, DPI, True, False, "image")
    assert see_page(grey, (re.compile(r"(?P<record>[^|]+)"),)).record_codes == ()


def test_a_receipt_tells_its_record() -> None:
    assert look(draw_page(1, receipt=SECOND)).record_codes == (SECOND,)
    assert look(draw_page(1, blank=True)).ink < 0.1
    assert look(draw_page(1)).ink > 0.5
