"""What a page leaves behind: it knows its own rescan, says its number and its record, and no name."""

import json
import random
from dataclasses import asdict

import numpy as np
import pytest
from traced_pages import lay_upright, read_scan, set_text, trace_scan

from pipeline.quality.duplicates import find_duplicates
from pipeline.quality.marks import find_page_number, find_record_codes
from pipeline.quality.trace import trace_page
from schemas.findings import PrintedNumber
from schemas.page import Box, PageText
from scripts.samples import other_pages
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_paper
from scripts.samples.scanning import scan
from scripts.samples.texts import PROCEDURES, draw_case

HEAD, BODY, FOOT = Box(1200, 150, 1280, 190), Box(300, 1500, 2300, 1540), Box(1200, 3350, 1280, 3390)


def test_a_page_knows_its_rescan_and_no_other_persons_form() -> None:
    seeds = (4, 4 + len(PROCEDURES), 4 + 2 * len(PROCEDURES))
    forms = [render_paper(PaperKind.APPLICATION, seed).pages[0] for seed in seeds]
    traces = [trace_scan(scan(form, seed=seed, skew_deg=0.4)) for seed, form in enumerate(forms)]
    rescan = scan(forms[0], seed=9, skew_deg=-1.2, dpi=200, dim=0.4, noise=3, jpeg_quality=60)
    traces.append(trace_scan(rescan, misread_every=40))
    assert list(find_duplicates(traces)) == [(0, 3)]


def test_consecutive_pages_of_one_contract_are_no_duplicates_and_say_their_numbers() -> None:
    pages = render_paper(PaperKind.LONG, 8).pages
    traces = [trace_scan(page) for page in pages]
    assert not list(find_duplicates(traces))
    assert [trace.printed for trace in traces] == [None, PrintedNumber(2), PrintedNumber(3)]


def test_pages_without_print_are_compared_by_their_picture() -> None:
    rng = random.Random("hand")
    one, other = other_pages.write_by_hand(rng), other_pages.write_by_hand(rng)
    nothing = PageText(1, 1, "test", "vie")
    scans = [scan(one, seed=1), scan(other, seed=2), scan(one, seed=3, uneven_light=0.3, noise=2)]
    traces = [trace_page(lay_upright(made), nothing, blank=False) for made in scans]
    assert list(find_duplicates(traces)) == [(0, 2)]


def test_blank_pages_are_never_duplicates() -> None:
    page = scan(other_pages.leave_blank(random.Random("blank")), seed=1)
    trace = trace_page(lay_upright(page), PageText(1, 1, "test", "vie"), blank=True)
    assert not list(find_duplicates([trace, trace, None, None]))


def test_a_trace_carries_neither_text_nor_names() -> None:
    case = draw_case(6)
    told = json.dumps(asdict(trace_scan(render_paper(PaperKind.DECLARATION, 6).pages[0])), ensure_ascii=False)
    for private in (*case.applicant.name.split(), case.applicant.identity, case.place.commune, "khai"):
        assert private not in told


@pytest.mark.parametrize(
    ("line", "number"),
    [
        ("2", PrintedNumber(2)),
        ("- 2 -", PrintedNumber(2)),
        ("– 14 –", PrintedNumber(14)),
        ("Trang 2/5", PrintedNumber(2, 5)),
        ("Trang: 2 / 5", PrintedNumber(2, 5)),
        ("trang số 3", PrintedNumber(3)),
        ("2/5", PrintedNumber(2, 5)),
        ("Trang 2 trên 5", PrintedNumber(2, 5)),
        ("Hợp đồng thuê nhà Trang 2/5", PrintedNumber(2, 5)),
        ("Điều 5", None),
        ("Trang 7/5", None),
        ("0", None),
        ("2026/2027", None),
        ("xem trang 12", None),
        ("15/11/2026", None),
    ],
)
@pytest.mark.parametrize("box", [HEAD, FOOT])
def test_numbers_in_head_and_foot(line: str, number: PrintedNumber | None, box: Box) -> None:
    assert find_page_number(set_text([(line, box), ("Chương trình công tác", BODY)])) == number


def test_what_is_no_page_number() -> None:
    beside = Box(1500, 3345, 1700, 3395)
    assert find_page_number(set_text([("Nội dung", BODY), ("12", FOOT), ("1.250.000", beside)])) is None
    assert find_page_number(set_text([("Nội dung", HEAD), ("12", BODY), ("Nơi nhận", FOOT)])) is None
    assert find_page_number(set_text([("3", HEAD), ("Nội dung", BODY)], confidence=0.4)) is None
    assert find_page_number(set_text([])) is None


@pytest.mark.parametrize(
    ("line", "codes"),
    [
        ("Mã hồ sơ: H21.65-220914-0011", ("H21.65-220914-0011",)),
        ("Mã số hồ sơ 000.00.01.H21-220426-0001", ("000.00.01.H21-220426-0001",)),
        ("H21.65-220914-0011", ("H21.65-220914-0011",)),
        ("Số hồ sơ: H21.65 - 220914 - 0011", ("H21.65-220914-0011",)),
        ("Hồ sơ số H21.65-220914-0011 nhận lúc 08 giờ", ()),
        ("Căn cứ mã hồ sơ H21.65-220914-0011 đã nộp", ()),
        ("Mã hồ sơ: H21.65-220914-0011 của ông Nguyễn Văn Hưởng nộp ngày hôm nay", ()),
        ("Mã hồ sơ: H21.65-2209-0011", ()),
        ("Số: 0123456-789012-3456", ()),
    ],
)
def test_the_record_a_page_gives_as_its_own(line: str, codes: tuple[str, ...]) -> None:
    assert find_record_codes(set_text([(line, BODY)])) == codes


def test_a_receipt_gives_its_record_on_both_pages() -> None:
    case = draw_case(6)
    code = f"{case.place.agency_code}-261124-{case.number:04d}"
    pages = render_paper(PaperKind.RECEIPT, 6).pages
    assert [trace_scan(page).record_codes for page in pages] == [(code,)] * 2


def test_the_turn_counts_only_where_it_is_the_papers_own() -> None:
    page = scan(render_paper(PaperKind.SHORT_LETTER, 3).pages[0], seed=1)
    text = read_scan(page)
    turned = trace_page(lay_upright(page, quarter_turn=90), text, blank=False)
    guessed = trace_page(lay_upright(page, quarter_turn=90, certain=False), text, blank=False)
    assert (turned.quarter_turn, guessed.quarter_turn, turned.aspect) == (90, None, "portrait")


@pytest.mark.parametrize("shape", [(1, 1), (1, 900), (900, 1, 3), (3, 5000, 3)])
def test_pages_of_any_size_leave_a_trace(shape: tuple[int, ...]) -> None:
    page = scan(render_paper(PaperKind.NOTE, 3).pages[0], seed=1)
    odd = lay_upright(page)
    object.__setattr__(odd, "pixels", np.full(shape, 255, np.uint8))
    assert len(trace_page(odd, PageText(1, 1, "test", "vie"), blank=False).picture) == 64
