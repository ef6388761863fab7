"""ISO 19005-2, 6.1.7, 6.1.10 and 6.2.2 to 6.2.10: streams, images, colours and what pages draw."""

import re
import struct
from collections.abc import Iterator
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.binding.pdfa.document import read_intent_space
from pipeline.binding.pdfa.finding import Finding, walk_values

MOST_NESTED = 28
"""q within q: ISO 19005-2, 6.1.13."""

_FILTERS = {
    "/ASCIIHexDecode", "/ASCII85Decode", "/FlateDecode", "/RunLengthDecode", "/CCITTFaxDecode",
    "/JBIG2Decode", "/DCTDecode", "/JPXDecode",
}  # fmt: skip
_INTENTS = {"/RelativeColorimetric", "/AbsoluteColorimetric", "/Perceptual", "/Saturation"}
_BLEND_MODES = {
    "/Normal", "/Compatible", "/Multiply", "/Screen", "/Overlay", "/Darken", "/Lighten", "/ColorDodge",
    "/ColorBurn", "/HardLight", "/SoftLight", "/Difference", "/Exclusion", "/Hue", "/Saturation", "/Color",
    "/Luminosity",
}  # fmt: skip
_OPERATORS = {
    "INLINE IMAGE", "b", "B", "b*", "B*", "BDC", "BI", "BMC", "BT", "BX", "c", "cm", "CS", "cs", "d", "d0",
    "d1", "Do", "DP", "EI", "EMC", "ET", "EX", "f", "F", "f*", "G", "g", "gs", "h", "i", "ID", "j", "J", "K",
    "k", "l", "m", "M", "MP", "n", "q", "Q", "re", "RG", "rg", "ri", "s", "S", "SC", "sc", "SCN", "scn", "sh",
    "T*", "Tc", "Td", "TD", "Tf", "Tj", "TJ", "TL", "Tm", "Tr", "Ts", "Tw", "Tz", "v", "w", "W", "W*", "y",
    "'", '"',
}  # fmt: skip
_HEX_STRING = re.compile(rb"(?<!<)<([^<>]*)>(?!>)")


def check_streams(pdf: Pdf) -> Iterator[Finding]:
    """Filters, images, forms and graphics states anywhere in the file."""
    space = read_intent_space(pdf)
    for item in walk_values(pdf):
        if isinstance(item, Stream):
            yield from _check_stream(item)
            if item.get("/Subtype") == Name.Image:
                yield from _check_image(item, space)
            elif item.get("/Subtype") == Name.Form:
                yield from _check_form(item)
            if item.get("/Subtype") == Name.PS:
                yield Finding("6.2.9", "a PostScript XObject is present")
        elif isinstance(item, Dictionary):
            yield from _check_graphics_state(item)


def check_drawing(pdf: Pdf) -> Iterator[Finding]:
    """Operators of every page and of what its annotations show."""
    space = read_intent_space(pdf)
    for page in pdf.pages:
        group = page.obj.get("/Group")
        if isinstance(group, Dictionary) and group.get("/CS") == Name.DeviceCMYK and space != "CMYK":
            yield Finding("6.2.10", "a transparency group blends in DeviceCMYK")
        if "/Resources" not in page.obj:
            yield Finding("6.2.2", "a page has no resources of its own")
        yield from check_operators(page, space)
        annotations: Any = page.obj.get("/Annots", Array())
        for annotation in annotations:
            shown = annotation.get("/AP", Dictionary()).get("/N")
            if isinstance(shown, Stream):
                yield from check_operators(shown, space)


def check_operators(content: Any, space: str | None) -> Iterator[Finding]:
    """Known operators only, nesting, colours the output intent covers."""
    depth = 0
    instructions: Any = pikepdf.parse_content_stream(content)
    for operands, operator in instructions:
        name = str(operator)
        if name not in _OPERATORS:
            yield Finding("6.2.2", "an operator that ISO 32000-1 does not know is used")
        elif name == "q":
            depth += 1
            if depth == MOST_NESTED + 1:
                yield Finding("6.1.13", "graphics states are nested deeper than 28")
        elif name == "Q":
            depth -= 1
        elif name == "ri" and str(operands[0]) not in _INTENTS:
            yield Finding("6.2.6", "an unknown rendering intent is used")
        elif name in {"rg", "RG"} and space != "RGB ":
            yield Finding("6.2.4.3", "DeviceRGB is used without an RGB output intent")
        elif name in {"k", "K"} and space != "CMYK":
            yield Finding("6.2.4.3", "DeviceCMYK is used without a CMYK output intent")
    if isinstance(content, pikepdf.Page):
        yield from _check_hex_strings(content.obj.get("/Contents"))


def _check_hex_strings(contents: Any) -> Iterator[Finding]:
    parts = contents if isinstance(contents, Array) else [contents]
    for part in parts:
        if not isinstance(part, Stream):
            continue
        for found in _HEX_STRING.findall(part.read_bytes()):
            digits = bytes(byte for byte in found if byte not in b" \t\r\n\f\0")
            if len(digits) % 2 or digits.strip(b"0123456789abcdefABCDEF"):
                yield Finding("6.1.6", "a hexadecimal string has an odd length or other letters")
                return


