"""Draws sheets as a PDF: bars, two QR codes, a Code 128, and the words a person reads.

The font comes from the caller (`pipeline.binding` ships one with every Vietnamese letter), embedded whole.
"""

import io
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
import pikepdf
import segno
import zxingcpp
from pikepdf import Array, Dictionary, Name, Pdf, Stream

from pipeline.separation.form import (
    BAND_MM,
    BARCODE_MM,
    BARS,
    CORNER_GAP_MM,
    INNER_BOTTOM_MM,
    INNER_LEFT_MM,
    INNER_RIGHT_MM,
    INNER_TOP_MM,
    MARGIN_MM,
    PAGE_MM,
    QR_INSET_MM,
    QR_MM,
    QR_QUIET_MM,
    UNIT_MM,
)
from pipeline.separation.payload import write_payload, write_short_payload
from pipeline.separation.run import PrintedSheet
from schemas.covers import CoveredDossier, Sheet, SheetKind
from schemas.errors import UsageError

_POINTS_PER_MM = 72 / 25.4
_FONT_NAME = "SOHOAC+Tinos"
_TITLES = {
    SheetKind.COVER: ("TỜ BÌA HỒ SƠ", "COVER SHEET"),
    SheetKind.SEPARATOR: ("TỜ NGĂN GIẤY TỜ", "SEPARATOR"),
    SheetKind.END: ("TỜ KẾT THÚC HỒ SƠ", "END SHEET"),
}
_PLACES = {
    SheetKind.COVER: ("Đặt tờ này ngay trước trang đầu tiên của hồ sơ.", "Lay it before the dossier."),
    SheetKind.SEPARATOR: ("Đặt tờ này ngay trước trang đầu của giấy tờ trên.", "Lay it before this paper."),
    SheetKind.END: ("Đặt tờ này ngay sau trang cuối cùng của hồ sơ.", "Lay it behind the dossier."),
}
_LIST_TOP_MM, _LIST_BOTTOM_MM = 118.0, 194.0
_MOST_LINE_MM, _LEAST_LINE_MM = 7.0, 4.5
_BARCODE_TOP_MM = 199.0


class Font(Protocol):
    """A TrueType font at 1000 units an em: its file, glyph ids and widths."""

    program: bytes
    compressed: bytes
    glyphs: dict[str, int]
    widths: tuple[int, ...]
    box: tuple[int, int, int, int]
    ascent: int
    descent: int


def draw_sheets(sheets: Sequence[PrintedSheet], font: Font) -> bytes:
    """One A4 page a sheet, to be printed on one side. The same sheets give the same bytes.

    Raises `UsageError` for text with letters the font lacks.
    """
    pdf = Pdf.new()
    used: set[str] = set()
    contents = [_draw_sheet(printed, font, used) for printed in sheets]
    embedded = _embed(pdf, font, used)
    width_pt, height_pt = (side * _POINTS_PER_MM for side in PAGE_MM)
    for content in contents:
        page = Dictionary(
            Type=Name.Page,
            MediaBox=Array([0, 0, round(width_pt, 3), round(height_pt, 3)]),
            Resources=Dictionary(Font=Dictionary(F0=embedded)),
            Contents=pdf.make_indirect(Stream(pdf, content)),
        )
        pdf.pages.append(pikepdf.Page(pdf.make_indirect(page)))
    # a cover on the back of another would be read as one dossier without pages, and stop the stack
    pdf.Root.ViewerPreferences = Dictionary(
        Duplex=Name.Simplex, PrintScaling=pikepdf.Name("/None"), DisplayDocTitle=True
    )
    pdf.docinfo["/Title"] = "Sohoa: tờ bìa hồ sơ"
    written = io.BytesIO()
    pdf.save(written, compress_streams=True, deterministic_id=True)
    return written.getvalue()


def _draw_sheet(printed: PrintedSheet, font: Font, used: set[str]) -> bytes:
    pen = _Pen(font, used)
    for box in list_bars():
        pen.fill(*box)
    payload = write_payload(printed.sheet)
    for left, top in (
        (INNER_RIGHT_MM - QR_INSET_MM - QR_MM, INNER_TOP_MM),
        (INNER_LEFT_MM + QR_INSET_MM, INNER_BOTTOM_MM - QR_MM),
    ):
        for box in list_modules(payload, left, top):
            pen.fill(*box)
    for box in list_barcode_bars(write_short_payload(printed.sheet)):
        pen.fill(*box)
    _write_head(pen, printed)
    _write_papers(pen, printed)
    _write_foot(pen, printed.sheet, payload)
    return pen.content()


def list_bars() -> Iterator[tuple[float, float, float, float]]:
    """The bars along the edges: left, top, width, height."""
    width, height = PAGE_MM
    upright_top = MARGIN_MM + BAND_MM + CORNER_GAP_MM
    upright_height = height - 2 * upright_top
    at = 0.0
    for step, units in enumerate(BARS):
        thick = units * UNIT_MM
        near = MARGIN_MM + at
        if step % 2 == 0:
            far_x, far_y = width - near - thick, height - near - thick
            yield MARGIN_MM, near, width - 2 * MARGIN_MM, thick
            yield MARGIN_MM, far_y, width - 2 * MARGIN_MM, thick
            yield near, upright_top, thick, upright_height
            yield far_x, upright_top, thick, upright_height
        at += thick


