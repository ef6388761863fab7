"""How likely Vietnamese syllables are one after the other: a trigram model of public law text.

The model is one plain file, `data/syllable_trigrams.npz`, made by `scripts/build_language_model.py`;
what it is made of and its licence stand in `data/syllable_trigrams.txt`. It knows no case and no habit
of placing the tone (hoà = hòa), and sees three kinds of token beside syllables: the end of a sentence,
a number or code, and any other word. Log probabilities are natural logarithms (nats).
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

MODEL_FILE = Path(__file__).parent / "data" / "syllable_trigrams.npz"
SENTENCE_END, NUMBER, OTHER = 0, 1, 2  # ids of the tokens that are no syllable
OTHER_NATS = 9.8  # all other words share one probability; the spellable syllables alone are e^9.8
KINDS = ("</s>", "<number>", "<other>")

_DIGIT = re.compile(r"\d")
_PIECE = re.compile(r"[^\W\d_]+")
_ENDS_SENTENCE = re.compile(r"[.;:!?…][\"'”’)\]]*$")
_TONE_ON_SECOND = re.compile(r"(?:o[àáãảạèéẽẻẹ]|(?<!q)u[ỳýỹỷỵ])$")

_TONE_ON_FIRST = re.compile(r"(?:[òóõỏọ][ae]|(?<!q)[ùúũủụ]y)$")

Ids = NDArray[np.int64]
Nats = NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class LanguageModel:
    """Interpolated trigrams with backoff. `syllables` are folded (`fold`), their index is their id.

    `pair_keys` are `first * V + second`, `triple_keys` are `pair index * V + third`, both sorted.
    """

    syllables: tuple[str, ...]
    ids: dict[str, int]
    single_logp: Nats
    single_backoff: Nats
    pair_keys: Ids
    pair_logp: Nats
    pair_backoff: Nats
    triple_keys: Ids
    triple_logp: Nats

    def id_of(self, folded: str) -> int:
        """The id of a folded syllable, `OTHER` where the model does not know it."""
        return self.ids.get(folded, OTHER)

    def pair_log_probability(self, first: Ids, second: Ids) -> Nats:
        """log p(second | first), element by element, for arrays of ids of one shape."""
        place, known = _find(self.pair_keys, first * len(self.syllables) + second)
        backed_off = self.single_backoff[first] + self.single_logp[second]
        return np.where(known, self.pair_logp[place], backed_off)

    def log_probability(self, first: Ids, second: Ids, third: Ids) -> Nats:
        """log p(third | first second), element by element, for arrays of ids of one shape."""
        size = len(self.syllables)
        context, seen = _find(self.pair_keys, first * size + second)
        place, known = _find(self.triple_keys, context * size + third)
        backed_off = np.where(seen, self.pair_backoff[context], np.float32(0))
        backed_off = backed_off + self.pair_log_probability(second, third)
        return np.where(seen & known, self.triple_logp[place], backed_off)


@cache
def load_language_model(path: Path = MODEL_FILE) -> LanguageModel:
    """The model, read once per process (25 ms CPU, 8 MB)."""
    with np.load(path, allow_pickle=False) as packed:
        return unpack_model(dict(packed))


def unpack_model(packed: dict[str, NDArray[Any]]) -> LanguageModel:
    """The model from the arrays of its file: followers of each syllable and pair one after the other."""
    syllables = tuple(packed["syllables"].tobytes().decode().split("\n"))
    size = len(syllables)
    steps = float(packed["nats_per_step"])
    first = np.repeat(np.arange(size, dtype=np.int64), packed["single_followers"])
    second = packed["pair_second"].astype(np.int64)
    context = np.repeat(np.arange(len(second), dtype=np.int64), packed["pair_followers"])
    return LanguageModel(
        syllables=syllables,
        ids={syllable: at for at, syllable in enumerate(syllables)},
        single_logp=_to_nats(packed["single_cost"], steps),
        single_backoff=_to_nats(packed["single_backoff_cost"], steps),
        pair_keys=first * size + second,
        pair_logp=_to_nats(packed["pair_cost"], steps),
        pair_backoff=_to_nats(packed["pair_backoff_cost"], steps),
        triple_keys=context * size + packed["triple_third"].astype(np.int64),
        triple_logp=_to_nats(packed["triple_cost"], steps),
    )


@lru_cache(maxsize=20_000)
def fold(token: str) -> str:
    """Lower case, NFC, tone on the first vowel of an open oa, oe, uy: `HOÀ` -> `hòa`; eth is đ."""
    lowered = unicodedata.normalize("NFC", token).lower().replace("\u00f0", "đ")
    if not _TONE_ON_SECOND.search(lowered):
        return lowered
    bare, marked = lowered[:-1], unicodedata.normalize("NFD", lowered[-1])
    return unicodedata.normalize("NFC", bare + marked[1:] + marked[0])


def move_tone(folded: str) -> str:
    """The other habit for a folded syllable, tone on the second vowel: `hòa` -> `hoà`."""
    if not _TONE_ON_FIRST.search(folded):
        return folded
    marked = unicodedata.normalize("NFD", folded[-2])
    return unicodedata.normalize("NFC", folded[:-2] + marked[0] + folded[-1] + marked[1:])


@lru_cache(maxsize=20_000)
def tone_habit(piece: str) -> int:
    """1 where an open oa, oe, uy bears its tone on the second vowel, -1 on the first, 0 elsewhere."""
    lowered = piece.lower()
    return bool(_TONE_ON_SECOND.search(lowered)) - bool(_TONE_ON_FIRST.search(lowered))


@lru_cache(maxsize=20_000)
def find_pieces(word: str) -> tuple[tuple[int, str], ...]:
    """The letter runs of a printed word and where they start; none where a digit makes it a code."""
    if is_number(word):
        return ()
    return tuple((piece.start(), piece.group()) for piece in _PIECE.finditer(word))


def is_number(word: str) -> bool:
    """Does a digit make it a number or code?"""
    return _DIGIT.search(word) is not None


def ends_sentence(word: str) -> bool:
    """Does a sentence, clause or list item end with this printed word?"""
    return _ENDS_SENTENCE.search(word) is not None


def tokens(words: Iterable[str]) -> Iterator[str]:
    """Printed words as the model sees them: folded syllables and the tokens of `KINDS`."""
    for word in words:
        if is_number(word):
            yield KINDS[NUMBER]
        yield from (fold(piece) for _, piece in find_pieces(word))
        if ends_sentence(word):
            yield KINDS[SENTENCE_END]


def mean_log_probability(words: Sequence[str], model: LanguageModel | None = None) -> float:
    """How much like Vietnamese official prose a text reads: mean log probability of a syllable, nats.

    Only syllables and other letter runs count, in their context of numbers and sentence ends;
    0.0 where there are none.
    """
    model = model or load_language_model()
    ids = np.array([SENTENCE_END, SENTENCE_END, *map(model.id_of, tokens(words))], dtype=np.int64)
    if len(ids) == 2:
        return 0.0
    scores = model.log_probability(ids[:-2], ids[1:-1], ids[2:])
    judged = (ids[2:] != NUMBER) & (ids[2:] != SENTENCE_END)
    scores = scores - OTHER_NATS * (ids[2:] == OTHER)
    return float(scores[judged].mean()) if judged.any() else 0.0


def _find(keys: Ids, wanted: Ids) -> tuple[Ids, NDArray[np.bool_]]:
    """Where each wanted key would stand, and whether it does."""
    place = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return place, keys[place] == wanted


def _to_nats(cost: NDArray[Any], nats_per_step: float) -> Nats:
    return (cost.astype(np.float32) * np.float32(-nats_per_step)).astype(np.float32)
