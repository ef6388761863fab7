"""What the PDF shows of a page: the true scan, upright and straight, colours as scanned."""

import io
import math
import zlib
from typing import Literal

import cv2
import numpy as np
from PIL import Image

from schemas.page import Codec, EncodedImage, PagePicture, Pixels, QuarterTurn, ScanPage, UprightPage

Affine = tuple[float, float, float, float, float, float]
"""2 x 3, row-major: x' = a x + b y + c, y' = d x + e y + f."""

COMPACT_DPI = 200.0
COMPACT_JPEG_QUALITY = 36
"""facts/pdf-and-signing.md, "Compact": 200 dpi 4:4:4 reads best. Quality by 12 generated pages of the bench's
development seeds, read again (word recall; under seals): lossless 99.21; 98.66, q40 99.17; 98.59, q36
99.22; 98.66 (one word is 0.02; 0.07), and by eye the same seals, strokes and faded print.
Progressive saves 7 % of the bytes."""
LEAST_BILINEAR_SCALE = 0.6
"""Down to it bilinear resampling meets every pixel and takes a sixth of the time of averaging areas (11 ms
for 67 ms, A4 at 300 dpi), which pays for the progressive scans; the JPEG is 2 % larger."""

LEAST_DRAWN_SKEW_DEG = 0.15
"""Below it the faithful picture is not rotated: viewers draw a rotated image softer and (PDFium) up to
0.45 mm off (facts), while 0.15 degrees left in move the corners of an A4 page by 0.48 mm at most."""

# 4:4:4: seals over text depend on full chroma (facts, "Compact")
_COMPACT_JPEG = (
    cv2.IMWRITE_JPEG_QUALITY, COMPACT_JPEG_QUALITY,
    cv2.IMWRITE_JPEG_PROGRESSIVE, 1,
    cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
)  # fmt: skip

COLOUR_CHROMA = 12.0
COLOUR_SHARE = 0.0002
"""A page is grey where at quarter scale fewer than 0.02 % of pixels differ from the page's median by
more than 12 in Lab chroma (facts: one seal stroke is found, JPEG noise is not)."""
PAPER_CHROMA = 6.0
"""Tinted paper stays in colour: about three times the least difference the eye sees (CIE76, 2.3)."""

_PNG_UP = 2
"""The PNG filter that stores each row as its difference from the one above."""

LEAST_PAGE_PT = 3.0
LARGEST_PAGE_PT = 14400.0
"""ISO 19005-2, 6.1.13: the side of a page in points."""


def make_picture(scan: ScanPage, page: UprightPage, profile: Literal["compact", "faithful"]) -> PagePicture:
    """The picture of one page, `page` pixels / dpi * 72 points in size.

    `compact`: the upright pixels again, JPEG at 200 dpi or less; bilevel pages G4 at their own
    resolution, the scanner's own stream where it is G4 (levelled and cut to black and white anew it is
    no smaller and reads worse). `faithful`: `scan.stream` bit for bit, turned by the content matrix;
    without a stream the upright pixels without loss. So too a flattened photo: no content matrix of PDF
    can undo a perspective.
    """
    scale = _choose_points_per_pixel(page)
    width_pt, height_pt = page.width_px * scale, page.height_px * scale
    stream = None if page.flattened else scan.stream
    if stream is not None and (profile == "faithful" or stream.codec is Codec.G4):
        matrix = _place_stream(stream, scan.stream_turn, page, scale)
        return PagePicture(stream, width_pt, height_pt, matrix)
    if page.bilevel:
        image = _encode_g4(page.pixels)
    elif profile == "faithful":
        image = _encode_flate(page.pixels)
    else:
        image = _encode_jpeg(page.pixels, min(1.0, COMPACT_DPI / page.dpi))
    return PagePicture(image, width_pt, height_pt, (width_pt, 0.0, 0.0, height_pt, 0.0, 0.0))


def is_grey(pixels: Pixels) -> bool:
    """Whether an RGB or grey page (`H x W [x 3]`) can be kept in grey with no colour lost."""
    if pixels.ndim == 2:
        return True
    _, *chroma = cv2.split(cv2.cvtColor(cv2.medianBlur(_take_every_fourth(pixels), 3), cv2.COLOR_RGB2LAB))
    # every pair of a and b counted once: 5 CPU ms a page of A4 at 300 dpi, where medians of both take 13
    counts = cv2.calcHist(chroma, [0, 1], None, [256, 256], [0.0, 256.0, 0.0, 256.0])
    levels = np.arange(256)
    paper_a, paper_b = (
        float(np.searchsorted(np.cumsum(counts.sum(axis=axis)), counts.sum() / 2)) for axis in (1, 0)
    )
    if math.hypot(paper_a - 128, paper_b - 128) > PAPER_CHROMA:
        return False
    coloured = (levels[:, None] - paper_a) ** 2 + (levels - paper_b) ** 2 > COLOUR_CHROMA**2
    return bool(counts[coloured].sum() < COLOUR_SHARE * counts.sum())


