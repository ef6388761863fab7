"""Lost and changed marks of Vietnamese letters, restored where the language model is surer than the reading.

Only marks change (tone, circumflex, breve, horn, stroke): never a base letter, a digit or the case.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import count, zip_longest

import numpy as np

from pipeline.reading.confusions import Candidate, find_candidates, is_possible, spell_like
from pipeline.reading.language_model import (
    NUMBER,
    SENTENCE_END,
    LanguageModel,
    ends_sentence,
    find_pieces,
    fold,
    is_number,
    load_language_model,
    tone_habit,
)
from pipeline.reading.lattice import Slot, find_best_path
from pipeline.reading.page_tree import with_words
from schemas.page import PageText, Word

# Icelandic eth for Vietnamese d with stroke, fraction slash for slash (facts/image-and-ocr.md).
ALPHABET = str.maketrans({"\u00d0": "Đ", "\u00f0": "đ", "\u2044": "/"})

_ADDRESS = re.compile(r"[@_\\]|//|\w\.\w")

INK_NATS = (-10.0, 0.0, 18.0, 24.0, 40.0)
INK_COST = (5.0, 7.0, 10.0, 11.5, 13.0)
"""What the ink says against another reading (Tesseract's costs of its letters over those read) -> nats the
language model must bring for it. Tuned on 2 real pages and 68 generated ones (scripts/bench/corrections,
page numbers below 18): right changes have a median of 5, wrong ones of 24. Repaired : broken 37 : 0 real,
65 : 0 laws, 45 : 1 with names; 3 or 4 nats less below 20 would repair 4 more there and break 4 more."""

_DOTS_READ_AS_HOOKS = (("ỉ", "i"), ("Ỉ", "I"))
_HOOK_FOR_DOT = 5.0
"""Tesseract sees hooks where small type has dots (`chi` read as `chỉ`: 46 of 97 words left wrong on 75 dev
pages). Repaired : broken there 78 : 1 / 80 : 1 / 81 : 1 / 81 : 1 for 0 / 3 / 5 / 8 nats."""

UNLISTED_NATS = 25.0
"""A letter Tesseract did not weigh: its listed ones cost 10 to 45 at the most."""


@dataclass(frozen=True, slots=True)
class Gate:
    """How much likelier than the text as read another reading must be, in nats.

    Without a second look: `margin` (`margin_impossible` where the word is no syllable) and the fixed cost
    of the confusion times `fixed_weight`. With one: `INK_COST`, and `seen_impossible`. `title` and
    `seen_title` are added for a capitalised word inside a sentence, which may be a name.
    """

    margin: float = 6.0
    margin_impossible: float = 0.5
    fixed_weight: float = 1.0
    title: float = 4.0
    seen_impossible: float = -3.0
    seen_title: float = 6.0


STRICT = Gate()
"""Margins as in facts/image-and-ocr.md (5 to 7, and 0.5). Of 256 proposals to change a capitalised word none
with less than 10 nats was right, whatever the ink said; 6 of the 8 above were."""

LENIENT = Gate(margin=0.0, margin_impossible=0.0, fixed_weight=0.5, title=6.0)
"""What is worth a second look: 5 to 12 words a page, 27 at the most (4 real pages, 105 generated ones)."""


@dataclass(frozen=True, slots=True)
class _Place:
    """One piece of a word on the page: the word's place, the piece's letters in it, what they may mean."""

    word: int
    start: int
    piece: str
    candidates: tuple[Candidate, ...]
    tone_on_second: bool

    def spell(self, candidate: Candidate) -> str:
        """The candidate as this page would print it here."""
        return spell_like(candidate.syllable, self.piece, tone_on_second=self.tone_on_second)


def restore_marks(text: PageText, gate: Gate = STRICT) -> PageText:
    """The page with its marks restored; a changed word keeps what was read in `raw`."""
    changes = _find_changes(text, gate, load_language_model())
    if not changes:
        return text
    words = list(text.words)
    for place, spelled in changes:
        word = words[place.word]
        mended = word.text[: place.start] + spelled + word.text[place.start + len(spelled) :]
        words[place.word] = replace(word, text=mended, raw=word.text if word.raw is None else word.raw)
    return with_words(text, words)


def find_doubtful(text: PageText, gate: Gate = LENIENT) -> list[int]:
    """Places (in `text.words`) of words that might be read otherwise: worth a second look at the ink."""
    return sorted({place.word for place, _ in _find_changes(text, gate, load_language_model())})


def _find_changes(text: PageText, gate: Gate, model: LanguageModel) -> list[tuple[_Place, str]]:
    slots, places = [], []
    for slot, place in _slots(text, gate):
        slots.append(slot)
        places.append(place)
    return [
        (place, place.spell(place.candidates[chosen]))
        for place, chosen in zip(places, find_best_path(slots, model), strict=True)
        if place is not None and chosen
    ]


def _slots(text: PageText, gate: Gate) -> Iterator[tuple[Slot, _Place | None]]:
    """The page as the model sees it, line after line; a place with every slot that is a piece of a word."""
    places = count()
    page_habit = sum(tone_habit(piece) for word in text.words for _, piece in find_pieces(word.text))
    for line in text.lines:
        starts_sentence = True
        for word, following in zip_longest(line.words, line.words[1:]):
            at = next(places)
            if is_number(word.text):
                yield Slot((NUMBER,), (0.0,)), None
            for start, piece in find_pieces(word.text):
                habit = tone_habit(piece) or page_habit
                place = _Place(at, start, piece, find_candidates(fold(piece)), habit > 0)
                in_sentence = not starts_sentence or (following is not None and _is_title(following.text))
                costs = _costs(word, place, gate, is_name=in_sentence and _is_title(piece))
                yield Slot(_ids(place.candidates[0].syllable)[: len(costs)], costs), place
                starts_sentence = False
            if ends_sentence(word.text):
                yield Slot((SENTENCE_END,), (0.0,)), None
                starts_sentence = True


def _is_title(piece: str) -> bool:
    return piece[0].isupper() and not piece.isupper()


def _costs(word: Word, place: _Place, gate: Gate, *, is_name: bool) -> tuple[float, ...]:
    """What each candidate costs; the text as read alone where nothing may change."""
    itself, *others = place.candidates
    if not others or _is_settled(word) or not _may_change(word.text, place.piece):
        return (0.0,)
    possible = is_possible(itself)
    weighed = len(word.alternatives) == len(word.text)
    if not possible and place.piece.isascii() and not weighed:
        return (0.0,)
    if not weighed:
        extra = (gate.margin if possible else gate.margin_impossible) + gate.title * is_name
        return _fixed_costs(itself.syllable, extra, gate.fixed_weight)
    extra = gate.seen_title * is_name + (0.0 if possible else gate.seen_impossible)
    against = [_weigh_ink(word, place.start, place.spell(other)) for other in others]
    return (0.0, *(extra + np.interp(against, INK_NATS, INK_COST)))


@lru_cache(maxsize=20_000)
def _ids(folded: str) -> tuple[int, ...]:
    return tuple(one.id for one in find_candidates(folded))


@lru_cache(maxsize=20_000)
def _fixed_costs(folded: str, extra: float, weight: float) -> tuple[float, ...]:
    return (0.0, *(extra + weight * other.cost for other in find_candidates(folded)[1:]))


def _is_settled(word: Word) -> bool:
    """Has it been corrected already, by more than another alphabet's code point?"""
    return word.raw is not None and word.raw.translate(ALPHABET).lower() != word.text.lower()


def _weigh_ink(word: Word, start: int, spelled: str) -> float:
    """What the ink says against another reading: its letters' costs over those of the letters read."""
    cost = 0.0
    for at, new in enumerate(spelled, start):
        if new != word.text[at]:
            listed = {choice.letter: choice.cost for choice in word.alternatives[at]}
            cost += listed.get(new, UNLISTED_NATS) - _cost_as_read(word.text[at], new, listed)
    return cost


def _cost_as_read(read: str, new: str, listed: Mapping[str, float]) -> float:
    """What the letter read costs. A second look that saw neither it nor the new one says nothing against it:
    then the letter seen counts for it (`nay:` seen as `Tây` is no `này:`)."""
    best = min(listed, key=lambda letter: listed[letter], default=read)
    cost = listed.get(read, UNLISTED_NATS) if best in (read, new) else listed[best]
    return cost + _HOOK_FOR_DOT * ((read, new) in _DOTS_READ_AS_HOOKS)


def _may_change(word: str, piece: str) -> bool:
    """No single letters, no two-letter abbreviations (CT, VT), no addresses of mail or web."""
    if len(piece) < 2 or _ADDRESS.search(word):
        return False
    return not (piece.isupper() and piece.isascii() and len(piece) == 2)
