"""The papers: applications, declarations, letters, a contract of several pages, receipts, notes."""

import itertools
import random
from collections.abc import Callable

from scripts.samples.fonts import Style
from scripts.samples.layout import A4, A5, A5_LANDSCAPE, Flow, Sheet
from scripts.samples.page import PaperKind, SamplePage, SamplePaper
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
from scripts.samples.texts import CONTRACT_ARTICLES, NOTES, Case, Place, draw_case, format_number

_BODY = Style("Tinos", 13.5)


def render_dossier(seed: int) -> tuple[SamplePaper, ...]:
    """The five papers of one invented case: application, declaration, letter, contract (3 pages), receipt."""
    case = draw_case(seed)
    kinds = (
        PaperKind.APPLICATION,
        PaperKind.DECLARATION,
        PaperKind.LETTER,
        PaperKind.LONG,
        PaperKind.RECEIPT,
    )
    return tuple(render_paper(kind, seed, case) for kind in kinds)


def render_page(kind: PaperKind, seed: int) -> SamplePage:
    """The first page of a paper of this kind; the same seed gives the same bytes."""
    return render_paper(kind, seed).pages[0]


def render_paper(kind: PaperKind, seed: int, case: Case | None = None) -> SamplePaper:
    """One paper. Raises MissingDependencyError where the fonts are missing or lack a letter."""
    case = case or draw_case(seed)
    write, type_code = _PAPERS[kind]
    rng = random.Random(f"sohoa {kind} {seed}")
    title, flow = write(case, rng)
    return SamplePaper(type_code=type_code, title=title, pages=flow.finish())


def _head(case: Case, subject: str = "") -> Letterhead:
    return Letterhead(
        above="ỦY BAN NHÂN DÂN",
        agency=f"XÃ {case.place.commune.upper()}",
        number=f"Số: {case.number}/UBND-VP",
        place_and_date=f"{case.place.commune}, {case.date}",
        subject=subject,
    )


def _seal_of(place: Place) -> tuple[str, str]:
    return f"ỦY BAN NHÂN DÂN XÃ {place.commune.upper()}", f"TỈNH\n{place.province.upper()}"


def _write_application(case: Case, rng: random.Random) -> tuple[str, Flow]:
    flow = Flow(A4, _BODY, line_height=1.3)
    flow.paragraph(case.procedure.form_number, flow.sized(12, italic=True), align="right", after_mm=1)
    write_country(flow)
    write_title(flow, case.procedure.application_title)
    flow.paragraph(
        f"Kính gửi: Ủy ban nhân dân xã {case.place.commune}, tỉnh {case.place.province}",
        align="centre",
        after_mm=3,
    )
    for label, value in case.procedure.application_fields:
        if label.startswith("*"):
            flow.paragraph(label[1:], flow.style.but(bold=True), indent_mm=0, after_mm=0.6)
        else:
            write_field(flow, label, case.fill(value))
    flow.skip(1)
    flow.paragraph(case.fill(case.procedure.plea))
    flow.paragraph(
        f"{case.place.commune}, {case.date}", flow.sized(13, italic=True), align="right", after_mm=1.5
    )
    signatory = Signatory(("NGƯỜI LÀM ĐƠN",), case.applicant.name, "(Ký, ghi rõ họ tên)")
    write_signatures(flow, rng, (signatory,))
    return case.procedure.application_title[0].capitalize(), flow


