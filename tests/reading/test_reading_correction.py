"""Repairs that spelling, a pattern or the context proves: right ones made, everything else left as read."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pipeline.reading.correction import correct
from pipeline.reading.syllables import valid_syllables
from schemas.page import Block, Box, LetterChoice, Line, PageText, Word

GAP_PX = 10.0


def _page(*words: str, gap_px: float = GAP_PX) -> PageText:
    """One line of words 100 px wide and 40 px high."""
    placed = tuple(
        Word(word, 0.8, Box(at * (100 + gap_px), 0.0, at * (100 + gap_px) + 100, 40.0))
        for at, word in enumerate(words)
    )
    box = Box(0.0, 0.0, max((word.box.right for word in placed), default=0.0), 40.0)
    return PageText(2000, 100, "test", "vie", (Block((Line(placed, box),), box),))


def _corrected(*words: str) -> list[str]:
    return [word.text for word in correct(_page(*words)).words]


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("câp", "cấp"),
        ("CHÂT,", "CHẤT,"),
        ("(viêc)", "(việc)"),
        ("Quyềt", "Quyết"),
        ("QUYÉT", "QUYẾT"),
        ("KIÉN", "KIẾN"),
        ("sỐ", "số"),
        ("Ðiều", "Điều"),
        ("ðồng", "đồng"),
        ("154/2020/NÐ-CP", "154/2020/NĐ-CP"),
        ("154/2020/ND-CP", "154/2020/NĐ-CP"),
        ("01\u20442024NĐ-CP", "01/2024/NĐ-CP"),
        ("1456/QD-TTg", "1456/QĐ-TTg"),
        ("24/2013/NQ-HDND", "24/2013/NQ-HĐND"),
        ("15/2020/TT-BGDDT", "15/2020/TT-BGDĐT"),
        (unicodedata.normalize("NFD", "tỉnh"), "tỉnh"),
        ("2O24", "2024"),
        ("1.25O.000", "1.250.000"),
        ("0l/l2/2O24,", "01/12/2024,"),
        ("l5/2020/NĐ-CP", "15/2020/NĐ-CP"),
        ("2ó/2024/QD-UBND", "26/2024/QĐ-UBND"),
    ],
)
def test_repairs_and_keeps_what_was_read(read: str, meant: str) -> None:
    word = correct(_page(read)).words[0]
    assert (word.text, word.raw) == (meant, read)


@pytest.mark.parametrize(
    "read",
    # two attested tones, foreign words, capitals, codes, an accented place name, right words
    [
        *("thât", "phat", "Internet", "Mac", "it", "client", "UBND", "VT", "TTr", "HD", "VND"),
        *("H21.65-220914-0011", "A1O", "sotnmt@quangngai.gov.vn", "m2", "5O", "079O", "/CT-UBND"),
        *("154/2020/NĐCP", "2024", "l6", "cấp", "hoà", "hòa", "Lắk", "kiêm", "Daniel"),
    ],
)
def test_leaves_alone_what_is_not_proved(read: str) -> None:
    word = correct(_page(read)).words[0]
    assert (word.text, word.raw) == (read, None)


def test_joins_a_document_number_torn_at_its_hyphen() -> None:
    page = correct(_page("số", "15/2020/TT-", "BGDDT,", gap_px=1.0))
    assert [word.text for word in page.words] == ["số", "15/2020/TT-BGDĐT,"]
    joined = page.words[1]
    assert joined.raw == "15/2020/TT- BGDDT,"
    assert (joined.box.left, joined.box.right) == (101.0, 302.0)
    assert _corrected("11/CT-", "TTg") == ["11/CT-", "TTg"]  # a real gap between them


def _mended(sentence: str) -> str:
    return " ".join(_corrected(*sentence.split()))


@pytest.mark.parametrize(
    ("read", "meant"),
    [
        ("công tác kiêm tra việc thực hiện", "công tác kiểm tra việc thực hiện"),
        ("theo thâm quyên quy định", "theo thẩm quyền quy định"),
        ("cơ quan nhà nước có thấm quyền.", "cơ quan nhà nước có thẩm quyền."),
        ("triên khai thực hiện nghị quyết", "triển khai thực hiện nghị quyết"),
        ("quyên sử dụng đât;", "quyền sử dụng đất;"),
        ("nguồn vôn ngân sách nhà nước", "nguồn vốn ngân sách nhà nước"),
        ("ngành nghê kinh doanh", "ngành nghề kinh doanh"),
        ("Uy ban nhân dân tỉnh Quảng Ngãi", "Ủy ban nhân dân tỉnh Quảng Ngãi"),
        ("CỌNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM", "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM"),
        ("Độc lập - Tự do - Hanh phúc", "Độc lập - Tự do - Hạnh phúc"),
        ("ngày 0l tháng l2 năm 2O24", "ngày 01 tháng 12 năm 2024"),
    ],
)
def test_context_restores_marks(read: str, meant: str) -> None:
    assert _mended(read) == meant


@pytest.mark.parametrize(
    "printed",
    [
        "ông Nguyễn Văn Hưởng, sinh ngày 01/02/1970",
        "bà Trần Thị Thắm và bà Lê Thị Mỹ Khuê",
        "xã Phú Khê Hạ, tỉnh Lam Giang",
        "Công ty TNHH Tư vấn xây dựng Lĩnh Nam",
        "mã hồ sơ H21.65-220914-0011",
        "Số: 15/2020/NĐ-CP ngày 03 tháng 02 năm 2020",
        "- Lưu: VT, KGVX.",
        "hoà giải ở cơ sở",
        "hòa giải ở cơ sở",
        "số điện thoại 0900 000 123",
    ],
)
def test_names_codes_and_right_words_stay(printed: str) -> None:
    assert _mended(printed) == printed


def test_context_reaches_over_line_breaks() -> None:
    first, second = _page("tổ", "chức", "kiêm").blocks[0].lines[0], _page("tra", "việc").blocks[0].lines[0]
    page = PageText(2000, 100, "test", "vie", (Block((first, second), first.box),))
    assert [line.words[-1].text for line in correct(page).lines] == ["kiểm", "việc"]


def test_the_tone_is_placed_as_the_page_places_it() -> None:
    assert _mended("hoà bình và hoa giải ở cơ sở") == "hoà bình và hoà giải ở cơ sở"
    assert _mended("hòa bình và hoa giải ở cơ sở") == "hòa bình và hòa giải ở cơ sở"


def _weighed(read: str, at: int, **weighed: float) -> Word:
    """`read` after a second look that weighed these letters at one place, the one read at no cost."""
    choices = [(LetterChoice(letter, 0.0),) for letter in read]
    choices[at] += tuple(LetterChoice(letter, cost) for letter, cost in weighed.items())
    return Word(read, 0.8, Box(220.0, 0.0, 320.0, 40.0), alternatives=tuple(choices))


@pytest.mark.parametrize(("weighed", "meant"), [({"ể": 8.0}, "kể"), ({"ế": 2.0}, "kê"), ({"x": 30.0}, "kê")])
def test_the_ink_has_its_say(weighed: dict[str, float], meant: str) -> None:
    """`kể từ ngày` is the phrase, but `kê` is a word: only an ể seen in the ink decides."""
    line = _page("được", "tính", "kê", "từ", "ngày").blocks[0].lines[0]
    words = (*line.words[:2], _weighed("kê", 1, **weighed), *line.words[3:])
    once = correct(PageText(2000, 100, "test", "vie", (Block((Line(words, line.box),), line.box),)))
    assert once.words[2].text == meant
    assert correct(once) == once


SYLLABLES = sorted(valid_syllables())
MISREAD = "kiêm tra thâm quyên triên khai câp đât Uy ban tông kêt hoa giải ngày 0l tháng 2O24"
HARD = sorted(set(MISREAD.split()))
WORDS = st.one_of(
    st.text(min_size=1, max_size=12).filter(lambda text: text.split() == [text]),
    st.sampled_from(SYLLABLES),
    st.sampled_from(
        [
            "kiêm",
            "tra",
            "thâm",
            "quyên",
            "triên",
            "khai",
            "câp",
            "đât",
            "Uy",
            "ban",
            "tông",
            "kêt",
            "hoa",
            "giải",
            "2O24",
            "ngày",
            "0l",
        ]
    ),
    st.from_regex(r"\d{1,3}[/⁄]\d{4}/?(NÐ|ND|QD|NQ|TT)-(CP|HDND|BGDDT)?", fullmatch=True),
    st.text("câpchtkiênểéÐðQUYÉT-/12", min_size=1, max_size=8),
)


@given(st.lists(WORDS, max_size=8), st.floats(-5, 20))
@example(["ngày", "0l", "tháng", "l2", "năm", "2O24"], 10.0)
def test_correction_is_safe(words: list[str], gap_px: float) -> None:
    page = _page(*words, gap_px=gap_px)
    once = correct(page)
    assert correct(once) == once
    for word in once.words:
        assert unicodedata.is_normalized("NFC", word.text)
    assert all(word.raw is None for word in once.words if word in page.words)
    assert _boxes(once) <= _boxes(page) or len(once.words) < len(page.words)
    assert _keeps_order(page, once)


def _boxes(page: PageText) -> set[Box]:
    return {word.box for word in page.words}


def _digits(page: PageText) -> str:
    return "".join(char for word in page.words for char in word.text if char.isdigit())


def _keeps_order(page: PageText, once: PageText) -> bool:
    """Digits that were read are all there, in order; letters may have become digits between them."""
    found = iter(_digits(once))
    return all(digit in found for digit in unicodedata.normalize("NFC", _digits(page)))


@given(st.lists(st.sampled_from(SYLLABLES), min_size=1, max_size=8), st.data())
def test_only_marks_change_in_syllables(syllables: list[str], data: st.DataObject) -> None:
    cases = st.sampled_from([str.lower, str.upper, str.title])
    words = [data.draw(cases)(syllable) for syllable in syllables]
    for read, mended in zip(words, _corrected(*words), strict=True):
        assert _bare(mended) == _bare(read)


def _bare(word: str) -> str:
    """Case and base letters without any mark."""
    decomposed = unicodedata.normalize("NFD", word.translate(str.maketrans("đĐ", "dD")))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


@given(st.sampled_from(SYLLABLES), st.sampled_from([str.lower, str.upper, str.title]))
def test_a_valid_syllable_without_context_is_never_changed(syllable: str, case: object) -> None:
    word = case(syllable)  # type: ignore[operator]
    assert _corrected(word) == [word]
