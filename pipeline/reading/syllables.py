"""Vietnamese syllables by rule: [onset][medial][nucleus][coda] + tone, a closed set.

Source of the rules: the spelling taught in schools (onset and rime tables as in Đoàn Thiện Thuật,
*Ngữ âm tiếng Việt*, 1977), checked against word lists in `tests/reading`.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache

TONE_MARKS = ("", "\u0300", "\u0301", "\u0303", "\u0309", "\u0323")  # ngang huyền sắc ngã hỏi nặng
_STOP_TONES = ("\u0301", "\u0323")  # only sắc and nặng before p t c ch
_STOP_CODAS = ("p", "t", "c", "ch")

# Nucleus (the vowel that bears the tone in capitals) -> codas it takes; "-" is none.
_PLAIN_RIMES = {
    "A": "- c ch i m n ng nh o p t u y",
    "Ă": "c m n ng p t",
    "Â": "c m n ng p t u y",
    "E": "- c m n ng o p t",
    "Ê": "- c ch m n ng nh p t u",
    "I": "- a ch m n nh p t u",
    "iÊ": "c m n ng p t u",
    "O": "- c i m n ng p t",
    "oO": "c ng",
    "Ô": "- c i m n ng p t",
    "Ơ": "- i m n p t",
    "U": "- a c i m n ng p t",
    "uÔ": "c i m n ng p t",
    "Ư": "- a c i m n ng t u",
    "ưƠ": "c i m n ng p t u",
    "Y": "-",
    "yÊ": "m n ng p t u",
}
_ROUNDED_RIMES = {  # with a medial written o or u
    "oA": "- c ch i m n ng nh o p t y",
    "oĂ": "c m n ng p t",
    "oE": "- m n o t",
    "uÂ": "n ng t y",
    "uÊ": "- ch nh",
    "uƠ": "-",
    "uY": "- a ch n nh p t u",
    "uyÊ": "n t",
}
_AFTER_QU = {  # the medial is the u of qu
    "A": "- c ch i m n ng nh o p t u y",
    "Ă": "c m n ng p t",
    "Â": "n ng t y",
    "E": "- c n o t",
    "Ê": "- ch n nh t u",
    "I": "- n t",
    "Ô": "- c",
    "Ơ": "- i n t",
    "Y": "- nh t ch",
    "yÊ": "n t",
}
_AFTER_BARE_G = {"I": "- m n p", "iÊ": "c ng t"}  # gi swallows its own i: gì, gìn, giếng

_ANY = ("", *"bdđhlmnrstvx", "ch", "kh", "nh", "p", "ph", "th", "tr")
_BEFORE_BACK = ("c", "g", "ng")  # and not before e ê i y
_BEFORE_FRONT = ("k", "gh", "ngh")
_FRONT = tuple("eêiy")
_Y_ALONE = ("", "h", "k", "l", "m", "s", "t", "th", "v")  # y for i, where custom writes it so
# After c the medial makes it qu; labials take it only in loans (voan, phuy), which are common enough.
_ROUNDING_ONSETS = ("", *"bdđghlmnrstvx", "ng", "ch", "kh", "nh", "ph", "th", "tr")
# Open oa, oe, uy carry the tone on either vowel: hòa and hoà.
_EITHER_PLACE = ("oa", "oe", "uy")

_LEADER = re.compile(r"[.…·_]{4,}")
_LETTER_RUN = re.compile(r"[^\W\d_]+")
_VOWELS = frozenset("aăâeêioôơuưy")


@cache
def valid_syllables() -> frozenset[str]:
    """Every spellable syllable: lower case, NFC, both habits of placing the tone."""
    return frozenset(_spell_all())


@lru_cache(maxsize=20_000)
def is_syllable(token: str) -> bool:
    """Is the whole token, in any case, one Vietnamese syllable?"""
    return unicodedata.normalize("NFC", token).lower() in valid_syllables()


def strip_tone(token: str) -> str:
    """The token without tone marks; circumflex, breve, horn and đ stay."""
    kept = (char for char in unicodedata.normalize("NFD", token) if char not in TONE_MARKS[1:])
    return unicodedata.normalize("NFC", "".join(kept))


def syllable_validity(words: Iterable[str]) -> float:
    """Share of letter tokens that are Vietnamese syllables, 0..1; 1.0 where there is none to judge.

    Numbers, codes (digits or `/` inside), single letters and capital abbreviations (UBND, TTg) do
    not count. A clean official page has 0.97 (facts/image-and-ocr.md).
    """
    judged = [is_syllable(token) for word in words for token in _letter_tokens(word)]
    return sum(judged) / len(judged) if judged else 1.0


def plausibility(text: str) -> float:
    """How much this strip looks like Latin text the right way up, best for Vietnamese: 0..1.

    The mean over all printed characters of what their token is worth: a Vietnamese syllable 1,
    an unaccented word of another language 0.6, a number or code 0.3, anything else 0. Long tokens
    weigh more than short ones, because chance makes short syllables; dotted lines weigh nothing.
    """
    worth = weight = 0.0
    for token in _LEADER.sub(" ", unicodedata.normalize("NFC", text)).split():
        size = float(len(token)) ** 1.5
        weight += size
        worth += size * _worth(token)
    return worth / weight if weight else 0.0


def _spell_all() -> Iterator[str]:
    for onset in _ANY + _BEFORE_BACK + _BEFORE_FRONT:
        yield from _spell(onset, {n: c for n, c in _PLAIN_RIMES.items() if _fits(onset, n)})
    for onset in _ROUNDING_ONSETS:
        yield from _spell(onset, _ROUNDED_RIMES)
    yield from _spell("qu", _AFTER_QU)
    yield from _spell("gi", {n: c for n, c in _PLAIN_RIMES.items() if n[0] not in "IiYy"})
    yield from _spell("g", _AFTER_BARE_G)


def _fits(onset: str, nucleus: str) -> bool:
    """Spelling custom: c/k, g/gh and ng/ngh by the vowel that follows; where y may stand for i."""
    front = nucleus[0].lower() in _FRONT
    if nucleus == "Y":
        return onset in _Y_ALONE
    if nucleus in ("yÊ", "iÊ") and not onset:
        return nucleus == "yÊ"
    if nucleus == "yÊ":
        return False
    if onset in _BEFORE_BACK:
        return not front
    return front if onset in _BEFORE_FRONT else True


def _spell(onset: str, rimes: dict[str, str]) -> Iterator[str]:
    for nucleus, codas in rimes.items():
        place = next(at for at, char in enumerate(nucleus) if char.isupper()) + 1
        vowels = nucleus.lower()
        for coda in codas.replace("-", "").split(" "):
            for tone in _STOP_TONES if coda in _STOP_CODAS else TONE_MARKS:
                yield _compose(onset + vowels[:place] + tone + vowels[place:] + coda)
                if vowels in _EITHER_PLACE and not coda and onset != "qu":
                    yield _compose(onset + vowels[0] + tone + vowels[1:])


def _compose(text: str) -> str:
    return unicodedata.normalize("NFC", text)


@lru_cache(maxsize=20_000)
def _letter_tokens(word: str) -> tuple[str, ...]:
    """The parts of one printed word that claim to be syllables."""
    if any(char.isdigit() or char == "/" for char in word):
        return ()
    runs = _LETTER_RUN.findall(unicodedata.normalize("NFC", word))
    return tuple(run for run in runs if len(run) > 1 and not _is_abbreviation(run))


def _is_abbreviation(token: str) -> bool:
    """Capitals in the middle without any accented vowel: UBND, TTg, KGVX, BGDĐT."""
    capitals = sum(char.isupper() for char in token)
    accented = any(char not in "đĐ" and not char.isascii() for char in token)
    return capitals > 1 and len(token) <= 6 and not accented and not is_syllable(token)


def _worth(token: str) -> float:
    bare = token.strip(".,;:!?()[]\"'“”‘’…-–/")
    if not bare:
        return 0.0
    if len(bare) > 1 and is_syllable(bare) and (bare.islower() or bare.istitle() or bare.isupper()):
        return 1.0
    if len(bare) > 2 and bare.isascii() and bare.isalpha() and (bare[1:].islower() or bare.isupper()):
        return 0.6 if any(char in _VOWELS for char in bare.lower()) else 0.0
    if bare[0].isdigit() or bare[-1].isdigit():
        return 0.3
    return 0.0
