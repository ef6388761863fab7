"""Which of two readings of a page is kept: a pure decision from what both say and how surely."""

from collections import Counter
from collections.abc import Sequence

from schemas.page import Verdict
from schemas.reprocess import ComparePolicy, Comparison, ItemOutcome, ReadingQuality

_RANKS = {Verdict.UNREADABLE: 0, Verdict.REVIEW: 1, Verdict.READABLE: 2, Verdict.BLANK: 2}


def sure_words(quality: ReadingQuality) -> float:
    """Words expected right less words expected wrong: each counts 2p - 1, where p is its confidence times
    the page's share of real syllables. Below 0 where noise was read as words."""
    p = (quality.mean_confidence or 0.0) * (
        1.0 if quality.syllable_validity is None else quality.syllable_validity
    )
    return (quality.words or 0) * (2 * p - 1)


def measure_agreement(old_words: Sequence[str], new_words: Sequence[str]) -> float:
    """Share of words both have, whatever their order: twice the common by all; 1.0 for two empty pages."""
    total = len(old_words) + len(new_words)
    common = Counter(old_words) & Counter(new_words)
    return 2 * common.total() / total if total else 1.0


def compare_readings(
    old: ReadingQuality,
    new: ReadingQuality,
    *,
    same_text: bool,
    agreement: float | None,
    policy: ComparePolicy,
) -> Comparison:
    """Keep the old reading or adopt the new one. Deterministic: the same two readings, the same answer."""
    outcome, why = _decide(old, new, same_text=same_text, policy=policy)
    return Comparison(outcome, why, old, new, agreement)


def _decide(
    old: ReadingQuality, new: ReadingQuality, *, same_text: bool, policy: ComparePolicy
) -> tuple[ItemOutcome, str]:
    if same_text and old.verdict is new.verdict:
        return ItemOutcome.SAME, "the text is the same"
    if policy.name == "never":
        return ItemOutcome.KEPT, "only measured"
    rise = _RANKS[new.verdict] - _RANKS[old.verdict]
    if rise < 0:
        return ItemOutcome.KEPT, f"the verdict would fall to {new.verdict}"
    if rise > 0:
        return ItemOutcome.ADOPTED, f"{old.verdict} became {new.verdict}"
    return _weigh(old, new, policy)


def _weigh(old: ReadingQuality, new: ReadingQuality, policy: ComparePolicy) -> tuple[ItemOutcome, str]:
    """Two readings of one verdict."""
    lost = (old.words or 0) - (new.words or 0)
    if lost > policy.max_words_lost * (old.words or 0):
        return ItemOutcome.KEPT, f"{lost} of {old.words} words would be lost"
    if policy.name == "always":
        return ItemOutcome.ADOPTED, "the text differs"
    was, would_be = sure_words(old), sure_words(new)
    if would_be - was >= policy.min_gain * max(abs(was), 1.0) and would_be > was:
        return ItemOutcome.ADOPTED, f"{would_be:.0f} sure words, not {was:.0f}"
    return ItemOutcome.KEPT, f"{would_be:.0f} sure words, {was:.0f} before"
