# mypy: disable-error-code="no-untyped-call"
"""Draws a signature's lettering and seal into its field (see `lettering`)."""

from dataclasses import dataclass
from functools import lru_cache

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.layout import BoxConstraints
from pyhanko.pdf_utils.writer import BasePdfFileWriter
from pyhanko.stamp import BaseStampStyle

from pipeline.binding.lettering import INVISIBLE, PADDING_PT, Lettering, Seal, Size, load_font
from pipeline.binding.textlayer import write_to_unicode

FONT_NAME = "SOHOAS+Tinos"


@dataclass(frozen=True)
class LetteringStyle(BaseStampStyle):
    """Draws the lettering with the shipped font, embedded whole: no subsetting while signing.

    `size_pt` is the field's; pyHanko's own figure is cut to whole points.
    """

    lettering: Lettering = INVISIBLE
    size_pt: Size = (0.0, 0.0)

    def create_stamp(  # type: ignore[override]
        self, writer: BasePdfFileWriter, box: BoxConstraints, text_params: dict[str, object]
    ) -> "_Stamp":
        """PyHanko's door."""
        return _Stamp(writer, self.lettering, *self.size_pt)


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
    """The form of a field of this size; lettering too large for it is drawn smaller."""
    scale = min(width_pt / lettering.width_pt, height_pt / lettering.height_pt, 1.0)
    right = width_pt - scale * lettering.width_pt if lettering.on_right else 0.0
    up = height_pt - scale * lettering.height_pt
    resources = _dictionary()
    # empty ActualText: the signature is seen, but text taken from the page stays the paper's own
    operators = ["/Span << /ActualText () >> BDC", f"q {scale:.5f} 0 0 {scale:.5f} {right:.3f} {up:.3f} cm"]
    if lettering.seal:
        low = (lettering.height_pt - lettering.seal.height_pt) / 2
        size = f"{lettering.seal.width_pt:.4f} 0 0 {lettering.seal.height_pt:.4f}"
        operators.append(f"q {size} {PADDING_PT:g} {low:.4f} cm /Seal Do Q")
        resources[pdf_name("/XObject")] = _dictionary(Seal=_add_seal(writer, lettering.seal))
    if lettering.lines:
        operators += _write_lines(lettering)
        resources[pdf_name("/Font")] = _dictionary(F0=_embed(writer, "".join(lettering.lines)))
    operators.append("Q EMC")
    form = generic.StreamObject(stream_data="\n".join(operators).encode("ascii"))
    form.update(
        _dictionary(
            Type=pdf_name("/XObject"),
            Subtype=pdf_name("/Form"),
            BBox=_numbers(0.0, 0.0, width_pt, height_pt),
            Resources=resources,
        )
    )
    return form


def _write_lines(lettering: Lettering) -> list[str]:
    glyphs = load_font().glyphs
    first = lettering.height_pt - PADDING_PT - lettering.size_pt
    operators = [
        f"BT {lettering.ink} rg /F0 {lettering.size_pt:g} Tf {lettering.leading_pt:.3f} TL",
        f"{lettering.text_left_pt:.3f} {first:.3f} Td",
    ]
    for line in lettering.lines:
        codes = "".join(f"{glyphs[character]:04X}" for character in line)
        operators.append(f"<{codes}> Tj T*")
    return [*operators, "ET"]


def _add_seal(writer: BasePdfFileWriter, seal: Seal) -> generic.IndirectObject:
    image = _make_image(seal, seal.rgb, "/DeviceRGB")
    if seal.alpha is not None:
        image[pdf_name("/SMask")] = writer.add_object(_make_image(seal, seal.alpha, "/DeviceGray"))
    return writer.add_object(image)


def _make_image(seal: Seal, packed: bytes, colours: str) -> generic.StreamObject:
    image = generic.StreamObject(encoded_data=packed)
    image.update(
        _dictionary(
            Type=pdf_name("/XObject"),
            Subtype=pdf_name("/Image"),
            Width=generic.NumberObject(seal.width_px),
            Height=generic.NumberObject(seal.height_px),
            ColorSpace=pdf_name(colours),
            BitsPerComponent=generic.NumberObject(8),
            Filter=pdf_name("/FlateDecode"),
        )
    )
    return image


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
        W=_list_widths(),
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


@lru_cache(maxsize=1)
def _list_widths() -> generic.ArrayObject:
    """/W of the font, made once a process; it is only ever written."""
    return generic.ArrayObject([generic.NumberObject(0), _numbers(*load_font().widths)])


def _dictionary(**entries: generic.PdfObject) -> generic.DictionaryObject:
    return generic.DictionaryObject({pdf_name("/" + key): value for key, value in entries.items()})


def _numbers(*values: float) -> generic.ArrayObject:
    return generic.ArrayObject(
        generic.NumberObject(value) if isinstance(value, int) else generic.FloatObject(round(value, 4))
        for value in values
    )
