"""Letters read for digits, put right only where the pattern around them leaves no doubt."""

import re
from collections.abc import Sequence

_DIGIT_FOR = str.maketrans("OoIlóÓ", "001166")  # `6` is read as `ó` inside codes (facts/image-and-ocr.md)
_LIKE_DIGIT = "OoIlóÓ"
# A letter with digits on both sides, in a token of nothing but figures: 2O24, 1.25O.000, 11/O5/2021.
_BETWEEN = re.compile(rf"(?<=\d)[{_LIKE_DIGIT}]+(?=[.,/:-]?\d)|(?<=\d[.,/:-])[{_LIKE_DIGIT}]+(?=\d)")
_FIGURES = re.compile(rf"\W*\d(?:[\d{_LIKE_DIGIT}]|[.,/:-](?=[\d{_LIKE_DIGIT}]))*\d\W*")
# Day, month and year, at least the year's century read as digits: O1/l2/2024.
_DATE = re.compile(
    rf"(\W*)([\d{_LIKE_DIGIT}]{{1,2}}[/.-][\d{_LIKE_DIGIT}]{{1,2}}[/.-](?:19|2[0Oo])[\d{_LIKE_DIGIT}]{{2}})(\W*)"
)
# ... or a slash read as an upright stroke: 24I01/1953, 15/07!1976.
_DATE_STRUCK = re.compile(r"(?<!\d)(\d\d)[/Il|!](\d\d)[/Il|!]((?:19|20)\d\d)(?!\d)")
# The number of a document: 2ó/2024/QĐ-UBND, l5/2020/NĐ-CP.
_NUMBER_HEAD = re.compile(rf"(?<![^\W_])[\d{_LIKE_DIGIT}]+(?=/(?:19|20)\d\d/[A-ZĐ])")
_SHORT = re.compile(rf"[\d{_LIKE_DIGIT}]{{1,2}}")
_YEAR = re.compile(rf"((?:19|2[0Oo])[\d{_LIKE_DIGIT}]{{2}})(\W*)")
_DATE_WORDS = ("ngày", "tháng", "năm")


def mend_figures(token: str) -> str:
    """A printed word with letters turned to digits: `2O24` -> `2024`, `l5/2020/ND-CP` -> `15/2020/ND-CP`."""
    if not any(char.isdigit() for char in token):
        return token
    token = _DATE_STRUCK.sub(r"\1/\2/\3", token)
    date = _DATE.fullmatch(token)
    if date:
        return date[1] + date[2].translate(_DIGIT_FOR) + date[3]
    if _FIGURES.fullmatch(token):
        return _BETWEEN.sub(lambda run: run.group().translate(_DIGIT_FOR), token)
    return _NUMBER_HEAD.sub(lambda head: head.group().translate(_DIGIT_FOR), token)


def mend_date(words: Sequence[str]) -> list[str]:
    """A printed line with the figures of `ngày 0l tháng l2 năm 2O24` put right."""
    mended = list(words)
    low = [word.lower() for word in words]
    for at in range(1, len(words) - 1):
        between = (low[at - 1], low[at + 1])
        if between in (("ngày", "tháng"), ("tháng", "năm")) and _SHORT.fullmatch(words[at]):
            mended[at] = words[at].translate(_DIGIT_FOR)
    for at in range(3, len(words)):
        if low[at - 1] == "năm" and low[at - 3] == "tháng" and (year := _YEAR.fullmatch(words[at])):
            mended[at] = year[1].translate(_DIGIT_FOR) + year[2]
    return mended
