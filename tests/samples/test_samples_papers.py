"""Generated papers: covered by their fonts, true about what they print, the same for the same seed."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import MissingDependencyError
from scripts.samples.fonts import Style, assert_font_covers, find_font
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_dossier, render_page
from scripts.samples.seal import draw_seal, draw_signature
from scripts.samples.texts import draw_case, format_number

VIETNAMESE = "aáàảãạăắằẳẵặâấầẩẫậeéèẻẽẹêếềểễệiíìỉĩịoóòỏõọôốồổỗộơớờởỡợuúùủũụưứừửữựyýỳỷỹỵđ"


@pytest.mark.parametrize("family", ["Tinos", "Arimo"])
@pytest.mark.parametrize("bold", [False, True])
@pytest.mark.parametrize("italic", [False, True])
def test_every_font_has_every_vietnamese_letter(family: str, bold: bool, italic: bool) -> None:
    font = find_font(Style(family, 13, bold, italic))
    assert_font_covers(font, VIETNAMESE + VIETNAMESE.upper())


@pytest.mark.parametrize("family", ["NotoSerif", "NotoSans"])
def test_the_fonts_of_the_bench_have_every_vietnamese_letter(family: str) -> None:
    for bold, italic in ((False, False), (True, False), (False, True), (True, True)):
        try:
            font = find_font(Style(family, 13, bold, italic))
        except MissingDependencyError as error:
            assert "fonts-noto-core" in str(error)
            pytest.skip("fonts-noto-core is not installed; only the bench needs it")
        assert_font_covers(font, VIETNAMESE + VIETNAMESE.upper())


def test_a_missing_letter_is_named() -> None:
    with pytest.raises(MissingDependencyError, match=r"U\+3042"):
        assert_font_covers(find_font(Style()), "chữ あ")


def test_a_missing_font_says_what_to_install() -> None:
    with pytest.raises(MissingDependencyError, match="fonts-croscore"):
        find_font(Style(family="Không có"))


@pytest.mark.parametrize("kind", list(PaperKind))
@pytest.mark.parametrize("seed", [1, 6])
def test_truth_boxes_hug_the_ink(kind: PaperKind, seed: int) -> None:
    page = render_page(kind, seed)
    dark = page.pixels.max(axis=2) < 128
    for text, box in page.words:
        left, top, right, bottom = (round(edge) for edge in (box.left, box.top, box.right, box.bottom))
        inside = dark[max(0, top - 1) : bottom + 1, max(0, left - 1) : right + 1]
        assert inside.any(), text
        columns, rows = np.flatnonzero(inside.any(axis=0)), np.flatnonzero(inside.any(axis=1))
        assert columns[0] <= 4, text
        assert inside.shape[1] - columns[-1] <= 6, text
        assert rows[0] <= 4, text


@pytest.mark.parametrize("kind", list(PaperKind))
def test_truth_text_is_the_words_in_order(kind: PaperKind) -> None:
    page = render_page(kind, 2)
    assert page.text.split() == [text for text, _ in page.words]
    assert (page.pixels.dtype, page.pixels.ndim, page.dpi) == (np.uint8, 3, 300)


@pytest.mark.parametrize("kind", list(PaperKind))
def test_nothing_is_printed_off_the_sheet_or_over_other_words(kind: PaperKind) -> None:
    for seed in range(2):
        page = render_page(kind, seed)
        height, width = page.pixels.shape[:2]
        taken = np.zeros((height, width), dtype=bool)
        for text, box in page.words:
            assert box.left >= 0 and box.top >= 0 and box.right <= width and box.bottom <= height, text
            middle = slice(
                round(box.top + (box.bottom - box.top) * 0.45),
                round(box.top + (box.bottom - box.top) * 0.55) + 1,
            )
            across = slice(round(box.left) + 2, round(box.right) - 2)
            assert not taken[middle, across].any(), (seed, text)
            taken[middle, across] = True


def test_same_seed_same_bytes_other_seed_other_paper() -> None:
    first, again, other = (render_page(PaperKind.LETTER, seed) for seed in (4, 4, 5))
    assert first.pixels.tobytes() == again.pixels.tobytes()
    assert first.words == again.words
    assert first.text != other.text


def test_a_dossier_agrees_with_itself() -> None:
    papers = render_dossier(6)
    assert [paper.type_code for paper in papers] == [
        "don",
        "to-khai",
        "cong-van",
        "hop-dong",
        "giay-tiep-nhan",
    ]
    assert len(papers[3].pages) == 3
    name = draw_case(6).applicant.name
    for paper in papers:
        assert any(name in page.text for page in paper.pages), paper.type_code
    head = papers[2].pages[0].text.splitlines()
    assert head[0] == "ỦY BAN NHÂN DÂN CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"
    assert head[1].endswith("Độc lập - Tự do - Hạnh phúc")


def test_later_pages_carry_their_number() -> None:
    contract = render_dossier(6)[3]
    assert [page.text.splitlines()[0] for page in contract.pages[1:]] == ["2", "3"]


def test_notes_are_short_and_slips_are_a5() -> None:
    for seed in range(4):
        assert 8 <= len(render_page(PaperKind.NOTE, seed).words) <= 30
        assert sorted(render_page(PaperKind.SLIP_A5, seed).pixels.shape[:2]) == [1748, 2480]
        assert render_page(PaperKind.APPLICATION, seed).pixels.shape[:2] == (3508, 2480)


def test_the_seal_is_red_ink_that_leaves_the_print_dark() -> None:
    page = render_page(PaperKind.LETTER, 6)
    pixels = page.pixels.astype(int)
    red = (pixels[..., 0] > 150) & (pixels[..., 1] < 140) & (pixels[..., 2] < 150)
    assert red.sum() > 20_000
    rows, columns = np.nonzero(red)
    diameter = max(np.ptp(rows), np.ptp(columns))
    assert 400 <= diameter <= 440  # 36 mm at 300 dpi is 425 pixels


@given(st.integers(0, 2**31))
@settings(max_examples=8, deadline=None)
def test_ink_stays_between_none_and_all(seed: int) -> None:
    import random

    rng = random.Random(seed)
    for mask in (draw_signature(300, 150, rng), draw_seal("ỦY BAN NHÂN DÂN XÃ THỬ", "TỈNH\nTHỬ", rng)):
        assert mask.min() >= 0 and 0.2 < mask.max() <= 1
        assert mask[0].max() < 0.5  # nothing is cut off at the edge


@given(st.integers(0, 10**12))
def test_numbers_are_written_the_vietnamese_way(number: int) -> None:
    written = format_number(number)
    assert int(written.replace(".", "")) == number
    assert all(len(group) == 3 for group in written.split(".")[1:])