def _take_every_fourth(pixels: Pixels) -> Pixels:
    """Each fourth pixel of each fourth row (OpenCV takes them in a quarter of numpy's time)."""
    height, width = (side // 4 for side in pixels.shape[:2])
    if min(height, width) == 0:
        return pixels
    whole = np.ascontiguousarray(pixels)[: height * 4, : width * 4]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _choose_points_per_pixel(page: UprightPage) -> float:
    scale = 72.0 / page.dpi
    scale = max(scale, LEAST_PAGE_PT / min(page.width_px, page.height_px))
    return min(scale, LARGEST_PAGE_PT / max(page.width_px, page.height_px))


def _place_stream(stream: EncodedImage, turn: QuarterTurn, page: UprightPage, scale: float) -> Affine:
    """The content matrix: unit square -> stream pixels -> scan pixels -> upright pixels -> points."""
    upright = page.matrix
    if abs(page.skew.skew_deg) < LEAST_DRAWN_SKEW_DEG:
        upright = _straighten_to_quarter(upright, stream, turn, page)
    a, b, c, d, e, f = _chain(upright, _turn_clockwise(stream.width_px, stream.height_px, turn))
    width, height = stream.width_px, stream.height_px
    # row 0 of the image lies at the top of the unit square, row 0 of the page at the top of the page
    return (
        a * width * scale,
        -d * width * scale,
        -b * height * scale,
        e * height * scale,
        (b * height + c) * scale,
        (page.height_px - e * height - f) * scale,
    )


def _turn_clockwise(width: int, height: int, turn: QuarterTurn) -> Affine:
    return {
        0: (1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
        90: (0.0, -1.0, float(height), 1.0, 0.0, 0.0),
        180: (-1.0, 0.0, float(width), 0.0, -1.0, float(height)),
        270: (0.0, 1.0, 0.0, -1.0, 0.0, float(width)),
    }[turn]


def _chain(outer: Affine, inner: Affine) -> Affine:
    a, b, c, d, e, f = outer
    g, h, i, j, k, m = inner
    return (
        a * g + b * j,
        a * h + b * k,
        a * i + b * m + c,
        d * g + e * j,
        d * h + e * k,
        d * i + e * m + f,
    )


def _straighten_to_quarter(
    upright: Affine, stream: EncodedImage, turn: QuarterTurn, page: UprightPage
) -> Affine:
    """The nearest quarter turn of the same scale, centred on the page."""
    size = math.hypot(upright[0], upright[3])
    cos, sin = float(round(upright[0] / size)), float(round(upright[3] / size))
    width, height = (
        (stream.width_px, stream.height_px) if turn % 180 == 0 else (stream.height_px, stream.width_px)
    )
    a, b, d, e = cos * size, -sin * size, sin * size, cos * size
    return (
        a,
        b,
        page.width_px / 2 - (a * width + b * height) / 2,
        d,
        e,
        page.height_px / 2 - (d * width + e * height) / 2,
    )


def _encode_jpeg(pixels: Pixels, scale: float) -> EncodedImage:
    if pixels.ndim == 3 and is_grey(pixels):
        pixels = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.uint8, copy=False)
    if scale < 1.0:
        size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
        how = cv2.INTER_LINEAR if scale >= LEAST_BILINEAR_SCALE else cv2.INTER_AREA
        pixels = cv2.resize(pixels, size, interpolation=how).astype(np.uint8, copy=False)
    ordered = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", ordered, _COMPACT_JPEG)
    return _describe(Codec.JPEG, packed.tobytes(), pixels)


def _encode_flate(pixels: Pixels) -> EncodedImage:
    rows = np.ascontiguousarray(pixels).reshape(pixels.shape[0], -1)
    filtered = np.full((rows.shape[0], rows.shape[1] + 1), _PNG_UP, np.uint8)
    filtered[0, 1:] = rows[0]
    np.subtract(rows[1:], rows[:-1], out=filtered[1:, 1:])  # modulo 256, as PNG wants it
    return _describe(Codec.FLATE, zlib.compress(filtered.tobytes(), 6), pixels)


def _describe(codec: Codec, data: bytes, pixels: Pixels) -> EncodedImage:
    height, width = pixels.shape[:2]
    return EncodedImage(codec, data, width, height, components=3 if pixels.ndim == 3 else 1)


def _encode_g4(pixels: Pixels) -> EncodedImage:
    grey = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY)
    height, width = grey.shape
    bilevel = Image.fromarray(grey).convert("L").point(lambda level: 255 if level > 127 else 0, "1")
    tiff = io.BytesIO()
    # tag 278, rows per strip: one strip, so that its bytes are the whole CCITT stream
    bilevel.save(tiff, "TIFF", compression="group4", tiffinfo={278: height})
    with Image.open(tiff) as written:
        tags = written.tag_v2  # type: ignore[attr-defined]
        (offset,), (length,), photometric = tags[273], tags[279], tags[262]
    data = tiff.getvalue()[offset : offset + length]
    return EncodedImage(
        Codec.G4, data, width, height, components=1, bits_per_component=1, black_is_1=photometric == 1
    )
