"""Each rule of PDF/A-2u we check is broken once in a sound file, and its clause is named."""

import io
from collections.abc import Callable

import pikepdf
import pytest
from pikepdf import Array, Dictionary, Name, Pdf, Stream, String
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.conformance import check_conformance
from pipeline.binding.picture import make_picture
from schemas.page import BoundPage
from scripts.samples.drawn import INFO, draw_page

Break = Callable[[Pdf], object]


@pytest.fixture(scope="module")
def sound() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


def clauses(data: bytes) -> set[str]:
    return {finding.clause for finding in check_conformance(data)}


def broken(sound: bytes, change: Break) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(sound)) as pdf:
        change(pdf)
        pdf.save(
            out,
            force_version="1.7",
            fix_metadata_version=False,
            stream_decode_level=pikepdf.StreamDecodeLevel.none,
            compress_streams=False,
        )
    return out.getvalue()


def image(pdf: Pdf) -> Stream:
    return pdf.pages[0].obj.Resources.XObject.Im0


def font(pdf: Pdf) -> Dictionary:
    return pdf.pages[0].obj.Resources.Font.F0


def draw(pdf: Pdf, operators: bytes) -> None:
    page = pdf.pages[0]
    page.obj.Contents = pdf.make_indirect(Stream(pdf, page.obj.Contents.read_bytes() + b"\n" + operators))


def annotate(pdf: Pdf, **keys: object) -> None:
    plain = {"Type": Name.Annot, "Subtype": Name.Square, "F": 4, "Rect": Array([0, 0, 9, 9])}
    appearance = {"AP": Dictionary(N=Stream(pdf, b"", Subtype=Name.Form, BBox=[0, 0, 9, 9]))}
    chosen = {f"/{key}": value for key, value in {**plain, **appearance, **keys}.items() if value is not None}
    pdf.pages[0].obj.Annots = Array([pdf.make_indirect(Dictionary(chosen))])


def appear(pdf: Pdf, operators: bytes) -> Dictionary:
    return Dictionary(N=Stream(pdf, operators, Subtype=Name.Form, BBox=[0, 0, 9, 9]))


def rewrite_xmp(pdf: Pdf, old: bytes, new: bytes) -> None:
    packet = pdf.Root.Metadata.read_bytes()
    assert old in packet
    pdf.Root.Metadata.write(packet.replace(old, new))


def jpeg2000(pdf: Pdf, old: bytes = b"", new: bytes = b"") -> None:
    packed = io.BytesIO()
    Image.new("RGB", (64, 64), "white").save(packed, "JPEG2000")
    data = packed.getvalue()
    assert old in data
    image(pdf).write(data.replace(old, new, 1) if old else data, filter=Name.JPXDecode)
    if "/ColorSpace" in image(pdf):
        del image(pdf).ColorSpace


def put(pdf: Pdf, **keys: object) -> None:
    for key, value in keys.items():
        pdf.Root[f"/{key}"] = value


