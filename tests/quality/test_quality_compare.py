"""Which of two readings is kept."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.quality.compare import compare_readings, measure_agreement, sure_words
from schemas.page import Verdict
from schemas.reprocess import ComparePolicy, ItemOutcome, ReadingQuality

BETTER, ALWAYS, NEVER = (ComparePolicy(name=name) for name in ("better", "always", "never"))


def quality(confidence: float = 0.9, words: int = 100, verdict: Verdict = Verdict.READABLE) -> ReadingQuality:
    return ReadingQuality(verdict, "e 1", "vie", confidence, 1.0, words, 1.0)


def decide(
    old: ReadingQuality, new: ReadingQuality, policy: ComparePolicy = BETTER, *, same_text: bool = False
) -> ItemOutcome:
    return compare_readings(old, new, same_text=same_text, agreement=None, policy=policy).outcome


@pytest.mark.parametrize(
    ("old", "new", "policy", "expected"),
    [
        (quality(0.90), quality(0.95), BETTER, ItemOutcome.ADOPTED),
        (quality(0.90), quality(0.9001), BETTER, ItemOutcome.KEPT),
        (quality(0.95), quality(0.90), BETTER, ItemOutcome.KEPT),
        (quality(0.95), quality(0.90), ALWAYS, ItemOutcome.ADOPTED),
        (quality(0.50), quality(0.99), NEVER, ItemOutcome.KEPT),
        (quality(0.90), quality(0.99, words=80), BETTER, ItemOutcome.KEPT),  # surer of less
        (quality(0.90), quality(0.99, words=80), ALWAYS, ItemOutcome.KEPT),
        (
            quality(verdict=Verdict.UNREADABLE),
            quality(0.5, verdict=Verdict.REVIEW),
            BETTER,
            ItemOutcome.ADOPTED,
        ),
        (quality(), quality(0.99, verdict=Verdict.REVIEW), ALWAYS, ItemOutcome.KEPT),
        (quality(), quality(0.0, words=0, verdict=Verdict.BLANK), BETTER, ItemOutcome.KEPT),
        (quality(0.0, words=0, verdict=Verdict.BLANK), quality(), BETTER, ItemOutcome.ADOPTED),
    ],
)
def test_what_is_kept(
    old: ReadingQuality, new: ReadingQuality, policy: ComparePolicy, expected: ItemOutcome
) -> None:
    assert decide(old, new, policy) is expected


def test_the_same_text_is_no_reason_to_sign_anew() -> None:
    assert decide(quality(0.8), quality(0.99), same_text=True) is ItemOutcome.SAME


qualities = st.builds(
    quality, st.floats(0, 1), st.integers(0, 2000), st.sampled_from([Verdict.REVIEW, Verdict.READABLE])
)


@given(qualities, qualities)
def test_better_never_goes_round_in_a_circle(one: ReadingQuality, other: ReadingQuality) -> None:
    there = decide(one, other)
    if there is ItemOutcome.ADOPTED:
        assert decide(other, one) is not ItemOutcome.ADOPTED


@given(qualities)
def test_noise_read_as_words_is_worth_less_than_nothing(one: ReadingQuality) -> None:
    assert (sure_words(one) < 0) == (one.words != 0 and (one.mean_confidence or 0) < 0.5)


def test_agreement_is_a_share() -> None:
    assert measure_agreement([], []) == 1.0
    assert measure_agreement(["a", "b"], ["b", "a"]) == 1.0
    assert measure_agreement(["a", "b"], ["b", "c"]) == 0.5
