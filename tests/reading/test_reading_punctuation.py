"""Signs read for one another are put right where their line proves it, and only there."""

import pytest

from pipeline.reading.correction import correct
from schemas.page import Block, Box, Line, PageText, Word


def _page(*lines: str) -> PageText:
    """Lines of words 100 px wide and 40 px high, one below the other."""
    placed = []
    for row, line in enumerate(lines):
        words = tuple(
            Word(word, 0.9, Box(at * 110.0, row * 60.0, at * 110.0 + 100, row * 60.0 + 40))
            for at, word in enumerate(line.split())
        )
        placed.append(Line(words, Box(0.0, row * 60.0, len(words) * 110.0, row * 60.0 + 40)))
    block = Block(tuple(placed), Box(0.0, 0.0, 2000.0, len(lines) * 60.0))
    return PageText(2000, 1000, "test", "vie", (block,))


def _mended(*lines: str) -> list[str]:
    return [" ".join(word.text for word in line.words) for line in correct(_page(*lines)).lines]


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        (("theo quy định.", "5, Cơ quan tiếp nhận"), ("theo quy định.", "5. Cơ quan tiếp nhận")),
        (("a) Văn bản đề nghị,", "b) Bản sao;"), ("a) Văn bản đề nghị;", "b) Bản sao;")),
        (("ø) Bản sao;",), ("g) Bản sao;",)),
        (("trong các trường hợp Sau:",), ("trong các trường hợp sau:",)),
        (("căn cứ Nghị định SỐ 15",), ("căn cứ Nghị định số 15",)),
        (("doanh nghiệp, chỉ nhánh nước ngoài",), ("doanh nghiệp, chi nhánh nước ngoài",)),
        (("doanh nghiệp và chỉ", "nhánh nước ngoài"), ("doanh nghiệp và chi", "nhánh nước ngoài")),
        (("diện tích 120,5 m?, trong đó",), ("diện tích 120,5 m², trong đó",)),
        (("VW góp ý dự thảo",), ("V/v góp ý dự thảo",)),
        (("ngày 07 tháng 11 năm 2023", "Vív Bảo lãnh"), ("ngày 07 tháng 11 năm 2023", "V/v Bảo lãnh")),
        (("Quốc hội khóa XIH, kỳ họp",), ("Quốc hội khóa XIII, kỳ họp",)),
        (("MỤC ĐÍCH, YÊU CẦU", "Mục H"), ("MỤC ĐÍCH, YÊU CẦU", "Mục H")),
        (("số 27|2014/TT-BTC",), ("số 27/2014/TT-BTC",)),
        (("sinh 24I01/1953",), ("sinh 24/01/1953",)),
        (("sinh ngày 2609/1950,",), ("sinh ngày 26/09/1950,",)),
    ],
)
def test_what_the_line_proves(read: tuple[str, ...], meant: tuple[str, ...]) -> None:
    assert _mended(*read) == list(meant)


@pytest.mark.parametrize(
    "printed",
    [
        ("theo Điều 3, khoản 4,", "5, Cơ quan tiếp nhận"),
        ("diện tích 120 m2 đất",),
        ("dài bao nhiêu m?",),
        ("hãng VW Group",),
        ("SỐ LIỆU THỐNG KÊ",),
        ("CO gốc, VOC và SOS của lô hàng",),
        ("ông Nguyễn Văn Sau:",),
        ("chỉ tiêu và chỉ số",),
        ("mã 2609/1950, lô 1",),
        ("khu H, nhà số 2",),
        ("theo quy định,", "bao gồm bản sao"),
    ],
)
def test_what_nothing_proves_stays(printed: tuple[str, ...]) -> None:
    assert _mended(*printed) == list(printed)
