"""ISO 19005-2, 6.1.8 and 6.2.11: fonts, their widths, their way to Unicode, and no `.notdef`."""

import io
import re
import struct
from collections.abc import Iterator
from typing import Any

import pikepdf
from fontTools.ttLib import TTFont
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.binding.pdfa.finding import MOST_OBJECTS, Finding

WIDTH_TOLERANCE = 1.0
"""ISO 19005-2, 6.2.11.5: widths agree within 1/1000 em."""

_SIMPLE = {"/Type1", "/MMType1", "/TrueType", "/Type3"}
_COMPOSITE = {"/Type0", "/CIDFontType0", "/CIDFontType2"}
_PROGRAM_KINDS = {"/Type1C", "/CIDFontType0C", "/OpenType"}
_BAD_UNICODE = re.compile(rb"<(?:[0-9A-F]{4})*?(?:0000|FEFF|FFFE)(?:[0-9A-F]{4})*>\s*(?:\n|\r|endbf)")

Advances = dict[tuple[int, int], list[float]]
"""Widths in 1/1000 em of the glyphs of each font program, by its object number: programs are shared."""


def check_fonts(pdf: Pdf) -> Iterator[Finding]:
    """Every font dictionary of the file."""
    advances: Advances = {}
    told: set[tuple[int, int]] = set()
    for number, item in enumerate(pdf.objects):
        if number >= MOST_OBJECTS:
            return
        if isinstance(item, Dictionary) and item.get("/Type") == Name.Font:
            yield from _check_font(item, advances, told)


def _check_font(font: Any, advances: Advances, told: set[tuple[int, int]]) -> Iterator[Finding]:
    subtype = str(font.get("/Subtype"))
    if subtype not in _SIMPLE | _COMPOSITE:
        yield Finding("6.2.11.2", "a font has no known subtype")
        return
    if subtype != "/Type3" and not isinstance(font.get("/BaseFont"), Name):
        yield Finding("6.2.11.2", "a font has no name")
    if subtype in _SIMPLE:
        yield from _check_widths_array(font)
    if subtype in {"/CIDFontType0", "/CIDFontType2"}:
        return  # looked at through the font that uses it
    yield from _check_unicode(font, told)
    if subtype == "/Type3":
        return
    holder = font.DescendantFonts[0] if subtype == "/Type0" else font
    if subtype == "/Type0" and str(font.get("/Encoding")) not in {"/Identity-H", "/Identity-V"}:
        yield Finding("6.2.11.3.3", "a composite font is encoded other than by identity; it was not checked")
    if subtype == "/TrueType":
        yield from _check_truetype(font)
    yield from _check_program(holder, advances)


def _check_unicode(font: Any, told: set[tuple[int, int]]) -> Iterator[Finding]:
    unicode = font.get("/ToUnicode")
    if not isinstance(unicode, Stream):
        yield Finding("6.2.11.7.2", "a font has no ToUnicode")
    elif unicode.objgen not in told:
        told.add(unicode.objgen)
        if _BAD_UNICODE.search(unicode.read_bytes().upper().replace(b"ENDBF", b"endbf")):
            yield Finding("6.2.11.7.2", "ToUnicode maps to U+0000, U+FEFF or U+FFFE")


def _check_widths_array(font: Any) -> Iterator[Finding]:
    if not {"/FirstChar", "/LastChar", "/Widths"} <= set(font.keys()):
        yield Finding("6.2.11.2", "a simple font lacks FirstChar, LastChar or Widths")
    elif len(font.Widths) != int(font.LastChar) - int(font.FirstChar) + 1:
        yield Finding("6.2.11.2", "a simple font has more or fewer widths than characters")


def _check_truetype(font: Any) -> Iterator[Finding]:
    symbolic = int(font.get("/FontDescriptor", Dictionary()).get("/Flags", 0)) & 4
    encoding = font.get("/Encoding")
    if symbolic and encoding is not None:
        yield Finding("6.2.11.6", "a symbolic TrueType font has an encoding")
    base = encoding.get("/BaseEncoding") if isinstance(encoding, Dictionary) else encoding
    if not symbolic and base not in {Name.MacRomanEncoding, Name.WinAnsiEncoding}:
        yield Finding("6.2.11.6", "a TrueType font is encoded other than as MacRoman or WinAnsi")


