"""PDFs made here: the page's own image where it is exactly one, a drawing else."""

import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pikepdf
import pytest
from PIL import Image

from pipeline.intake.open import open_source
from schemas.errors import DamagedInputError, EncryptedInputError, OverLimitError
from schemas.page import Codec, Pixels, ScanPage
from schemas.settings import Limits

Read = Callable[..., ScanPage]
A_PAGE = (0, 0, 120, 160)
"""One point a pixel makes 72 dpi; the picture is 120 x 160."""
SHOW = b"q 120 0 0 160 0 0 cm /Im Do Q"


def jpeg(pixels: Pixels, **options: Any) -> bytes:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=95, **options)
    return data.getvalue()


def g4(pixels: Pixels) -> bytes:
    data = io.BytesIO()
    bits = Image.fromarray(pixels).convert("1", dither=Image.Dither.NONE)
    bits.save(data, "TIFF", compression="group4", tiffinfo={278: pixels.shape[0], 262: 0})
    with Image.open(io.BytesIO(data.getvalue())) as image:
        offset, size = image.tag_v2[273][0], image.tag_v2[279][0]
    return data.getvalue()[offset : offset + size]


def make_pdf(
    path: Path, data: bytes, image: dict[str, Any], content: bytes = SHOW, page: dict[str, Any] | None = None,
    box: tuple[float, ...] = A_PAGE,
) -> Path:  # fmt: skip
    pdf = pikepdf.new()
    stream = pikepdf.Stream(pdf, data)
    for key, value in {"/Type": pikepdf.Name.XObject, "/Subtype": pikepdf.Name.Image, **image}.items():
        stream[key] = value
    fonts = pikepdf.Dictionary(
        F1=pikepdf.Dictionary(
            Type=pikepdf.Name.Font, Subtype=pikepdf.Name.Type1, BaseFont=pikepdf.Name.Helvetica
        )
    )
    leaf = pikepdf.Dictionary(
        Type=pikepdf.Name.Page,
        MediaBox=list(box),
        Resources=pikepdf.Dictionary(XObject=pikepdf.Dictionary(Im=stream), Font=fonts),
        Contents=pikepdf.Stream(pdf, content),
    )
    for key, value in (page or {}).items():
        leaf[key] = value
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(leaf)))
    pdf.save(path, compress_streams=False, stream_decode_level=pikepdf.StreamDecodeLevel.none)
    return path


def dct(pixels: Pixels) -> dict[str, Any]:
    space = pikepdf.Name.DeviceRGB if pixels.ndim == 3 else pikepdf.Name.DeviceGray
    return {
        "/Width": pixels.shape[1], "/Height": pixels.shape[0], "/BitsPerComponent": 8, "/ColorSpace": space,
        "/Filter": pikepdf.Name.DCTDecode,
    }  # fmt: skip


def near(one: Pixels, other: Pixels, tolerance: float = 5.0) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other.astype(int)).mean()) < tolerance


