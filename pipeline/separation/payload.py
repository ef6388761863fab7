"""The codes of a sheet, written and read back (`schemas.covers` documents them)."""

import hashlib
import re

from schemas.covers import MOST_PAPERS, Sheet, SheetKind, SheetMark
from schemas.dossier import RECORD_CODE
from schemas.errors import UsageError

MOST_SHEETS = 9999
MOST_PAGES = 2000
RUN_LETTERS = 5

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LETTERS = {SheetKind.COVER: "C", SheetKind.SEPARATOR: "S", SheetKind.END: "E"}
_KINDS = {letter: kind for kind, letter in _LETTERS.items()}
_CHECK_LETTERS, _SHORT_CHECK_LETTERS = 6, 4
_MOST_CHARACTERS = 420
_NUMBER = "(?:0|[1-9][0-9]{0,3})"
_FULL = re.compile(
    rf"SOHOA1:([CSE]):([0-9A-Z.-]{{10,40}}):((?:{_NUMBER}(?:\.{_NUMBER}){{0,{MOST_PAPERS - 1}}})?)"
    rf":([{_ALPHABET}]{{{RUN_LETTERS}}}):({_NUMBER})\.({_NUMBER})\.({_NUMBER}):([{_ALPHABET}]{{6}})"
)
_SHORT = re.compile(rf"SH1([CSE])({_NUMBER}?):([0-9A-Z.-]{{10,40}}):([{_ALPHABET}]{{4}})")


def write_payload(sheet: Sheet) -> str:
    """The text of the QR code. Raises `UsageError` for what a sheet cannot say."""
    _check(sheet)
    papers = sheet.page_counts
    if sheet.kind is SheetKind.SEPARATOR:
        papers = (sheet.ordinal or 0, papers[0] if papers else 0)
    body = ":".join(
        (
            "SOHOA1",
            _LETTERS[sheet.kind],
            sheet.record_code,
            ".".join(map(str, papers)),
            sheet.run,
            f"{sheet.index}.{sheet.span}.{sheet.total}",
        )
    )
    return f"{body}:{check_letters(body, _CHECK_LETTERS)}"


def write_short_payload(sheet: Sheet) -> str:
    """The text of the Code 128."""
    body = f"SH1{_LETTERS[sheet.kind]}{sheet.ordinal or ''}:{sheet.record_code}"
    return f"{body}:{check_letters(body, _SHORT_CHECK_LETTERS)}"


def read_payload(text: str) -> SheetMark | None:
    """What a code of either kind says; None where it is not ours, whole and unchanged."""
    if len(text) > _MOST_CHARACTERS:
        return None
    if found := _FULL.fullmatch(text):
        return _read_full(text, found)
    if found := _SHORT.fullmatch(text):
        return _read_short(text, found)
    return None


def check_letters(body: str, letters: int) -> str:
    """The first bits of the SHA-256, five a letter: a misread or a foreign code does not have them."""
    bits = int.from_bytes(hashlib.sha256(body.encode()).digest()[:8])
    return "".join(_ALPHABET[bits >> (59 - 5 * at) & 31] for at in range(letters))


def name_run(seed: bytes) -> str:
    """The letters of a print run."""
    return check_letters(seed.hex(), RUN_LETTERS)


def _read_full(text: str, found: re.Match[str]) -> SheetMark | None:
    body, check = text.rsplit(":", 1)
    kind, record_code = _KINDS[found[1]], found[2]
    numbers = tuple(map(int, found[3].split("."))) if found[3] else ()
    ordinal = None
    if kind is SheetKind.SEPARATOR:
        if len(numbers) != 2:
            return None
        ordinal, numbers = numbers[0], numbers[1:]
    sheet = Sheet(kind, record_code, found[4], int(found[5]), int(found[6]), int(found[7]), ordinal, numbers)
    if check != check_letters(body, _CHECK_LETTERS) or _find_fault(sheet):
        return None
    return SheetMark(kind, record_code, ordinal, sheet)


def _read_short(text: str, found: re.Match[str]) -> SheetMark | None:
    body, check = text.rsplit(":", 1)
    kind, ordinal = _KINDS[found[1]], int(found[2]) if found[2] else None
    if check != check_letters(body, _SHORT_CHECK_LETTERS) or not RECORD_CODE.match(found[3]):
        return None
    if (kind is SheetKind.SEPARATOR) != bool(ordinal):
        return None
    return SheetMark(kind, found[3], ordinal)


def _check(sheet: Sheet) -> None:
    if fault := _find_fault(sheet):
        raise UsageError(f"no sheet can be printed for this: {fault}", advice="see 'sohoa cover --help'")


def _find_fault(sheet: Sheet) -> str | None:
    """What is wrong with a sheet; None for one that can be."""
    faults = (
        (not RECORD_CODE.fullmatch(sheet.record_code), "the record code has no known form"),
        (len(sheet.page_counts) > MOST_PAPERS, f"more than {MOST_PAPERS} papers"),
        (any(not 0 <= count <= MOST_PAGES for count in sheet.page_counts), "a page count out of range"),
        ((sheet.kind is SheetKind.SEPARATOR) != bool(sheet.ordinal), "an ordinal where none belongs"),
        (sheet.kind is SheetKind.SEPARATOR and len(sheet.page_counts) > 1, "a separator is for one paper"),
        (sheet.kind is SheetKind.END and bool(sheet.page_counts), "an end sheet declares no papers"),
        (not 1 <= sheet.index <= sheet.total <= MOST_SHEETS, "its place in the print run"),
        (not 1 <= sheet.span <= sheet.total, "the sheets of its dossier"),
    )
    return next((fault for wrong, fault in faults if wrong), None)
