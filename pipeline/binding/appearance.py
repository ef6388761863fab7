# mypy: disable-error-code="no-untyped-call"
"""How a signature looks on page 1: profile `ca-nhan` of Thông tư 01/2023/TT-VPCP, Điều 8.

Name and scan time stand at the top left, small, in the page's margin.
"""

import io
import unicodedata
import zlib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files

from fontTools.ttLib import TTFont
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.stamp import BaseStampStyle

from pipeline.binding.textlayer import write_to_unicode
from schemas.errors import SigningError

FONT_NAME = "SOHOAS+Tinos"
SIZE_PT = 7.0
LEADING_PT = 8.5
PADDING_PT = 2.0
MARGIN_PT = 6.0
"""From the page's edges: scanned papers are blank there (NĐ 30/2020, annex I: margins of 15 mm and more)."""
EMPTY_WIDTH_PT = 90.0
"""Width of the receiving agency's empty field."""

_INK = "0.1 0.2 0.5"

Rectangle = tuple[float, float, float, float]


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
class Lettering:
    """Lines of the visible signature, NFC, every letter of them in the font."""

    lines: tuple[str, ...]

    @property
    def width_pt(self) -> float:
        """Width of the longest line."""
        return max(_measure(line) for line in self.lines)

    @property
    def height_pt(self) -> float:
        """Height with padding."""
        return LEADING_PT * len(self.lines) + 2 * PADDING_PT


def letter(signer_name: str, scan_time: str) -> Lettering:
    """What the signature of `signer_name` says. Raises `SigningError` for a letter the font lacks."""
    lines = tuple(
        " ".join(unicodedata.normalize("NFC", line).split())
        for line in (f"Người số hóa: {signer_name}", f"Thời gian quét: {scan_time}")
    )
    missing = sorted(set("".join(lines)) - load_font().glyphs.keys())
    if missing:
        codes = ", ".join(f"U+{ord(character):04X}" for character in missing)
        raise SigningError(
            f"the signature font has no letter for {codes}", advice="write the signer's name in Latin letters"
        )
    return Lettering(lines)


LEAST_FIELD_PT = 1.05
"""pyHanko counts a field's sides in whole points and divides by them; the smallest page has 3."""


def place_fields(page: Rectangle, lettering: Lettering) -> tuple[Rectangle, Rectangle]:
    """Boxes of the digitiser's field (top left) and the agency's (top right), in points.

    `page` is the visible page. Both shrink on a page too small for them and never overlap.
    """
    left, bottom, right, top = page
    margin = min(MARGIN_PT, (right - left) / 20, (top - bottom) / 20)
    most = (right - left) / 2 - 1.5 * margin
    wanted = lettering.width_pt + 2 * PADDING_PT
    agency = min(EMPTY_WIDTH_PT, max(most / 4, right - left - 3 * margin - wanted, LEAST_FIELD_PT))
    own = min(wanted, right - left - 3 * margin - agency)
    height = max(min(lettering.height_pt * own / wanted, top - bottom - 2 * margin), LEAST_FIELD_PT)
    high, low = top - margin, top - margin - height
    return (
        (left + margin, low, left + margin + own, high),
        (right - margin - agency, low, right - margin, high),
    )


@dataclass(frozen=True)
class LetteringStyle(BaseStampStyle):
    """Draws the lettering with the shipped font, embedded whole: no subsetting while signing."""

    lettering: Lettering = Lettering(("",))

    def create_stamp(  # type: ignore[override]
        self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: dict[str, object]
    ) -> "_Stamp":
        """PyHanko's door."""
        return _Stamp(writer, self.lettering, float(box.width), float(box.height))


class _Stamp:
    """The part of pyHanko's `BaseStamp` that signing calls."""

    def __init__(
        self, writer: BasePdfFileWriter, lettering: Lettering, width_pt: float, height_pt: float
    ) -> None:
        self._writer = writer
        self._form = _draw(writer, lettering, width_pt, height_pt)

    def apply_appearance(self, annot_dict: generic.DictionaryObject) -> None:
        annot_dict[pdf_name("/AP")] = generic.DictionaryObject(
            {pdf_name("/N"): self._writer.add_object(self._form)}
        )


