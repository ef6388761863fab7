"""JPEG, PNG and TIFF files made here, read back through the public door."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageChops

from pipeline.intake.open import open_source
from pipeline.intake.sniff import MediaType
from schemas.errors import BadInputError, DamagedInputError, OverLimitError, UnsupportedInputError
from schemas.page import Codec, Pixels, ScanPage
from schemas.settings import Limits

Read = Callable[..., ScanPage]

HOW_STORED = {
    1: lambda p: p,
    2: np.fliplr,
    3: lambda p: np.rot90(p, 2),
    4: np.flipud,
    5: lambda p: np.swapaxes(p, 0, 1),
    6: lambda p: np.rot90(p, 1),
    7: lambda p: np.swapaxes(np.rot90(p, 2), 0, 1),
    8: lambda p: np.rot90(p, -1),
}
"""How a picture must be stored so that an EXIF orientation shows it upright."""


def near(one: Pixels, other: Pixels, tolerance: float = 4.0) -> bool:
    return one.shape == other.shape and float(np.abs(one.astype(int) - other.astype(int)).mean()) < tolerance


def save(pixels: Pixels | Image.Image, path: Path, **options: object) -> Path:
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(np.ascontiguousarray(pixels))
    image.save(path, **options)
    return path


def test_jpeg_keeps_its_own_stream(tmp_path: Path, picture: Pixels, read: Read) -> None:
    path = save(picture, tmp_path / "a.jpg", quality=95, dpi=(96, 96))
    page = read(path)
    assert near(page.pixels, picture)
    assert (page.dpi, page.dpi_known, page.bilevel, page.origin) == (96, True, False, "image")
    assert page.stream is not None
    assert page.stream.data == path.read_bytes()
    assert (page.stream.codec, page.stream.components, page.stream_turn) == (Codec.JPEG, 3, 0)
    page.pixels[0, 0] = 7  # later steps may write


def test_grey_and_progressive_jpeg(tmp_path: Path, picture: Pixels, read: Read) -> None:
    grey = picture[..., 0]
    page = read(save(grey, tmp_path / "g.jpg", quality=95, progressive=True))
    assert near(page.pixels, grey)
    assert page.stream is not None and page.stream.components == 1
    assert not page.dpi_known


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
def test_orientation_is_applied(
    tmp_path: Path, picture: Pixels, read: Read, orientation: int, suffix: str
) -> None:
    stored = HOW_STORED[orientation](picture)
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = save(stored, tmp_path / f"a{suffix}", quality=95, exif=exif)
    page = read(path)
    assert near(page.pixels, picture)
    if suffix == ".jpg":
        turn = {1: 0, 3: 180, 6: 90, 8: 270}.get(orientation)
        assert (page.stream is None) == (turn is None)
        assert page.stream_turn == (turn or 0)


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpeg_has_the_right_colours(tmp_path: Path, picture: Pixels, read: Read, adobe: bool) -> None:
    inks = Image.fromarray(picture).convert("CMYK")
    data = io.BytesIO()
    inks.save(data, "JPEG", quality=95)  # Pillow writes Adobe's marker and inverts, as Photoshop does
    raw = data.getvalue()
    if not adobe:
        data = io.BytesIO()
        ImageChops.invert(inks).save(data, "JPEG", quality=95)
        at = data.getvalue().index(b"\xff\xee")
        raw = data.getvalue()[:at] + data.getvalue()[at + 16 :]
    path = tmp_path / "c.jpg"
    path.write_bytes(raw)
    page = read(path)
    assert near(page.pixels, np.asarray(inks.convert("RGB")), 6)
    assert page.stream is None


@pytest.mark.parametrize("keep", [0.3, 0.7, 0.95])
@pytest.mark.parametrize("end_marker", [b"", b"\xff\xd9"])
def test_cut_jpeg_is_refused(
    tmp_path: Path, picture: Pixels, read: Read, keep: float, end_marker: bytes
) -> None:
    noisy = np.random.default_rng(1).integers(0, 256, picture.shape, dtype=np.uint8)
    data = save(noisy, tmp_path / "a.jpg", quality=95).read_bytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(data[: int(len(data) * keep)] + end_marker)
    with pytest.raises(DamagedInputError):
        read(path)


@pytest.mark.parametrize("ending", [b"", b"\xff\xd9" + b"\0" * 512, b"abcd\xff\xd9"])
def test_jpeg_that_lacks_only_its_end_is_taken(
    tmp_path: Path, picture: Pixels, read: Read, ending: bytes
) -> None:
    data = save(picture, tmp_path / "a.jpg", quality=95).read_bytes()
    path = tmp_path / "b.jpg"
    path.write_bytes(data.removesuffix(b"\xff\xd9") + ending)
    assert near(read(path).pixels, picture)


def test_png_kinds(tmp_path: Path, picture: Pixels, read: Read) -> None:
    image = Image.fromarray(picture)
    assert np.array_equal(read(save(picture, tmp_path / "rgb.png", dpi=(100, 100))).pixels, picture)
    palette = read(save(image.quantize(8, dither=Image.Dither.NONE), tmp_path / "p.png"))
    assert palette.pixels.shape == picture.shape and near(palette.pixels, picture)
    deep = (picture[..., 0].astype(np.uint16) << 8) | 0x7F
    assert np.array_equal(read(save(Image.fromarray(deep), tmp_path / "16.png")).pixels, picture[..., 0])
    bits = read(save(Image.fromarray(picture[..., 0]).convert("1"), tmp_path / "1.png"))
    assert bits.bilevel and set(np.unique(bits.pixels)) <= {0, 255}


def test_transparency_is_shown_over_white(tmp_path: Path, picture: Pixels, read: Read) -> None:
    alpha = np.full(picture.shape[:2], 255, np.uint8)
    alpha[:40, :32] = 0
    page = read(save(np.dstack([picture, alpha]), tmp_path / "a.png"))
    assert page.pixels.shape == picture.shape
    assert (page.pixels[:40, :32] == 255).all()
    assert np.array_equal(page.pixels[40:], picture[40:])


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "jpeg", "tiff_adobe_deflate"])
def test_tiff_of_several_pages(tmp_path: Path, picture: Pixels, compression: str) -> None:
    second = np.flipud(picture)
    path = tmp_path / "a.tif"
    Image.fromarray(picture).save(
        path, save_all=True, append_images=[Image.fromarray(second)], compression=compression, dpi=(100, 100)
    )
    with open_source(path, Limits()) as source:
        assert (source.page_count, source.media_type) == (2, MediaType.TIFF)
        assert source.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
        assert source.size == path.stat().st_size
        assert near(source.read_page(2).pixels, second, 12)
        assert near(source.read_page(1).pixels, picture, 12)
        assert source.read_page(1).dpi == 100
        with pytest.raises(ValueError, match="no page 3"):
            source.read_page(3)


def test_g4_tiff_keeps_its_strip(tmp_path: Path, picture: Pixels, read: Read) -> None:
    bits = Image.fromarray(picture[..., 0]).convert("1", dither=Image.Dither.NONE)
    path = save(bits, tmp_path / "a.tif", compression="group4", dpi=(100, 100))
    page = read(path)
    assert page.bilevel and np.array_equal(page.pixels, np.asarray(bits.convert("L")))
    assert page.stream is not None
    assert page.stream.data in path.read_bytes()
    assert (page.stream.codec, page.stream.bits_per_component) == (Codec.G4, 1)


def test_fax_pixels_become_square(tmp_path: Path, picture: Pixels, read: Read) -> None:
    bits = Image.fromarray(picture[..., 0]).convert("1", dither=Image.Dither.NONE)
    page = read(save(bits, tmp_path / "a.tif", compression="group4", dpi=(204, 98)))
    assert page.dpi == 204 and page.stream is None
    assert page.pixels.shape == (round(160 * 204 / 98), 120)
    assert set(np.unique(page.pixels)) <= {0, 255}


@pytest.mark.parametrize("suffix", [".png", ".tif"])
@pytest.mark.parametrize("keep", [0.4, 0.9])
def test_cut_png_and_tiff_are_refused(tmp_path: Path, read: Read, suffix: str, keep: float) -> None:
    noisy = np.random.default_rng(1).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = save(noisy, tmp_path / f"a{suffix}").read_bytes()
    path = tmp_path / f"cut{suffix}"
    path.write_bytes(data[: int(len(data) * keep)])
    with pytest.raises(DamagedInputError):
        read(path)


@pytest.mark.parametrize("compression", ["group4", "jpeg", "tiff_lzw"])
def test_tiff_with_overwritten_data_is_refused_or_whole(tmp_path: Path, read: Read, compression: str) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (256, 256), dtype=np.uint8)
    image = Image.fromarray(noise)
    image = image.convert("1") if compression == "group4" else image
    path = save(image, tmp_path / "a.tif", compression=compression)
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle:-600] = b"\0" * len(data[middle:-600])
    path.write_bytes(data)
    with pytest.raises(DamagedInputError):
        read(path)


@pytest.mark.parametrize(("tag", "known"), [((300, 300), True), ((3, 3), False), ((9999, 9999), False)])
def test_resolution_must_be_sane(tmp_path: Path, read: Read, tag: tuple[int, int], known: bool) -> None:
    page = read(save(np.full((1754, 1240), 255, np.uint8), tmp_path / "a.png", dpi=tag))
    assert page.dpi_known == known
    assert page.dpi == pytest.approx(300 if known else 150, abs=1)


def test_camera_placeholder_of_72_dpi_is_not_believed(tmp_path: Path, read: Read) -> None:
    page = read(save(np.full((3508, 2480), 255, np.uint8), tmp_path / "a.jpg", dpi=(72, 72)))
    assert not page.dpi_known
    assert page.dpi == pytest.approx(300, abs=2)


def test_the_name_says_nothing(tmp_path: Path, picture: Pixels) -> None:
    path = save(picture, tmp_path / "a.png").rename(tmp_path / "a.pdf")
    with open_source(path, Limits()) as source:
        assert source.media_type is MediaType.PNG
        assert source.page_sha256s == (source.sha256,)


def test_limits(tmp_path: Path, picture: Pixels, read: Read) -> None:
    path = save(picture, tmp_path / "a.png")
    for limits in (Limits(max_pixels=1000), Limits(max_bytes=100)):
        with pytest.raises(OverLimitError):
            read(path, limits=limits)
    pages = [Image.fromarray(picture)] * 3
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    with pytest.raises(OverLimitError, match="3 pages"):
        read(tmp_path / "a.tif", limits=Limits(max_pages=2))


def test_what_is_no_document(tmp_path: Path, read: Read) -> None:
    save(np.zeros((4, 4), np.uint8), tmp_path / "a.gif")
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(UnsupportedInputError):
        read(tmp_path / "a.gif")
    with pytest.raises(DamagedInputError, match="empty"):
        read(tmp_path / "empty.jpg")
    with pytest.raises(BadInputError, match="cannot be opened"):
        read(tmp_path / "missing.pdf")
    with pytest.raises(UnsupportedInputError, match="regular"):
        read(Path("/dev/null"))
