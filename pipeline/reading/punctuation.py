"""Signs read for one another, put right where the line around them leaves no doubt.

Counts are of 96 statutes (8.15 million letters), right form : the other; lines are as printed.
"""

import re
from collections.abc import Sequence
from itertools import accumulate, pairwise

_NUMBER_READ = re.compile(r"\d{1,2},")
_ITEM_LETTERS = {"ø)": "g)", "¡)": "i)"}  # no letters of Vietnamese
_ITEM = re.compile(r"[b-zđ]\)")
_SENTENCE_END = re.compile(r"[.;:]$")
_REGARDING = re.compile(r"V(?:W|[/íìỉiIl1|!][vw])")
_YEAR = re.compile(r"(?:19|20)\d\d$")  # the date stands to the right of the line before the subject's
_NUMBER = re.compile(r"\d[\d.,]*")
_SQUARE = re.compile(r"(m)[?°*](?=[,.;:)]*$)")
_SEPARATOR = re.compile(r"(?<=\d)[|!](?=\d{4}(?!\d))")
_DATE_HEAD = re.compile(r"(0[1-9]|[12]\d|3[01])(0[1-9]|1[0-2])(?=/(?:19|20)\d\d(?!\d))")
_ROMAN_READ = re.compile(r"^(?=[XVI])(X{0,3}V?I?)H(?=[,.;:)]*$)")
_BEFORE_ROMAN = frozenset(("khóa", "khoá", "chương", "phần", "mục"))
_BRANCH = re.compile(r"nhánh\b", re.IGNORECASE)
_ALIKE_IN_CAPITALS = re.compile(r"[SCVXOÓÒỎÕỌÔỐỒỔỖỘƠỚỜỞỠỢUÚÙỦŨỤƯỨỪỬỮỰ]{2,}")


def mend_signs(lines: Sequence[Sequence[str]]) -> list[list[str]]:
    """The words of a page, line by line, as many as there were.

    - `5, Cơ quan` -> `5. Cơ quan` at the start of a line after a sentence's end (25,953 : 0)
    - `giá,` -> `giá;` before a line that starts with `b)` (14,005 : 0); `ø)` -> `g)` at the start
    - `Sau:` -> `sau:` inside a sentence (864 : 0); `SỐ` -> `số` between small words
    - `chỉ nhánh` -> `chi nhánh` (733 : 0)
    - `120 m?` -> `120 m²`, never `m2`; `VW góp ý` -> `V/v góp ý`; `khóa XIH` -> `khóa XIII`
    - `27|2014/TT` and `15/07!1976` with a slash; `ngày 2609/1950` -> `ngày 26/09/1950`
    """
    words = [word for line in lines for word in line]
    starts = list(accumulate((len(line) for line in lines), initial=0))
    small = [_is_small(line) for line in lines for _ in line]
    mended = [
        _mend_word(word, before, after, small=is_small)
        for before, word, after, is_small in zip(["", *words], words, [*words[1:], ""], small, strict=False)
    ]
    for start, end in pairwise(starts):
        if start < end:
            _mend_line(mended, start, end)
    return [mended[start:end] for start, end in pairwise(starts)]


def _is_small(line: Sequence[str]) -> bool:
    letters = [word for word in line if word[0].isalpha()]
    return sum(word.islower() for word in letters) > len(letters) / 2


def _mend_line(words: list[str], start: int, end: int) -> None:
    """What only the start of a line proves, in place; `words` are those of the page."""
    first, second = words[start], words[start + 1] if start + 1 < end else ""
    before = words[start - 1] if start else "."
    words[start] = first = _ITEM_LETTERS.get(first, first)
    if _REGARDING.fullmatch(first) and (second.islower() or _YEAR.search(before)):
        words[start] = "V/v"
    elif _NUMBER_READ.fullmatch(first) and second[:1].isupper() and _SENTENCE_END.search(before):
        words[start] = first[:-1] + "."
    elif _ITEM.fullmatch(first) and before.endswith(","):
        words[start - 1] = before[:-1] + ";"


def _mend_word(word: str, before: str, after: str, *, small: bool) -> str:
    """`small`: most words of its line are in small letters."""
    if small and word.isalpha() and not word.isascii() and _ALIKE_IN_CAPITALS.fullmatch(word):
        return word.lower()
    if word == "Sau:" and before.islower() and before[-1].isalpha():
        return "sau:"
    if word.lower() == "chỉ" and _BRANCH.match(after):
        return word.replace("ỉ", "i").replace("Ỉ", "I")
    if before.lower() in _BEFORE_ROMAN:
        return _ROMAN_READ.sub(r"\1II", word)
    if _NUMBER.fullmatch(before):
        word = _SQUARE.sub(r"\1²", word)
    if before.lower() == "ngày":
        word = _DATE_HEAD.sub(r"\1/\2", word)
    return _SEPARATOR.sub("/", word)
