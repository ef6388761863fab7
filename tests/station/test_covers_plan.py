"""The plan of a stack: whatever is not certain waits, every page is in one place, no dossiers are merged."""

from collections import Counter
from collections.abc import Sequence

import pytest
from covers_stacks import (
    BLANK,
    FIRST,
    SECOND,
    THIRD,
    UNREADABLE,
    dossier,
    number_pages,
    see_page,
    see_sheet,
    sheets_of,
    stack_of,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.separation.order import find_unmoved
from pipeline.separation.plan import plan_stack
from schemas.covers import PageSight, Said, SheetKind, SheetMark, StackPlan, StopCode
from schemas.stack_settings import StackRules

SHEETS = sheets_of(dossier(FIRST, 1, 2), dossier(SECOND, 2), dossier(THIRD, 1))


def plan(sights: Sequence[PageSight], **more: object) -> StackPlan:
    rules = StackRules(**{k: more.pop(k) for k in ("sides", "receipts") if k in more})  # type: ignore[arg-type]
    return plan_stack(number_pages(sights), rules, **more)  # type: ignore[arg-type]


def certain(told: StackPlan) -> dict[str, list[tuple[int, ...]]]:
    return {d.record_code: [paper.pages for paper in d.papers] for d in told.dossiers}


def codes(told: StackPlan) -> list[list[StopCode]]:
    return [[stop.code for stop in stretch.stops] for stretch in told.waiting]


def whole() -> list[PageSight]:
    return stack_of(SHEETS, (3, 2, 1))


def test_counts_on_the_covers_part_dossiers_and_papers() -> None:
    told = plan(whole())
    assert certain(told) == {FIRST: [(2,), (3, 4)], SECOND: [(6, 7)], THIRD: [(9,)]}
    assert not told.waiting
    assert [(a.page, a.what) for a in told.aside] == [(1, "sheet"), (5, "sheet"), (8, "sheet")]


def test_separators_and_end_sheets_part_what_nobody_counted() -> None:
    sheets = sheets_of(dossier(FIRST, None, 2), dossier(SECOND))
    told = plan(stack_of(sheets, (3, 2, 0, 4, 0)))
    assert certain(told) == {FIRST: [(2, 3, 4), (6, 7)], SECOND: [(10, 11, 12, 13)]}
    assert {d.proof for d in told.dossiers} == {"end_sheet"}


def test_a_missing_cover_in_the_middle_stops_what_it_would_merge() -> None:
    sights = whole()
    del sights[4]
    told = plan(sights)
    assert certain(told) == {THIRD: [(8,)]}
    assert [stretch.pages for stretch in told.waiting] == [(1, 2, 3, 4, 5, 6)]
    assert codes(told) == [[StopCode.PAGE_COUNT_DIFFERS, StopCode.SHEET_MISSING]]


def test_a_missing_cover_is_seen_even_where_the_counts_agree_by_accident() -> None:
    """The first dossier lost two pages, the second, of two, its cover sheet."""
    sights = whole()
    del sights[4], sights[2:4]
    told = plan(sights)
    assert FIRST not in certain(told)
    assert [StopCode.SHEET_MISSING] in codes(told)


def test_a_missing_first_and_last_cover_stop() -> None:
    told = plan(whole()[1:])
    assert codes(told) == [[StopCode.NO_COVER]]
    assert set(certain(told)) == {SECOND, THIRD}
    sights = whole()
    del sights[7]
    told = plan(sights)
    assert set(certain(told)) == {FIRST}
    assert codes(told) == [[StopCode.PAGE_COUNT_DIFFERS]]


def test_an_unreadable_sheet_stops_its_stretch_only() -> None:
    sights = whole()
    sights[4] = UNREADABLE
    told = plan(sights)
    assert set(certain(told)) == {FIRST, THIRD}
    assert [stretch.pages for stretch in told.waiting] == [(5, 6, 7)]
    assert codes(told) == [[StopCode.SHEET_UNREADABLE]]


def test_an_unreadable_sheet_behind_an_uncounted_dossier_stops_that_too() -> None:
    """It may be a separator of it."""
    sheets = sheets_of(dossier(FIRST, None, 1), dossier(SECOND, 1))
    sights = stack_of(sheets, (2, 1, 0, 1))
    sights[3] = UNREADABLE
    told = plan(sights)
    assert set(certain(told)) == {SECOND}
    assert told.waiting[0].pages == (1, 2, 3, 4, 5, 6)


def test_codes_that_disagree_stop() -> None:
    sights = whole()
    sights[4] = PageSight(1, (*sights[4].marks, *sights[0].marks), banded=True)
    assert StopCode.CODES_DISAGREE in codes(plan(sights))[0]


def test_covers_that_changed_places_stop() -> None:
    """Both dossiers have as many pages, so that only the printed order tells."""
    sheets = sheets_of(dossier(FIRST, 2), dossier(SECOND, 2), dossier(THIRD, 1))
    sights = stack_of(sheets, (2, 2, 1))
    sights[0], sights[3] = sights[3], sights[0]
    told = plan(sights)
    assert set(certain(told)) == {THIRD}
    assert all(StopCode.SHEETS_OUT_OF_ORDER in stops for stops in codes(told))


def test_a_foreign_cover_takes_no_pages() -> None:
    """Its two pages agree with its count, and are the first dossier's."""
    (stray,) = sheets_of(dossier("H21.65-230101-0099", 2), run="other")
    sights = whole()
    sights.insert(2, see_sheet(stray.sheet))
    told = plan(sights)
    assert set(certain(told)) == {SECOND, THIRD}
    single = sheets_of(dossier(FIRST, 3), run="one")[0]
    told = plan([see_sheet(single.sheet), see_page(), see_sheet(stray.sheet), see_page(), see_page()])
    assert not told.dossiers
    assert StopCode.NEIGHBOUR_UNSURE in codes(told)[1]


def test_covers_of_several_runs_are_no_reason_to_stop() -> None:
    runs = [sheets_of(dossier(record, 1), run=record)[0] for record in (FIRST, SECOND, THIRD)]
    assert set(certain(plan(stack_of(runs, (1, 1, 1))))) == {FIRST, SECOND, THIRD}


def test_a_sheet_drawn_in_twice_is_one_and_two_covers_apart_stop() -> None:
    sights = whole()
    sights.insert(5, sights[4])
    told = plan(sights)
    assert set(certain(told)) == {FIRST, SECOND, THIRD}
    assert (6, "sheet_again") in [(a.page, a.what) for a in told.aside]
    sights = whole()
    sights.insert(6, sights[4])
    assert StopCode.RECORD_TWICE in codes(plan(sights))[0]
    assert SECOND not in certain(plan(sights, accepted=frozenset({SECOND}))), "one folder a record"


def test_a_receipt_of_another_record_stops() -> None:
    sights = whole()
    sights[5] = see_page(record_codes=(FIRST,))
    told = plan(sights)
    assert set(certain(told)) == {FIRST, THIRD}
    assert told.waiting[0].stops[0].code is StopCode.FOREIGN_RECORD_CODE
    assert told.waiting[0].stops[0].pages == (6,)
    sights[5] = see_page(record_codes=(SECOND,))
    assert not plan(sights).waiting


def test_receipts_part_a_stack_on_demand_and_wait_for_a_person() -> None:
    sights = [see_page(record_codes=(FIRST,)), see_page(), see_page(record_codes=(SECOND,)), see_page()]
    told = plan(sights, receipts="separate")
    assert [stretch.pages for stretch in told.waiting] == [(1, 2), (3, 4)]
    assert all(StopCode.UNPROVEN in stops for stops in codes(told))
    told = plan(sights, receipts="separate", accepted=frozenset({FIRST, SECOND}))
    assert certain(told) == {FIRST: [(1, 2)], SECOND: [(3, 4)]}


def test_a_damaged_page_stops_its_dossier() -> None:
    sights = whole()
    sights[2] = PageSight(1, failure="damaged_input")
    told = plan(sights)
    assert set(certain(told)) == {SECOND, THIRD}
    assert StopCode.PAGE_DAMAGED in codes(told)[0]


def test_backs_of_sheets_go_backs_of_pages_stay() -> None:
    sights = [side for sight in whole() for side in (sight, BLANK)]
    told = plan(sights)
    assert told.two_sided
    assert certain(told) == {FIRST: [(3, 4), (5, 6, 7, 8)], SECOND: [(11, 12, 13, 14)], THIRD: [(17, 18)]}
    assert [a.page for a in told.aside if a.what == "back_of_sheet"] == [2, 10, 16]


def test_a_cover_lying_face_down_and_shining_through_is_one_sheet() -> None:
    sights = [side for sight in whole() for side in (sight, BLANK)]
    sights[8], sights[9] = PageSight(1, sights[8].marks, banded=True, ink=0.05), sights[8]
    told = plan(sights)
    assert set(certain(told)) == {FIRST, SECOND, THIRD}
    assert (9, "back_of_sheet") in [(a.page, a.what) for a in told.aside]


def test_print_on_the_back_of_a_sheet_stops() -> None:
    sights = [side for sight in whole() for side in (sight, BLANK)]
    sights[9] = see_page()
    told = plan(sights, sides="two")
    assert StopCode.BACK_PRINTED in codes(told)[0]
    assert FIRST in certain(told)


def test_what_the_operator_says_is_followed() -> None:
    sights = whole()
    sights[4] = UNREADABLE
    cover = Said("sheet", SheetMark(SheetKind.COVER, SECOND))
    told = plan(sights, said={5: cover})
    assert certain(told) == certain(plan(whole()))
    assert [d.proof for d in told.dossiers] == ["page_counts", "operator", "page_counts"]
    told = plan([*whole()[:3], see_page(), *whole()[3:]], accepted=frozenset({FIRST}))
    assert codes(told) == [[StopCode.PAGE_COUNT_DIFFERS]], "papers cannot be told apart by accepting"
    told = plan([*whole()[:1], see_page(), *whole()[1:]], said={2: Said("set_aside")})
    assert set(certain(told)) == {FIRST, SECOND, THIRD}


def test_a_stack_without_sheets_waits_whole() -> None:
    told = plan([see_page(), see_page()])
    assert codes(told) == [[StopCode.NO_COVER]]
    assert plan([]).pages == 0
    with pytest.raises(ValueError, match="numbered"):
        plan_stack([PageSight(2)], StackRules())


_ANY = st.one_of(
    st.sampled_from([see_page(), BLANK, UNREADABLE, PageSight(1, failure="damaged_input")]),
    st.sampled_from([see_sheet(printed.sheet) for printed in SHEETS]),
    st.sampled_from(
        [see_sheet(p.sheet) for p in sheets_of(dossier(FIRST, None, 1), dossier(SECOND), run="b")]
    ),
    st.builds(lambda code: see_page(record_codes=(code,)), st.sampled_from([FIRST, SECOND])),
)


@settings(max_examples=400)
@given(
    st.lists(_ANY, max_size=16),
    st.sampled_from(["auto", "one", "two"]),
    st.sampled_from(["check", "separate", "ignore"]),
    st.sets(st.sampled_from([FIRST, SECOND])),
)
def test_every_page_is_in_exactly_one_place(
    sights: list[PageSight], sides: str, receipts: str, accepted: set[str]
) -> None:
    told = plan(sights, sides=sides, receipts=receipts, accepted=frozenset(accepted))
    places = Counter(a.page for a in told.aside)
    places.update(page for stretch in told.waiting for page in stretch.pages)
    places.update(page for d in told.dossiers for paper in d.papers for page in paper.pages)
    assert places == Counter(range(1, len(sights) + 1))
    assert all(stretch.stops for stretch in told.waiting)
    records = [d.record_code for d in told.dossiers]
    assert len(records) == len(set(records))


@given(st.lists(st.integers(1, 4), min_size=1, max_size=5), st.data())
def test_no_stack_that_lost_one_sheet_or_page_is_merged(counts: list[int], data: st.DataObject) -> None:
    """Whatever one thing is lost, no page comes into another dossier."""
    dossiers = [dossier(f"H21.65-220914-{at:04d}", pages) for at, pages in enumerate(counts)]
    sights = stack_of(sheets_of(*dossiers), counts)
    owners = [d.record_code for d, pages in zip(dossiers, counts, strict=True) for _ in range(pages + 1)]
    lost = data.draw(st.integers(0, len(sights) - 1))
    told = plan(sights[:lost] + sights[lost + 1 :])
    kept = owners[:lost] + owners[lost + 1 :]
    for record, papers in certain(told).items():
        assert all(kept[page - 1] == record for pages in papers for page in pages)


@given(st.permutations(range(6)))
def test_what_lies_right_is_in_rising_order(order: list[int]) -> None:
    kept = [order[at] for at in sorted(find_unmoved(order))]
    assert kept == sorted(kept)
    assert len(find_unmoved(list(range(6)))) == 6
