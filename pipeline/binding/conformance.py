"""Own checks of PDF/A-2u (ISO 19005-2) on a finished PDF; what they pass is no certificate.

They cover what can go wrong in files made or signed by this room. veraPDF's full rule set is wider.
"""

import io
import re
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pikepdf
from fontTools.ttLib import TTFont, TTLibError
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.binding.xmp import NAMESPACE, PROPERTIES

PARSER_ERRORS = (
    pikepdf.PdfError,
    TTLibError,
    ElementTree.ParseError,
    struct.error,
    zlib.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What parsers raise on hostile bytes; none of it may leave `verify`."""

MOST_OBJECTS = 200_000
"""Objects looked at: 2000 pages make about 10,000."""
LARGEST_METADATA = 8 * 2**20
WIDTH_TOLERANCE = 1.0
"""ISO 19005-2, 6.2.11.5: widths agree within 1/1000 em."""

_FORBIDDEN_ACTIONS = {
    "/Launch", "/Sound", "/Movie", "/ResetForm", "/ImportData", "/Hide", "/SetOCGState",
    "/Rendition", "/Trans", "/GoTo3DView", "/JavaScript",
}  # fmt: skip
_FORBIDDEN_ANNOTATIONS = {"/3D", "/Sound", "/Screen", "/Movie"}
_RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
_XMP = {
    "part": "{http://www.aiim.org/pdfa/ns/id/}part",
    "conformance": "{http://www.aiim.org/pdfa/ns/id/}conformance",
    "/Title": "{http://purl.org/dc/elements/1.1/}title",
    "/Creator": "{http://ns.adobe.com/xap/1.0/}CreatorTool",
    "/Producer": "{http://ns.adobe.com/pdf/1.3/}Producer",
    "/CreationDate": "{http://ns.adobe.com/xap/1.0/}CreateDate",
    "/ModDate": "{http://ns.adobe.com/xap/1.0/}ModifyDate",
} | {f"/{name}": f"{{{NAMESPACE}}}{name}" for name in PROPERTIES}


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: the clause of ISO 19005-2 and what was found."""

    clause: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} (clause {self.clause})"


def check_conformance(data: bytes) -> list[Finding]:
    """Breaches of PDF/A-2u found in `data`; never raises, garbled parts are findings themselves."""
    findings = list(_check_header(data))
    try:
        with Pdf.open(io.BytesIO(data), attempt_recovery=True) as pdf:
            for check in (_check_document, _check_intent, _check_metadata, _check_objects, _check_pages):
                try:
                    findings += check(pdf)
                except PARSER_ERRORS as error:
                    findings.append(Finding("6.1", f"structure cannot be read ({type(error).__name__})"))
            if pdf.get_warnings():
                findings.append(Finding("6.1", "the file structure is damaged and had to be repaired"))
    except pikepdf.PasswordError:
        findings.append(Finding("6.1.3", "the file is encrypted"))
    except PARSER_ERRORS as error:
        findings.append(Finding("6.1", f"the file cannot be opened ({type(error).__name__})"))
    return list(dict.fromkeys(findings))


def _check_header(data: bytes) -> Iterator[Finding]:
    if not re.match(rb"%PDF-1\.[0-7]\r?\n?", data):
        yield Finding("6.1.2", "the header is not %PDF-1.n at byte 0")
    comment = re.match(rb"%PDF-1\.[0-7][\r\n]+%([^\r\n]{4})", data)
    if comment is None or any(byte < 128 for byte in comment.group(1)):
        yield Finding("6.1.2", "no comment of four binary bytes follows the header")


def _check_document(pdf: Pdf) -> Iterator[Finding]:
    identifiers = pdf.trailer.get("/ID")
    if not isinstance(identifiers, Array) or len(identifiers) != 2:
        yield Finding("6.1.3", "the trailer has no /ID")
    if pdf.is_encrypted or "/Encrypt" in pdf.trailer:
        yield Finding("6.1.3", "the file is encrypted")
    root = pdf.Root
    if "/AA" in root:
        yield Finding("6.5.2", "the catalog has additional actions")
    names = root.get("/Names")
    if isinstance(names, Dictionary):
        if "/JavaScript" in names:
            yield Finding("6.5.1", "the document carries JavaScript")
        if "/AlternatePresentations" in names:
            yield Finding("6.10", "the document has alternate presentations")
    if "/Requirements" in root:
        yield Finding("6.11", "the catalog has requirements")
    form = root.get("/AcroForm")
    if isinstance(form, Dictionary):
        if "/XFA" in form:
            yield Finding("6.4.2", "the form is XFA")
        if bool(form.get("/NeedAppearances", False)):
            yield Finding("6.4.1", "NeedAppearances is set")
    permissions = root.get("/Perms")
    if isinstance(permissions, Dictionary) and set(permissions.keys()) - {"/DocMDP", "/UR3"}:
        yield Finding("6.1.12", "the permissions dictionary has keys besides DocMDP and UR3")


