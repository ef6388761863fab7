"""Pictures and text bound into one PDF/A: what other programs see of it."""

import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pikepdf
import pypdfium2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.conformance import check_conformance
from pipeline.binding.picture import make_picture
from schemas.page import (
    Block,
    BoundPage,
    Box,
    Codec,
    EncodedImage,
    Line,
    PageText,
    QuarterTurn,
    ScanPage,
    Skew,
    Word,
)
from scripts.samples.drawn import INFO, SENTENCES, draw_page

needs_poppler = pytest.mark.skipif(shutil.which("pdftotext") is None, reason="poppler-utils is missing")


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    first, second, third = draw_page(1), draw_page(2, bilevel=True), draw_page(3)
    pages = [
        BoundPage(make_picture(first[0], first[1], "compact"), first[2]),
        BoundPage(make_picture(second[0], second[1], "compact"), second[2]),
        BoundPage(make_picture(third[0], third[1], "faithful"), third[2]),
    ]
    path = tmp_path_factory.mktemp("composed") / "document.pdf"
    path.write_bytes(compose(pages, INFO))
    return path


def render(path_or_bytes: Path | bytes, page: int = 0, scale: float = 150 / 72) -> np.ndarray:
    with pypdfium2.PdfDocument(path_or_bytes) as pdf:
        return pdf[page].render(scale=scale).to_numpy()[:, :, :3][:, :, ::-1].copy()


@pytest.mark.parametrize("page", [0, 1, 2])
def test_every_profile_shows_the_scan(document: Path, page: int) -> None:
    drawn = draw_page(page + 1, bilevel=page == 1)[1].pixels
    shown = render(document, page)
    grey = drawn if drawn.ndim == 2 else cv2.cvtColor(drawn, cv2.COLOR_RGB2GRAY)
    seen = cv2.cvtColor(shown, cv2.COLOR_RGB2GRAY)
    assert abs(seen.shape[0] - grey.shape[0]) <= 1
    size = (min(seen.shape[0], grey.shape[0]), min(seen.shape[1], grey.shape[1]))
    difference = np.abs(seen[: size[0], : size[1]].astype(int) - grey[: size[0], : size[1]])
    assert difference.mean() < 3


def test_codecs_follow_the_page() -> None:
    scan, upright, _ = draw_page(1)
    assert make_picture(scan, upright, "compact").image.codec == Codec.JPEG
    assert make_picture(scan, upright, "compact").image.components == 3
    assert make_picture(scan, upright, "faithful").image.codec == Codec.FLATE
    scan, upright, _ = draw_page(1, bilevel=True)
    assert make_picture(scan, upright, "compact").image.codec == Codec.G4
    no_colour = np.repeat(upright.pixels[:, :, None], 3, axis=2)
    grey = make_picture(scan, replace(upright, pixels=no_colour, bilevel=False), "compact")
    assert (grey.image.codec, grey.image.components) == (Codec.JPEG, 1)


def test_compact_never_enlarges_and_keeps_the_size_of_the_paper() -> None:
    scan, upright, _ = draw_page(1)
    small = make_picture(scan, upright, "compact")
    assert (small.image.width_px, small.image.height_px) == (1240, 1754)
    large = make_picture(scan, replace(upright, dpi=300.0), "compact")
    assert (large.image.width_px, large.image.height_px) == (827, 1169)
    assert large.width_pt == pytest.approx(1240 / 300 * 72)


@needs_poppler
def test_text_equals_what_was_read(document: Path) -> None:
    for number in (1, 2, 3):
        expected = draw_page(number)[2].text.split()
        for mode in ((), ("-raw",), ("-layout",)):
            got = run("pdftotext", *mode, "-f", str(number), "-l", str(number), str(document), "-")
            assert got.split() == expected


@needs_poppler
def test_words_lie_in_their_boxes_in_poppler(document: Path) -> None:
    boxes = re.findall(
        r'<word xMin="(.*?)" yMin="(.*?)" xMax="(.*?)" yMax="(.*?)">',
        run("pdftotext", "-bbox", "-l", "1", str(document), "-"),
    )
    words = draw_page(1)[2].words
    assert len(boxes) == len(words)
    for found, word in zip(boxes, words, strict=True):
        pixels = [float(value) * 150 / 72 for value in found]
        expected = (word.box.left, word.box.top, word.box.right, word.box.bottom)
        assert pixels == pytest.approx(expected, abs=1.0)


