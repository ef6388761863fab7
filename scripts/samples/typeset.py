"""Pages of running text, letters, tables, forms and slips set from any prose in any font family.

Where `papers` draws the papers of one believable case, these draw whatever the benchmark wants read.
"""

import random
from collections.abc import Iterator
from dataclasses import replace

import cv2
import numpy as np

from schemas.page import Box
from scripts.samples.fonts import Style
from scripts.samples.layout import A4, A5, A5_LANDSCAPE, Flow, Sheet, to_px
from scripts.samples.page import SamplePage
from scripts.samples.prose import (
    Law,
    Paragraph,
    draw_date,
    draw_document_number,
    draw_figures,
    draw_prose,
    draw_words,
)
from scripts.samples.ruled import (
    Letterhead,
    Signatory,
    write_choices,
    write_country,
    write_field,
    write_letterhead,
    write_signatures,
    write_table,
    write_title,
)
from scripts.samples.texts import draw_case, draw_person, format_number

Laws = tuple[Law, ...]

CARD = Sheet(width_mm=85.6, height_mm=54, left_mm=26, right_mm=3, top_mm=3, bottom_mm=2)
RECEIPT_SLIP = Sheet(width_mm=100, height_mm=200, left_mm=8, right_mm=7, top_mm=9, bottom_mm=8, scale=0.72)
"""A narrow slip as tickets and postal receipts are."""


class TwoColumns(Flow):
    """A flow whose `begin_columns` parts what follows into two columns, read one after the other."""

    _GAP_MM = 8

    def __init__(self, sheet: Sheet, style: Style, *, line_height: float) -> None:
        self._column: int | None = None
        super().__init__(sheet, style, line_height=line_height)
        self._columns_top = self.y

    @property
    def left(self) -> float:
        """Left edge of the column being filled, pixels."""
        return super().left if self._column != 1 else super().right - self._column_width

    @property
    def right(self) -> float:
        """Right edge of the column being filled, pixels."""
        return super().right if self._column != 0 else super().left + self._column_width

    @property
    def _column_width(self) -> float:
        return (super().right - super().left - to_px(self._GAP_MM)) / 2

    def begin_columns(self) -> None:
        """From here on two columns."""
        self._column, self._columns_top = 0, self.y

    def turn_page(self) -> None:
        """On to the right column, then to the next page."""
        if self._column == 0:
            self._column, self.y = 1, self._columns_top
            return
        self._column = None
        super().turn_page()


def set_prose(
    rng: random.Random, laws: Laws, style: Style, *, line_height: float = 1.28, later_page: bool = False
) -> SamplePage:
    """A page full of statute text; `later_page`: one that begins with a page number."""
    flow = Flow(A4, style, line_height=line_height)
    prose = draw_prose(rng, laws)
    if later_page:
        flow.turn_page()
        _fill_page(flow, prose)
        return flow.finish()[1]
    write_title(flow, (_draw_title(rng, laws),), 14.5)
    _fill_page(flow, prose)
    return flow.finish()[0]


def set_consecutive(
    rng: random.Random, laws: Laws, style: Style, count: int, *, line_height: float = 1.28
) -> tuple[SamplePage, ...]:
    """The first `count` pages of one statute, numbered at the top from the second on."""
    flow = Flow(A4, style, line_height=line_height)
    prose = draw_prose(rng, laws)
    write_title(flow, (_draw_title(rng, laws),), 14.5)
    while flow.page_count <= count:
        _fill_page(flow, prose)
    return flow.finish()[:count]


def set_two_columns(rng: random.Random, laws: Laws, style: Style) -> SamplePage:
    """A title, then two columns of text as in a gazette."""
    flow = TwoColumns(A4, style, line_height=1.22)
    write_title(flow, (_draw_title(rng, laws),), 14)
    flow.begin_columns()
    _fill_page(flow, draw_prose(rng, laws))
    return flow.finish()[0]


def set_letter(rng: random.Random, laws: Laws, family: str, *, sealed: bool = True) -> SamplePage:
    """An official letter: two-column head, a few paragraphs, recipients beside the signature."""
    case = draw_case(rng.randrange(10**6))
    flow = Flow(A4, Style(family, 13.5), line_height=1.27)
    agency = f"XÃ {case.place.commune.upper()}"
    subject = f"V/v {draw_words(rng, laws, 8, 14)}"
    number = f"Số: {case.number}/UBND-VP"
    place_and_date = f"{case.place.commune}, {draw_date(rng)}"
    write_letterhead(flow, Letterhead("ỦY BAN NHÂN DÂN", agency, number, place_and_date, subject))
    flow.paragraph(f"Kính gửi: Sở Nội vụ tỉnh {case.place.province}", align="centre", after_mm=3)
    flow.paragraph(draw_figures(rng), after_mm=2)
    for paragraph in _draw_clauses(rng, laws, letters=850):
        flow.paragraph(paragraph.text, after_mm=2)
    flow.skip(3)
    seal = (f"ỦY BAN NHÂN DÂN {agency}", f"TỈNH\n{case.place.province.upper()}") if sealed else None
    offices = ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
    signatory = Signatory(offices, case.official.name, seal=seal)
    recipients = ("- Như trên;", "- Chủ tịch, các PCT UBND xã;", "- Lưu: VT, VP-TH.")
    write_signatures(flow, rng, (signatory,), recipients)
    return flow.finish()[0]