def _check_intent(pdf: Pdf) -> Iterator[Finding]:
    intents: Any = pdf.Root.get("/OutputIntents", Array())
    profiles = [intent.get("/DestOutputProfile") for intent in intents if intent.get("/S") == Name.GTS_PDFA1]
    if not profiles or profiles[0] is None:
        yield Finding("6.2.3", "no output intent GTS_PDFA1 with a profile")
        return
    header = profiles[0].read_bytes()[:128]
    if len(header) < 128 or header[36:40] != b"acsp":
        yield Finding("6.2.3", "the output profile is no ICC profile")
        return
    if header[8] >= 5 or header[12:16] not in {b"mntr", b"prtr"}:
        yield Finding("6.2.3", "the output profile has a version or class not allowed")
    components = {b"RGB ": 3, b"GRAY": 1, b"CMYK": 4}.get(header[16:20])
    if components is None or components != profiles[0].get("/N"):
        yield Finding("6.2.3", "/N of the output profile disagrees with its colour space")


def _check_metadata(pdf: Pdf) -> Iterator[Finding]:
    metadata = pdf.Root.get("/Metadata")
    if not isinstance(metadata, Stream):
        yield Finding("6.6.2", "the catalog has no XMP metadata")
        return
    if "/Filter" in metadata:
        yield Finding("6.6.2", "the XMP metadata is compressed")
    packet = metadata.read_bytes()
    if len(packet) > LARGEST_METADATA or b"<!DOCTYPE" in packet or b"<!ENTITY" in packet:
        yield Finding("6.6.2", "the XMP metadata is no plain XMP packet")
        return
    values = _read_xmp(packet)
    if values.get("part") != "2" or values.get("conformance") != "U":
        yield Finding("6.6.4", "pdfaid does not say PDF/A-2u")
    info = pdf.trailer.get("/Info")
    if not isinstance(info, Dictionary):
        return
    for key in _XMP:
        if key in info and _compact_date(key, str(info[key])) != _compact_date(key, values.get(key, "")):
            yield Finding("6.6.3", f"document info {key} disagrees with XMP")


def _read_xmp(packet: bytes) -> dict[str, str]:
    # entities are refused above, so the standard parser has nothing to expand
    tree = ElementTree.fromstring(packet.strip(b"\0 \r\n\t"))  # noqa: S314
    values = {}
    for description in tree.iter(_RDF + "Description"):
        for key, name in _XMP.items():
            element = description.find(name)
            if element is not None:
                values[key] = "".join(element.itertext()).strip() if len(element) else (element.text or "")
            elif name in description.attrib:
                values[key] = description.attrib[name]
    return values


def _compact_date(key: str, value: str) -> str:
    return re.sub(r"[D:'T-]", "", value) if key.endswith("Date") else value.strip()


def _check_objects(pdf: Pdf) -> Iterator[Finding]:
    if len(pdf.objects) > MOST_OBJECTS:
        yield Finding("6.1.13", f"more than {MOST_OBJECTS} objects; the rest was not looked at")
    for number, item in enumerate(pdf.objects):
        if number >= MOST_OBJECTS:
            return
        if not isinstance(item, Dictionary | Stream):
            continue
        kind, subtype = item.get("/Type"), item.get("/Subtype")
        if isinstance(item, Stream):
            yield from _check_stream(item)
        if "/JS" in item or (str(item.get("/S")) in _FORBIDDEN_ACTIONS and kind in {None, Name.Action}):
            yield Finding("6.5.1", "a forbidden action is present")
        if "/AA" in item:
            yield Finding("6.5.2", "an additional-actions dictionary is present")
        if kind == Name.Font and subtype in {Name.Type0, Name.TrueType, Name.Type1, Name.Type3}:
            yield from _check_font(item)


def _check_stream(stream: Stream) -> Iterator[Finding]:
    filters: Any = stream.get("/Filter", Array())
    named = {str(entry) for entry in filters} if isinstance(filters, Array) else {str(filters)}
    if "/LZWDecode" in named:
        yield Finding("6.1.7.2", "a stream is packed with LZW")
    if named & {"/Crypt"}:
        yield Finding("6.1.7.2", "a stream is encrypted")
    if {"/F", "/FFilter", "/FDecodeParms"} & set(stream.keys()):
        yield Finding("6.1.7.1", "a stream lies in another file")
    if stream.get("/Subtype") == Name.Image:
        if bool(stream.get("/Interpolate", False)):
            yield Finding("6.2.8", "an image has Interpolate true")
        if "/Alternates" in stream or "/OPI" in stream:
            yield Finding("6.2.8", "an image has Alternates or OPI")
        if stream.get("/ColorSpace") == Name.DeviceCMYK:
            yield Finding("6.2.4.3", "an image is DeviceCMYK without a CMYK output intent")
    if stream.get("/Subtype") == Name.PS or "/PS" in stream:
        yield Finding("6.2.9", "a PostScript XObject is present")


