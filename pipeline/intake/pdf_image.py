"""An image XObject of a PDF to pixels, without a renderer; anything unusual is left to poppler."""

import io
import zlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pikepdf
from PIL import Image

from pipeline.intake.decode_jpeg import decode_jpeg, jpeg_stream
from pipeline.intake.decode_pillow import check_size, damage_reported, to_pixels
from pipeline.intake.decode_tiff import decode_fax
from pipeline.intake.jpeg_header import read_jpeg_header
from pipeline.intake.noise import Noise
from pipeline.intake.wire import DecodeLimits
from schemas.errors import DamagedInputError
from schemas.page import Codec, EncodedImage, Pixels

_BY_QPDF = {"/FlateDecode", "/LZWDecode", "/RunLengthDecode", "/ASCII85Decode", "/ASCIIHexDecode"}
_BY_QPDF |= {"/Fl", "/LZW", "/RL", "/A85", "/AHx"}
_DEFAULT_COLUMNS = 1728


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """Pixels as stored, and the stream where a PDF of ours may carry it as it is."""

    pixels: Pixels
    bilevel: bool
    stream: EncodedImage | None = None


@dataclass(frozen=True, slots=True)
class _Colours:
    """1 or 3 components, or a palette (n x 3 RGB) over one."""

    components: int
    palette: Pixels | None = None


@dataclass(frozen=True, slots=True)
class _Plan:
    image: Any
    width_px: int
    height_px: int
    bits: int
    filters: tuple[str, ...]
    parameters: Any
    inverted: bool


def decode_pdf_image(image: Any, limits: DecodeLimits, noise: Noise) -> DecodedImage | None:
    """Decode, or None where the image is unusual (CMYK, Lab, 2, 4 or 16 bits, JBIG2, odd /Decode ...).

    Raises `DamagedInputError` where its data is cut short and `OverLimitError` where it is too large.
    """
    plan = _plan(image)
    if plan is None:
        return None
    check_size(plan.width_px, plan.height_px, limits)
    if plan.filters[-1:] in {("/DCTDecode",), ("/DCT",)}:
        return _decode_dct(plan, limits, noise)
    if plan.filters in {("/CCITTFaxDecode",), ("/CCF",)}:
        return _decode_ccitt(plan, noise)
    if plan.filters == ("/JPXDecode",):
        return _decode_jpx(plan)
    if set(plan.filters) <= _BY_QPDF:
        return _decode_raw(plan)
    return None