def set_tables(rng: random.Random, laws: Laws, style: Style) -> SamplePage:
    """Two ruled tables with text, numbers, dates and sums, under a heading each."""
    flow = Flow(A4, style, line_height=1.25)
    write_title(flow, (_draw_title(rng, laws),), 14)
    rows: list[tuple[str, ...]] = [("STT", "Nội dung công việc", "Căn cứ", "Số tiền (đồng)")]
    for number in range(1, rng.randint(6, 8)):
        amount = format_number(rng.randint(20, 9000) * 1000)
        rows.append((str(number), draw_words(rng, laws, 6, 14), draw_document_number(rng), amount))
    write_table(flow, (6, 36, 24, 18), rows, right=(3,))
    flow.paragraph(next(_draw_clauses(rng, laws, letters=200)).text)
    case = draw_case(rng.randrange(10**6))
    people: list[tuple[str, ...]] = [("STT", "Họ và tên", "Ngày sinh", "Số định danh", "Nơi thường trú")]
    for number in range(1, rng.randint(4, 6)):
        person = draw_person(rng, case.place)
        people.append((str(number), person.name, person.born, person.identity, person.address))
    write_table(flow, (6, 22, 15, 20, 34), people)
    return flow.finish()[0]


def set_form(rng: random.Random, laws: Laws, family: str) -> SamplePage:
    """A form filled in on dotted lines, with boxes to tick and a plea."""
    case = draw_case(rng.randrange(10**6))
    flow = Flow(A4, Style(family, 13), line_height=1.3)
    write_country(flow)
    write_title(flow, ("TỜ KHAI ĐỀ NGHỊ", f"(Kèm theo Thông tư số {draw_document_number(rng)})"), 15)
    write_choices(flow, "Hình thức:", ("Cấp mới", "Cấp lại", "Cấp đổi"), rng.randrange(3))
    under = rng.random() < 0.5
    for heading, person in (("I. NGƯỜI ĐỀ NGHỊ", case.applicant), ("II. NGƯỜI ĐƯỢC ỦY QUYỀN", case.deputy)):
        flow.paragraph(heading, flow.style.but(bold=True), indent_mm=0, after_mm=0.6)
        for label, value in (
            ("Họ và tên:", person.name),
            ("Ngày, tháng, năm sinh:", person.born),
            ("Số định danh cá nhân:", person.identity),
            ("Nơi cư trú hiện nay:", f"{person.address}, tỉnh {case.place.province}"),
            ("Số điện thoại:", person.phone),
        ):
            write_field(flow, label, value, under=under)
    write_field(flow, "Nội dung đề nghị:", draw_words(rng, laws, 10, 18), under=under)
    write_field(flow, "Giấy tờ kèm theo:", "", under=under)
    flow.paragraph(next(_draw_clauses(rng, laws, letters=200)).text)
    place_and_date = f"{case.place.commune}, {case.date}"
    flow.paragraph(place_and_date, flow.sized(13, italic=True), align="right", after_mm=1.5)
    signatory = Signatory(("NGƯỜI KHAI",), case.applicant.name, "(Ký, ghi rõ họ tên)")
    write_signatures(flow, rng, (signatory,))
    return flow.finish()[0]


def set_slip(rng: random.Random, laws: Laws, family: str) -> SamplePage:
    """A receipt on A5, upright or lying, or on a narrow slip."""
    case = draw_case(rng.randrange(10**6))
    sheet = rng.choice((A5, A5_LANDSCAPE, RECEIPT_SLIP))
    flow = Flow(sheet, Style(family, 13))
    if sheet is RECEIPT_SLIP:
        flow.paragraph("BƯU ĐIỆN VIỆT NAM", flow.sized(13, bold=True), align="centre")
    else:
        write_country(flow)
    write_title(flow, ("PHIẾU TIẾP NHẬN",), 15)
    for label, value in (
        ("Mã hồ sơ:", f"H99.12-261124-{case.number:04d}"),
        ("Người nộp:", case.applicant.name),
        ("Địa chỉ:", case.applicant.address),
        ("Lý do:", draw_words(rng, laws, 6, 12)),
        ("Số tiền:", f"{case.figures['income']} đồng"),
    ):
        write_field(flow, label, value)
    flow.paragraph(f"{case.place.commune}, {draw_date(rng)}", flow.sized(12, italic=True), align="right")
    return flow.finish()[0]