BREAKS: list[tuple[str, Break]] = [
    ("6.1.7.1", lambda pdf: image(pdf).__setitem__("/F", String("elsewhere"))),
    ("6.1.7.2", lambda pdf: image(pdf).write(b"x", filter=Name.LZWDecode)),
    ("6.1.12", lambda pdf: put(pdf, Perms=Dictionary(Other=1))),
    ("6.1.13", lambda pdf: pdf.docinfo.__setitem__("/X", String("x" * 40000))),
    ("6.1.13", lambda pdf: pdf.docinfo.__setitem__("/X", Name("/" + "x" * 130))),
    ("6.1.13", lambda pdf: pdf.docinfo.__setitem__("/X", 2**31)),
    ("6.1.13", lambda pdf: draw(pdf, b"q " * 29 + b"Q " * 29)),
    ("6.1.13", lambda pdf: pdf.pages[0].obj.__setitem__("/MediaBox", Array([0, 0, 2, 20]))),
    ("6.1.13", lambda pdf: pdf.pages[0].obj.__setitem__("/CropBox", Array([0, 0, 1, 20]))),
    ("6.1.6", lambda pdf: draw(pdf, b"BT 3 Tr /F0 9 Tf <0001 0> Tj ET")),
    ("6.2.2", lambda pdf: draw(pdf, b"BX frobnicate EX")),
    ("6.2.2", lambda pdf: draw(pdf, b"BT 3 Tr /F999 9 Tf <0001> Tj ET")),
    ("6.2.3", lambda pdf: pdf.Root.__delitem__("/OutputIntents")),
    ("6.2.3", lambda pdf: pdf.Root.OutputIntents[0].DestOutputProfile.__setitem__("/N", 4)),
    ("6.2.4.3", lambda pdf: image(pdf).__setitem__("/ColorSpace", Name.DeviceCMYK)),
    ("6.2.4.3", lambda pdf: draw(pdf, b"0 0 0 1 k")),
    ("6.2.5", lambda pdf: put(pdf, X=Dictionary(Type=Name.ExtGState, TR=Name.Identity))),
    ("6.2.6", lambda pdf: draw(pdf, b"/Pretty ri")),
    ("6.2.8", lambda pdf: image(pdf).__setitem__("/Interpolate", value=True)),
    ("6.2.8", lambda pdf: image(pdf).__setitem__("/BitsPerComponent", 7)),
    ("6.2.8.3", lambda pdf: jpeg2000(pdf, b"colr\x01", b"colr\x07")),
    ("6.2.9", lambda pdf: put(pdf, X=Stream(pdf, b"", Subtype=Name.Form, Ref=Dictionary()))),
    ("6.2.10", lambda pdf: put(pdf, X=Dictionary(Type=Name.ExtGState, BM=Name("/Sparkle")))),
    ("6.2.11.2", lambda pdf: font(pdf).__delitem__("/BaseFont")),
    ("6.2.11.3.2", lambda pdf: font(pdf).DescendantFonts[0].__delitem__("/CIDToGIDMap")),
    ("6.2.11.3.3", lambda pdf: font(pdf).__setitem__("/Encoding", Name("/Own-H"))),
    ("6.2.11.4.1", lambda pdf: font(pdf).DescendantFonts[0].FontDescriptor.__delitem__("/FontFile2")),
    ("6.2.11.5", lambda pdf: font(pdf).DescendantFonts[0].__setitem__("/DW", 600)),
    ("6.2.11.7.2", lambda pdf: font(pdf).__delitem__("/ToUnicode")),
    ("6.2.11.8", lambda pdf: draw(pdf, b"BT 3 Tr /F0 9 Tf <0000> Tj ET")),
    ("6.3.1", lambda pdf: annotate(pdf, Subtype=Name.Movie)),
    ("6.3.1", lambda pdf: annotate(pdf, Subtype=Name("/Unheard"))),
    ("6.3.2", lambda pdf: annotate(pdf, F=None)),
    ("6.3.2", lambda pdf: annotate(pdf, F=6)),
    ("6.2.4.3", lambda pdf: annotate(pdf, AP=appear(pdf, b"0 0 0 1 k"))),
    ("6.3.3", lambda pdf: annotate(pdf, AP=None)),
    ("6.3.3", lambda pdf: annotate(pdf, AP=Dictionary(N=Dictionary()))),
    ("6.4.1", lambda pdf: put(pdf, AcroForm=Dictionary(Fields=Array(), NeedAppearances=True))),
    ("6.4.2", lambda pdf: put(pdf, AcroForm=Dictionary(Fields=Array(), XFA=String("")))),
    ("6.5.1", lambda pdf: put(pdf, OpenAction=Dictionary(S=Name.JavaScript, JS=String("x")))),
    ("6.5.1", lambda pdf: put(pdf, OpenAction=Dictionary(Type=Name.Action, S=Name.Launch))),
    ("6.5.1", lambda pdf: put(pdf, OpenAction=Dictionary(S=Name.Named, N=Name.Print))),
    ("6.5.2", lambda pdf: put(pdf, AA=Dictionary())),
    ("6.6.2.1", lambda pdf: pdf.Root.__delitem__("/Metadata")),
    ("6.6.2.1", lambda pdf: rewrite_xmp(pdf, b'" id="W5M0', b'" encoding="utf-8" id="W5M0')),
    ("6.6.2.3.1", lambda pdf: rewrite_xmp(pdf, b"name>recordCode<", b"name>another<")),
    ("6.6.2.3.3", lambda pdf: rewrite_xmp(pdf, b"category>external<", b"category>unheard<")),
    ("6.6.3", lambda pdf: pdf.docinfo.__setitem__("/Title", String("khác"))),
    ("6.6.4", lambda pdf: rewrite_xmp(pdf, b"part>2<", b"part>1<")),
    ("6.8", lambda pdf: put(pdf, X=Dictionary(Type=Name.Filespec, EF=Dictionary(), F=String("a")))),
    ("6.9", lambda pdf: put(pdf, OCProperties=Dictionary(OCGs=Array(), D=Dictionary()))),
    ("6.10", lambda pdf: pdf.pages[0].obj.__setitem__("/PresSteps", Dictionary())),
    ("6.11", lambda pdf: put(pdf, Requirements=Array())),
]  # fmt: skip


@pytest.mark.parametrize(("clause", "change"), [
    pytest.param(clause, change, id=f"{clause}-{number}") for number, (clause, change) in enumerate(BREAKS)
])  # fmt: skip
def test_a_broken_rule_is_named(sound: bytes, clause: str, change: Break) -> None:
    assert clause in clauses(broken(sound, change))


def test_saving_again_breaks_nothing(sound: bytes) -> None:
    assert clauses(broken(sound, lambda pdf: None)) == set()


def test_a_jpeg_2000_as_pillow_writes_it_is_allowed(sound: bytes) -> None:
    assert clauses(broken(sound, jpeg2000)) == set()


@pytest.mark.parametrize(("clause", "old", "new"), [
    ("6.1.2", b"%PDF-1.7", b" %PDF-1.7"),
    ("6.1.2", b"%PDF-1.7\n%\xbf\xf7", b"%PDF-1.7\n%ab"),
    ("6.1.3", b"%%EOF\n", b"%%EOF\n more"),
    ("6.1.7.1", b"endstream", b" \nendstream"),
    ("6.1.9", b" obj\n", b"  obj\n"),
    ("6.1.9", b"endobj\n", b"endobj "),
])  # fmt: skip
def test_a_broken_rule_of_bytes_is_named(sound: bytes, clause: str, old: bytes, new: bytes) -> None:
    assert old in sound
    assert clause in clauses(sound.replace(old, new, 1))