def _write_declaration(case: Case, rng: random.Random) -> tuple[str, Flow]:
    flow = Flow(A4, Style("Tinos", 13), line_height=1.3)
    write_country(flow)
    write_title(flow, case.procedure.declaration_title, 14.5)
    write_choices(flow, "Loại đề nghị:", case.procedure.choices, rng.randrange(len(case.procedure.choices)))
    for label, value in (
        ("Họ và tên người khai:", case.applicant.name),
        ("Ngày, tháng, năm sinh:", case.applicant.born),
        ("Số định danh cá nhân:", case.applicant.identity),
        ("Nơi cư trú hiện nay:", f"{case.applicant.address}, tỉnh {case.place.province}"),
        ("Số điện thoại liên hệ:", case.applicant.phone),
    ):
        write_field(flow, label, value)
    flow.paragraph("Danh sách những người có liên quan trong hộ gia đình:", indent_mm=0, after_mm=0)
    rows = [("STT", "Họ và tên", "Ngày sinh", "Quan hệ", "Số định danh cá nhân")]
    for number, (person, relation) in enumerate(case.household, start=1):
        rows.append((str(number), person.name, person.born, relation, person.identity))
    write_table(flow, (6, 24, 14, 13, 22), rows)
    write_choices(flow, "Hình thức nhận kết quả:", ("Tại bộ phận một cửa", "Qua bưu điện"), rng.randrange(2))
    flow.paragraph(
        "Tôi xin cam đoan các nội dung kê khai trên đây là đúng sự thật và chịu trách nhiệm trước "
        f"pháp luật về nội dung kê khai. Tờ khai này lập tại {case.place.commune}, {case.date}."
    )
    flow.skip(3)
    seal = _seal_of(case.place) if rng.random() < 0.5 else None
    write_signatures(
        flow,
        rng,
        (
            Signatory(("XÁC NHẬN CỦA UBND XÃ",), case.deputy.name, "(Ký tên, đóng dấu)", seal),
            Signatory(("NGƯỜI KHAI",), case.applicant.name, "(Ký, ghi rõ họ tên)"),
        ),
    )
    return case.procedure.declaration_title[0].capitalize(), flow


def _write_letter_on(sheet: Sheet, case: Case, rng: random.Random, paragraphs: int) -> Flow:
    flow = Flow(sheet, _BODY, line_height=1.27)
    write_letterhead(flow, _head(case, case.procedure.letter_subject))
    to = f"Kính gửi: Trung tâm Phục vụ hành chính công tỉnh {case.place.province}"
    flow.paragraph(to, flow.style, align="centre", after_mm=3)
    for text in case.procedure.letter_body[:paragraphs]:
        flow.paragraph(case.fill(text), after_mm=2)
    flow.paragraph(
        f"Ủy ban nhân dân xã {case.place.commune} kính đề nghị Trung tâm Phục vụ hành chính công tỉnh "
        "xem xét, giải quyết theo thẩm quyền./.",
        after_mm=4,
    )
    recipients = [
        "- Như trên;",
        "- Chủ tịch, các PCT UBND xã;",
        f"- {case.fill('{Salute} {name}')};",
        "- Lưu: VT, ĐC-XD.",
    ]
    offices = ("TM. ỦY BAN NHÂN DÂN", "KT. CHỦ TỊCH", "PHÓ CHỦ TỊCH")
    signatory = Signatory(offices, case.official.name, seal=_seal_of(case.place))
    write_signatures(flow, rng, (signatory,), recipients)
    return flow


def _write_letter(case: Case, rng: random.Random) -> tuple[str, Flow]:
    return _letter_title(case), _write_letter_on(A4, case, rng, 4)


def _write_short_letter(case: Case, rng: random.Random) -> tuple[str, Flow]:
    return _letter_title(case), _write_letter_on(A4, case, rng, 1)


def _letter_title(case: Case) -> str:
    return "Công văn " + case.procedure.letter_subject.removeprefix("V/v ")