@pytest.mark.parametrize("rotate", [0, 90, 180, 270, -90])
def test_embedded_jpeg_with_page_rotation(tmp_path: Path, picture: Pixels, read: Read, rotate: int) -> None:
    data = jpeg(picture)
    page = read(make_pdf(tmp_path / "a.pdf", data, dct(picture), page={"/Rotate": rotate}))
    assert near(page.pixels, np.rot90(picture, -rotate // 90))
    assert page.origin == "embedded" and page.dpi == pytest.approx(72) and page.dpi_known
    assert page.stream is not None and page.stream.data == data
    assert page.stream_turn == rotate % 360


@pytest.mark.parametrize(
    ("matrix", "turn", "shown"),
    [
        (b"120 0 0 160 0 0", 0, lambda p: p),
        (b"-120 0 0 -160 120 160", 180, lambda p: np.rot90(p, 2)),
        (b"0 -120 160 0 0 120", 90, lambda p: np.rot90(p, -1)),
        (b"0 120 -160 0 160 0", 270, lambda p: np.rot90(p, 1)),
        (b"120 0 0 -160 0 160", None, np.flipud),
        (b"-120 0 0 160 120 0", None, np.fliplr),
        (b"0 120 160 0 0 0", None, lambda p: np.rot90(np.flipud(p), 1)),
    ],
)
def test_content_matrix(
    tmp_path: Path, picture: Pixels, read: Read, matrix: bytes, turn: int | None, shown: Callable[..., Pixels]
) -> None:
    box = (0, 0, 160, 120) if matrix.startswith(b"0") else A_PAGE
    path = make_pdf(
        tmp_path / "a.pdf", jpeg(picture), dct(picture), b"q " + matrix + b" cm /Im Do Q", box=box
    )
    page = read(path)
    assert page.origin == "embedded"
    assert near(page.pixels, shown(picture))
    assert (page.stream is None) == (turn is None)
    assert page.stream_turn == (turn or 0)
    drawn = Image.fromarray(draw_with_poppler(path)).resize(page.pixels.shape[1::-1])
    assert near(np.asarray(drawn), page.pixels, 12)


def draw_with_poppler(path: Path) -> Pixels:
    from pdf2image import convert_from_path

    return np.asarray(convert_from_path(path, dpi=72)[0].convert("RGB"))


@pytest.mark.parametrize("black_is_1", [False, True])
def test_embedded_g4(tmp_path: Path, picture: Pixels, read: Read, black_is_1: bool) -> None:
    grey = np.where(picture[..., 0] > 128, 255, 0).astype(np.uint8)
    data = g4(grey)
    parameters = pikepdf.Dictionary(K=-1, Columns=120, Rows=160, BlackIs1=black_is_1)
    image = {
        "/Width": 120, "/Height": 160, "/BitsPerComponent": 1, "/ColorSpace": pikepdf.Name.DeviceGray,
        "/Filter": pikepdf.Name.CCITTFaxDecode, "/DecodeParms": parameters,
    }  # fmt: skip
    path = make_pdf(tmp_path / "a.pdf", data, image)
    page = read(path)
    assert page.bilevel and page.origin == "embedded"
    assert np.array_equal(page.pixels, 255 - grey if black_is_1 else grey)
    assert page.stream is not None and page.stream.data == data
    assert (page.stream.codec, page.stream.black_is_1) == (Codec.G4, black_is_1)
    assert near(np.asarray(Image.fromarray(draw_with_poppler(path)).convert("L")), page.pixels, 12)
    path = make_pdf(tmp_path / "cut.pdf", data[: len(data) // 2], image)
    with pytest.raises(DamagedInputError):
        read(path)


def test_embedded_flate_kinds(tmp_path: Path, picture: Pixels, read: Read) -> None:
    size = {"/Width": 120, "/Height": 160, "/Filter": pikepdf.Name.FlateDecode}
    rgb = {**size, "/BitsPerComponent": 8, "/ColorSpace": pikepdf.Name.DeviceRGB}
    page = read(make_pdf(tmp_path / "rgb.pdf", zlib.compress(picture.tobytes()), rgb))
    assert np.array_equal(page.pixels, picture) and page.stream is None and page.origin == "embedded"

    bits = np.packbits(picture[..., 0] > 128, axis=1)
    grey = {**size, "/BitsPerComponent": 1, "/ColorSpace": pikepdf.Name.DeviceGray}
    page = read(make_pdf(tmp_path / "1.pdf", zlib.compress(bits.tobytes()), grey))
    assert page.bilevel and np.array_equal(page.pixels > 0, picture[..., 0] > 128)
    page = read(make_pdf(tmp_path / "1i.pdf", zlib.compress(bits.tobytes()), {**grey, "/Decode": [1, 0]}))
    assert page.bilevel and np.array_equal(page.pixels == 0, picture[..., 0] > 128)

    palette = Image.fromarray(picture).quantize(8, dither=Image.Dither.NONE)
    table = bytes(palette.getpalette("RGB") or [])
    space = pikepdf.Array(
        [pikepdf.Name.Indexed, pikepdf.Name.DeviceRGB, len(table) // 3 - 1, pikepdf.String(table)]
    )
    page = read(make_pdf(tmp_path / "i.pdf", zlib.compress(palette.tobytes()), {**rgb, "/ColorSpace": space}))
    assert np.array_equal(page.pixels, np.asarray(palette.convert("RGB")))

    with pytest.raises(DamagedInputError):
        read(make_pdf(tmp_path / "cut.pdf", zlib.compress(picture.tobytes()[:-9999]), rgb))


def test_jpeg_2000(tmp_path: Path, picture: Pixels, read: Read) -> None:
    data = io.BytesIO()
    Image.fromarray(picture).save(data, "JPEG2000")
    image = {"/Width": 120, "/Height": 160, "/Filter": pikepdf.Name.JPXDecode}
    page = read(make_pdf(tmp_path / "a.pdf", data.getvalue(), image))
    assert page.origin == "embedded" and near(page.pixels, picture)


def test_what_is_unusual_is_drawn(tmp_path: Path, picture: Pixels, read: Read) -> None:
    inks = Image.fromarray(picture).convert("CMYK")
    cmyk = {**dct(picture), "/ColorSpace": pikepdf.Name.DeviceCMYK, "/Filter": pikepdf.Name.FlateDecode}
    page = read(make_pdf(tmp_path / "c.pdf", zlib.compress(inks.tobytes()), cmyk))
    assert page.origin == "rasterised" and page.pixels[10, 10, 0] > 150 > page.pixels[10, 10, 2]
    inverted = {**dct(picture), "/Decode": [1, 0, 1, 0, 1, 0]}
    page = read(make_pdf(tmp_path / "d.pdf", jpeg(picture), inverted))
    assert page.origin == "rasterised" and page.pixels[-1, -1].max() < 20


@pytest.mark.parametrize(
    ("content", "origin"),
    [
        (SHOW + b" BT 3 Tr /F1 12 Tf 10 10 Td (an OCR layer) Tj ET", "embedded"),
        (b"1 1 1 rg 0 0 120 160 re f " + SHOW, "embedded"),
        (b"0 0 120 160 re W n " + SHOW, "embedded"),
        (b"0 0 60 80 re W n " + SHOW, "rasterised"),
        (SHOW + b" BT /F1 12 Tf 10 10 Td (stamped over it) Tj ET", "rasterised"),
        (SHOW + b" 10 10 40 40 re f", "rasterised"),
        (b"q 60 0 0 80 0 0 cm /Im Do Q", "rasterised"),
        (b"q 110 20 -20 150 10 0 cm /Im Do Q", "rasterised"),
        (b"q 120 0 0 80 0 0 cm /Im Do Q q 120 0 0 80 0 80 cm /Im Do Q", "rasterised"),
        (b"BT /F1 12 Tf 10 10 Td (born digital) Tj ET", "rasterised"),
        (b"", "rasterised"),
    ],
)
def test_exactly_one_image_or_drawn(
    tmp_path: Path, picture: Pixels, read: Read, content: bytes, origin: str
) -> None:
    page = read(make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture), content))
    assert page.origin == origin
    assert (page.stream is not None) == (origin == "embedded")


def annotation(subtype: str, **more: Any) -> pikepdf.Dictionary:
    look = pikepdf.Dictionary(N=pikepdf.Dictionary())
    return pikepdf.Dictionary(
        Type=pikepdf.Name.Annot, Subtype=pikepdf.Name(subtype), Rect=[5, 5, 50, 50], AP=look, **more
    )


@pytest.mark.filterwarnings("ignore:This document has:UserWarning")
def test_annotations(tmp_path: Path, picture: Pixels, read: Read) -> None:
    def origin(*annotations: pikepdf.Dictionary) -> str:
        page = {"/Annots": pikepdf.Array(annotations)}
        return read(make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture), page=page)).origin

    assert origin(annotation("/Widget", FT=pikepdf.Name.Sig), annotation("/Link")) == "embedded"
    assert origin(annotation("/Stamp", F=2)) == "embedded"
    assert origin(annotation("/Stamp")) == "rasterised"
    assert origin(annotation("/Widget", FT=pikepdf.Name.Tx)) == "rasterised"


def test_crop_box(tmp_path: Path, picture: Pixels, read: Read) -> None:
    page = {"/CropBox": [0, 80, 60, 160]}
    taken = read(make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture), page=page))
    assert taken.origin == "embedded" and taken.stream is None
    assert near(taken.pixels, picture[:80, :60])
    text = b"BT /F1 12 Tf 10 100 Td (text) Tj ET"
    drawn = read(make_pdf(tmp_path / "b.pdf", jpeg(picture), dct(picture), text, page=page))
    assert drawn.pixels.shape[:2] == pytest.approx((80 / 72 * 300, 60 / 72 * 300), abs=1)


