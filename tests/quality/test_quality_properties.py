"""What holds for any picture and any text, however odd."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pipeline.quality.ink import halve
from pipeline.quality.look import look
from pipeline.quality.verdict import judge, judge_look
from schemas.page import (
    Block,
    Box,
    Judgement,
    Line,
    Orientation,
    PageText,
    Pixels,
    Reason,
    Skew,
    UprightPage,
    Verdict,
    Word,
)


def make_page(pixels: Pixels, dpi: float) -> UprightPage:
    return UprightPage(
        1, pixels, dpi, True, False, Orientation(0, True), Skew(0.0, True), (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
    )


def assert_sound(judgement: Judgement) -> None:
    assert 0.0 <= judgement.p_unreadable <= 1.0
    assert bool(judgement.reasons) == (judgement.verdict is not Verdict.READABLE)
    assert len(set(judgement.reasons)) == len(judgement.reasons)
    assert all(np.isfinite(value) for value in judgement.signals.values())


@st.composite
def pictures(draw: st.DrawFn) -> Pixels:
    height, width = draw(st.integers(1, 300)), draw(st.integers(1, 300))
    shape = (height, width, 3) if draw(st.booleans()) else (height, width)
    kind = draw(st.sampled_from(["uniform", "noise", "strokes", "two levels"]))
    random = np.random.default_rng(draw(st.integers(0, 1000)))
    if kind == "uniform":
        return np.full(shape, draw(st.integers(0, 255)), np.uint8)
    if kind == "noise":
        return random.integers(0, 256, shape, dtype=np.uint8)
    picture = np.full(shape, 240, np.uint8)
    if kind == "two levels":
        picture[: height // 2] = draw(st.integers(0, 255))
        return picture
    for _ in range(40):
        y, x = int(random.integers(0, height)), int(random.integers(0, width))
        picture[y : y + 9, x : x + 3] = 30
    return picture


@st.composite
def texts(draw: st.DrawFn) -> PageText:
    edge = st.floats(-50, 400)
    words = [
        Word("tỉnh", draw(st.floats(0, 1)), Box(draw(edge), draw(edge), draw(edge), draw(edge)))
        for _ in range(draw(st.integers(0, 8)))
    ]
    box = Box(0, 0, 300, 300)
    blocks = (Block((Line(tuple(words), box),), box),) if words else ()
    return PageText(300, 300, "any", "vie", blocks)


@settings(max_examples=80, deadline=None)
@given(pictures(), st.sampled_from([30.0, 72.0, 150.0, 200.0, 300.0, 600.0]), texts(), st.floats(0, 1))
def test_any_picture_gets_a_sound_verdict_twice_the_same(
    pixels: Pixels, dpi: float, text: PageText, validity: float
) -> None:
    def judge_once() -> tuple[Judgement, Judgement]:
        figures = look(make_page(pixels, dpi))
        full = judge(figures, text, syllable_validity=validity, orientation_certain=False, skew_certain=False)
        return judge_look(figures), full

    for judgement in judge_once():
        assert_sound(judgement)
    assert judge_once() == judge_once()


@pytest.mark.parametrize("size", [(1, 1), (1, 2000), (2000, 1), (7, 7), (33, 65), (1754, 1240)])
@pytest.mark.parametrize(
    "fill",
    [
        lambda s: np.zeros(s, np.uint8),
        lambda s: np.full(s, 255, np.uint8),
        lambda s: np.full(s, 128, np.uint8),
    ],
    ids=["black", "white", "grey"],
)
def test_uniform_sheets_of_any_size_never_raise(
    size: tuple[int, int], fill: Callable[[tuple[int, int]], Pixels]
) -> None:
    page = make_page(fill(size), 150.0)
    nothing = PageText(size[1], size[0], "any", "vie")
    assert_sound(judge_look(look(page)))
    assert_sound(
        judge(look(page), nothing, syllable_validity=0.0, orientation_certain=True, skew_certain=True)
    )


def test_a_black_page_is_unreadable_and_dark_and_a_white_one_blank() -> None:
    nothing = PageText(1240, 1754, "any", "vie")

    def judge_uniform(level: int) -> Judgement:
        figures = look(make_page(np.full((1754, 1240), level, np.uint8), 150.0))
        return judge(figures, nothing, syllable_validity=0.0, orientation_certain=True, skew_certain=True)

    black, white = judge_uniform(0), judge_uniform(255)
    assert (black.verdict, black.reasons[0]) == (Verdict.UNREADABLE, Reason.DARK)
    assert white.verdict is Verdict.BLANK


@given(
    arrays(np.uint8, st.tuples(st.integers(1, 70), st.integers(1, 70)), elements=st.integers(0, 255)),
    st.integers(1, 5),
)
def test_halving_keeps_the_mean_of_every_whole_square(pixels: Pixels, times: int) -> None:
    side = 2**times
    small = halve(pixels, times)
    assert small.shape == tuple(-(-length // side) for length in pixels.shape)
    for row in range(pixels.shape[0] // side):
        for column in range(pixels.shape[1] // side):
            square = pixels[row * side : (row + 1) * side, column * side : (column + 1) * side]
            assert abs(float(small[row, column]) - square.mean()) <= 0.5 * times