def _plan(image: Any) -> _Plan | None:
    filters = image.get("/Filter", [])
    names = tuple(
        str(item) for item in (filters if isinstance(filters, pikepdf.Array) else [filters]) if item
    )
    parameters = image.get("/DecodeParms", image.get("/DP"))
    if isinstance(parameters, pikepdf.Array):
        parameters = parameters[-1] if len(parameters) == len(names) > 0 else None
    if not isinstance(parameters, pikepdf.Dictionary):
        parameters = pikepdf.Dictionary()
    decode = [float(value) for value in image.get("/Decode", [])]
    inverted = bool(decode) and decode == [1.0, 0.0]
    if decode and not inverted and decode != [0.0, 1.0] * (len(decode) // 2):
        return None
    bits = int(image.get("/BitsPerComponent", 8 if "/JPXDecode" in names else 1))
    width, height = int(image.get("/Width", 0)), int(image.get("/Height", 0))
    return _Plan(image, width, height, bits, names, parameters, inverted)


def _colours(space: Any) -> _Colours | None:
    """None for anything but grey, RGB and palettes of them."""
    name = str(space[0]) if isinstance(space, pikepdf.Array) and len(space) else str(space)
    if name in {"/DeviceGray", "/G", "/CalGray"}:
        return _Colours(1)
    if name in {"/DeviceRGB", "/RGB", "/CalRGB"}:
        return _Colours(3)
    if name == "/ICCBased":
        count = int(space[1].get("/N", 0))
        return _Colours(count) if count in {1, 3} else None
    if name in {"/Indexed", "/I"} and len(space) == 4:
        base = _colours(space[1])
        table = space[3].read_bytes() if isinstance(space[3], pikepdf.Stream) else bytes(space[3])
        if base is None or base.palette is not None:
            return None
        entries = np.frombuffer(table[: len(table) // base.components * base.components], np.uint8)
        palette = np.zeros((256, 3), np.uint8)  # indices beyond the table are shown black
        rows = entries.reshape(-1, base.components)[:256]
        palette[: len(rows)] = rows
        return _Colours(1, palette)
    return None


def _decode_dct(plan: _Plan, limits: DecodeLimits, noise: Noise) -> DecodedImage | None:
    colours = _colours(plan.image.get("/ColorSpace"))
    data = plan.image.read_raw_bytes()
    if plan.filters[:-1] in {("/FlateDecode",), ("/Fl",)}:
        data = _inflate(data, limits)
    elif plan.filters[:-1]:
        return None
    header = read_jpeg_header(data)
    stream = jpeg_stream(data, header)
    unusual = (
        colours is None
        or colours.palette is not None
        or colours.components != header.components
        or (plan.width_px, plan.height_px) != (header.width_px, header.height_px)
        or plan.inverted
        or "/ColorTransform" in plan.parameters
        or stream is None
    )
    pixels = decode_jpeg(data, header, limits, noise)  # also where poppler will draw it: damage must show
    return None if unusual else DecodedImage(pixels, bilevel=False, stream=stream)


def _inflate(data: bytes, limits: DecodeLimits) -> bytes:
    try:
        return zlib.decompressobj().decompress(data, limits.max_bytes)
    except zlib.error as error:
        raise DamagedInputError("a compressed page image is corrupt") from error


def _decode_ccitt(plan: _Plan, noise: Noise) -> DecodedImage | None:
    colours = _colours(plan.image.get("/ColorSpace", pikepdf.Name.DeviceGray))
    parameters = plan.parameters
    k = int(parameters.get("/K", 0))
    aligned = bool(parameters.get("/EncodedByteAlign", False))
    columns = int(parameters.get("/Columns", _DEFAULT_COLUMNS))
    if colours is None or colours.components != 1 or aligned or columns != plan.width_px or plan.bits != 1:
        return None
    black_is_1 = bool(parameters.get("/BlackIs1", False)) != plan.inverted
    if colours.palette is not None:
        flipped = _two_colours(colours.palette)
        if flipped is None:
            return None
        black_is_1 = black_is_1 != flipped
    data = plan.image.read_raw_bytes()
    pixels = decode_fax(data, plan.width_px, plan.height_px, k=k, black_is_1=black_is_1, noise=noise)
    stream = None
    if k < 0 and not bool(parameters.get("/EndOfLine", False)):
        stream = EncodedImage(
            Codec.G4, data, plan.width_px, plan.height_px, 1, bits_per_component=1, black_is_1=black_is_1
        )
    return DecodedImage(pixels, bilevel=True, stream=stream)


def _two_colours(palette: Pixels) -> bool | None:
    """False for the palette black, white; True for white, black; None for others."""
    first, second = palette[0].tolist(), palette[1].tolist()
    pairs = {((0, 0, 0), (255, 255, 255)): False, ((255, 255, 255), (0, 0, 0)): True}
    return pairs.get((tuple(first), tuple(second)))


def _decode_jpx(plan: _Plan) -> DecodedImage | None:
    if int(plan.image.get("/SMaskInData", 0)) or plan.inverted:
        return None
    data = io.BytesIO(plan.image.read_raw_bytes())
    with (
        damage_reported("a JPEG 2000 page image is cut short or corrupt"),
        Image.open(data, formats=["JPEG2000"]) as image,
    ):
        if image.mode not in {"L", "RGB"} or image.size != (plan.width_px, plan.height_px):
            return None
        image.load()
        pixels, _ = to_pixels(image)
    return DecodedImage(pixels, bilevel=False)


def _decode_raw(plan: _Plan) -> DecodedImage | None:
    colours = _colours(plan.image.get("/ColorSpace"))
    if colours is None or plan.bits not in {1, 8} or (plan.bits == 1 and colours.components != 1):
        return None
    row_bytes = (plan.width_px * colours.components * plan.bits + 7) // 8
    data = plan.image.read_bytes()
    if len(data) < row_bytes * plan.height_px:
        raise DamagedInputError("a page image in the PDF is cut short; part of the page is missing")
    rows = np.frombuffer(data, np.uint8, row_bytes * plan.height_px).reshape(plan.height_px, row_bytes)
    if plan.bits == 1:
        return _one_bit(plan, colours, rows)
    if colours.palette is not None:
        if plan.inverted:
            return None
        grey = bool((colours.palette == colours.palette[:, :1]).all())
        table = colours.palette[:, 0] if grey else colours.palette
        return DecodedImage(table[rows], bilevel=False)
    pixels = rows if colours.components == 1 else rows.reshape(plan.height_px, plan.width_px, 3)
    return DecodedImage(np.bitwise_not(pixels) if plan.inverted else pixels, bilevel=False)


def _one_bit(plan: _Plan, colours: _Colours, rows: Pixels) -> DecodedImage | None:
    flipped = False
    if colours.palette is not None:
        verdict = _two_colours(colours.palette)
        if verdict is None:
            return None
        flipped = verdict
    bits = np.unpackbits(rows, axis=1, count=plan.width_px)
    bits *= 255
    if flipped != plan.inverted:
        np.bitwise_not(bits, out=bits)
    return DecodedImage(bits, bilevel=True)
