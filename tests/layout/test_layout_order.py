"""Letterheads, columns, tables and signature blocks come out in the order a person reads them."""

from layout_pages import LEADING_PX, Drawing, needs_font
from PIL import ImageDraw

pytestmark = needs_font

BODY = (
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6 năm 2015 và",
    "các văn bản hướng dẫn thi hành, xét đề nghị của phòng chuyên môn về việc",
    "giải quyết hồ sơ của công dân nộp tại bộ phận tiếp nhận và trả kết quả,",
    "cơ quan có trách nhiệm trả lời bằng văn bản trong thời hạn quy định.",
)
HEAD = (
    ("ỦY BAN NHÂN DÂN", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
    ("XÃ LÂM THƯỢNG", "Độc lập - Tự do - Hạnh phúc"),
    ("Số: 15/UBND-VP", "Lâm Thượng, ngày 5 tháng 3 năm 2026"),
)


def _write_head(sheet: Drawing, y: int = 200) -> None:
    for row, (left, right) in enumerate(HEAD):
        sheet.centre(400, y + row * LEADING_PX, left, 32)
        sheet.centre(1130, y + row * LEADING_PX, right, 32)


def _write_body(sheet: Drawing, y: int, lines: tuple[str, ...] = BODY) -> None:
    for row, line in enumerate(lines):
        sheet.put(230, y + row * LEADING_PX, line)


def test_a_letterhead_is_read_row_by_row() -> None:
    sheet = Drawing()
    _write_head(sheet)
    sheet.centre(400, 200 + 3 * LEADING_PX, "V/v xác nhận nơi cư trú", 32)
    _write_body(sheet, 500)
    assert sheet.order() == [*(text for row in HEAD for text in row), "V/v xác nhận nơi cư trú", *BODY]


def test_the_two_sides_of_a_letterhead_are_one_printed_line() -> None:
    sheet = Drawing()
    _write_head(sheet)
    _write_body(sheet, 500)
    rows = [run.row for run in sheet.found().layout.runs]
    assert rows[:6] == [0, 0, 1, 1, 2, 2]


def test_columns_of_body_text_are_read_left_column_first() -> None:
    left = [f"cột bên trái dòng thứ {n} của bài viết này" for n in range(1, 9)]
    right = [f"cột bên phải dòng thứ {n} của bài viết đó" for n in range(1, 9)]
    sheet = Drawing()
    sheet.centre(827, 220, "QUY CHẾ TIẾP NHẬN HỒ SƠ", 44)
    for row, (one, other) in enumerate(zip(left, right, strict=True)):
        sheet.put(160, 320 + row * LEADING_PX, one)
        sheet.put(880, 320 + row * LEADING_PX, other)
    sheet.centre(827, 900, "Hai cột trên đây là toàn bộ nội dung của quy chế tiếp nhận hồ sơ.")
    assert sheet.order()[1:-1] == [*left, *right]


def test_a_fold_that_print_runs_across_parts_nothing() -> None:
    sheet = Drawing()
    _write_body(sheet, 500, BODY * 4)
    for x in (600, 1000):
        sheet.rule(x, 0, x, 2338)
    sheet.rule(0, 780, 1653, 780)
    found = sheet.found()
    assert not len(found.print.rules.cells)
    assert len({run.row for run in found.layout.runs}) == len(BODY) * 4
    assert sheet.order() == [*BODY * 4]


def test_signature_blocks_side_by_side_are_not_mixed() -> None:
    blocks = (
        ("XÁC NHẬN CỦA UBND XÃ", "(Ký tên, đóng dấu)", "Trần Văn Bình"),
        ("NGƯỜI KHAI", "(Ký, ghi rõ họ tên)", "Nguyễn Thị Hoa"),
    )
    sheet = Drawing()
    _write_body(sheet, 300)
    for centre, block in zip((480, 1200), blocks, strict=True):
        for y, text in zip((600, 600 + LEADING_PX, 900), block, strict=True):
            sheet.centre(centre, y, text)
    assert sheet.order() == [*BODY, *blocks[0], *blocks[1]]


def test_recipients_stand_apart_from_the_signature() -> None:
    recipients = ("Nơi nhận:", "- Như trên;", "- Phòng Tư pháp huyện;", "- Lưu: VT, TP.")
    offices = ("TM. ỦY BAN NHÂN DÂN", "CHỦ TỊCH", "Lê Văn Sơn")
    sheet = Drawing()
    _write_body(sheet, 300)
    for row, text in enumerate(recipients):
        sheet.put(230, 590 + row * 38, text, 30)
    for y, text in zip((600, 650, 900), offices, strict=True):
        sheet.centre(1150, y, text)
    assert sheet.order() == [*BODY, *recipients, *offices]


def _write_table(sheet: Drawing, cells: list[list[tuple[str, ...]]], *, ruled: bool) -> list[str]:
    """Cells at fixed columns, each with its lines; returns the texts cell by cell."""
    columns, y = (160, 300, 900, 1500), 420
    for row in cells:
        height = max(len(cell) for cell in row) * LEADING_PX + 24
        for left, right, cell in zip(columns, columns[1:], row, strict=False):
            for line, text in enumerate(cell):
                sheet.put(left + 14, y + 44 + line * LEADING_PX, text, 33)
            if ruled:
                sheet.rule(left, y, left, y + height)
                sheet.rule(right, y, right, y + height)
        if ruled:
            sheet.rule(columns[0], y, columns[-1], y)
            sheet.rule(columns[0], y + height, columns[-1], y + height)
        y += height
    return [text for row in cells for cell in row for text in cell]


def test_table_cells_are_read_whole_and_row_by_row() -> None:
    sheet = Drawing()
    sheet.put(160, 380, "Danh sách giấy tờ đã nhận tại bộ phận một cửa của xã:")
    expected = _write_table(
        sheet,
        [
            [("STT",), ("Tên giấy tờ",), ("Ghi chú",)],
            [("1",), ("Đơn đề nghị cấp giấy phép", "xây dựng nhà ở riêng lẻ"), ("Bản chính có", "chữ ký")],
            [("2",), ("Giấy chứng nhận",), ("Bản sao",)],
        ],
        ruled=True,
    )
    assert sheet.order()[1:] == expected


def test_a_row_of_short_cells_is_one_printed_line() -> None:
    sheet = Drawing()
    _write_table(sheet, [[("STT",), ("Tên",), ("Số",)], [("1",), ("Đơn đề nghị",), ("15",)]], ruled=True)
    assert [run.row for run in sheet.found().layout.runs] == [0, 0, 0, 1, 1, 1]


def test_a_table_without_rules_is_read_row_by_row() -> None:
    sheet = Drawing()
    _write_body(sheet, 200)
    names = ("Tên giấy tờ", "Đơn đề nghị", "Tờ khai", "Bản vẽ", "Giấy ủy quyền")
    counts = ("Số bản", "một bản", "hai bản", "ba bản", "một bản chính")
    expected = _write_table(
        sheet,
        [[(f"{n}.",), (name,), (count,)] for n, (name, count) in enumerate(zip(names, counts, strict=True))],
        ruled=False,
    )
    assert sheet.order()[4:] == expected


def test_no_rule_is_left_in_a_cell() -> None:
    sheet = Drawing()
    expected = _write_table(sheet, [[("5",), ("23/08/2026",), ("Đúng hạn",)]] * 2, ruled=True)
    boxes = dict(sheet.printed)
    runs = sheet.found().layout.runs
    assert len(runs) == len(expected)
    for run, text in zip(runs, expected, strict=True):
        assert run.box.right - run.box.left <= boxes[text].right - boxes[text].left + 4
        assert run.box.bottom - run.box.top <= boxes[text].bottom - boxes[text].top + 4


def test_a_signature_takes_no_letters_from_the_name_beside_it() -> None:
    from PIL import ImageDraw

    for lowest in range(594, 606):
        sheet = Drawing()
        sheet.put(700, 600, "Nguyễn Thị Hoa")
        pen = ImageDraw.Draw(sheet.image)
        pen.line((250, 480, 520, lowest, 640, lowest, 660, 500), fill=30, width=5)
        name = sheet.found().layout.runs[-1].box
        _, printed = sheet.printed[0]
        assert abs(name.left - printed.left) <= 4
        assert abs(name.right - printed.right) <= 4


def test_dots_to_write_on_are_no_print() -> None:
    sheet = Drawing()
    sheet.put(230, 400, "- Họ và tên người khai:")
    dotless = sheet.found().layout.runs
    sheet.put(640, 400, "." * 60)
    dotted = sheet.found().layout.runs
    assert [run.box for run in dotted] == [run.box for run in dotless]


def test_a_lone_page_number_is_a_line() -> None:
    sheet = Drawing()
    sheet.centre(827, 160, "12")
    _write_body(sheet, 260)
    assert sheet.order() == ["12", *BODY]


def test_boxes_hold_marks_above_and_below() -> None:
    sheet = Drawing()
    lines = ("Ấn Ậ Ễ Ỹ hạng mục được duyệt", "Ẫm ự ỵ quyết định bổ nhiệm lại", "ẶẰẴ Ổ Ộ của người học")
    for row, line in enumerate(lines):
        sheet.put(230, 400 + row * 44, line)
    runs = sheet.found().layout.runs
    assert len(runs) == len(lines)
    for run, (_, box) in zip(runs, sheet.printed, strict=True):
        assert abs(run.box.top - box.top) <= 3
        assert abs(run.box.bottom - box.bottom) <= 3


def test_specks_over_the_whole_page_make_the_layout_doubt_itself() -> None:
    import cv2
    import numpy as np
    from layout_pages import upright

    from pipeline.image.prepare import find_print
    from pipeline.layout.find import find_layout

    rng = np.random.default_rng(3)
    pixels = np.full((2339, 1654), 250, np.uint8)
    for x, y in rng.integers((0, 0), (1640, 2320), (5000, 2)):
        cv2.circle(pixels, (int(x), int(y)), int(rng.integers(4, 7)), 30, -1)
    assert not find_layout(find_print(upright(pixels))).layout.certain


def test_a_page_without_print_has_no_runs_and_is_left_to_the_engine() -> None:
    layout = Drawing().found().layout
    assert layout.runs == ()
    assert not layout.certain
    assert layout.stray_share == 0


def test_a_line_is_one_run_though_a_stroke_ties_its_letters() -> None:
    sheet = Drawing()
    _write_body(sheet, 500)
    sheet.put(900, 1200, "Nguyễn Quốc Lượng", 40)
    stroke = [(1010, 1000), (1040, 1194), (1090, 1190), (1150, 1060)]
    ImageDraw.Draw(sheet.image).line(stroke, fill=25, width=5)
    lines = [run for run in sheet.found().layout.runs if run.box.top < 1190 < run.box.bottom]
    assert len(lines) == 1


def test_a_tall_letter_among_capitals_is_not_lost() -> None:
    sheet = Drawing()
    sheet.put(230, 300, "QUYẾT ĐỊNH QUY CHẾ", 46)
    for row in range(12):
        sheet.put(230, 420 + row * 36, BODY[row % 4], 26)
    assert min(run.box.left for run in sheet.found().layout.runs[:1]) < 240
