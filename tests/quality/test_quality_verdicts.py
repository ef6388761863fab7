"""Each damage gets its verdict and its first reason; readable pages of every shape stay readable."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.quality.look import look
from pipeline.quality.verdict import judge, judge_look
from pipeline.reading.open import open_engine
from pipeline.reading.syllables import syllable_validity
from schemas.errors import MissingDependencyError
from schemas.page import (
    Judgement,
    Orientation,
    PageText,
    Pixels,
    ReadingImage,
    Reason,
    Skew,
    UprightPage,
    Verdict,
)

DPI = 200
FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
TEXT = (
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày mười chín tháng sáu năm hai nghìn không trăm mười lăm; "
    "theo đề nghị của Giám đốc Sở Tư pháp về việc công bố danh mục thủ tục hành chính được sửa đổi, bổ sung "
    "trong lĩnh vực hộ tịch thuộc phạm vi quản lý nhà nước trên địa bàn tỉnh, các cơ quan có trách nhiệm "
    "niêm yết công khai tại bộ phận tiếp nhận và trả kết quả, bảo đảm người dân được hướng dẫn đầy đủ."
)
WORDS = TEXT.split()

pytestmark = pytest.mark.skipif(not FONT.exists(), reason="fonts-croscore is not installed")


def make_page(pixels: Pixels, dpi: float = DPI, *, dpi_known: bool = True) -> UprightPage:
    return UprightPage(
        1,
        pixels,
        dpi,
        dpi_known,
        False,
        Orientation(0, True),
        Skew(0.0, True),
        (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


@cache
def _render(count: int, width_share: float = 0.8, size_pt: int = 13, a5: bool = False) -> Image.Image:
    size = (1166, 1654) if a5 else (1654, 2339)
    image = Image.new("RGB", size, (250, 249, 246))
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(str(FONT), round(size_pt * DPI / 72))
    left, y = size[0] * 0.1, size[1] * 0.08
    line: list[str] = []
    for index in range(count + 1):
        word = WORDS[index % len(WORDS)]
        if index == count or draw.textlength(" ".join([*line, word]), font=font) > size[0] * width_share:
            draw.text((left, y), " ".join(line), font=font, fill=(25, 25, 30))
            line, y = [], y + size_pt * 1.35 * DPI / 72
            if y > size[1] * 0.93:
                break
        line.append(word)
    return image


def print_page(count: int = 350, width_share: float = 0.8, size_pt: int = 13, *, a5: bool = False) -> Pixels:
    clean = cv2.GaussianBlur(np.asarray(_render(count, width_share, size_pt, a5)), (0, 0), 0.6)
    grain = np.random.default_rng(3).normal(0, 2, clean.shape[:2])[..., None]
    return np.clip(clean + grain, 0, 255).astype(np.uint8)


def read_and_judge(pixels: Pixels, dpi: float = DPI, *, dpi_known: bool = True) -> Judgement:
    page = make_page(pixels, dpi, dpi_known=dpi_known)
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    quarter = cv2.resize(grey, None, fx=0.25, fy=0.25, interpolation=cv2.INTER_AREA)
    paper = cv2.medianBlur(cv2.dilate(quarter, np.ones((9, 9))).astype(np.uint8), 15)
    level = cv2.resize(paper, (grey.shape[1], grey.shape[0])).astype(np.float32)
    even = np.clip(grey / np.maximum(level, 8) * 255, 0, 255)
    darkest = min(225.0, float(np.percentile(cv2.GaussianBlur(even, (0, 0), 0.8), 0.1)))
    scale = 200 / dpi
    even = np.clip((even - darkest) / (255 - darkest) * 255, 0, 255).astype(np.uint8)
    image = even if scale == 1 else cv2.resize(even, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    try:
        engine = open_engine("auto")
    except MissingDependencyError:
        pytest.skip("no engine on this machine")
    reading = ReadingImage(image, dpi * scale, scale)
    text = engine.read(reading, width_px=page.width_px, height_px=page.height_px, timeout_s=600)
    engine.close()
    return judge(
        look(page),
        text,
        syllable_validity=syllable_validity(word.text for word in text.words),
        orientation_certain=True,
        skew_certain=True,
    )


def blur(sigma: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: cv2.GaussianBlur(pixels, (0, 0), sigma)


def smear(pixels: Pixels) -> Pixels:
    return cv2.blur(pixels, (17, 1))


def dim(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(5).normal(0, 3, pixels.shape)
    return np.clip(pixels * 0.04 + noise, 0, 255).astype(np.uint8)


def fade(share: float) -> Callable[[Pixels], Pixels]:
    return lambda pixels: (255 - (255 - pixels.astype(np.float32)) * share).astype(np.uint8)


def sprinkle(pixels: Pixels) -> Pixels:
    noise = np.random.default_rng(5).normal(0, 90, pixels.shape[:2])[..., None]
    return np.clip(pixels + noise, 0, 255).astype(np.uint8)


def blur_lower_half(pixels: Pixels) -> Pixels:
    page = pixels.copy()
    page[900:] = cv2.GaussianBlur(pixels, (0, 0), 6)[900:]
    return page


def lay_note(pixels: Pixels) -> Pixels:
    page = pixels.copy()
    cv2.rectangle(page, (300, 500), (1200, 1100), (250, 230, 110), -1)
    return page


def cut_left(pixels: Pixels) -> Pixels:
    return np.ascontiguousarray(pixels[:, 420:])


@pytest.mark.parametrize(
    ("count", "width_share", "size_pt", "a5"),
    [
        (450, 0.8, 13, False),
        (10, 0.8, 13, False),
        (120, 0.35, 12, False),
        (90, 0.8, 12, True),
        (500, 0.8, 10, False),
    ],
    ids=["dense", "ten words", "narrow", "A5", "small print"],
)
def test_a_clean_page_of_any_shape_is_readable(
    count: int, width_share: float, size_pt: int, a5: bool
) -> None:
    pixels = print_page(count, width_share, size_pt, a5=a5)
    assert read_and_judge(pixels).verdict is Verdict.READABLE
    assert judge_look(look(make_page(pixels))).verdict is Verdict.READABLE


@pytest.mark.parametrize(
    ("damage", "reason"),
    [(blur(6), Reason.BLUR), (smear, Reason.MOTION), (dim, Reason.DARK), (sprinkle, Reason.NOISE)],
    ids=["blur", "motion", "dark", "noise"],
)
def test_a_lost_page_is_unreadable_and_says_why(damage: Callable[[Pixels], Pixels], reason: Reason) -> None:
    judgement = read_and_judge(damage(print_page(100)))
    assert judgement.verdict is Verdict.UNREADABLE
    assert judgement.reasons[0] is reason


@pytest.mark.parametrize(
    ("damage", "reasons"),
    [
        (blur_lower_half, {Reason.BLUR, Reason.PARTIAL}),
        (lay_note, {Reason.OCCLUDED}),
        (cut_left, {Reason.CUT_OFF}),
        (fade(0.06), {Reason.WASHED_OUT}),
    ],
    ids=["half blurred", "covered", "cut off", "washed out"],
)
def test_a_page_that_lost_a_part_never_passes(
    damage: Callable[[Pixels], Pixels], reasons: set[Reason]
) -> None:
    judgement = read_and_judge(damage(print_page()))
    assert judgement.verdict in {Verdict.REVIEW, Verdict.UNREADABLE}
    assert judgement.reasons[0] in reasons


@pytest.mark.parametrize("height_px", [400, 700])
def test_a_page_cut_through_a_line_is_asked_about_and_not_sent_back(height_px: int) -> None:
    whole = print_page()
    inked = np.flatnonzero((whole < 128).any(axis=(1, 2)))
    through_a_line = int(inked[inked > height_px][0]) + 8
    judgement = read_and_judge(whole[:through_a_line])
    assert (judgement.verdict, judgement.reasons[0]) == (Verdict.REVIEW, Reason.CUT_OFF)


def test_a_faint_page_is_not_blank() -> None:
    for share in (0.05, 0.1, 0.2):
        for count in (10, 350):
            assert read_and_judge(fade(share)(print_page(count))).verdict is not Verdict.BLANK


def test_a_coarse_scan_that_reads_well_is_for_review() -> None:
    coarse = cv2.resize(print_page(), None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA)
    judgement = read_and_judge(coarse, 100)
    assert judgement.verdict is Verdict.REVIEW
    assert judgement.reasons == (Reason.LOW_RESOLUTION,)


def test_text_that_was_not_read_is_told_although_every_word_is_sure() -> None:
    page = make_page(print_page())
    half = print_page()
    half[640:] = 250
    with_lower_half_unread = _read(half)
    judgement = judge(
        look(page), with_lower_half_unread, syllable_validity=1.0, orientation_certain=True, skew_certain=True
    )
    assert judgement.verdict is not Verdict.READABLE
    assert judgement.reasons[0] is Reason.PARTIAL


def _read(pixels: Pixels) -> PageText:
    try:
        engine = open_engine("auto")
    except MissingDependencyError:
        pytest.skip("no engine on this machine")
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    text = engine.read(
        ReadingImage(grey, DPI, 1.0), width_px=grey.shape[1], height_px=grey.shape[0], timeout_s=600
    )
    engine.close()
    return text


def test_blank_paper_is_blank_also_with_holes_and_print_shining_through() -> None:
    plain = np.full((2339, 1654, 3), 247, np.uint8)
    grainy = np.clip(plain + np.random.default_rng(1).normal(0, 3, plain.shape), 0, 255).astype(np.uint8)
    punched = plain.copy()
    for y in (840, 1500):
        cv2.circle(punched, (70, y), 24, (60, 60, 60), -1)
    back = cv2.GaussianBlur(print_page()[:, ::-1], (0, 0), 4)
    shining = fade(0.12)(np.ascontiguousarray(back))
    for paper in (plain, grainy, punched, shining):
        judgement = read_and_judge(paper)
        assert judgement.verdict is Verdict.BLANK
        assert judgement.reasons == (Reason.BLANK,)


def test_signals_are_finite_numbers() -> None:
    signals = read_and_judge(print_page(60)).signals
    assert signals
    assert all(np.isfinite(value) for value in signals.values())


def _real_scans() -> list[Path]:
    shared = Path(os.environ.get("SOHOA_SHARED", Path(__file__).parents[2].parent / "shared"))
    return sorted((shared / "data" / "real_scans").glob("*.pdf"))


@pytest.mark.skipif(not _real_scans(), reason="no shared data here")
def test_real_letters_are_readable_and_coarse_ones_for_review() -> None:
    pdfium = pytest.importorskip("pypdfium2")
    for file in _real_scans():
        dpi = 100 if "100dpi" in file.name else 300
        document = pdfium.PdfDocument(file)
        pixels = np.ascontiguousarray(
            document[len(document) - 1].render(scale=dpi / 72).to_numpy()[..., 2::-1]
        )
        judgement = read_and_judge(pixels, dpi)
        if dpi == 100:
            assert judgement.verdict is Verdict.REVIEW
            assert judgement.reasons[0] is Reason.LOW_RESOLUTION
        else:
            assert judgement.verdict is Verdict.READABLE
