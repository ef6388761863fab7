"""What a visible signature says, how large it is, and where its field stands on page 1.

Profiles of `schemas.signing.AppearanceProfile`; facts/rules.md names the rule behind each.
"""

import io
import struct
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fontTools.ttLib import TTFont
from PIL import Image, UnidentifiedImageError

from schemas.errors import SigningError
from schemas.signing import AgencyMark, AppearanceProfile

PADDING_PT = 2.0
MARGIN_PT = 6.0
"""From the page's edges: scanned papers are blank there (NĐ 30/2020, annex I: margins of 15 mm and more)."""
DIGITISER_SIZE_PT = 7.0
AGENCY_SIZE_PT = 10.0
"""NĐ 30/2020/NĐ-CP, annex I: Times New Roman, upright, 10 pt, black."""
AGENCY_LINE_PT = 196.0
"""Longest line of an agency's signature: with a digitiser's of 150 pt it fits an A5 page (420 pt)."""
LEADING = 8.5 / 7.0

EMPTY_DIGITISER_PT = (150.0, 21.0)
EMPTY_AGENCY_PT = (AGENCY_LINE_PT + 2 * PADDING_PT, 4 * AGENCY_SIZE_PT * LEADING + 2 * PADDING_PT)
"""Fields left for others to sign; a field cannot grow once the PDF is certified.
The agency's holds four lines."""
LEAST_FIELD_PT = 1.05
"""pyHanko counts a field's sides in whole points and divides by them; the smallest page has 3."""

_BLUE, _BLACK = "0.1 0.2 0.5", "0 0 0"

Rectangle = tuple[float, float, float, float]
Size = tuple[float, float]


@dataclass(frozen=True, slots=True)
class SignatureFont:
    """The shipped font: glyph ids and widths (thousandths of an em) of its letters."""

    program: bytes
    compressed: bytes
    glyphs: dict[str, int]
    widths: tuple[int, ...]
    box: tuple[int, int, int, int]
    ascent: int
    descent: int


@lru_cache(maxsize=1)
def load_font() -> SignatureFont:
    """Read the shipped font once a process."""
    program = files("pipeline.binding").joinpath("data", "signature.ttf").read_bytes()
    font = TTFont(io.BytesIO(program))
    ids = font.getReverseGlyphMap()
    head, hhea = font["head"], font["hhea"]
    return SignatureFont(
        program=program,
        compressed=zlib.compress(program, 9),
        glyphs={chr(code): ids[name] for code, name in font.getBestCmap().items()},
        widths=tuple(font["hmtx"][name][0] for name in font.getGlyphOrder()),
        box=(head.xMin, head.yMin, head.xMax, head.yMax),
        ascent=hhea.ascent,
        descent=hhea.descent,
    )


@dataclass(frozen=True, slots=True)
class Seal:
    """A seal's picture at its true size: zlib-packed RGB, and coverage where it is not opaque."""

    rgb: bytes
    alpha: bytes | None
    width_px: int
    height_px: int
    width_pt: float
    height_pt: float


@lru_cache(maxsize=4)
def load_seal(png: bytes) -> Seal:
    """Unpack a seal once a process. Raises `SigningError` for what is no PNG, or does not tell its size."""
    try:
        with Image.open(io.BytesIO(png), formats=["PNG"]) as image:
            dpi = image.info.get("dpi")
            picture = image.convert("RGBA")
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, struct.error) as error:
        raise SigningError("the seal is no PNG that can be read", advice="check seal_file") from error
    if not dpi or min(dpi) <= 0:
        raise SigningError(
            "the seal's PNG does not say its resolution, so its true size is unknown",
            advice="save it with its dpi: width in pixels x 25.4 / width of the seal in mm",
        )
    alpha = picture.getchannel("A")
    opaque = alpha.getextrema() == (255, 255)
    return Seal(
        rgb=zlib.compress(picture.convert("RGB").tobytes(), 9),
        alpha=None if opaque else zlib.compress(alpha.tobytes(), 9),
        width_px=picture.width,
        height_px=picture.height,
        width_pt=picture.width * 72 / dpi[0],
        height_pt=picture.height * 72 / dpi[1],
    )


