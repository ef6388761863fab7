"""Harm and help of the correction: words repaired and broken, CER with and without, CPU of its steps.

    python -m scripts.bench.corrections real laws style --shared ../shared --pages 20 --first 18

`real`: scans of official letters with truth. `laws`: prose of the laws the language model was not built from.
`style`: the samples' own wording, with invented names and addresses. The generated pages are set small and
scanned badly (kinds of `CONDITIONS` in turn); page numbers below 18 were used for tuning.
"""

import argparse
import difflib
import os
import random
import time
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rapidfuzz.distance import Levenshtein

from pipeline import digitise
from pipeline.digitise import Tools
from pipeline.reading.correction import correct
from schemas.page import PageText, ScanPage
from schemas.settings import Settings
from scripts.bench.real_scans import HELD_OUT_TRUTHS, find_real_pages, take_page
from scripts.build_language_model import read_held_out_laws
from scripts.samples.fonts import Style
from scripts.samples.layout import A4, Flow
from scripts.samples.page import SamplePage
from scripts.samples.scanning import Conditions, scan
from scripts.samples.texts import CONTRACT_ARTICLES, NOTES, Case, draw_case

CONDITIONS: tuple[tuple[str, Conditions], ...] = (
    ("200 dpi", {"dpi": 200, "jpeg_quality": 60, "skew_deg": 0.4}),
    ("faded", {"fade": 0.72, "noise": 3.0, "skew_deg": -0.6}),
    ("dim", {"dim": 0.6, "uneven_light": 0.3, "noise": 4.0, "jpeg_quality": 70}),
    ("blurred", {"blur_px": 2.2, "noise": 2.0, "jpeg_quality": 70}),
    ("bilevel", {"bilevel": True, "dpi": 200, "skew_deg": 0.5}),
    ("150 dpi", {"dpi": 150, "jpeg_quality": 55}),
    ("120 dpi", {"dpi": 120, "jpeg_quality": 60}),
)
TUNED_ON = ("to_trinh_239_p1", "chi_thi_11_g4_p1")


@dataclass(frozen=True, slots=True)
class Page:
    """One scan and what is printed on it."""

    kind: str
    scan: ScanPage
    truth: str


@dataclass(slots=True)
class Tally:
    """Words and letters of all pages of one kind."""

    pages: int = 0
    words: int = 0
    repaired: int = 0
    broken: int = 0
    left: int = 0
    letters: int = 0
    edits_read: int = 0
    edits_corrected: int = 0
    cpu_s: float = 0.0
    worst_cpu_s: float = 0.0


def scan_real(folder: Path) -> Iterator[Page]:
    """The real scans that have a truth."""
    for page in find_real_pages(folder):
        pages = list(take_page(page))
        kind = "real, held out" if page.truth.parent == HELD_OUT_TRUTHS else "real"
        kind = "real, tuned on" if page.truth.stem in TUNED_ON else kind
        yield Page(kind, pages[0], page.truth.read_text("utf-8"))


def print_laws(folder: Path, numbers: range) -> Iterator[Page]:
    """Pages of held-out laws, a different place in them for every number."""
    laws = [[line for line in law if len(line) > 20] for law in read_held_out_laws(folder)]
    for number in numbers:
        lines = laws[number % len(laws)]
        start = random.Random(f"law {number}").randrange(len(lines))
        yield _scan_page("laws", [*lines[start:], *lines[:start]], number)


def print_style(numbers: range) -> Iterator[Page]:
    """Pages of the samples' wording in random order, filled with the names of one invented case."""
    for number in numbers:
        case = draw_case(number)
        paragraphs = list(_fill(case))
        random.Random(f"style {number}").shuffle(paragraphs)
        yield _scan_page("style", paragraphs, number)


def _fill(case: Case) -> Iterator[str]:
    templates = [*case.procedure.letter_body, case.procedure.plea]
    templates += [f"{label.strip('*')} {value}" for label, value in case.procedure.application_fields]
    templates += [sentence for _, sentences in (*NOTES, *CONTRACT_ARTICLES) for sentence in sentences]
    for template in templates:
        try:
            yield case.fill(template)
        except KeyError:  # figures that only the contract's writer knows
            continue
    for person, relation in case.household:
        yield f"{person.name}, sinh ngày {person.born}, thường trú tại {person.address}; {relation}."


def _scan_page(name: str, paragraphs: list[str], number: int) -> Page:
    family, size_pt = ("Tinos", "Tinos", "Arimo")[number % 3], (10.5, 11.0, 12.0, 13.0)[number % 4]
    condition, how = CONDITIONS[number % len(CONDITIONS)]
    page = _print_page(paragraphs, Style(family, size_pt))
    scanned = scan(page, seed=number, **how)
    return Page(
        f"{name}, {condition}",
        ScanPage(1, scanned.pixels, scanned.dpi, True, scanned.bilevel, "image"),
        page.text,
    )