def _check_stream(stream: Stream) -> Iterator[Finding]:
    filters: Any = stream.get("/Filter", Array())
    named = {str(entry) for entry in filters} if isinstance(filters, Array) else {str(filters)}
    if named - _FILTERS:
        yield Finding("6.1.7.2", "a stream is packed with LZW, encrypted or of an unknown filter")
    if {"/F", "/FFilter", "/FDecodeParms"} & set(stream.keys()):
        yield Finding("6.1.7.1", "a stream lies in another file")


def _check_image(image: Stream, space: str | None) -> Iterator[Finding]:
    if bool(image.get("/Interpolate", False)):
        yield Finding("6.2.8", "an image has Interpolate true")
    if "/Alternates" in image or "/OPI" in image:
        yield Finding("6.2.8", "an image has Alternates or OPI")
    bits = image.get("/BitsPerComponent")
    if bits is not None and int(bits) not in {1, 2, 4, 8, 16}:
        yield Finding("6.2.8", "an image has an odd number of bits a component")
    if "/Intent" in image and str(image.Intent) not in _INTENTS:
        yield Finding("6.2.6", "an unknown rendering intent is used")
    colours = image.get("/ColorSpace")
    if colours == Name.DeviceCMYK and space != "CMYK":
        yield Finding("6.2.4.3", "an image is DeviceCMYK without a CMYK output intent")
    if colours == Name.DeviceRGB and space != "RGB ":
        yield Finding("6.2.4.3", "an image is DeviceRGB without an RGB output intent")
    if colours == Name.DeviceGray and space is None:
        yield Finding("6.2.4.3", "an image is DeviceGray without an output intent")
    if isinstance(colours, Array) and colours[0] == Name.ICCBased:
        yield from _check_profile(colours[1])
    if image.get("/Filter") == Name.JPXDecode:
        yield from check_jpeg2000(image.read_raw_bytes(), has_space=colours is not None)


def _check_profile(profile: Any) -> Iterator[Finding]:
    header = profile.read_bytes()[:128]
    kinds, spaces = {b"prtr", b"mntr", b"scnr", b"spac"}, {b"RGB ", b"CMYK", b"GRAY", b"Lab "}
    if len(header) < 128 or header[8] >= 5 or header[12:16] not in kinds or header[16:20] not in spaces:
        yield Finding("6.2.4.2", "an ICC profile of an image has a version, class or colours not allowed")


def check_jpeg2000(data: bytes, *, has_space: bool) -> Iterator[Finding]:
    """6.2.8.3 on the boxes of a JP2 file (ISO 15444-1, annex I); `has_space`: the PDF names the colours."""
    boxes = dict.fromkeys((b"ihdr", b"bpcc"), b"")
    specifications: list[bytes] = []
    for kind, body in _read_boxes(data):
        if kind in boxes:
            boxes[kind] = body
        elif kind == b"colr":
            specifications.append(body)
    header = boxes[b"ihdr"]
    if len(header) < 14:
        yield Finding("6.2.8.3", "a JPEG 2000 image has no image header box")
        return
    channels, bits = struct.unpack(">H", header[8:10])[0], (header[10] & 0x7F) + 1
    if channels not in {1, 3, 4}:
        yield Finding("6.2.8.3", "a JPEG 2000 image has other than 1, 3 or 4 channels")
    if boxes[b"bpcc"] or header[10] == 255 or not 1 <= bits <= 38:
        yield Finding("6.2.8.3", "channels of a JPEG 2000 image have different or odd bit depths")
    if has_space:
        return
    if not specifications or (
        len(specifications) > 1 and sum(body[2:3] == b"\x01" for body in specifications) != 1
    ):
        yield Finding("6.2.8.3", "a JPEG 2000 image does not say which colour space is the best")
    for body in specifications:
        if body[:1] not in {b"\x01", b"\x02", b"\x03"} or body[:1] + body[3:7] == b"\x01\0\0\0\x13":
            yield Finding("6.2.8.3", "a JPEG 2000 image has a colour specification that is not allowed")


def _read_boxes(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        end = len(data) if length == 0 else at + length
        if length == 1 or end <= at + 8:
            return  # 64-bit lengths and empty boxes: nothing a page image needs
        if kind == b"jp2h":
            yield from _read_boxes(data[at + 8 : end])
        elif kind == b"jp2c":
            return
        else:
            yield kind, data[at + 8 : end]
        at = end


def _check_form(form: Stream) -> Iterator[Finding]:
    if "/PS" in form or form.get("/Subtype2") == Name.PS or "/OPI" in form:
        yield Finding("6.2.9", "a form has PostScript or OPI keys")
    if "/Ref" in form:
        yield Finding("6.2.9", "a form refers to another file")


def _check_graphics_state(item: Dictionary) -> Iterator[Finding]:
    if item.get("/Type") == Name.Halftone or "/HalftoneType" in item:
        if item.get("/HalftoneType") not in {1, 5} or "/HalftoneName" in item:
            yield Finding("6.2.5", "a halftone is of a kind or name not allowed")
        return
    if item.get("/Type") != Name.ExtGState:
        return
    if "/TR" in item or "/HTP" in item or item.get("/TR2", Name.Default) != Name.Default:
        yield Finding("6.2.5", "a graphics state has TR, TR2 or HTP")
    if "/RI" in item and str(item.RI) not in _INTENTS:
        yield Finding("6.2.6", "an unknown rendering intent is used")
    modes: Any = item.get("/BM", Array())
    if any(str(mode) not in _BLEND_MODES for mode in (modes if isinstance(modes, Array) else [modes])):
        yield Finding("6.2.10", "an unknown blend mode is used")