def _write_contract(case: Case, rng: random.Random) -> tuple[str, Flow]:
    flow = Flow(A4, Style("Tinos", 14), line_height=1.32)
    write_country(flow)
    write_title(flow, (*case.procedure.contract_title, f"(Số: {case.number}/{case.year}/HĐ)"), 15)
    flow.paragraph(
        f"Hôm nay, {case.date}, tại xã {case.place.commune}, tỉnh {case.place.province}, chúng tôi gồm có:"
    )
    for side, person in (("Bên A", case.applicant), ("Bên B", case.deputy)):
        flow.paragraph(f"{side}: {person.name}", flow.style.but(bold=True), indent_mm=0, after_mm=0.5)
        write_field(flow, "Số định danh cá nhân:", person.identity)
        write_field(flow, "Địa chỉ:", person.address)
        write_field(flow, "Điện thoại:", person.phone)
    flow.skip(1)
    flow.paragraph("Hai bên thống nhất ký kết hợp đồng với các điều khoản sau đây:")
    figures = case.figures | {"object": case.fill(case.procedure.contract_object)}
    for number, (heading, clauses) in enumerate(CONTRACT_ARTICLES, start=1):
        flow.need(flow.leading(flow.style) * 3)
        flow.paragraph(f"Điều {number}. {heading}", flow.style.but(bold=True), after_mm=0.8)
        for index, clause in enumerate(clauses, start=1):
            start = f"{number}.{index}. " if len(clauses) > 1 else ""
            flow.paragraph(start + clause.format_map(figures))
    flow.skip(3)
    sides = (
        Signatory(("ĐẠI DIỆN BÊN A",), case.applicant.name, "(Ký, ghi rõ họ tên)"),
        Signatory(("ĐẠI DIỆN BÊN B",), case.deputy.name, "(Ký, ghi rõ họ tên)"),
    )
    write_signatures(flow, rng, sides)
    return case.procedure.contract_title[0].capitalize(), flow


def _write_receipt(case: Case, rng: random.Random) -> tuple[str, Flow]:
    flow = Flow(A4, Style("Arimo" if rng.random() < 0.4 else "Tinos", 13), line_height=1.3)
    head = _head(case)
    above, agency = "TRUNG TÂM PHỤC VỤ", "HÀNH CHÍNH CÔNG"
    write_letterhead(flow, Letterhead(above, agency, f"Số: {case.number}/TNHS", head.place_and_date))
    write_title(flow, ("GIẤY TIẾP NHẬN HỒ SƠ VÀ HẸN TRẢ KẾT QUẢ",), 14.5)
    flow.paragraph(f"Mã hồ sơ: {_record_code(case)}", align="centre", after_mm=2)
    write_field(flow, "Tiếp nhận hồ sơ của:", case.applicant.name)
    write_field(flow, "Địa chỉ:", case.applicant.address)
    write_field(flow, "Nội dung yêu cầu giải quyết:", case.procedure.name)
    flow.paragraph("Thành phần hồ sơ nộp gồm:", indent_mm=0, after_mm=0)
    rows = [("STT", "Tên giấy tờ", "Bản chính", "Bản sao")]
    rows += [
        (str(number), name, str(first), str(copy))
        for number, (name, first, copy) in enumerate(case.procedure.papers, 1)
    ]
    write_table(flow, (6, 50, 12, 12), rows, right=(2, 3))
    flow.paragraph("Phí, lệ phí đã thu:", indent_mm=0, after_mm=0)
    fees = [("STT", "Nội dung thu", "Số tiền (đồng)")]
    fees += [
        (str(number), name, format_number(amount))
        for number, (name, amount) in enumerate(case.procedure.fees, 1)
    ]
    fees.append(("", "Cộng", format_number(sum(amount for _, amount in case.procedure.fees))))
    write_table(flow, (6, 50, 24), fees, right=(2,))
    flow.paragraph(
        case.fill(
            "Thời gian trả kết quả: {months} ngày làm việc kể từ ngày nhận đủ hồ sơ hợp lệ. "
            "Đăng ký nhận kết quả tại: Bưu điện xã {commune}."
        ),
        indent_mm=0,
    )
    flow.skip(3)
    people = (
        Signatory(("NGƯỜI NỘP HỒ SƠ",), case.applicant.name, "(Ký, ghi rõ họ tên)"),
        Signatory(("NGƯỜI TIẾP NHẬN HỒ SƠ",), case.deputy.name, "(Ký, ghi rõ họ tên)"),
    )
    write_signatures(flow, rng, people)
    flow.turn_page()
    _write_control_slip(flow, case, rng)
    return "Giấy tiếp nhận hồ sơ và hẹn trả kết quả", flow