def _check_program(holder: Any, advances: Advances) -> Iterator[Finding]:
    descriptor = holder.get("/FontDescriptor", Dictionary())
    programs = [descriptor[key] for key in ("/FontFile", "/FontFile2", "/FontFile3") if key in descriptor]
    if not programs:
        yield Finding("6.2.11.4.1", "a font is not embedded")
        return
    if "/Subtype" in programs[0] and str(programs[0].Subtype) not in _PROGRAM_KINDS:
        yield Finding("6.2.11.2", "a font program is of an unknown kind")
    if holder.get("/Subtype") == Name.CIDFontType2:
        yield from _check_widths(holder, programs[0], advances)


def _check_widths(font: Any, program: Any, advances: Advances) -> Iterator[Finding]:
    mapping = font.get("/CIDToGIDMap")
    if mapping is None:
        yield Finding("6.2.11.3.2", "an embedded CIDFontType2 has no CIDToGIDMap")
        return
    if program.objgen not in advances:
        with TTFont(io.BytesIO(program.read_bytes())) as loaded:
            scale = 1000 / loaded["head"].unitsPerEm
            advances[program.objgen] = [loaded["hmtx"][name][0] * scale for name in loaded.getGlyphOrder()]
    drawn = advances[program.objgen]
    if isinstance(mapping, Stream):
        table = mapping.read_bytes()
        glyphs = dict(enumerate(struct.unpack(f">{len(table) // 2}H", table[: len(table) // 2 * 2])))
    else:
        glyphs = {glyph: glyph for glyph in range(len(drawn))}
    widths = _read_widths(font)
    default = float(font.get("/DW", 1000))
    for cid, glyph in glyphs.items():
        if glyph >= len(drawn):
            yield Finding("6.2.11.4.1", "a CID maps to a glyph that is not embedded")
            return
        if glyph and abs(widths.get(cid, default) - drawn[glyph]) > WIDTH_TOLERANCE:
            yield Finding("6.2.11.5", "glyph widths disagree with the font program")
            return


def _read_widths(font: Any) -> dict[int, float]:
    entries: list[Any] = list(font.get("/W", Array()))
    widths: dict[int, float] = {}
    at = 0
    while at + 1 < len(entries):
        first = int(entries[at])
        if isinstance(entries[at + 1], Array):
            widths.update({first + step: float(width) for step, width in enumerate(entries[at + 1])})
            at += 2
        else:
            last = min(int(entries[at + 1]), 65535)
            widths.update(dict.fromkeys(range(first, last + 1), float(entries[at + 2])))
            at += 3
    return widths


def check_text(pdf: Pdf) -> Iterator[Finding]:
    """No `.notdef` (6.2.11.8), every code told in Unicode (6.2.11.7.2): what pages and appearances show."""
    for page in pdf.pages:
        annotations: Any = page.obj.get("/Annots", Array())
        yield from _check_shown(page, page.obj.get("/Resources", Dictionary()))
        for annotation in annotations:
            shown = annotation.get("/AP", Dictionary()).get("/N")
            if isinstance(shown, Stream):
                yield from _check_shown(shown, shown.get("/Resources", Dictionary()))


def _check_shown(content: Any, resources: Any) -> Iterator[Finding]:
    maps: dict[str, bytes | None] = {}
    fonts: Any = resources.get("/Font", Dictionary())
    for name, font in fonts.items():
        if font.get("/Encoding") == Name("/Identity-H"):
            mapping = font.DescendantFonts[0].get("/CIDToGIDMap")
            maps[name] = mapping.read_bytes() if isinstance(mapping, Stream) else None
    current = ""
    instructions: Any = pikepdf.parse_content_stream(content, "Tf Tj TJ")
    for operands, operator in instructions:
        if str(operator) == "Tf":
            current = str(operands[0])
            if current not in fonts:
                yield Finding("6.2.2", "text is shown in a font that the resources do not name")
                return
        elif current in maps and _shows_notdef(operands, maps[current]):
            yield Finding("6.2.11.8", "text shows .notdef")
            return


def _shows_notdef(operands: Any, table: bytes | None) -> bool:
    shown: Any = operands[0] if isinstance(operands[0], Array) else [operands[0]]
    for item in shown:
        if not isinstance(item, pikepdf.String):
            continue
        codes = bytes(item)
        for at in range(0, len(codes) - 1, 2):
            cid = codes[at] << 8 | codes[at + 1]
            glyph = codes[at : at + 2] if table is None else table[2 * cid : 2 * cid + 2]
            if glyph in {b"", b"\0\0"}:
                return True
    return False