def _print_page(paragraphs: list[str], style: Style) -> SamplePage:
    flow, first = Flow(A4, style), None
    first = flow.canvas
    for paragraph in paragraphs:
        if flow.canvas is not first:
            break
        flow.paragraph(paragraph)
    return flow.finish()[0]


def score(page: Page, tools: Tools, tallies: dict[str, Tally]) -> None:
    """Digitise one page and count what correction did to what was read."""
    spent_s = 0.0

    def correct_timed(text: PageText) -> PageText:
        nonlocal spent_s
        started = time.process_time()
        corrected = correct(text)
        spent_s += time.process_time() - started
        return corrected

    with patch.object(digitise, "correct", correct_timed):
        text = digitise.digitise_page(page.scan, tools).text
    tally = tallies.setdefault(page.kind, Tally())
    tally.pages += 1
    tally.cpu_s += spent_s
    tally.worst_cpu_s = max(tally.worst_cpu_s, spent_s)
    _count_words(text, page.truth, tally)
    _count_letters(text, page.truth, tally)


def _count_words(corrected: PageText, truth: str, tally: Tally) -> None:
    """Words of the truth that stand alone against one word read; letters' case does not count."""
    printed = _words(truth)
    before, after = _part_again(corrected)
    tally.words += len(printed)
    for at, meant in _align(before, printed):
        old, new, right = before[at].lower(), after[at].lower(), meant.lower()
        tally.repaired += old != right and new == right
        tally.broken += old == right and new != right
        tally.left += new != right and _bare(new) == _bare(right)


def _part_again(corrected: PageText) -> tuple[list[str], list[str]]:
    """The words as read, and what became of each: "" for the later parts of one that was joined."""
    before: list[str] = []
    after: list[str] = []
    for word in corrected.words:
        parts = (word.raw or word.text).split()
        before += map(_nfc, parts)
        after += [_nfc(word.text), *[""] * (len(parts) - 1)]
    return before, after


def _align(read: list[str], printed: list[str]) -> Iterator[tuple[int, str]]:
    matcher = difflib.SequenceMatcher(None, [*map(_bare, read)], [*map(_bare, printed)], autojunk=False)
    for tag, start, end, meant_start, meant_end in matcher.get_opcodes():
        if tag in ("equal", "replace") and end - start == meant_end - meant_start:
            yield from zip(range(start, end), printed[meant_start:meant_end], strict=True)


def _count_letters(corrected: PageText, truth: str, tally: Tally) -> None:
    printed = " ".join(_words(truth))
    tally.letters += len(printed)
    tally.edits_read += Levenshtein.distance(" ".join(_part_again(corrected)[0]), printed)
    tally.edits_corrected += Levenshtein.distance(" ".join(_words(corrected.text)), printed)


def _words(text: str) -> list[str]:
    return [word for word in _nfc(text).split() if word != "␣"]


def _nfc(text: str) -> str:
    return unicodedata.normalize("NFC", text).replace("\u00d0", "Đ").replace("\u00f0", "đ")


def _bare(word: str) -> str:
    decomposed = unicodedata.normalize("NFD", word.lower().replace("đ", "d"))
    return "".join(char for char in decomposed if char.isalnum()) or word


def main() -> None:
    """Print one line for each kind of page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("sets", nargs="+", choices=("real", "laws", "style"))
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pages", type=int, default=14)
    parser.add_argument("--first", type=int, default=18)
    chosen = parser.parse_args()
    numbers = range(chosen.first, chosen.first + chosen.pages)
    data = chosen.shared / "data"
    tools, tallies = digitise.open_tools(Settings()), dict[str, Tally]()
    pages = {
        "real": lambda: scan_real(data / "real_scans"),
        "laws": lambda: print_laws(data / "vi_text", numbers),
        "style": lambda: print_style(numbers),
    }
    for name in chosen.sets:
        for page in pages[name]():
            score(page, tools, tallies)
    print(
        "kind | pages | words | repaired : broken | marks still wrong | CER read -> corrected"
        " | CPU ms a page, worst"
    )
    for kind, tally in sorted(tallies.items()):
        cer = [edits / tally.letters for edits in (tally.edits_read, tally.edits_corrected)]
        print(
            f"{kind} | {tally.pages} | {tally.words} | {tally.repaired} : {tally.broken} | {tally.left} | "
            f"{cer[0]:.4f} -> {cer[1]:.4f} | {1000 * tally.cpu_s / tally.pages:.0f}, "
            f"{1000 * tally.worst_cpu_s:.0f}"
        )


if __name__ == "__main__":
    os.environ.setdefault("OMP_THREAD_LIMIT", "1")  # before Tesseract is loaded
    main()
