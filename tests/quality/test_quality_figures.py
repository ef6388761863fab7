"""Figures that the verdict is measured by."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.quality.signals import IMAGE_SIGNALS, READING_SIGNALS
from scripts.quality.ablate import GROUPS
from scripts.quality.plot import draw_reliability
from scripts.quality.ranks import auc, calibration_error, rank_correlation, reliability

SHARES = st.lists(st.floats(0, 1), min_size=3, max_size=40)


def test_auc_is_the_chance_that_a_bad_page_ranks_above_a_good_one() -> None:
    assert auc(np.array([0.9, 0.8]), np.array([0.1, 0.2])) == 1.0
    assert auc(np.array([0.5]), np.array([0.5, 0.1])) == 0.75


@given(SHARES)
def test_ranks_do_not_change_under_what_keeps_the_order(values: list[float]) -> None:
    one = np.unique(np.round(values, 3))
    if len(one) > 1:
        assert rank_correlation(one, one**3 + 1) == pytest.approx(1.0)
        assert rank_correlation(one, -one) == pytest.approx(-1.0)


@given(SHARES)
def test_who_says_what_is_so_has_no_calibration_error(values: list[float]) -> None:
    sure = np.round(np.array(values))
    assert calibration_error(reliability(sure, sure > 0.5)) == 0
    assert calibration_error(reliability(1 - sure, sure > 0.5)) == 1
    assert sum(part.pages for part in reliability(np.array(values), sure > 0.5)) == len(values)


def test_every_signal_is_taken_away_once() -> None:
    apart = [name for group, members in GROUPS.items() if "layout" not in group for name in members]
    assert sorted(apart) == sorted(IMAGE_SIGNALS | READING_SIGNALS)


def test_the_plot_has_a_point_for_every_tenth_with_pages_and_they_lie_in_the_picture() -> None:
    p = np.linspace(0, 1, 50)
    picture = draw_reliability({"fast": reliability(p, p > 0.4), "full": reliability(p**2, p > 0.6)})
    points = [(float(x), float(y)) for x, y in re.findall(r'cx="([\d.]+)" cy="([\d.]+)"', picture)]
    assert len(points) == len(reliability(p, p > 0.4)) + len(reliability(p**2, p > 0.6))
    assert all(56 <= x <= 416 and 56 <= y <= 416 for x, y in points)
