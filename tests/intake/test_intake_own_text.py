"""Text a PDF page carries itself: told apart from a picture's hidden layer and from what signatures show."""

import io
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Stream
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.intake.open import open_source
from pipeline.reading.own_text import is_born_digital, judge_own_text
from schemas.page import (
    Block,
    BoundPage,
    Box,
    Codec,
    DocumentInfo,
    EncodedImage,
    Line,
    OwnText,
    PagePicture,
    PageText,
    Word,
)
from schemas.settings import Limits

SENTENCE = (
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015, Ủy ban nhân dân tỉnh quyết định:"
)
TCVN3 = "C¨n cø LuËt Tæ chøc chÝnh quyÒn ®Þa ph­¬ng ngµy 19 th¸ng 6 n¨m 2015, ñy ban nh©n d©n tØnh quyÕt ®Þnh:"


def write_pdf(path: Path, text: str, *, visible: bool) -> Path:
    """One page: a white picture and `text` over it."""
    Image.new("L", (600, 800), 255).save(packed := io.BytesIO(), "JPEG")
    picture = PagePicture(
        EncodedImage(Codec.JPEG, packed.getvalue(), 600, 800, 1), 300, 400, (300, 0, 0, 400, 0, 0)
    )
    words = tuple(
        Word(word, 0.9, Box(20 + 22 * place, 50, 38 + 22 * place, 70))
        for place, word in enumerate(text.split())
    )
    read = PageText(600, 800, "e", "m", (Block((Line(words, words[0].box),), words[0].box),))
    info = DocumentInfo("t", "2026-11-24T12:00:00+07:00", (), "e")
    with pikepdf.open(io.BytesIO(compose([BoundPage(picture, read)], info))) as pdf:
        page = pdf.pages[0].obj
        if visible:
            shown = page.Contents.read_bytes().replace(b"BT 3 Tr", b"BT 0 Tr")
            page.Contents = pdf.make_indirect(Stream(pdf, shown))
        pdf.save(path)
    return path


def read_own_text(path: Path) -> OwnText | None:
    with open_source(path, Limits()) as source:
        return source.read_page(1).own_text


@pytest.mark.parametrize(("text", "visible", "told", "born_digital"), [
    (SENTENCE, True, "visible", True),
    (SENTENCE, False, "hidden", False),
    (TCVN3, True, "garbage", True),
    (TCVN3, False, "garbage", False),
    ("Scan by my Cam", True, "none", False),
])  # fmt: skip
def test_own_text_is_judged(text: str, visible: bool, told: str, born_digital: bool, tmp_path: Path) -> None:
    own = read_own_text(write_pdf(tmp_path / "own.pdf", text, visible=visible))
    assert own is not None
    assert own.visible is visible
    assert own.text.split() == text.split()
    assert judge_own_text(own) == told
    assert is_born_digital(own) is born_digital


def test_what_a_signature_shows_is_no_text_of_the_page(tmp_path: Path) -> None:
    """`pdftotext` prints it: a scan with a signature's box looks born digital to who asks that."""
    path = write_pdf(tmp_path / "plain.pdf", "x", visible=False)
    with pikepdf.open(path, allow_overwriting_input=True) as pdf:
        page = pdf.pages[0].obj
        box = Stream(pdf, b"BT /F0 9 Tf 1 0 0 1 5 5 Tm (K\xfd b\xf3i: \xd4ng A) Tj ET")
        box.stream_dict = Dictionary(
            Type=Name.XObject, Subtype=Name.Form, BBox=[0, 0, 90, 20],
            Resources=Dictionary(Font=Dictionary(F0=Dictionary(
                Type=Name.Font, Subtype=Name.Type1, BaseFont=Name.Helvetica, Encoding=Name.WinAnsiEncoding
            ))),
        )  # fmt: skip
        page.Contents = pdf.make_indirect(Stream(pdf, page.Contents.read_bytes().split(b"BT 3 Tr")[0]))
        page.Annots = Array([
            pdf.make_indirect(Dictionary(
                Type=Name.Annot, Subtype=Name.Widget, FT=Name.Sig, F=4, Rect=[5, 5, 95, 25],
                AP=Dictionary(N=pdf.make_indirect(box)),
            ))
        ])  # fmt: skip
        pdf.save(path)
    with open_source(path, Limits()) as source:
        page = source.read_page(1)
    assert page.own_text is None
    assert page.origin == "embedded"


def test_a_real_scan_with_signature_boxes_is_a_scan(shared: Path) -> None:
    for path in sorted((shared / "data" / "real_scans").glob("*.pdf")):
        with open_source(path, Limits()) as source:
            assert source.signatures
            page = source.read_page(1)
        assert page.origin == "embedded", path
        assert not is_born_digital(page.own_text), path
        assert judge_own_text(page.own_text) == "none", path
