"""Which syllables Tesseract confuses, and what each confusion costs.

Candidates of a syllable are those of the language model with the same letters once every mark is gone
(kiêm: kiếm, kiểm, kiệm ...), whichever way their marks differ. Costs are in nats, from
facts/image-and-ocr.md (tuned on 4 real pages): a lost tone mark is likelier than an invented one.
"""

import unicodedata
from collections import defaultdict
from dataclasses import dataclass
from functools import cache, lru_cache

from pipeline.reading.language_model import KINDS, OTHER, LanguageModel, load_language_model, move_tone
from pipeline.reading.syllables import TONE_MARKS, is_syllable

TONE_ADDED, TONE_CHANGED, TONE_REMOVED = 4.5, 6.0, 7.0
SHAPE_CHANGED = 6.5  # a circumflex, breve, horn or stroke more, less or other, on one letter
GREATEST_COST = 14.0
MOST_CANDIDATES = 14

_TONES = frozenset(TONE_MARKS[1:])


@dataclass(frozen=True, slots=True)
class Spelling:
    """One folded syllable taken apart: bare letters, the shape mark of each, the tone."""

    bare: str
    shapes: tuple[str, ...]
    tone: str


@dataclass(frozen=True, slots=True)
class Candidate:
    """A folded syllable a piece of text may stand for, its id in the model and its fixed cost in nats."""

    syllable: str
    id: int
    cost: float


@lru_cache(maxsize=20_000)
def take_apart(folded: str) -> Spelling:
    """`đường` -> `duong`, a stroke and two horns, huyền."""
    bare: list[str] = []
    shapes: list[str] = []
    tone = ""
    for char in unicodedata.normalize("NFD", folded):
        if char in _TONES:
            tone = char
        elif unicodedata.combining(char):
            shapes[-1] += char
        else:
            bare.append("d" if char == "đ" else char)
            shapes.append("-" if char == "đ" else "")
    return Spelling("".join(bare), tuple(shapes), tone)


def confusion_cost(read: Spelling, meant: Spelling) -> float:
    """Nats for reading one where the other was printed; their bare letters are the same."""
    cost = SHAPE_CHANGED * sum(one != other for one, other in zip(read.shapes, meant.shapes, strict=True))
    if read.tone == meant.tone:
        return cost
    if not read.tone:
        return cost + TONE_ADDED
    return cost + (TONE_CHANGED if meant.tone else TONE_REMOVED)


@lru_cache(maxsize=20_000)
def find_candidates(folded: str) -> tuple[Candidate, ...]:
    """The syllables a folded piece may stand for, itself first, the others cheapest first."""
    model = load_language_model()
    itself = Candidate(folded, model.id_of(folded), 0.0)
    read = take_apart(folded)
    others = [
        Candidate(other, model.id_of(other), cost)
        for other, spelling in _by_bare_letters(model).get(read.bare, ())
        if other != folded and (cost := confusion_cost(read, spelling)) <= GREATEST_COST
    ]
    others.sort(key=lambda other: other.cost - float(model.single_logp[other.id]))
    return (itself, *others[: MOST_CANDIDATES - 1])


def is_possible(candidate: Candidate) -> bool:
    """Does the model know the syllable, or could Vietnamese spell it so?"""
    return candidate.id != OTHER or is_syllable(candidate.syllable)


@cache
def _by_bare_letters(model: LanguageModel) -> dict[str, tuple[tuple[str, Spelling], ...]]:
    groups: defaultdict[str, list[tuple[str, Spelling]]] = defaultdict(list)
    for syllable in model.syllables[len(KINDS) :]:
        spelling = take_apart(syllable)
        groups[spelling.bare].append((syllable, spelling))
    return {bare: tuple(group) for bare, group in groups.items()}


def spell_like(syllable: str, read: str, *, tone_on_second: bool) -> str:
    """A folded candidate in the capitals and the tone habit of what was read; both have as many letters."""
    spelled = move_tone(syllable) if tone_on_second else syllable
    return "".join(new.upper() if old.isupper() else new for new, old in zip(spelled, read, strict=True))
