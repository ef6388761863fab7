"""Papers that disagree with each other are found; papers that only look odd are left alone."""

from hypothesis import given
from hypothesis import strategies as st
from traced_pages import make_trace

from pipeline.quality.dossier_checks import check_dossier
from schemas.findings import DossierFinding, FindingCode, PageTrace, PaperTraces

OWN = "H21.65-220914-0011"
OTHER = "H21.65-220914-0012"


def check(*papers: list[PageTrace | None], code: str | None = OWN) -> tuple[DossierFinding, ...]:
    return check_dossier(
        [PaperTraces(ordinal, tuple(pages)) for ordinal, pages in enumerate(papers, 1)], code
    )


def check_numbers(numbers: list[int | None]) -> list[tuple[FindingCode, tuple[int, ...], list[int]]]:
    findings = check([make_trace(number) for number in numbers])
    return [(found.code, found.numbers, [place.page for place in found.pages]) for found in findings]


@given(st.integers(1, 12), st.sets(st.integers(0, 11)), st.sampled_from(["from 1", "from 2", "cover"]))
def test_a_whole_paper_is_left_alone_whatever_was_not_read(count: int, unread: set[int], first: str) -> None:
    numbers: list[int | None] = [*range(1, count + 1)]
    if first == "from 2":
        numbers[0] = None
    if first == "cover":
        numbers = [None, None, *numbers]
    numbers = [None if place in unread else number for place, number in enumerate(numbers)]
    # unread pages may hide where a part with a cover begins
    if first != "cover" or not unread:
        assert check_numbers(numbers) == []


@given(st.lists(st.integers(2, 6), min_size=2, max_size=4), st.booleans())
def test_annexes_that_begin_again_are_left_alone(lengths: list[int], numbered_first: bool) -> None:
    parts = [[1 if numbered_first else None, *range(2, length + 1)] for length in lengths]
    assert check_numbers([number for part in parts for number in part]) == []


@given(st.integers(4, 12), st.data())
def test_pages_taken_out_of_the_middle_are_missed_by_name(count: int, data: st.DataObject) -> None:
    first = data.draw(st.integers(2, count - 2))
    last = data.draw(st.integers(first, count - 2))
    numbers = [number for number in range(1, count + 1) if not first <= number <= last]
    missing = tuple(range(first, last + 1))
    assert check_numbers([*numbers]) == [(FindingCode.PAGE_NUMBER_MISSING, missing, [first - 1, first])]


@given(st.integers(3, 12), st.data())
def test_pages_that_changed_places_are_out_of_order_and_none_is_missing(
    count: int, data: st.DataObject
) -> None:
    at = data.draw(st.integers(1, count - 2))
    numbers = [*range(1, count + 1)]
    numbers[at], numbers[at + 1] = numbers[at + 1], numbers[at]
    assert {code for code, _, _ in check_numbers([*numbers])} == {FindingCode.PAGE_NUMBER_OUT_OF_ORDER}


@given(st.integers(3, 12), st.integers(1, 999), st.data())
def test_one_misread_number_is_no_finding(count: int, misread: int, data: st.DataObject) -> None:
    numbers: list[int | None] = [*range(1, count + 1)]
    numbers[data.draw(st.integers(1, count - 2))] = max(misread, 2)
    assert check_numbers(numbers) == []


@given(st.lists(st.one_of(st.none(), st.integers(1, 30)), max_size=12), st.data())
def test_whatever_is_read_findings_name_pages_of_the_paper(
    numbers: list[int | None], data: st.DataObject
) -> None:
    totals = [number and data.draw(st.one_of(st.none(), st.integers(number, 40))) for number in numbers]
    pages = [make_trace(number, total) for number, total in zip(numbers, totals, strict=True)]
    for finding in check([*pages]):
        assert all(1 <= place.page <= len(pages) for place in finding.pages) and finding.pages


def test_a_printed_total_tells_the_last_pages_are_missing() -> None:
    (finding,) = check([make_trace(1, 5), make_trace(2, 5), make_trace(3, 5)])
    assert (finding.code, finding.numbers) == (FindingCode.PAGE_NUMBER_MISSING, (4, 5))
    assert not check([make_trace(1, 3), make_trace(), make_trace()])


def test_blank_backs_bear_no_number_and_a_lost_page_keeps_its_place() -> None:
    blank = make_trace(blank=True)
    assert not check([make_trace(1), blank, make_trace(2), blank, make_trace(3), blank])
    assert not check([make_trace(1), None, make_trace(3)])
    assert not check([make_trace(7)])


def test_a_page_scanned_twice_is_found_within_and_between_papers() -> None:
    page = make_trace(2)
    (finding,) = check([make_trace(1), page, page, make_trace(3)], [page])
    assert (finding.code, finding.papers) == (FindingCode.DUPLICATE_PAGE, (1, 2))
    assert [(place.paper, place.page) for place in finding.pages] == [(1, 2), (1, 3), (2, 1)]


def test_a_page_that_lay_otherwise_is_found() -> None:
    upside_down = make_trace(quarter_turn=180)
    (finding,) = check([make_trace(), upside_down, make_trace()])
    assert finding.code is FindingCode.MIXED_ORIENTATION
    assert [place.page for place in finding.pages] == [2]
    across = make_trace(aspect="landscape", quarter_turn=90)
    assert not check([make_trace(), across, make_trace()])
    assert not check([make_trace(), make_trace(quarter_turn=None), make_trace()])
    assert not check([make_trace()], [upside_down])


def test_a_page_of_another_record_is_found_and_a_list_of_records_is_not() -> None:
    foreign = make_trace(record_codes=(OTHER,))
    (finding,) = check([make_trace(record_codes=(OWN,))], [make_trace(), foreign])
    assert (finding.code, finding.record_codes) == (FindingCode.FOREIGN_RECORD_CODE, (OTHER,))
    assert [(place.paper, place.page) for place in finding.pages] == [(2, 2)]
    assert not check([make_trace(record_codes=(OTHER, OWN))])
    assert not check([make_trace(record_codes=("000.00.65.H21-220914-0011",))])


def test_without_a_record_the_pages_are_held_against_each_other() -> None:
    assert not check([make_trace(record_codes=(OTHER,)), make_trace()], code=None)
    mixed = [make_trace(record_codes=(OTHER,)), make_trace(record_codes=(OWN,))]
    (finding,) = check([*mixed], code=None)
    assert finding.record_codes == (OWN,)


def test_declared_pages_count_sides_with_or_without_blank_backs() -> None:
    pages = (make_trace(), make_trace(blank=True), make_trace())
    for declared in (None, 2, 3):
        assert not check_dossier([PaperTraces(1, pages, declared)], OWN)
    (finding,) = check_dossier([PaperTraces(1, pages, 4)], OWN)
    assert (finding.code, finding.numbers) == (FindingCode.PAGE_COUNT_DIFFERS, (4, 3))