@dataclass(frozen=True, slots=True)
class Lettering:
    """Lines of the visible signature, NFC, every letter of them in the font; the seal stands left of them.

    It hangs from the top of its field, at its left or `on_right`. Without lines and seal nothing is drawn.
    """

    lines: tuple[str, ...] = ()
    size_pt: float = DIGITISER_SIZE_PT
    ink: str = _BLUE
    seal: Seal | None = None
    on_right: bool = False

    @property
    def leading_pt(self) -> float:
        """From baseline to baseline."""
        return self.size_pt * LEADING

    @property
    def text_left_pt(self) -> float:
        """Where lines begin."""
        return PADDING_PT + (self.seal.width_pt + 2 * PADDING_PT if self.seal else 0.0)

    @property
    def width_pt(self) -> float:
        """Width with padding."""
        longest = max((measure(line, self.size_pt) for line in self.lines), default=0.0)
        return self.text_left_pt + longest + PADDING_PT

    @property
    def height_pt(self) -> float:
        """Height with padding."""
        tall = self.seal.height_pt if self.seal else 0.0
        return max(self.leading_pt * len(self.lines), tall) + 2 * PADDING_PT


INVISIBLE = Lettering()


def letter(
    profile: AppearanceProfile, *, signer_name: str, scan_time: str, agency: AgencyMark, signed_at: str
) -> Lettering:
    """What a signature of `profile` says; times are ISO 8601 with zone.

    Raises `SigningError` for a letter the font lacks, an agency without a name, or a seal that is missing.
    """
    if profile == "invisible":
        return INVISIBLE
    if profile == "ca-nhan":
        return Lettering(_set(f"Người số hóa: {signer_name}", f"Thời gian quét: {scan_time}"))
    if not agency.name:
        raise SigningError(
            f"the appearance {profile} shows an agency and none is named", advice="set agency_name"
        )
    if profile == "sao-y":
        lines = _set(agency.copy_form, *wrap(agency.name), signed_at)
        return Lettering(lines, AGENCY_SIZE_PT, _BLACK, on_right=True)
    if agency.seal_png is None:
        raise SigningError(
            "the appearance luu-tru shows the red seal and none is given", advice="set seal_file"
        )
    seal = load_seal(agency.seal_png)
    return Lettering(_set(*wrap(agency.name), signed_at), AGENCY_SIZE_PT, _BLACK, seal, on_right=True)


def wrap(text: str) -> list[str]:
    """`text` in as few lines of at most `AGENCY_LINE_PT` as hold it, about equally long; words stay whole."""
    words = _set(text)[0].split()
    lines = _fill(words, AGENCY_LINE_PT)
    narrow = measure(" ".join(words), AGENCY_SIZE_PT) / len(lines)
    while len(tighter := _fill(words, narrow)) > len(lines):
        narrow += AGENCY_SIZE_PT
    return tighter if narrow < AGENCY_LINE_PT else lines


def _fill(words: list[str], width_pt: float) -> list[str]:
    lines = words[:1]
    for word in words[1:]:
        joined = f"{lines[-1]} {word}"
        if measure(joined, AGENCY_SIZE_PT) <= width_pt:
            lines[-1] = joined
        else:
            lines.append(word)
    return lines


def measure(line: str, size_pt: float) -> float:
    """Width in points."""
    font = load_font()
    return sum(font.widths[font.glyphs[character]] for character in line) * size_pt / 1000


def place_fields(page: Rectangle, digitiser: Size, agency: Size) -> tuple[Rectangle, Rectangle]:
    """Boxes of the digitiser's field (top left) and the agency's (top right), in points.

    `page` is the visible page. Both shrink on a page too small for them and never overlap.
    """
    left, bottom, right, top = page
    margin = min(MARGIN_PT, (right - left) / 20, (top - bottom) / 20)
    room = right - left - 3 * margin
    scale = min(1.0, room / (digitiser[0] + agency[0]))
    width = min(max(digitiser[0] * scale, LEAST_FIELD_PT), room - LEAST_FIELD_PT)
    other_width = min(max(agency[0] * scale, LEAST_FIELD_PT), room - width)
    most = top - bottom - 2 * margin
    height, other_height = (max(min(size[1] * scale, most), LEAST_FIELD_PT) for size in (digitiser, agency))
    high = top - margin
    return (
        (left + margin, high - height, left + margin + width, high),
        (right - margin - other_width, high - other_height, right - margin, high),
    )


def _set(*lines: str) -> tuple[str, ...]:
    """Lines in NFC with single spaces. Raises `SigningError` for a letter the font lacks."""
    clean = tuple(" ".join(unicodedata.normalize("NFC", line).split()) for line in lines)
    missing = sorted({character for line in clean for character in line} - load_font().glyphs.keys())
    if missing:
        codes = ", ".join(f"U+{ord(character):04X}" for character in missing[:5])
        raise SigningError(
            f"the signature font has no letter for {codes}", advice="write the signer's name in Latin letters"
        )
    return clean