def _write_control_slip(flow: Flow, case: Case, rng: random.Random) -> None:
    """The slip that follows the papers from desk to desk."""
    flow.skip(4)
    write_title(flow, ("PHIẾU KIỂM SOÁT QUÁ TRÌNH GIẢI QUYẾT HỒ SƠ",), 14.5)
    write_field(flow, "Mã hồ sơ:", _record_code(case))
    write_field(flow, "Cơ quan giải quyết:", f"Ủy ban nhân dân xã {case.place.commune}")
    desks = (
        "Điểm bưu điện xã",
        "Bộ phận một cửa",
        "Phòng Kinh tế",
        "Văn phòng",
        "Lãnh đạo",
        "Bộ phận trả kết quả",
    )
    rows = [("STT", "Bên giao", "Bên nhận", "Thời gian", "Kết quả giải quyết")]
    for number, (giver, taker) in enumerate(itertools.pairwise(desks), 1):
        time = f"{rng.randint(7, 16):02d} giờ {rng.randint(0, 59):02d}, ngày {number + 2:02d}/11/2026"
        rows.append(
            (str(number), giver, taker, time, rng.choice(("Đúng hạn", "Trước hạn", "Đúng hạn, đủ hồ sơ")))
        )
    write_table(flow, (5, 18, 18, 25, 20), rows)
    flow.paragraph(
        "Ghi chú: Trường hợp quá hạn, cơ quan giải quyết phải có văn bản xin lỗi tổ chức, cá nhân, nêu rõ "
        "lý do và hẹn lại thời gian trả kết quả; phiếu này được lưu cùng hồ sơ."
    )


def _record_code(case: Case) -> str:
    return f"{case.place.agency_code}-261124-{case.number:04d}"


def _write_note(case: Case, rng: random.Random) -> tuple[str, Flow]:
    """10 to 30 words on a whole sheet."""
    flow = Flow(A4, _BODY)
    title, sentences = rng.choice(NOTES)
    flow.skip(rng.uniform(5, 60))
    write_title(flow, (title,), rng.choice((14, 16, 18)))
    for sentence in sentences:
        flow.paragraph(case.fill(sentence), align=rng.choice(("justify", "centre")))
    return title.capitalize(), flow


def _write_slip(case: Case, rng: random.Random) -> tuple[str, Flow]:
    """A receipt for money on A5, upright or lying."""
    flow = Flow(rng.choice((A5, A5_LANDSCAPE)), Style(rng.choice(("Tinos", "Arimo")), 13))
    write_letterhead(flow, _head(case))
    write_title(flow, ("BIÊN LAI THU PHÍ, LỆ PHÍ",), 15)
    name, amount = rng.choice(case.procedure.fees)
    under = rng.random() < 0.5
    for label, value in (
        ("Người nộp:", case.applicant.name),
        ("Địa chỉ:", case.applicant.address),
        ("Lý do nộp:", name),
        ("Số tiền:", f"{format_number(amount)} đồng"),
    ):
        write_field(flow, label, value, under=under)
    flow.skip(3)
    write_signatures(flow, rng, (Signatory(("NGƯỜI THU TIỀN",), case.deputy.name, "(Ký, ghi rõ họ tên)"),))
    return "Biên lai thu phí, lệ phí", flow


_PAPERS: dict[PaperKind, tuple[Callable[[Case, random.Random], tuple[str, Flow]], str]] = {
    PaperKind.APPLICATION: (_write_application, "don"),
    PaperKind.DECLARATION: (_write_declaration, "to-khai"),
    PaperKind.LETTER: (_write_letter, "cong-van"),
    PaperKind.LONG: (_write_contract, "hop-dong"),
    PaperKind.RECEIPT: (_write_receipt, "giay-tiep-nhan"),
    PaperKind.NOTE: (_write_note, "phieu"),
    PaperKind.SHORT_LETTER: (_write_short_letter, "cong-van"),
    PaperKind.SLIP_A5: (_write_slip, "bien-lai"),
}
