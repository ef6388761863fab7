"""Pictures and their text into one PDF/A-2u, in one save (ISO 19005-2 level U)."""

import io
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from importlib.resources import files
from typing import Literal

import pikepdf
from pikepdf import Array, Dictionary, Name, ObjectStreamMode, Pdf, Stream, String

from pipeline.binding.manifest import PICTURE, PageRecord, record_page
from pipeline.binding.textlayer import CharacterSet, embed_fonts, write_text_layer
from pipeline.binding.xmp import CREATOR_TOOL, PRODUCER, clean_text, describe_document, write_xmp
from schemas.page import Attachment, BoundPage, Codec, DocumentInfo, EncodedImage, PagePicture

_PNG_PREDICTOR = 15
"""Each row tells its own PNG filter (ISO 32000-1, table 10)."""
LONGEST_INFO = 10_000
"""Characters of one document info value, each at most 3 bytes: below the 32767 of ISO 19005-2, 6.1.13."""


def compose(pages: Sequence[BoundPage], info: DocumentInfo, attachment: Attachment | None = None) -> bytes:
    """One PDF/A-2u: each picture at its size, its words invisible over it.

    With an `attachment` it is PDF/A-3u: part 2 lets only PDF/A be embedded (6.8), part 3 any file.
    `info.scan_time` must be ISO 8601 with a zone. Raises `ValueError` for another, or for no pages.
    The same input gives the same bytes.
    """
    if not pages:
        raise ValueError("a document needs a page")
    pdf = Pdf.new()
    characters = CharacterSet()
    contents = [
        (
            _draw_picture(page.picture),
            write_text_layer(page.text, page.picture.width_pt, page.picture.height_pt, characters),
        )
        for page in pages
    ]
    fonts = embed_fonts(pdf, characters) if characters.cids else None
    records = []
    for number, (page, (drawing, text)) in enumerate(zip(pages, contents, strict=True)):
        content = drawing + b"\n" + text
        _add_page(pdf, page.picture, content, fonts if text else None)
        records.append(record_page(page.picture.image.data, content, _find_source(info, number)))
    if attachment is not None:
        _attach(pdf, attachment, info)
    _describe(pdf, info, records, 2 if attachment is None else 3)
    written = io.BytesIO()
    # object streams: the text layer's many font dictionaries shrink to a tenth
    pdf.save(
        written,
        force_version="1.7",
        object_stream_mode=ObjectStreamMode.generate,
        stream_decode_level=pikepdf.StreamDecodeLevel.none,
        compress_streams=True,
        deterministic_id=True,
    )
    return written.getvalue()


def _find_source(info: DocumentInfo, index: int) -> tuple[int, int] | None:
    """(index into `source_sha256` from 1, page in it). Raises `ValueError` for an original not among them."""
    if not info.page_sources:
        return None
    digest, page = info.page_sources[index]
    return info.source_sha256.index(digest) + 1, page


def _add_page(pdf: Pdf, picture: PagePicture, content: bytes, fonts: pikepdf.Object | None) -> None:
    resources = Dictionary(XObject=Dictionary({PICTURE: _embed_image(pdf, picture.image)}))
    if fonts is not None:
        resources.Font = fonts
    page = Dictionary(
        Type=Name.Page,
        MediaBox=Array([0, 0, _decimal(picture.width_pt), _decimal(picture.height_pt)]),
        Resources=resources,
        Contents=pdf.make_indirect(Stream(pdf, content)),
    )
    pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))


def _draw_picture(picture: PagePicture) -> bytes:
    return b"q %s cm %s Do Q" % (b" ".join(b"%.5f" % value for value in picture.matrix), PICTURE.encode())


