"""What hides, cuts or stripes print is found where it lies; pages without print are named, none is lost."""

import random
from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import pytest

from pipeline.digitise import Tools, digitise_page, open_tools
from pipeline.quality.findings import image_findings
from pipeline.quality.look import Look, look
from pipeline.quality.verdict import judge_look
from schemas.page import Orientation, Pixels, Reason, ScanPage, Skew, UprightPage, Verdict
from schemas.settings import Settings
from scripts.samples import damage, other_pages, spoil
from scripts.samples.page import SamplePage
from scripts.samples.scanning import Scan, scan
from scripts.samples.spoil import Spoiled
from scripts.samples.typeset import Style, set_letter, set_prose, set_slip

Way = Callable[[SamplePage, random.Random, float], Spoiled]
ASKED = 0.3  # weight from which a finding is a reason


@pytest.fixture(scope="module")
def prose() -> SamplePage:
    return set_prose(random.Random("rules"), (), Style("Tinos", 13))


@pytest.fixture(scope="module")
def tools() -> Iterator[Tools]:
    opened = open_tools(Settings())
    yield opened
    opened.engine.close()


def scan_page(page: SamplePage) -> Scan:
    return scan(page, seed=1, skew_deg=0.0)


def look_at(pixels: Pixels) -> Look:
    upright = UprightPage(
        1, pixels, 300.0, True, False, Orientation(0, True), Skew(0.0, True), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    )
    return look(upright)


def name_causes(seen: Look) -> set[Reason]:
    return {finding.reason for finding in image_findings(seen) if finding.weight >= ASKED}


def test_a_sound_page_has_nothing_against_it(prose: SamplePage) -> None:
    seen = look_at(scan_page(prose).pixels)
    assert name_causes(seen) == set()
    assert not seen.covers.laid_on.any() and not seen.covers.glare.any()


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        (spoil.cover_with_sheet, Reason.OCCLUDED),
        (spoil.fold_corner, Reason.OCCLUDED),
        (spoil.lay_hand, Reason.OCCLUDED),
        (spoil.shine, Reason.GLARE),
    ],
    ids=["sheet", "corner", "hand", "lamp"],
)
@pytest.mark.parametrize("seed", [1, 2])
def test_what_hides_print_is_named_and_found_where_it_lies(
    way: Way, reason: Reason, seed: int, prose: SamplePage
) -> None:
    spoiled = way(prose, random.Random(seed), 0.7)
    seen = look_at(scan_page(spoiled.page).pixels)
    assert reason in name_causes(seen)
    found = seen.covers.glare if reason is Reason.GLARE else seen.covers.laid_on
    assert spoiled.area is not None
    rows, columns = found.shape
    damaged = cv2.resize(spoiled.area, (columns, rows), interpolation=cv2.INTER_NEAREST) > 0
    assert np.count_nonzero(found & damaged) / np.count_nonzero(found | damaged) > 0.6


@pytest.mark.parametrize("severity", [0.3, 0.9])
@pytest.mark.parametrize("seed", [1, 2])
def test_a_part_out_of_focus_is_outlined(severity: float, seed: int, prose: SamplePage, tools: Tools) -> None:
    spoiled = spoil.blur_part(prose, random.Random(seed), severity)
    told = digitise_page(
        ScanPage(1, scan_page(spoiled.page).pixels, 300.0, True, False, "image"), tools
    ).report
    assert told.reasons == (Reason.BLUR,)
    assert spoiled.area is not None
    damaged = spoiled.area > 0
    found = np.zeros(damaged.shape, np.uint8)
    for region in told.regions:
        corners = np.array(region) * (damaged.shape[1], damaged.shape[0])
        cv2.fillPoly(found, [np.round(corners).astype(np.int32)], 1)
    assert np.count_nonzero((found > 0) & damaged) / np.count_nonzero((found > 0) | damaged) > 0.6


def test_a_page_all_out_of_focus_has_nothing_outlined_and_one_reason(prose: SamplePage, tools: Tools) -> None:
    pixels = scan(prose, seed=1, skew_deg=0.0, blur_px=9).pixels
    told = digitise_page(ScanPage(1, pixels, 300.0, True, False, "image"), tools).report
    assert (told.verdict, told.reasons, told.regions) == (Verdict.UNREADABLE, (Reason.BLUR,), ())


def test_a_white_sheet_on_white_paper_is_told_by_its_shadow(
    prose: SamplePage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spoil, "_SHEETS", ((252, 252, 250),))
    covered = spoil.cover_with_sheet(prose, random.Random(5), 0.5)
    assert Reason.OCCLUDED in name_causes(look_at(scan_page(covered.page).pixels))