def list_modules(text: str, left: float, top: float) -> Iterator[tuple[float, float, float, float]]:
    """The dark modules of the QR code in rows, as wide as they run."""
    matrix = [list(map(bool, row)) for row in segno.make_qr(text, error="h", boost_error=False).matrix]
    module = QR_MM / len(matrix)
    for row, modules in enumerate(matrix):
        for start, length in _list_runs(modules):
            yield left + start * module, top + row * module, length * module, module


def list_barcode_bars(text: str) -> Iterator[tuple[float, float, float, float]]:
    """The bars of the Code 128, centred, with room for its quiet zones."""
    image = zxingcpp.write_barcode_to_image(
        zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.Code128), add_quiet_zones=False
    )
    dark = np.asarray(image)[0] < 128
    module = BARCODE_MM[0] / len(dark)
    left = (PAGE_MM[0] - BARCODE_MM[0]) / 2
    for start, length in _list_runs(dark.tolist()):
        yield left + start * module, _BARCODE_TOP_MM, length * module, BARCODE_MM[1]


def _list_runs(dark: Sequence[bool]) -> Iterator[tuple[int, int]]:
    start = None
    for at, value in enumerate([*dark, False]):
        if value and start is None:
            start = at
        elif not value and start is not None:
            yield start, at - start
            start = None


def _write_head(pen: "_Pen", printed: PrintedSheet) -> None:
    sheet, left = printed.sheet, INNER_LEFT_MM
    room = INNER_RIGHT_MM - QR_INSET_MM - QR_MM - QR_QUIET_MM - left
    title, english = _TITLES[sheet.kind]
    pen.write(left, 36, title, 23, bold=True, room_mm=room)
    pen.write(left, 43, english, 12, room_mm=room)
    pen.write(left, 58, f"Tờ {sheet.index} / {sheet.total}", 18, bold=True, room_mm=room)
    pen.write(left, 65, f"Sheet {sheet.index} of {sheet.total} · đợt in {sheet.run}", 11, room_mm=room)
    pen.write(left, 85, "Mã hồ sơ (record code)", 11)
    pen.write(left, 96, sheet.record_code, 30, bold=True, room_mm=INNER_RIGHT_MM - left)
    procedure = printed.dossier.procedure
    if procedure:
        pen.write(left, 105, f"Thủ tục: {procedure}", 13, room_mm=INNER_RIGHT_MM - left)


def _write_papers(pen: "_Pen", printed: PrintedSheet) -> None:
    sheet, papers = printed.sheet, printed.dossier.papers
    if sheet.kind is SheetKind.END:
        return
    if sheet.kind is SheetKind.SEPARATOR and sheet.ordinal:
        paper = papers[sheet.ordinal - 1]
        pen.write(INNER_LEFT_MM, 128, f"Giấy tờ {sheet.ordinal} / {len(papers)}", 30, bold=True)
        pen.write(INNER_LEFT_MM, 140, paper.title, 18, room_mm=INNER_RIGHT_MM - INNER_LEFT_MM)
        pen.write(INNER_LEFT_MM, 150, _tell_pages(paper.pages), 14)
        return
    if not papers:
        return
    pen.write(INNER_LEFT_MM, _LIST_TOP_MM - 5, _tell_sum(printed.dossier), 13, bold=True)
    line = min(_MOST_LINE_MM, (_LIST_BOTTOM_MM - _LIST_TOP_MM) / len(papers))
    shown = len(papers)
    if line < _LEAST_LINE_MM:
        line, shown = _LEAST_LINE_MM, int((_LIST_BOTTOM_MM - _LIST_TOP_MM) / _LEAST_LINE_MM) - 1
    size = line / _MOST_LINE_MM * 13
    for number, paper in enumerate(papers[:shown], 1):
        base = _LIST_TOP_MM + line * (number - 0.3)
        pages = _tell_pages(paper.pages)
        room = INNER_RIGHT_MM - INNER_LEFT_MM - pen.measure_mm(pages, size) - 4
        pen.write(INNER_LEFT_MM, base, f"{number}. {paper.title}", size, room_mm=room)
        pen.write(INNER_RIGHT_MM - pen.measure_mm(pages, size), base, pages, size)
    if shown < len(papers):
        base = _LIST_TOP_MM + line * (shown + 0.7)
        pen.write(INNER_LEFT_MM, base, f"… và {len(papers) - shown} giấy tờ nữa", size)


def _tell_pages(pages: int | None) -> str:
    return f"{pages} trang" if pages else "chưa đếm trang"


def _tell_sum(dossier: CoveredDossier) -> str:
    told = f"{len(dossier.papers)} giấy tờ"
    if dossier.counted:
        told += f", {sum(paper.pages or 0 for paper in dossier.papers)} trang"
    return told


