"""The likeliest way through a page's candidates: trigram Viterbi, every probability looked up at once."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.reading.language_model import OTHER, OTHER_NATS, SENTENCE_END, Ids, LanguageModel

MOST_KEPT = 5  # readings of one slot that are weighed with trigrams; 4 decides the same on the real scans
LEAST_PAIR_GAIN = (
    0.0  # nats that pairs alone, in the best company, must speak for a reading; -1 to 1.5 decide alike
)

_REACH = 2  # slots on either side that a trigram ties a slot to


@dataclass(frozen=True, slots=True)
class Slot:
    """One token of the page: the ids it may have, the one as read first, and what each costs (nats)."""

    ids: tuple[int, ...]
    costs: tuple[float, ...]


def find_best_path(slots: Sequence[Slot], model: LanguageModel) -> list[int]:
    """For each slot the place of its best reading in its `ids`; 0 is the text as read."""
    if not slots:
        return []
    edges = [Slot((SENTENCE_END,), (0.0,))] * _REACH
    padded = [*edges, *slots, *edges]
    kept = _prune(padded, model)
    best = [0] * len(padded)
    for start, end in _open_stretches(kept):
        stretch = slice(start - _REACH, end + _REACH)
        best[stretch] = _viterbi(padded[stretch], kept[stretch], model)
    return best[_REACH:-_REACH]


def _open_stretches(kept: Sequence[Sequence[int]]) -> Iterator[tuple[int, int]]:
    """Where there is something to choose: (first, end) of stretches that no trigram joins to others."""
    first = end = 0
    for at, some in enumerate(kept):
        if len(some) == 1:
            continue
        if end and at - end >= _REACH:
            yield first, end
            first = at
        elif not end:
            first = at
        end = at + 1
    if end:
        yield first, end


def _prune(slots: Sequence[Slot], model: LanguageModel) -> list[list[int]]:
    """Readings of each slot that are near the text as read, judged by pairs in their best company."""
    sizes = np.array([len(slot.ids) for slot in slots])
    starts = np.concatenate(([0], np.cumsum(sizes)[:-1]))
    ids = np.array([one for slot in slots for one in slot.ids], dtype=np.int64)
    support = -OTHER_NATS * (ids == OTHER)
    left, right = _pairs(sizes, starts)
    logp = model.pair_log_probability(ids[left], ids[right]).astype(np.float64)
    best_before = np.full(len(ids), -np.inf)
    best_after = np.full(len(ids), -np.inf)
    np.maximum.at(best_before, right, logp)
    np.maximum.at(best_after, left, logp)
    support += np.where(np.isinf(best_before), 0, best_before) + np.where(np.isinf(best_after), 0, best_after)
    near = support >= np.repeat(support[starts], sizes) + LEAST_PAIR_GAIN
    support -= np.array([cost for slot in slots for cost in slot.costs])
    kept = []
    is_near, speaks_for = near.tolist(), support.tolist()
    for size, start in zip(sizes.tolist(), starts.tolist(), strict=True):
        if size == 1:
            kept.append([0])
            continue
        others = [at for at in range(1, size) if is_near[start + at]]
        others.sort(key=lambda at: -speaks_for[start + at])
        kept.append([0, *others[: MOST_KEPT - 1]])
    return kept


def _pairs(sizes: Ids, starts: Ids) -> tuple[Ids, Ids]:
    """All neighbouring (left, right) readings, as places in the flat list of readings."""
    many = sizes[:-1] * sizes[1:]
    slot = np.repeat(np.arange(len(many)), many)
    at = np.arange(many.sum()) - np.repeat(np.cumsum(many) - many, many)
    return starts[slot] + at // sizes[slot + 1], starts[slot + 1] + at % sizes[slot + 1]


def _viterbi(slots: Sequence[Slot], kept: Sequence[Sequence[int]], model: LanguageModel) -> list[int]:
    """The best reading of each slot; the first two are context and have one reading each."""
    ids = [np.array([slot.ids[at] for at in some]) for slot, some in zip(slots, kept, strict=True)]
    best = np.zeros((len(ids[0]), len(ids[1])))
    came_from = []
    for at in range(2, len(slots)):
        first, second, third = ids[at - 2][:, None, None], ids[at - 1][None, :, None], ids[at][None, None, :]
        costs = np.array([slots[at].costs[reading] for reading in kept[at]]) + OTHER_NATS * (ids[at] == OTHER)
        ways = best[:, :, None] + model.log_probability(first, second, third) - costs
        came_from.append(ways.argmax(axis=0))
        best = ways.max(axis=0)
    before, last = np.unravel_index(int(best.argmax()), best.shape)
    path = [int(last), int(before)]
    for origin in reversed(came_from):
        path.append(int(origin[path[-1], path[-2]]))
    path.reverse()
    return [some[at] for some, at in zip(kept, path, strict=True)]