def _check_font(font: Any) -> Iterator[Finding]:
    if "/ToUnicode" not in font:
        yield Finding("6.2.11.7.2", "a font has no ToUnicode")
    elif re.search(rb"<(?:0000|FEFF|FFFE)>\s*(?:\n|endbfchar)", font.ToUnicode.read_bytes(), re.IGNORECASE):
        yield Finding("6.2.11.7.2", "ToUnicode maps to U+0000, U+FEFF or U+FFFE")
    if font.get("/Subtype") == Name.Type3:
        return
    holder = font.DescendantFonts[0] if font.get("/Subtype") == Name.Type0 else font
    descriptor = holder.get("/FontDescriptor", Dictionary())
    programs = [descriptor[key] for key in ("/FontFile", "/FontFile2", "/FontFile3") if key in descriptor]
    if not programs:
        yield Finding("6.2.11.4.1", "a font is not embedded")
    elif holder.get("/Subtype") == Name.CIDFontType2:
        yield from _check_widths(holder, programs[0])


def _check_widths(font: Any, program: Any) -> Iterator[Finding]:
    mapping = font.get("/CIDToGIDMap")
    if mapping is None:
        yield Finding("6.2.11.3.2", "an embedded CIDFontType2 has no CIDToGIDMap")
        return
    with TTFont(io.BytesIO(program.read_bytes())) as loaded:
        scale = 1000 / loaded["head"].unitsPerEm
        advances = [loaded["hmtx"][name][0] * scale for name in loaded.getGlyphOrder()]
    if isinstance(mapping, Stream):
        table = mapping.read_bytes()
        glyphs = dict(enumerate(struct.unpack(f">{len(table) // 2}H", table[: len(table) // 2 * 2])))
    else:
        glyphs = {glyph: glyph for glyph in range(len(advances))}
    widths = _read_widths(font)
    default = float(font.get("/DW", 1000))
    for cid, glyph in glyphs.items():
        if glyph >= len(advances):
            yield Finding("6.2.11.4.1", "a CID maps to a glyph that is not embedded")
            return
        if glyph and abs(widths.get(cid, default) - advances[glyph]) > WIDTH_TOLERANCE:
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


def _check_pages(pdf: Pdf) -> Iterator[Finding]:
    for page in pdf.pages:
        if "/Resources" not in page.obj:
            yield Finding("6.2.2", "a page has no resources of its own")
        x0, y0, x1, y1 = (float(value) for value in page.mediabox)
        if not all(3 <= side <= 14400 for side in (abs(x1 - x0), abs(y1 - y0))):
            yield Finding("6.1.13", "a page is smaller than 3 or larger than 14400 points")
        group = page.obj.get("/Group")
        if isinstance(group, Dictionary) and group.get("/CS") == Name.DeviceCMYK:
            yield Finding("6.2.10", "a transparency group blends in DeviceCMYK")
        for annotation in page.obj.get("/Annots", Array()):
            yield from _check_annotation(annotation)
        yield from _check_text(page)


def _check_annotation(annotation: Any) -> Iterator[Finding]:
    subtype = annotation.get("/Subtype")
    if str(subtype) in _FORBIDDEN_ANNOTATIONS:
        yield Finding("6.3.1", f"an annotation of type {subtype} is present")
    flags = int(annotation.get("/F", 0))
    if subtype != Name.Popup and (not flags & 4 or flags & (1 | 2 | 32 | 256)):
        yield Finding("6.3.2", "an annotation is not set to print, or is hidden")
    x0, y0, x1, y1 = (float(value) for value in annotation.Rect)
    empty = x0 == x1 and y0 == y1
    appearance = annotation.get("/AP")
    if appearance is None and not empty and subtype not in {Name.Popup, Name.Link}:
        yield Finding("6.3.3", "an annotation has no appearance")
    if isinstance(appearance, Dictionary) and set(appearance.keys()) != {"/N"}:
        yield Finding("6.3.3", "an appearance has more than /N")
    if subtype == Name.Widget and ("/A" in annotation or "/AA" in annotation):
        yield Finding("6.4.1", "a form field has an action")


def _check_text(page: pikepdf.Page) -> Iterator[Finding]:
    """No `.notdef` (6.2.11.8): CIDs shown by the page's Identity-H fonts must map to other glyphs."""
    maps: dict[str, bytes | None] = {}
    fonts: Any = page.obj.get("/Resources", Dictionary()).get("/Font", Dictionary())
    for name, font in fonts.items():
        if font.get("/Encoding") == Name("/Identity-H"):
            mapping = font.DescendantFonts[0].get("/CIDToGIDMap")
            maps[name] = mapping.read_bytes() if isinstance(mapping, Stream) else None
    current = ""
    instructions: Any = pikepdf.parse_content_stream(page, "Tf Tj TJ")
    for operands, operator in instructions:
        if str(operator) == "Tf":
            current = str(operands[0])
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
