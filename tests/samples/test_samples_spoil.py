"""Spoiled pages: the truth stays whole, the damage lies where it is said to, and grows with severity."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from scripts.samples import other_pages, spoil
from scripts.samples.page import SamplePage
from scripts.samples.spoil import AREA_SHRINK, Spoiled
from scripts.samples.typeset import set_card, set_slip

Way = Callable[[SamplePage, random.Random, float], Spoiled]

PARTIAL = (spoil.blur_part, spoil.cover_with_sheet, spoil.fold_corner, spoil.lay_hand, spoil.shine)
WHOLE = (spoil.smear, spoil.band, spoil.shake, spoil.crumple)


@pytest.fixture(scope="module")
def slip() -> SamplePage:
    return set_slip(random.Random("slip"), (), "Tinos")


def change(page: SamplePage, spoiled: Spoiled) -> np.ndarray:
    difference = np.abs(page.pixels.astype(np.int16) - spoiled.page.pixels).max(axis=2)
    return np.asarray(difference)


@pytest.mark.parametrize("way", (*PARTIAL, *WHOLE))
def test_the_truth_stays_whole_and_a_seed_gives_the_same_page(way: Way, slip: SamplePage) -> None:
    first, second = (way(slip, random.Random("again"), 0.6) for _ in range(2))
    assert np.array_equal(first.page.pixels, second.page.pixels)
    assert (first.page.words, first.page.text) == (slip.words, slip.text)


@pytest.mark.parametrize("way", PARTIAL)
def test_damage_lies_where_it_is_said_to(way: Way, slip: SamplePage) -> None:
    spoiled = way(slip, random.Random("where"), 0.5)
    assert spoiled.area is not None and 0.002 < (spoiled.area > 0).mean() < 0.9
    height, width = spoiled.area.shape
    changed = change(slip, spoiled)[: height * AREA_SHRINK, : width * AREA_SHRINK]
    strongly = changed.reshape(height, AREA_SHRINK, width, AREA_SHRINK).max(axis=(1, 3)) > 160
    assert (spoiled.area[strongly] > 0).mean() > 0.8


@pytest.mark.parametrize("way", (*WHOLE, spoil.cover_with_sheet, spoil.shine))
def test_damage_grows_with_severity(way: Way, slip: SamplePage) -> None:
    changes = (change(slip, way(slip, random.Random("grow"), much)) for much in (0.05, 0.95))
    # paper that is darker all over (under a lamp) is no damage
    mild, severe = (np.abs(changed - np.median(changed)).mean() for changed in changes)
    assert severe > 1.5 * mild


def test_words_that_were_cut_away_lie_outside_of_the_page(slip: SamplePage) -> None:
    cut = spoil.cut_side(slip, random.Random("cut"), 0.5).page
    height, width = cut.pixels.shape[:2]
    inside = [
        box.left >= 0 and box.right <= width and box.top >= 0 and box.bottom <= height for _, box in cut.words
    ]
    assert cut.text == slip.text
    assert 0 < sum(inside) < len(inside)


def test_a_page_without_print_has_none_to_cut() -> None:
    with pytest.raises(ValueError, match="without print"):
        spoil.cut_side(other_pages.leave_blank(random.Random(1)), random.Random(1), 0.5)


def test_pages_without_print_have_no_truth(slip: SamplePage) -> None:
    rng = random.Random("none")
    pages = (
        other_pages.leave_blank(rng),
        other_pages.turn_over(slip, rng, 1.0),
        other_pages.write_by_hand(rng),
        other_pages.look_elsewhere(rng),
    )
    assert [(page.words, page.text) for page in pages] == [((), "")] * 4
    blank, back, hand, elsewhere = ((page.pixels < 128).mean() for page in pages)
    assert blank < 0.002 and back == 0 and 0.002 < hand < 0.2 < elsewhere


def test_a_card_keeps_its_words_where_it_is_copied() -> None:
    card = next(
        card for seed in range(20) if (card := set_card(random.Random(seed), "Arimo")).pixels.shape[0] > 2000
    )
    for _, box in card.words:
        ink = card.pixels[int(box.top) : int(box.bottom), int(box.left) : int(box.right)]
        assert ink.min() < 100