def set_short(rng: random.Random, laws: Laws, family: str) -> SamplePage:
    """5 to 15 words on a whole sheet, somewhere in its upper half."""
    flow = Flow(rng.choice((A4, A4, A5)), Style(family, rng.choice((13, 14, 16))))
    words = rng.randint(5, 15)
    flow.skip(rng.uniform(5, 90))
    title = rng.choice(("GIẤY XÁC NHẬN", "PHỤ LỤC", "BẢN SAO", "GIẤY MỜI HỌP", "DANH MỤC HỒ SƠ"))
    flow.paragraph(title, flow.style.but(bold=True), align="centre", after_mm=3)
    rest = words - len(title.split())
    flow.paragraph(draw_words(rng, laws, rest, rest), align=rng.choice(("justify", "centre")))
    return flow.finish()[0]


def set_last_page(rng: random.Random, laws: Laws, style: Style) -> SamplePage:
    """The last page of a longer paper: its number, a few paragraphs, a signature, and white below."""
    flow = Flow(A4, style, line_height=1.28)
    flow.turn_page()
    for paragraph in _draw_clauses(rng, laws, letters=rng.randint(60, 900)):
        flow.paragraph(paragraph.text)
    flow.skip(4)
    case = draw_case(rng.randrange(10**6))
    write_signatures(flow, rng, (Signatory(("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH"), case.official.name),))
    return flow.finish()[1]


def set_card(rng: random.Random, family: str) -> SamplePage:
    """A card of the size of an identity card (85.6 x 54 mm, ISO/IEC 7810 ID-1), alone or copied on A4."""
    case = draw_case(rng.randrange(10**6))
    flow = Flow(CARD, Style(family, 8), line_height=1.35)
    flow.paragraph(
        "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", flow.sized(7.5, bold=True), align="centre", after_mm=0
    )
    flow.paragraph("THẺ MẪU", flow.sized(11, bold=True), align="centre", after_mm=0.6)
    person = case.applicant
    for line in (
        f"Số: {person.identity}",
        f"Họ và tên: {person.name.upper()}",
        f"Ngày sinh: {person.born}",
        f"Nơi thường trú: {person.address}, tỉnh {case.place.province}",
        f"Có giá trị đến: {rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/{rng.randint(2027, 2040)}",
    ):
        flow.paragraph(line, align="left", indent_mm=0, after_mm=0.2)
    card = flow.finish()[0]
    return card if rng.random() < 0.4 else _copy_on_a4(card, rng)


def _copy_on_a4(card: SamplePage, rng: random.Random) -> SamplePage:
    """The card somewhere in the upper half of a sheet, its edge drawn as copiers show it."""
    height, width = card.pixels.shape[:2]
    pixels = np.full((round(to_px(A4.height_mm)), round(to_px(A4.width_mm)), 3), 255, np.uint8)
    left = rng.randrange(round(to_px(15)), pixels.shape[1] - width - round(to_px(15)))
    top = rng.randrange(round(to_px(15)), pixels.shape[0] // 2 - height)
    pixels[top : top + height, left : left + width] = card.pixels
    cv2.rectangle(pixels, (left, top), (left + width, top + height), (150, 150, 150), 3)
    pixels.setflags(write=False)
    words = tuple(
        (text, Box(box.left + left, box.top + top, box.right + left, box.bottom + top))
        for text, box in card.words
    )
    return replace(card, pixels=pixels, words=words)


def _fill_page(flow: Flow, prose: Iterator[Paragraph]) -> None:
    """Print until a page is full."""
    pages = flow.page_count
    while flow.page_count == pages:
        paragraph = next(prose)
        if paragraph.role == "heading":
            flow.paragraph(paragraph.text, flow.style.but(bold=True), align="centre", after_mm=1.5)
        elif paragraph.role == "article":
            flow.paragraph(paragraph.text, flow.style.but(bold=True), after_mm=1)
        else:
            flow.paragraph(paragraph.text)


def _draw_title(rng: random.Random, laws: Laws) -> str:
    kind = rng.choice(("QUYẾT ĐỊNH", "NGHỊ QUYẾT", "KẾ HOẠCH", "THÔNG BÁO", "BÁO CÁO"))
    return f"{kind} VỀ {draw_words(rng, laws, 5, 9).upper()}"


def _draw_clauses(rng: random.Random, laws: Laws, letters: int) -> Iterator[Paragraph]:
    """Clauses of about `letters` letters in all, at least one."""
    written = 0
    for paragraph in draw_prose(rng, laws):
        if paragraph.role == "clause":
            yield paragraph
            written += len(paragraph.text)
            if written >= letters:
                return