def _write_foot(pen: "_Pen", sheet: Sheet, payload: str) -> None:
    left = INNER_LEFT_MM + QR_INSET_MM + QR_MM + QR_QUIET_MM
    room = INNER_RIGHT_MM - left
    place, english = _PLACES[sheet.kind]
    pen.write(left, 238, place, 13, bold=True, room_mm=room)
    pen.write(left, 244, english, 10, room_mm=room)
    pen.write(left, 252, "Không gấp, không ghim, không viết lên mã.", 11, room_mm=room)
    pen.write(left, 258, "In một mặt, khổ A4, không thu nhỏ.", 11, room_mm=room)
    pen.write(left, 268, payload, 7.5, room_mm=room)


class _Pen:
    """Collects the operators of one page."""

    def __init__(self, font: Font, used: set[str]) -> None:
        self._font, self._used = font, used
        self._operators = ["0 g 0 G"]

    def fill(self, left: float, top: float, width: float, height: float) -> None:
        """A black rectangle, millimetres from the top left corner."""
        low = PAGE_MM[1] - top - height
        box = " ".join(f"{value * _POINTS_PER_MM:.3f}" for value in (left, low, width, height))
        self._operators.append(f"{box} re f")

    def measure_mm(self, text: str, size_pt: float) -> float:
        """Its width."""
        glyphs, widths = self._font.glyphs, self._font.widths
        return sum(widths[glyphs[letter]] for letter in self._spell(text)) * size_pt / 1000 / _POINTS_PER_MM

    def write(
        self,
        left: float,
        base: float,
        text: str,
        size_pt: float,
        *,
        bold: bool = False,
        room_mm: float = 1000.0,
    ) -> None:
        """One line, smaller (to 60 %) and then cut short where it does not fit; bold is a stroked outline."""
        line = self._spell(text)
        size_pt = max(0.6 * size_pt, min(size_pt, size_pt * room_mm / max(self.measure_mm(line, size_pt), 1)))
        while len(line) > 1 and self.measure_mm(line, size_pt) > room_mm + 0.1:
            line = line[:-2].rstrip() + "…"
        codes = "".join(f"{self._font.glyphs[letter]:04X}" for letter in line)
        self._used.update(line)
        weight = f"2 Tr {size_pt * 0.028:.3f} w" if bold else "0 Tr"
        x, y = left * _POINTS_PER_MM, (PAGE_MM[1] - base) * _POINTS_PER_MM
        self._operators.append(f"BT /F0 {size_pt:.2f} Tf {weight} {x:.2f} {y:.2f} Td <{codes}> Tj ET")

    def content(self) -> bytes:
        """All of it."""
        return "\n".join(self._operators).encode("ascii")

    def _spell(self, text: str) -> str:
        line = " ".join(unicodedata.normalize("NFC", text).split())
        missing = sorted(set(line) - self._font.glyphs.keys())
        if missing:
            codes = ", ".join(f"U+{ord(letter):04X}" for letter in missing[:5])
            raise UsageError(
                f"the sheets' font has no letter for {codes}", advice="write titles in Latin letters"
            )
        return line


def _embed(pdf: Pdf, font: Font, used: set[str]) -> pikepdf.Object:
    program = Stream(pdf, b"")
    program.write(font.compressed, filter=Name.FlateDecode)
    program.Length1 = len(font.program)
    descriptor = Dictionary(
        Type=Name.FontDescriptor,
        FontName=Name("/" + _FONT_NAME),
        Flags=4 | 2,
        FontBBox=Array(list(font.box)),
        ItalicAngle=0,
        Ascent=font.ascent,
        Descent=font.descent,
        CapHeight=662,
        StemV=80,
        FontFile2=pdf.make_indirect(program),
    )
    descendant = Dictionary(
        Type=Name.Font,
        Subtype=Name.CIDFontType2,
        BaseFont=Name("/" + _FONT_NAME),
        CIDSystemInfo=Dictionary(Registry=b"Adobe", Ordering=b"Identity", Supplement=0),
        FontDescriptor=pdf.make_indirect(descriptor),
        W=Array([0, Array(list(font.widths))]),
        CIDToGIDMap=Name.Identity,
    )
    return pdf.make_indirect(
        Dictionary(
            Type=Name.Font,
            Subtype=Name.Type0,
            BaseFont=Name("/" + _FONT_NAME),
            Encoding=Name("/Identity-H"),
            DescendantFonts=Array([pdf.make_indirect(descendant)]),
            ToUnicode=pdf.make_indirect(Stream(pdf, _write_to_unicode(font, used))),
        )
    )


def _write_to_unicode(font: Font, used: set[str]) -> bytes:
    pairs = sorted((font.glyphs[letter], ord(letter)) for letter in used)
    lines = [
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap",
        "/CMapName /Sohoa def /CMapType 2 def",
        "1 begincodespacerange <0000> <FFFF> endcodespacerange",
    ]
    for start in range(0, len(pairs), 100):
        block = pairs[start : start + 100]
        lines += [
            f"{len(block)} beginbfchar",
            *(f"<{glyph:04X}> <{code:04X}>" for glyph, code in block),
            "endbfchar",
        ]
    return "\n".join([*lines, "endcmap end end"]).encode("ascii")