def test_pdfium_reads_finds_and_places_the_words(document: Path) -> None:
    text = draw_page(1)[2]
    with pypdfium2.PdfDocument(document) as pdf:
        page = pdf[0].get_textpage()
        assert page.get_text_range().split() == text.text.split()
        for wanted in ("Hạnh phúc", "Nguyễn Thị Hường", "Ủy ban nhân dân"):
            assert page.search(wanted).get_next() is not None
        left, bottom, right, top = page.get_rect(0) if page.count_rects() else (0, 0, 0, 0)
    scale = 150 / 72
    first = text.lines[0]
    assert left * scale == pytest.approx(first.words[0].box.left, abs=1.5)
    assert right * scale >= first.words[0].box.right - 1.5
    assert 1754 - bottom * scale == pytest.approx(max(w.box.bottom for w in first.words), abs=8)
    assert 1754 - top * scale == pytest.approx(min(w.box.top for w in first.words), abs=2)


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
@pytest.mark.parametrize("stream_turn", [0, 90])
def test_faithful_keeps_the_stream_and_turns_it(turn: QuarterTurn, stream_turn: QuarterTurn) -> None:
    _, upright, text = draw_page(1)
    scanned = np.rot90(upright.pixels, turn // 90)  # what the scan looked like before `turn` clockwise
    in_stream = np.ascontiguousarray(np.rot90(scanned, stream_turn // 90))
    packed = io.BytesIO()
    Image.fromarray(in_stream).save(packed, "JPEG", quality=85)
    stream = EncodedImage(Codec.JPEG, packed.getvalue(), in_stream.shape[1], in_stream.shape[0], 3)
    height, width = scanned.shape[:2]
    matrix = {
        0: (1, 0, 0, 0, 1, 0),
        90: (0, -1, height, 1, 0, 0),
        180: (-1, 0, width, 0, -1, height),
        270: (0, 1, 0, -1, 0, width),
    }[turn]
    scan = ScanPage(1, scanned, 150.0, True, False, "embedded", stream, stream_turn)
    picture = make_picture(scan, replace(upright, matrix=matrix), "faithful")
    pdf = compose([BoundPage(picture, text)], INFO)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert opened.pages[0].obj.Resources.XObject.Im0.read_raw_bytes() == stream.data
    shown = render(pdf).astype(int)
    height, width = (min(a, b) for a, b in zip(shown.shape[:2], upright.pixels.shape[:2], strict=True))
    assert np.abs(shown[:height, :width] - upright.pixels[:height, :width]).mean() < 4


def _differ(one: np.ndarray, other: np.ndarray) -> float:
    """Mean difference after a blur: a viewer's resampling is not what is judged."""
    soft = [cv2.GaussianBlur(pixels.astype(np.float32), (0, 0), 3) for pixels in (one, other)]
    return float(np.abs(soft[0] - soft[1]).mean())


@needs_poppler
def test_faithful_draws_a_visible_skew_straight_again(tmp_path: Path) -> None:
    _, upright, text = draw_page(1)
    height, width = upright.pixels.shape[:2]
    angle = 2.0
    centre = (width / 2, height / 2)
    skewed = cv2.warpAffine(
        upright.pixels, cv2.getRotationMatrix2D(centre, angle, 1), (width, height), borderValue=(255,) * 3
    )
    back = tuple(cv2.getRotationMatrix2D(centre, -angle, 1).ravel())
    jpeg = io.BytesIO()
    Image.fromarray(skewed).save(jpeg, "JPEG", quality=90)
    stream = EncodedImage(Codec.JPEG, jpeg.getvalue(), width, height, 3)
    scan = ScanPage(1, skewed, 150.0, True, False, "embedded", stream)
    picture = make_picture(scan, replace(upright, matrix=back, skew=Skew(angle, True)), "faithful")
    # poppler draws it exactly; PDFium is up to 0.45 mm off (facts)
    (path := tmp_path / "skew.pdf").write_bytes(compose([BoundPage(picture, text)], INFO))
    run("pdftoppm", "-r", "150", "-png", "-singlefile", str(path), str(tmp_path / "skew"))
    shown = np.array(Image.open(tmp_path / "skew.png"))
    straight = _differ(shown[:1754, :1240], upright.pixels)
    assert straight < _differ(skewed, upright.pixels) / 2


def test_document_is_pdfa_and_says_where_it_comes_from(document: Path) -> None:
    data = document.read_bytes()
    assert check_conformance(data) == []
    with pikepdf.open(document) as pdf:
        xmp = pdf.Root.Metadata.read_bytes().decode()
        assert "H21.65-220914-0011" in xmp
        assert "ab" * 32 in xmp
        assert str(pdf.docinfo["/Title"]) == INFO.title
        with pdf.open_metadata() as metadata:
            assert metadata.pdfa_status == "2U"


def test_same_input_gives_the_same_bytes(document: Path) -> None:
    scan, upright, text = draw_page(1)
    page = BoundPage(make_picture(scan, upright, "compact"), text)
    assert compose([page], INFO) == compose([page], INFO)


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is missing")
def test_qpdf_finds_nothing_wrong(document: Path) -> None:
    assert "No syntax or stream encoding errors" in run("qpdf", "--check", str(document))


def test_text_does_not_paint(document: Path) -> None:
    with pikepdf.open(document) as pdf:
        content = pdf.pages[0].Contents.read_bytes()
    assert b"3 Tr" in content
    assert SENTENCES[0].encode() not in content


@needs_poppler
def test_odd_characters_do_not_break_the_layer(tmp_path: Path) -> None:
    scan, upright, _ = draw_page(1)
    texts = [
        "a\x00b",
        "\ud800",
        "𝒳𠮷",
        "hai\u00a0từ",
        "\ufffe\uffff\ufeff",
        "e\u0302\u0301",
        "x" * 60,
        "cuối",
    ]
    words = [Word(t, 0.5, Box(10, 10 + 40 * i, 500, 40 + 40 * i)) for i, t in enumerate(texts)]
    lines = tuple(Line((word,), word.box) for word in words)
    text = PageText(1240, 1754, "e", "m", (Block(lines, Box(0, 0, 1, 1)),))
    data = compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)
    assert check_conformance(data) == []
    (path := tmp_path / "odd.pdf").write_bytes(data)
    got = run("pdftotext", str(path), "-").split()
    assert got == ["ab", "𝒳𠮷", "hai", "từ", "ế", "x" * 60, "cuối"]


boxes = st.builds(Box, *[st.floats(-2000, 4000, allow_nan=False) for _ in range(4)])
lines_of_words = st.lists(
    st.lists(st.builds(Word, st.text(max_size=12), st.just(0.5), boxes), max_size=4), max_size=5
)


@settings(max_examples=25, deadline=None)
@given(lines_of_words)
def test_any_words_in_any_boxes_stay_pdfa(rows: list[list[Word]]) -> None:
    lines = tuple(Line(tuple(words), Box(0, 0, 1, 1)) for words in rows)
    text = PageText(1240, 1754, "e", "m", (Block(lines, Box(0, 0, 1, 1)),))
    data = compose([BoundPage(_PICTURE, text)], INFO)
    assert check_conformance(data) == []


_BLANK = draw_page(1, bilevel=True)
_PICTURE = make_picture(_BLANK[0], _BLANK[1], "compact")


@settings(max_examples=15, deadline=None)
@given(st.text(max_size=60), st.text(max_size=20))
def test_any_title_agrees_with_xmp(title: str, engine: str) -> None:
    data = compose([BoundPage(_PICTURE, _BLANK[2])], replace(INFO, title=title, engine=engine))
    assert check_conformance(data) == []


def test_blank_page_needs_no_font() -> None:
    text = PageText(1240, 1754, "e", "m")
    data = compose([BoundPage(_PICTURE, text)], INFO)
    assert check_conformance(data) == []
    assert b"SohoaGlyphless" not in data


def test_time_without_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        compose([BoundPage(_PICTURE, _BLANK[2])], replace(INFO, scan_time="2026-11-24T12:00:00"))


def test_document_info_and_xmp_tell_the_same_origin() -> None:
    digests = ("ab" * 32, "cd" * 32)
    info = replace(
        INFO, source_sha256=digests, page_sources=((digests[1], 3), (digests[0], 1)),
        paper_type="TK-01 & <mẫu>", station="BĐ Nghĩa Dũng\r\n01",
    )  # fmt: skip
    page = BoundPage(_PICTURE, _BLANK[2])
    data = compose([page, page], info)
    assert check_conformance(data) == []
    with pikepdf.open(io.BytesIO(data)) as pdf:
        xmp = pdf.Root.Metadata.read_bytes().decode()
        told = pdf.docinfo
        assert str(told["/paperType"]) == info.paper_type
        assert str(told["/station"]) == info.station
        assert str(told["/ordinal"]) == "1"
        assert str(told["/engine"]) == info.engine
        assert str(told["/sourceSha256"]).split() == list(digests)
        assert "<sohoa:pages>2:3 " in xmp
        told["/station"] = "khác"
        pdf.save(changed := io.BytesIO())
    assert any("/station disagrees" in finding.text for finding in check_conformance(changed.getvalue()))


def test_a_page_of_an_unknown_original_is_refused() -> None:
    with pytest.raises(ValueError, match="tuple"):
        compose([BoundPage(_PICTURE, _BLANK[2])], replace(INFO, page_sources=(("ef" * 32, 1),)))