def _embed_image(pdf: Pdf, image: EncodedImage) -> pikepdf.Object:
    stream = Stream(pdf, image.data)
    stream.stream_dict = Dictionary(
        Type=Name.XObject,
        Subtype=Name.Image,
        Width=image.width_px,
        Height=image.height_px,
        ColorSpace=Name.DeviceRGB if image.components == 3 else Name.DeviceGray,
        BitsPerComponent=image.bits_per_component,
        Interpolate=False,
    )
    match image.codec:
        case Codec.JPEG:
            stream.write(image.data, filter=Name.DCTDecode)
        case Codec.FLATE:
            parms = Dictionary(
                Predictor=_PNG_PREDICTOR,
                Colors=image.components,
                BitsPerComponent=image.bits_per_component,
                Columns=image.width_px,
            )
            stream.write(image.data, filter=Name.FlateDecode, decode_parms=parms)
        case Codec.G4:
            # the filter's own /BlackIs1: in a TIFF it is photometric 1, as Pillow writes it
            parms = Dictionary(K=-1, Columns=image.width_px, Rows=image.height_px, BlackIs1=image.black_is_1)
            stream.write(image.data, filter=Name.CCITTFaxDecode, decode_parms=parms)
    return pdf.make_indirect(stream)


def _attach(pdf: Pdf, attachment: Attachment, info: DocumentInfo) -> None:
    """ISO 19005-3, 6.8: the original as source of the copy."""
    file = Stream(pdf, attachment.pdf)
    file.stream_dict = Dictionary(
        Type=Name.EmbeddedFile,
        Subtype=Name("/application/pdf"),
        Params=Dictionary(Size=len(attachment.pdf), ModDate=String(format_pdf_date(info.scan_time))),
    )
    file = pdf.make_indirect(file)
    name = String(clean_text(attachment.name))
    specification = pdf.make_indirect(
        Dictionary(
            Type=Name.Filespec,
            F=name,
            UF=name,
            Desc=String("Bản gốc như đã nhận"),
            AFRelationship=Name.Source,
            EF=Dictionary(F=file, UF=file),
        )
    )
    pdf.Root.AF = Array([specification])
    pdf.Root.Names = Dictionary(EmbeddedFiles=Dictionary(Names=Array([name, specification])))


def _describe(pdf: Pdf, info: DocumentInfo, records: Sequence[PageRecord], part: Literal[2, 3]) -> None:
    profile = Stream(pdf, _read_profile())
    profile[Name.N] = 3
    intent = Dictionary(
        Type=Name.OutputIntent,
        S=Name.GTS_PDFA1,
        OutputConditionIdentifier=String("sRGB IEC61966-2.1"),
        Info=String("sRGB IEC61966-2.1"),
        DestOutputProfile=pdf.make_indirect(profile),
    )
    pdf.Root.OutputIntents = Array([pdf.make_indirect(intent)])
    pdf.Root.Lang = String("vi-VN")
    pdf.Root.ViewerPreferences = Dictionary(DisplayDocTitle=True)
    xmp = Stream(pdf, write_xmp(info, records, part))
    xmp.stream_dict = Dictionary(Type=Name.Metadata, Subtype=Name.XML)
    pdf.Root.Metadata = pdf.make_indirect(xmp)
    when = format_pdf_date(info.scan_time)
    pdf.trailer.Info = pdf.make_indirect(
        Dictionary(
            Title=String(clean_text(info.title)),
            Creator=String(CREATOR_TOOL),
            Producer=String(PRODUCER),
            CreationDate=String(when),
            ModDate=String(when),
        )
    )
    for name, value in describe_document(info).items():
        if len(value) <= LONGEST_INFO:  # else in the XMP only
            pdf.docinfo[f"/{name}"] = String(value)


def format_pdf_date(iso_time: str) -> str:
    """`2026-11-24T12:00:00+07:00` as `D:20261124120000+07'00'`. Raises `ValueError` without a zone."""
    when = datetime.fromisoformat(iso_time)
    if when.tzinfo is None:
        raise ValueError(f"scan time {iso_time!r} has no time zone")
    zone = when.strftime("%z")
    return f"D:{when:%Y%m%d%H%M%S}{zone[:3]}'{zone[3:5]}'"


def _decimal(value: float) -> float:
    return round(value, 4)


@lru_cache(maxsize=1)
def _read_profile() -> bytes:
    return files("pipeline.binding").joinpath("data", "sRGB.icc").read_bytes()