@pytest.mark.parametrize(("pixels_per_point", "dpi"), [(1, 200), (4, 288), (10, 400)])
def test_drawn_at_the_images_resolution(
    tmp_path: Path, picture: Pixels, read: Read, pixels_per_point: int, dpi: int
) -> None:
    points = (120 / pixels_per_point, 160 / pixels_per_point)
    content = b"q %f 0 0 %f 0 0 cm /Im Do Q BT /F1 4 Tf 2 2 Td (seen) Tj ET" % points
    path = make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture), content, box=(0, 0, *points))
    page = read(path)
    assert (page.origin, page.dpi, page.dpi_known) == ("rasterised", dpi, True)


def test_damaged_page_among_good_ones(tmp_path: Path, picture: Pixels) -> None:
    data = jpeg(picture)
    good = make_pdf(tmp_path / "good.pdf", data, dct(picture))
    bad = make_pdf(tmp_path / "bad.pdf", data[: len(data) // 2], dct(picture))
    with pikepdf.open(good) as pdf, pikepdf.open(bad) as other:
        pdf.pages.append(other.pages[0])
        pdf.pages.append(pdf.pages[0])
        pdf.save(tmp_path / "a.pdf")
    with open_source(tmp_path / "a.pdf", Limits()) as source:
        assert source.page_count == 3
        assert near(source.read_page(1).pixels, picture)
        with pytest.raises(DamagedInputError):
            source.read_page(2)
        assert near(source.read_page(3).pixels, picture)


def test_damage_also_shows_on_drawn_pages(tmp_path: Path, picture: Pixels, read: Read) -> None:
    data = jpeg(picture)
    content = SHOW + b" BT /F1 12 Tf 10 10 Td (over it) Tj ET"
    path = make_pdf(tmp_path / "a.pdf", data[: len(data) // 2], dct(picture), content)
    with pytest.raises(DamagedInputError):
        read(path)


def test_passwords(tmp_path: Path, picture: Pixels, read: Read) -> None:
    path = make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture))
    with pikepdf.open(path) as pdf:
        pdf.save(tmp_path / "locked.pdf", encryption=pikepdf.Encryption(owner="o", user="u"))
        pdf.save(tmp_path / "open.pdf", encryption=pikepdf.Encryption(owner="o", user=""))
    with pytest.raises(EncryptedInputError):
        read(tmp_path / "locked.pdf")
    page = read(tmp_path / "open.pdf")
    assert page.stream is not None and page.stream.data == jpeg(picture)


def test_signature_fields_are_counted(tmp_path: Path, picture: Pixels) -> None:
    path = make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture))
    signed = pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="a", V=pikepdf.Dictionary(Type=pikepdf.Name.Sig))
    empty = pikepdf.Dictionary(FT=pikepdf.Name.Sig, T="b")
    with pikepdf.open(path) as pdf:
        pdf.Root.AcroForm = pikepdf.Dictionary(Fields=[signed, empty])
        pdf.save(tmp_path / "b.pdf")
    with open_source(tmp_path / "b.pdf", Limits()) as source:
        assert source.signatures == 1


def test_a_page_too_large_to_draw(tmp_path: Path, picture: Pixels, read: Read) -> None:
    path = make_pdf(tmp_path / "a.pdf", jpeg(picture), dct(picture), b"", box=(0, 0, 14400, 14400))
    with pytest.raises(OverLimitError):
        read(path)
