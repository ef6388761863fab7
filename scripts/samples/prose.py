"""Running text to print: public statutes where the development data is there, else the papers' own wording.

Statutes are outside copyright in Viet Nam (Law on Intellectual Property, art. 15 no. 2). Of the 96 laws of
the development data, every eighth row of `laws_index.tsv` (counted from 0) is kept out of every language
model and belongs to the benchmark: rows 8, 24, 40 ... to development pages, rows 0, 16, 32 ... to test pages.
"""

import csv
import gzip
import random
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from scripts.samples.texts import CONTRACT_ARTICLES, draw_case, draw_person

Purpose = Literal["dev", "test"]
HELD_OUT_EVERY = 8
_REMAINDERS: dict[Purpose, int] = {"test": 0, "dev": HELD_OUT_EVERY}

_SHORTEST, _LONGEST = 18, 620
_PRINTABLE = re.compile(r"[\w\s,.;:()\-/%\"“”–]+")
_HEADING = re.compile(r"(?:Phần|Chương|Mục)\s+[\wà-ỹ]+", re.IGNORECASE)
_ARTICLE = re.compile(r"Điều \d+\.")

Role = Literal["heading", "article", "clause"]


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph and what it is: a centred heading, the bold name of an article, or running text."""

    text: str
    role: Role


@dataclass(frozen=True, slots=True)
class Law:
    """One statute."""

    name: str
    paragraphs: tuple[Paragraph, ...]


@cache
def load_laws(folder: Path | None, purpose: Purpose) -> tuple[Law, ...]:
    """The laws set aside for `purpose` in `folder` (`.../data/vi_text`); none where it is absent."""
    if folder is None or not (folder / "laws_index.tsv").is_file():
        return ()
    with (folder / "laws_index.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    wanted = {
        row["law"] for number, row in enumerate(rows) if number % (2 * HELD_OUT_EVERY) == _REMAINDERS[purpose]
    }
    laws = []
    for part in sorted({row["part"] for row in rows}):
        with gzip.open(folder / part, "rt", encoding="utf-8") as opened:
            for law in opened.read().split("### ")[1:]:
                name, _, text = law.partition("\n")
                if name in wanted:
                    laws.append(Law(name, tuple(_to_paragraphs(text))))
    return tuple(laws)


def draw_prose(rng: random.Random, laws: tuple[Law, ...]) -> Iterator[Paragraph]:
    """Text without end: consecutive paragraphs of one law, now and then a sentence with document numbers,
    dates, names and figures as decisions have them."""
    paragraphs = rng.choice(laws).paragraphs if laws else _own_paragraphs(rng)
    at = rng.randrange(len(paragraphs))
    until_figures = rng.randint(1, 4)
    while True:
        yield paragraphs[at % len(paragraphs)]
        at += 1
        until_figures -= 1
        if until_figures == 0:
            yield Paragraph(draw_figures(rng), "clause")
            until_figures = rng.randint(4, 8)


def draw_words(rng: random.Random, laws: tuple[Law, ...], least: int, most: int) -> str:
    """A phrase of `least` to `most` words from the beginning of a clause."""
    while True:
        paragraph = next(draw_prose(rng, laws))
        words = re.sub(r"^(?:\d+\.|[a-zđ]\))\s+", "", paragraph.text).split()
        if paragraph.role == "clause" and len(words) >= least:
            return " ".join(words[: rng.randint(least, most)]).rstrip(",;:.-(–")


def draw_document_number(rng: random.Random) -> str:
    """A number as papers are cited by: `15/2020/NĐ-CP`."""
    kinds = ("NĐ-CP", "QĐ-TTg", "TT-BTC", "TT-BTNMT", "NQ-HĐND", "QĐ-UBND", "QH14", "TT-BTTTT")
    return f"{rng.randint(1, 199)}/{rng.randint(2004, 2025)}/{rng.choice(kinds)}"


def draw_date(rng: random.Random) -> str:
    """`ngày 05 tháng 3 năm 2021`."""
    month = rng.randint(1, 12)
    return f"ngày {rng.randint(1, 28):02d} tháng {month:02d} năm {rng.randint(2004, 2025)}"


def draw_figures(rng: random.Random) -> str:
    """A sentence full of what a language model cannot guess: numbers, dates, names, sums."""
    case = draw_case(rng.randrange(10**6))
    person = draw_person(rng, case.place)
    return rng.choice(
        (
            f"Căn cứ Nghị định số {draw_document_number(rng)} {draw_date(rng)} và Quyết định số "
            f"{rng.randint(10, 2999)}/QĐ-UBND {draw_date(rng)} của Ủy ban nhân dân tỉnh "
            f"{case.place.province};",
            f"Giao {person.name}, sinh ngày {person.born}, số định danh cá nhân {person.identity}, "
            f"thường trú tại {person.address}, tỉnh {case.place.province}, chịu trách nhiệm thi hành.",
            f"Hồ sơ số H99.12-{rng.randint(200101, 261231)}-{rng.randint(1, 9999):04d} nhận lúc "
            f"{rng.randint(7, 17):02d} giờ {rng.randint(0, 59):02d} phút, {draw_date(rng)}; hẹn trả kết quả "
            f"ngày {rng.randint(1, 28):02d}/{rng.randint(1, 12):02d}/2026.",
            f"Tổng kinh phí {case.figures['capital']} đồng, trong đó ngân sách xã {case.place.commune} "
            f"{case.figures['percent']}%, người dân đóng góp {case.figures['income']} đồng/hộ.",
        )
    )


def _own_paragraphs(rng: random.Random) -> tuple[Paragraph, ...]:
    case = draw_case(rng.randrange(10**6))
    figures = case.figures | {"object": case.fill(case.procedure.contract_object)}
    written: list[Paragraph] = [Paragraph(case.procedure.name.upper(), "heading")]
    written += [Paragraph(case.fill(text), "clause") for text in case.procedure.letter_body]
    for number, (heading, clauses) in enumerate(CONTRACT_ARTICLES, start=1):
        written.append(Paragraph(f"Điều {number}. {heading}", "article"))
        written += [
            Paragraph(f"{index}. {clause.format_map(figures)}", "clause")
            for index, clause in enumerate(clauses, 1)
        ]
    return tuple(written)


def _to_paragraphs(text: str) -> Iterator[Paragraph]:
    for line in unicodedata.normalize("NFC", text).splitlines():
        clean = " ".join(line.split())
        if len(clean) < _SHORTEST or len(clean) > _LONGEST or "--" in clean:
            continue
        if not _PRINTABLE.fullmatch(clean):
            continue
        if clean.isupper() or _HEADING.match(clean):
            yield Paragraph(clean.upper(), "heading")
        elif _ARTICLE.match(clean) and len(clean) < 110:
            yield Paragraph(clean, "article")
        else:
            yield Paragraph(clean, "clause")