def _draw(
    writer: BasePdfFileWriter, lettering: Lettering, width_pt: float, height_pt: float
) -> generic.StreamObject:
    glyphs = load_font().glyphs
    full_width, full_height = lettering.width_pt + 2 * PADDING_PT, lettering.height_pt
    scale = min(width_pt / full_width, height_pt / full_height, 1.0)
    # empty ActualText: the signature is seen, but text taken from the page stays the paper's own
    operators = ["/Span << /ActualText () >> BDC"]
    operators.append(
        f"q {scale:.5f} 0 0 {scale:.5f} 0 0 cm BT {_INK} rg /F0 {SIZE_PT:g} Tf {LEADING_PT:g} TL"
    )
    first = full_height - PADDING_PT - SIZE_PT
    operators.append(f"{PADDING_PT:g} {first:g} Td")
    for line in lettering.lines:
        codes = "".join(f"{glyphs[character]:04X}" for character in line)
        operators.append(f"<{codes}> Tj T*")
    operators.append("ET Q EMC")
    form = generic.StreamObject(stream_data="\n".join(operators).encode("ascii"))
    form.update(
        _dictionary(
            Type=pdf_name("/XObject"),
            Subtype=pdf_name("/Form"),
            BBox=_numbers(0.0, 0.0, width_pt, height_pt),
            Resources=_dictionary(Font=_dictionary(F0=_embed(writer, "".join(lettering.lines)))),
        )
    )
    return form


def _embed(writer: BasePdfFileWriter, used: str) -> generic.IndirectObject:
    font = load_font()
    name = pdf_name("/" + FONT_NAME)
    file = generic.StreamObject(encoded_data=font.compressed)
    file.update(_dictionary(Filter=pdf_name("/FlateDecode"), Length1=generic.NumberObject(len(font.program))))
    descriptor = _dictionary(
        Type=pdf_name("/FontDescriptor"),
        FontName=name,
        Flags=generic.NumberObject(4 | 2),
        FontBBox=_numbers(*font.box),
        ItalicAngle=generic.NumberObject(0),
        Ascent=generic.NumberObject(font.ascent),
        Descent=generic.NumberObject(font.descent),
        CapHeight=generic.NumberObject(662),
        StemV=generic.NumberObject(80),
        FontFile2=writer.add_object(file),
    )
    descendant = _dictionary(
        Type=pdf_name("/Font"),
        Subtype=pdf_name("/CIDFontType2"),
        BaseFont=name,
        CIDSystemInfo=_dictionary(
            Registry=generic.pdf_string("Adobe"),
            Ordering=generic.pdf_string("Identity"),
            Supplement=generic.NumberObject(0),
        ),
        FontDescriptor=writer.add_object(descriptor),
        W=generic.ArrayObject([generic.NumberObject(0), _numbers(*font.widths)]),
        CIDToGIDMap=pdf_name("/Identity"),
    )
    glyphs = sorted({font.glyphs[character]: character for character in used}.items())
    return writer.add_object(
        _dictionary(
            Type=pdf_name("/Font"),
            Subtype=pdf_name("/Type0"),
            BaseFont=name,
            Encoding=pdf_name("/Identity-H"),
            DescendantFonts=generic.ArrayObject([writer.add_object(descendant)]),
            ToUnicode=writer.add_object(generic.StreamObject(stream_data=write_to_unicode(glyphs))),
        )
    )


def _dictionary(**entries: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name("/" + key): value for key, value in entries.items()})


def _numbers(*values: float) -> generic.ArrayObject:
    return generic.ArrayObject(
        generic.NumberObject(value) if isinstance(value, int) else generic.FloatObject(round(value, 4))
        for value in values
    )


def _measure(line: str) -> float:
    font = load_font()
    return sum(font.widths[font.glyphs[character]] for character in line) * SIZE_PT / 1000
