"""What a page says of itself: its printed number, and the code of the record it belongs to."""

import re
import unicodedata

from schemas.findings import PrintedNumber
from schemas.page import Line, PageText

MARGIN_SHARE = 0.12
"""Of the page's height, at head and foot: where page numbers stand. Nghị định 30/2020/NĐ-CP (annex I, part I,
II.1) prints them in the head margin of 20 to 25 mm of 297, which is 0.07 to 0.08; a sheet laid askew or low
on the glass moves them by some millimetres."""
LEAST_CONFIDENCE = 0.6
"""Of the worst word of a mark; below it the digits may be others."""
WORDS_AFTER_CODE = 3
"""On a line that gives the page's own record; a sentence that quotes another goes on."""

_TOTAL = r"\s*(?:/|of|tren(?: tong so)?|tong so)\s*(?P<total>\d{1,4})"
_LABEL = r"(?:trang|tr\.|page)\s*(?:so)?\s*[:.]?\s*"
_DASHES = r"[\s\-–—_.~|]*"
_BARE = re.compile(rf"{_DASHES}(?P<number>\d{{1,3}})(?:{_TOTAL})?{_DASHES}")
_LABELLED = re.compile(rf"{_DASHES}{_LABEL}(?P<number>\d{{1,4}})(?:{_TOTAL})?(?: trang)?{_DASHES}")
_BESIDE_OTHER_TEXT = re.compile(rf"(?:^|\s){_LABEL}(?P<number>\d{{1,4}}){_TOTAL}{_DASHES}$")

_CODE = re.compile(
    r"(?<![\w.\-])(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{1,3})*)-\d{6}-\d{4,}(?![\w\-])",
    re.ASCII,
)
_SPACED = re.compile(r"(?<=\w)\s*([.\-])\s*(?=\w)")
_CODE_LABEL = re.compile(r"\W*(?:ma (?:so )?(?:ho so|bien nhan|tiep nhan)|so (?:ho so|bien nhan))[\s:.]*")


def find_page_number(text: PageText) -> PrintedNumber | None:
    """The number in the head or foot of the page, where one stands there by itself or says what it is."""
    lines = sorted(text.lines, key=lambda line: line.box.top)
    if not lines:
        return None
    head, foot = MARGIN_SHARE * text.height_px, (1 - MARGIN_SHARE) * text.height_px
    for line in (lines[0], max(lines, key=lambda line: line.box.bottom)):
        if line.box.top >= head and line.box.bottom <= foot:
            continue
        if (number := _read_number(line, alone=_stands_alone(line, lines))) is not None:
            return number
    return None


def find_record_codes(text: PageText) -> tuple[str, ...]:
    """The codes that the page gives as its own record's, in reading order: after `Mã hồ sơ:` at the
    beginning of a line, or alone on one. Codes within sentences are quoted and left out."""
    found: dict[str, None] = {}
    for line in text.lines:
        told = _SPACED.sub(r"\1", _tell(line))
        match = _CODE.search(told)
        if match is None or _worst(line) < LEAST_CONFIDENCE:
            continue
        before, after = fold(told[: match.start()]), told[match.end() :].split()
        if (not before.strip() and not after) or (
            _CODE_LABEL.fullmatch(before) and len(after) <= WORDS_AFTER_CODE
        ):
            found[match[0]] = None
    return tuple(found)


def fold(text: str) -> str:
    """Lower case without Vietnamese marks: what a poor reading gets right most often."""
    spread = unicodedata.normalize("NFD", text.lower().replace("đ", "d"))
    return "".join(char for char in spread if not unicodedata.combining(char))


def _read_number(line: Line, *, alone: bool) -> PrintedNumber | None:
    told = fold(_tell(line))
    match = _LABELLED.fullmatch(told) or _BESIDE_OTHER_TEXT.search(told) or (alone and _BARE.fullmatch(told))
    if not match or _worst(line) < LEAST_CONFIDENCE:
        return None
    number, total = int(match["number"]), match["total"] and int(match["total"])
    if number == 0 or (total and total < number):
        return None
    return PrintedNumber(number, total or None)


def _stands_alone(line: Line, lines: list[Line]) -> bool:
    """Whether no other line stands beside it, as the cells of a table's row do."""
    middle = (line.box.top + line.box.bottom) / 2
    return not any(other.box.top < middle < other.box.bottom for other in lines if other is not line)


def _tell(line: Line) -> str:
    return " ".join(word.text for word in line.words)


def _worst(line: Line) -> float:
    """The lowest confidence of a word with digits."""
    return min((word.confidence for word in line.words if any(map(str.isdigit, word.text))), default=0.0)
