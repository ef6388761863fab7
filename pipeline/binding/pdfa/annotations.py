# mypy: disable-error-code="import-untyped"
"""ISO 19005-2, 6.1.13 (page boxes), 6.3, 6.4: pages' boxes, annotations, form fields and signatures."""

from collections.abc import Iterator
from typing import Any

from asn1crypto import cms
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.binding.pdfa.finding import Finding

_TYPES = {
    "/Text", "/Link", "/FreeText", "/Line", "/Square", "/Circle", "/Polygon", "/PolyLine", "/Highlight",
    "/Underline", "/Squiggly", "/StrikeOut", "/Stamp", "/Caret", "/Ink", "/Popup", "/FileAttachment",
    "/Widget", "/PrinterMark", "/TrapNet", "/Watermark", "/Redact",
}  # fmt: skip
_MUST_PRINT, _MAY_NOT_HIDE = 4, 1 | 2 | 32 | 256
_SIDES = ("/MediaBox", "/CropBox", "/BleedBox", "/TrimBox", "/ArtBox")


def check_pages(pdf: Pdf) -> Iterator[Finding]:
    """Sizes and annotations of every page."""
    for page in pdf.pages:
        for key in _SIDES:
            box: Any = page.mediabox if key == "/MediaBox" else page.obj.get(key)
            if box is None:
                continue
            x0, y0, x1, y1 = (float(value) for value in box)
            if not all(3 <= side <= 14400 for side in (abs(x1 - x0), abs(y1 - y0))):
                yield Finding("6.1.13", "a page is smaller than 3 or larger than 14400 points")
        annotations: Any = page.obj.get("/Annots", Array())
        for annotation in annotations:
            yield from _check_annotation(annotation)


def _check_annotation(annotation: Any) -> Iterator[Finding]:
    subtype = annotation.get("/Subtype")
    if str(subtype) not in _TYPES:
        yield Finding("6.3.1", f"an annotation of type {subtype} is present")
    if subtype != Name.Popup and "/F" not in annotation:
        yield Finding("6.3.2", "an annotation has no flags")
    flags = int(annotation.get("/F", _MUST_PRINT))
    if not flags & _MUST_PRINT or flags & _MAY_NOT_HIDE:
        yield Finding("6.3.2", "an annotation is not set to print, or is hidden")
    x0, y0, x1, y1 = (float(value) for value in annotation.Rect)
    empty = x0 == x1 and y0 == y1
    appearance = annotation.get("/AP")
    if appearance is None and not empty and subtype not in {Name.Popup, Name.Link}:
        yield Finding("6.3.3", "an annotation has no appearance")
    if isinstance(appearance, Dictionary):
        yield from _check_appearance(annotation, appearance)
    if subtype == Name.Widget and ("/A" in annotation or "/AA" in annotation):
        yield Finding("6.4.1", "a form field has an action")


def _check_appearance(annotation: Any, appearance: Dictionary) -> Iterator[Finding]:
    if set(appearance.keys()) != {"/N"}:
        yield Finding("6.3.3", "an appearance has more or less than /N")
        return
    is_button = annotation.get("/Subtype") == Name.Widget and annotation.get("/FT") == Name.Btn
    if is_button == isinstance(appearance.N, Stream):
        yield Finding("6.3.3", "an appearance is a stream for a button, or none for another annotation")


def check_signatures(pdf: Pdf, size: int) -> Iterator[Finding]:
    """Each signature: one signer, its certificate inside, and ranges that leave out nothing but itself."""
    fields: Any = pdf.Root.get("/AcroForm", Dictionary()).get("/Fields", Array())
    for field in fields:
        if "/AA" in field:
            yield Finding("6.4.1", "a form field has an action")
        value = field.get("/V")
        if field.get("/FT") != Name.Sig or not isinstance(value, Dictionary):
            continue
        first, length, second, rest = (int(number) for number in value.ByteRange)
        contents = bytes(value.Contents)
        hidden = second - (first + length)
        if first != 0 or second + rest > size or hidden != 2 * len(contents) + 2:
            yield Finding("6.4.3", "the ranges of a signature leave out more than the signature itself")
        signed = cms.ContentInfo.load(contents)["content"]
        if len(signed["signer_infos"]) != 1:
            yield Finding("6.4.3", "a signature has other than one signer")
        if not len(signed["certificates"]):
            yield Finding("6.4.3", "a signature lacks the signer's certificate")
