"""The invisible text over a page: one glyphless font program, and words exactly in their boxes.

All words of a line share font size and baseline, or poppler takes "an" and "Ủy" for text of two
sizes and tears the line apart (seen). The height of each word's own box is told by the ascent and
descent of its font dictionary: dictionaries differ in nothing else and share the program. PDFium
takes boxes from the glyph's outline (a blank one gives Chromium boxes 0.01 pt high), so the glyph
is a line with no area across the whole em.
"""

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from statistics import median

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from schemas.page import Box, PageText

FONT_NAME = "SohoaGlyphless"
ADVANCE = 500
"""Width of every glyph in thousandths of an em."""
LONGEST_STRING = 8000
"""Characters of one string: 2 bytes each, below the 32767 bytes of ISO 19005-2, 6.1.13."""


BOX_STEPS = 25
"""Ascents and descents come in 25ths of an em: at 300 dpi a 12 pt word is off by a pixel at most. Steps half
as large make twice as many dictionaries and no better boxes (median IoU with the truth 0.92 both)."""
DEEPEST_DESCENT = 0.4
"""Of an em; line sizes are chosen so that none is deeper (poppler takes larger ones for errors)."""

LEAST_GAP = 0.2
"""Of an em, between two words of a line: poppler takes up to 0.15 for the same word, whatever space is
drawn (seen at 0.02 to 0.1: `Nhàở`). Where ink stands closer, the left word's box ends sooner."""
LEAST_SHARE = 0.25
"""Of its width that a word's box keeps, however far the next one overlaps it."""

Extent = tuple[int, int]
"""Ascent and descent of a font dictionary, in BOX_STEPS of an em, both positive."""


@dataclass
class CharacterSet:
    """CIDs of the characters a document uses, in order of first use (CID 0 stays unused), and the
    extents of the font dictionaries it needs."""

    cids: dict[str, int] = field(default_factory=dict)
    extents: dict[Extent, int] = field(default_factory=dict)

    def name_font(self, extent: Extent) -> bytes:
        """The resource name of the dictionary with this extent."""
        return b"/F%d" % self.extents.setdefault(extent, len(self.extents))

    def encode(self, text: str) -> bytes:
        """Two bytes a character."""
        return b"".join(
            self.cids.setdefault(character, len(self.cids) + 1).to_bytes(2, "big") for character in text
        )


def write_text_layer(text: PageText, width_pt: float, height_pt: float, characters: CharacterSet) -> bytes:
    """Content operators that lay the words of `text` over a page of the given size in points."""
    if not text.words:
        return b""
    across, down = width_pt / text.width_px, height_pt / text.height_px
    parts = [b"BT 3 Tr"]
    for line in text.lines:
        words = [(shown, _place(word.box, text)) for word in line.words if (shown := clean_word(word.text))]
        if not words:
            continue
        baseline, em = _set_line([box for _, box in words])
        for (shown, box), following in zip(words, [*words[1:], None], strict=True):
            foot = max(min(baseline, box.bottom), box.top)
            extent = (round((foot - box.top) / em * BOX_STEPS), round((box.bottom - foot) / em * BOX_STEPS))
            size, x, y = em * down, box.left * across, height_pt - foot * down
            right = box.right if following is None else _part(box, following[1], LEAST_GAP * em)
            parts.append(b"%s %.2f Tf 1 0 0 1 %.2f %.2f Tm" % (characters.name_font(extent), size, x, y))
            parts.append(_stretch(shown, (right - box.left) * across, size, characters))
            if following is not None:
                gap = max(following[1].left - right, 1.0) * across
                parts.append(_stretch(" ", gap, size, characters))
    parts.append(b"ET")
    return b"\n".join(parts)


def clean_word(text: str) -> str:
    """NFC without what a text layer cannot carry: control characters, lone surrogates, U+FEFF, U+FFFE,
    noncharacters; white space of any kind becomes a space."""
    kept = (" " if character.isspace() else character for character in text if _is_text(character))
    return unicodedata.normalize("NFC", " ".join("".join(kept).split()))


def _part(box: Box, following: Box, gap_px: float) -> float:
    """Where the drawn word ends so that readers see a space before the one that follows."""
    if following.right <= box.left:  # out of order: nothing lies between the two
        return box.right
    return min(box.right, max(following.left - gap_px, box.left + LEAST_SHARE * (box.right - box.left)))


def _set_line(boxes: list[Box]) -> tuple[float, float]:
    """Baseline and em of a line, in pixels: the middle word stands on the baseline, all fit the em."""
    baseline = median(box.bottom for box in boxes)
    ascent = max(min(baseline, box.bottom) - box.top for box in boxes)
    descent = max(box.bottom - max(min(baseline, box.bottom), box.top) for box in boxes)
    return baseline, max(ascent, descent / DEEPEST_DESCENT, 1.0)