def test_a_dark_arm_from_the_edge_is_no_frame(prose: SamplePage) -> None:
    pixels = scan_page(prose).pixels.copy()
    height, width = pixels.shape[:2]
    pixels[height // 3 : height // 2, : width // 2] = (60, 40, 28)
    assert Reason.OCCLUDED in name_causes(look_at(pixels))


@pytest.mark.parametrize("seed", [1, 3])
def test_a_slip_faded_away_under_a_lamp_is_asked_about_and_an_empty_one_is_blank(
    seed: int, tools: Tools
) -> None:
    slip = set_slip(random.Random(3), (), "Tinos")
    empty = replace(slip, pixels=np.full_like(slip.pixels, 252))
    faded = spoil.shine(replace(empty, words=slip.words), random.Random(seed), 1.0).page
    told = [
        digitise_page(ScanPage(1, scan_page(page).pixels, 300.0, True, False, "image"), tools).report
        for page in (faded, empty)
    ]
    assert told[0].verdict in {Verdict.REVIEW, Verdict.UNREADABLE} and told[0].reasons[0] is Reason.GLARE
    assert told[1].verdict is Verdict.BLANK


@pytest.mark.parametrize("seed", [1, 4])
def test_light_from_one_side_is_no_lamp(seed: int) -> None:
    letter = set_letter(random.Random(3), (), "Tinos")
    lit = scan(letter, seed=seed, skew_deg=0.0, uneven_light=0.3, noise=1.5).pixels
    assert Reason.GLARE not in name_causes(look_at(lit))


@pytest.mark.parametrize("seed", range(3))
def test_the_bright_panels_of_folded_paper_are_no_lamps(seed: int, prose: SamplePage) -> None:
    folded = damage.fold(prose, random.Random(seed), 0.8)
    assert Reason.GLARE not in name_causes(look_at(scan_page(folded).pixels))


@pytest.mark.parametrize(("strength", "cut"), [(0.35, False), (1.0, True)], ids=["back", "front"])
def test_print_of_the_back_is_not_cut_off(strength: float, cut: bool, prose: SamplePage) -> None:
    pixels = scan_page(prose).pixels
    ink = 255.0 - pixels[:, ::-1].astype(np.float32)
    inked = np.flatnonzero((ink.max(axis=2) > 100).any(axis=0))
    at_edge = np.roll(ink, -int(inked[0]) - 8, axis=1)
    seen = look_at(np.clip(pixels - strength * at_edge, 0, 255).astype(np.uint8))
    assert (Reason.CUT_OFF in name_causes(seen)) == cut


@pytest.mark.parametrize("seed", range(3))
def test_the_fast_look_sends_no_page_back_that_can_be_read(seed: int, prose: SamplePage) -> None:
    for damaged in (
        spoil.crumple(prose, random.Random(seed), 0.15).page,
        damage.fold(prose, random.Random(seed), 0.5),
    ):
        assert judge_look(look_at(scan_page(damaged).pixels)).verdict is Verdict.READABLE


def test_the_fast_look_sends_back_what_nobody_can_read(prose: SamplePage) -> None:
    blurred = scan(prose, seed=1, skew_deg=0.0, blur_px=11).pixels
    noisy = scan(prose, seed=1, skew_deg=0.0, noise=110).pixels
    for pixels in (blurred, noisy):
        assert judge_look(look_at(pixels)).verdict is not Verdict.READABLE


def test_stripes_without_light_are_banding(prose: SamplePage) -> None:
    banded = spoil.band(prose, random.Random(1), 0.3)
    assert Reason.BANDING in name_causes(look_at(scan_page(banded.page).pixels))


def test_print_that_ends_at_the_edge_was_cut_off(prose: SamplePage) -> None:
    """Cut between two lines: no letter touches the edge, but no page is printed so close to it."""
    pixels = scan_page(prose).pixels
    bare = ~(pixels.min(axis=2) < 160).any(axis=1)
    rows = range(len(bare) // 2, len(bare))
    end = next(row for row in rows if bare[row : row + 12].all()) + 10
    seen = look_at(np.ascontiguousarray(pixels[:end]))
    assert seen.cut_components == 0
    assert Reason.CUT_OFF in name_causes(seen)


@pytest.mark.parametrize(
    ("draw", "verdict", "reason"),
    [
        (lambda rng, page: other_pages.leave_blank(rng), Verdict.BLANK, Reason.BLANK),
        (lambda rng, page: other_pages.turn_over(page, rng, 0.6), Verdict.BLANK, Reason.BLANK),
        (lambda rng, page: other_pages.write_by_hand(rng), Verdict.REVIEW, Reason.HANDWRITING),
        (lambda rng, page: other_pages.look_elsewhere(rng), Verdict.REVIEW, Reason.PHOTOGRAPH),
    ],
    ids=["blank", "back", "handwriting", "photo"],
)
def test_a_page_without_print_is_named(
    draw: Callable[[random.Random, SamplePage], SamplePage],
    verdict: Verdict,
    reason: Reason,
    prose: SamplePage,
    tools: Tools,
) -> None:
    pixels = scan_page(draw(random.Random(3), prose)).pixels
    told = digitise_page(ScanPage(1, pixels, 300.0, True, False, "image"), tools).report
    assert (told.verdict, told.reasons[0]) == (verdict, reason)


def test_a_small_note_is_no_reason_to_send_a_page_back_unread_and_a_large_sheet_is(prose: SamplePage) -> None:
    looks = [
        look_at(scan_page(spoil.cover_with_sheet(prose, random.Random(1), severity).page).pixels)
        for severity in (0.1, 1.0)
    ]
    assert all(Reason.OCCLUDED in name_causes(seen) for seen in looks)
    note, sheet = (judge_look(seen) for seen in looks)
    assert note.verdict is Verdict.READABLE
    assert sheet.verdict is not Verdict.READABLE and sheet.reasons[0] is Reason.OCCLUDED