def embed_fonts(pdf: Pdf, characters: CharacterSet) -> Dictionary:
    """The /Font resources: Type0 dictionaries over one embedded program, with ToUnicode."""
    count = len(characters.cids)
    program = _read_font()
    file = Stream(pdf, program)
    file[Name.Length1] = len(program)
    file = pdf.make_indirect(file)
    mapping = pdf.make_indirect(Stream(pdf, b"\0\0" + b"\0\1" * count))
    unicode = pdf.make_indirect(
        Stream(pdf, write_to_unicode((cid, text) for text, cid in characters.cids.items()))
    )
    fonts = Dictionary()
    for extent, number in characters.extents.items():
        fonts[f"/F{number}"] = pdf.make_indirect(
            Dictionary(
                Type=Name.Font,
                Subtype=Name.Type0,
                BaseFont=Name("/" + FONT_NAME),
                Encoding=Name("/Identity-H"),
                DescendantFonts=Array([_describe_font(pdf, extent, file, mapping)]),
                ToUnicode=unicode,
            )
        )
    return pdf.make_indirect(fonts)


def _describe_font(pdf: Pdf, extent: Extent, file: pikepdf.Object, mapping: pikepdf.Object) -> Dictionary:
    ascent, descent = (step * 1000 // BOX_STEPS for step in extent)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/" + FONT_NAME),
        Flags=4,
        FontBBox=[0, 0, ADVANCE, 1000],
        ItalicAngle=0,
        Ascent=max(ascent, 1),
        Descent=-max(descent, 1),  # poppler takes 0 for "not told" and assumes 350
        CapHeight=1000,
        StemV=80,
        FontFile2=file,
    )
    return Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/" + FONT_NAME),
        CIDSystemInfo=Dictionary(
            Registry=pikepdf.String("Adobe"), Ordering=pikepdf.String("Identity"), Supplement=0
        ),
        FontDescriptor=pdf.make_indirect(descriptor),
        DW=ADVANCE,
        CIDToGIDMap=mapping,
    )


def write_to_unicode(mapping: Iterable[tuple[int, str]]) -> bytes:
    """A ToUnicode CMap of (character code, text), in blocks of at most 100 entries."""
    entries = [b"<%04X> <%s>" % (cid, text.encode("utf-16-be").hex().encode()) for cid, text in mapping]
    blocks = []
    for start in range(0, len(entries), 100):
        block = entries[start : start + 100]
        blocks.append(b"%d beginbfchar\n%s\nendbfchar" % (len(block), b"\n".join(block)))
    return b"""/CIDInit /ProcSet findresource begin
12 dict begin
begincmap
/CIDSystemInfo << /Registry (Adobe) /Ordering (UCS) /Supplement 0 >> def
/CMapName /Adobe-Identity-UCS def
/CMapType 2 def
1 begincodespacerange
<0000> <FFFF>
endcodespacerange
%s
endcmap
CMapName currentdict /CMap defineresource pop
end
end""" % b"\n".join(blocks)


def _stretch(shown: str, width_pt: float, size: float, characters: CharacterSet) -> bytes:
    percent = 100.0 * width_pt / (len(shown) * size * ADVANCE / 1000.0)
    pieces = (shown[start : start + LONGEST_STRING] for start in range(0, len(shown), LONGEST_STRING))
    return b"%.2f Tz " % percent + b" ".join(
        b"<%s> Tj" % characters.encode(piece).hex().encode() for piece in pieces
    )


def _place(box: Box, page: PageText) -> Box:
    """The box inside the page and at least one pixel each way: poppler drops what lies outside."""
    left = min(max(box.left, 0.0), page.width_px - 1.0)
    top = min(max(box.top, 0.0), page.height_px - 1.0)
    right = max(min(box.right, float(page.width_px)), left + 1.0)
    bottom = max(min(box.bottom, float(page.height_px)), top + 1.0)
    return Box(left, top, right, bottom)


def _is_text(character: str) -> bool:
    if character.isspace():
        return True
    code = ord(character)
    if code & 0xFFFE == 0xFFFE or 0xFDD0 <= code <= 0xFDEF or code == 0xFEFF:
        return False
    return unicodedata.category(character) not in {"Cc", "Cs"}


@lru_cache(maxsize=1)
def _read_font() -> bytes:
    """`.notdef` and one glyph without area (1 KB), made by `scripts/build_glyphless_font.py`."""
    return files("pipeline.binding").joinpath("data", "glyphless.ttf").read_bytes()
