"""Make `pipeline/reading/data/syllable_trigrams.npz` from law text.

    python scripts/build_language_model.py ../shared/data/vi_text [TARGET]

The folder holds `laws_index.tsv` and the parts it names. Every eighth law (row 0, 8, 16 ... of the index,
its header not counted) is left out: the benchmark prints those. The same text gives the same bytes.
"""

import csv
import gzip
import itertools
import sys
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.reading.language_model import KINDS, MODEL_FILE, OTHER, SENTENCE_END, tokens
from pipeline.reading.syllables import is_syllable

HELD_OUT_EVERY = 8
LEAST_SYLLABLE_COUNT = 2
LEAST_PAIR_COUNT = 2
LEAST_TRIPLE_COUNT = 2
PLACE_TOLD_TIMES = 3
NATS_PER_STEP = 0.08  # costs are stored as bytes: 0 to 20.4 nats

PROVINCES = """
An Giang, Bà Rịa - Vũng Tàu, Bạc Liêu, Bắc Giang, Bắc Kạn, Bắc Ninh, Bến Tre, Bình Dương, Bình Định,
Bình Phước, Bình Thuận, Cà Mau, Cao Bằng, Đắk Lắk, Đắk Nông, Điện Biên, Đồng Nai, Đồng Tháp, Gia Lai,
Hà Giang, Hà Nam, Hà Tĩnh, Hải Dương, Hậu Giang, Hòa Bình, Hưng Yên, Khánh Hòa, Kiên Giang, Kon Tum,
Lai Châu, Lạng Sơn, Lào Cai, Lâm Đồng, Long An, Nam Định, Nghệ An, Ninh Bình, Ninh Thuận, Phú Thọ,
Phú Yên, Quảng Bình, Quảng Nam, Quảng Ngãi, Quảng Ninh, Quảng Trị, Sóc Trăng, Sơn La, Tây Ninh,
Thái Bình, Thái Nguyên, Thanh Hóa, Thừa Thiên Huế, Tiền Giang, Trà Vinh, Tuyên Quang, Vĩnh Long,
Vĩnh Phúc, Yên Bái
"""
CITIES = "Cần Thơ, Đà Nẵng, Hà Nội, Hải Phòng, Hồ Chí Minh, Huế"
_PLACE_PHRASES = ("Ủy ban nhân dân {}", "{}", "trên địa bàn {}", "{}, ngày 1 tháng 1 năm 2000")
"""Statutes name few places, letterheads and datelines always do: each place is told in these words."""

Ids = NDArray[np.int64]
Reals = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Grams:
    """Distinct n-grams, sorted, as (context, last id) with their counts."""

    context: Ids
    last: Ids
    count: Ids


def read_laws(folder: Path) -> Iterator[str]:
    """The paragraphs of every law that is not held out, in index order."""
    return itertools.chain.from_iterable(_read(folder, held_out=False))


def read_held_out_laws(folder: Path) -> list[list[str]]:
    """The paragraphs of each law that the model never sees."""
    return list(_read(folder, held_out=True))


def _read(folder: Path, *, held_out: bool) -> Iterator[list[str]]:
    with (folder / "laws_index.tsv").open(encoding="utf-8", newline="") as index:
        rows = list(csv.DictReader(index, delimiter="\t"))
    wanted = {row["law"] for at, row in enumerate(rows) if (at % HELD_OUT_EVERY == 0) == held_out}
    for part in dict.fromkeys(row["part"] for row in rows):
        text = gzip.decompress((folder / part).read_bytes()).decode()
        for law in text.split("### ")[1:]:
            name, _, body = law.partition("\n")
            if name.strip() in wanted:
                lines = unicodedata.normalize("NFC", body).splitlines()
                yield [line for line in lines if line.strip()]


def tell_places() -> Iterator[str]:
    """The provinces and centrally run cities (63 until 2025; those of 2025 bear names among them)."""
    for kind, names in (("tỉnh", PROVINCES), ("thành phố", CITIES)):
        for name in names.replace("\n", " ").split(","):
            for phrase in _PLACE_PHRASES:
                told = name.strip() if phrase.startswith("{},") else f"{kind} {name.strip()}"
                yield from [phrase.format(told)] * PLACE_TOLD_TIMES


def build(paragraphs: Iterable[str]) -> dict[str, NDArray[np.generic]]:
    """The arrays of the model file (see `language_model.unpack_model`)."""
    stream: list[str] = []
    for paragraph in paragraphs:
        stream += tokens(paragraph.split())
        if stream and stream[-1] != KINDS[SENTENCE_END]:
            stream.append(KINDS[SENTENCE_END])
    counts = Counter(stream)
    known = sorted(t for t, n in counts.items() if n >= LEAST_SYLLABLE_COUNT and is_syllable(t))
    syllables = (*KINDS, *known)
    place = {syllable: at for at, syllable in enumerate(syllables)}
    ids = np.array([place.get(token, OTHER) for token in stream], dtype=np.int64)
    return _estimate(ids, syllables)


def _estimate(ids: Ids, syllables: tuple[str, ...]) -> dict[str, NDArray[np.generic]]:
    """Interpolated absolute discounting; what pruning drops goes to the backoff weights."""
    size = len(syllables)
    single = (np.bincount(ids, minlength=size) + 0.5) / (len(ids) + 0.5 * size)
    pairs = _count(ids[:-1], ids[1:], size)
    pair_p = _discounted(pairs, size, single[pairs.last])
    pairs, pair_p = _prune(pairs, pair_p, LEAST_PAIR_COUNT)
    single_backoff = _backoff(pairs, pair_p, single[pairs.last], size)

    def pair_probability(first: Ids, second: Ids) -> Reals:
        at, found = _find(pairs, first, second, size)
        backed_off: Reals = single_backoff[first] * single[second]
        return np.where(found, pair_p[at], backed_off)

    context, found = _find(pairs, ids[:-2], ids[1:-1], size)
    triples = _count(context[found], ids[2:][found], size)
    lower = pair_probability(pairs.last[triples.context], triples.last)
    triple_p = _discounted(triples, len(pairs.last), lower)
    triples, triple_p = _prune(triples, triple_p, LEAST_TRIPLE_COUNT)
    lower = pair_probability(pairs.last[triples.context], triples.last)
    pair_backoff = _backoff(triples, triple_p, lower, len(pairs.last))
    return {
        "syllables": np.frombuffer("\n".join(syllables).encode(), dtype=np.uint8),
        "nats_per_step": np.float64(NATS_PER_STEP).reshape(()),
        "single_cost": _to_steps(single),
        "single_backoff_cost": _to_steps(single_backoff),
        "single_followers": np.bincount(pairs.context, minlength=size).astype(np.uint16),
        "pair_second": pairs.last.astype(np.uint16),
        "pair_cost": _to_steps(pair_p),
        "pair_backoff_cost": _to_steps(pair_backoff),
        "pair_followers": np.bincount(triples.context, minlength=len(pairs.last)).astype(np.uint16),
        "triple_third": triples.last.astype(np.uint16),
        "triple_cost": _to_steps(triple_p),
    }


def _count(context: Ids, last: Ids, size: int) -> Grams:
    keys, count = np.unique(context * size + last, return_counts=True)
    return Grams(keys // size, keys % size, count)


def _find(grams: Grams, context: Ids, last: Ids, size: int) -> tuple[Ids, NDArray[np.bool_]]:
    keys = grams.context * size + grams.last
    wanted = context * size + last
    at = np.minimum(np.searchsorted(keys, wanted), len(keys) - 1)
    return at, keys[at] == wanted


def _discounted(grams: Grams, contexts: int, lower: Reals) -> Reals:
    """p(last | context) with discount n1 / (n1 + 2 n2) (Ney, Essen, Kneser 1994)."""
    once, twice = (float(np.count_nonzero(grams.count == times)) for times in (1, 2))
    discount = once / (once + 2 * twice) if once else 0.5
    total = np.bincount(grams.context, weights=grams.count, minlength=contexts)[grams.context]
    kinds = np.bincount(grams.context, minlength=contexts)[grams.context]
    probability: Reals = (grams.count - discount) / total + discount * kinds / total * lower
    return probability


def _prune(grams: Grams, probability: Reals, least: int) -> tuple[Grams, Reals]:
    kept = grams.count >= least
    return Grams(grams.context[kept], grams.last[kept], grams.count[kept]), probability[kept]


def _backoff(grams: Grams, probability: Reals, lower: Reals, contexts: int) -> Reals:
    """What each context leaves to the shorter one, so that its probabilities sum to 1."""
    left = 1 - np.bincount(grams.context, weights=probability, minlength=contexts)
    below = 1 - np.bincount(grams.context, weights=lower, minlength=contexts)
    return np.clip(left, 1e-6, 1) / np.clip(below, 1e-6, 1)


def _to_steps(probability: Reals) -> NDArray[np.uint8]:
    steps = np.rint(-np.log(np.clip(probability, 1e-9, None)) / NATS_PER_STEP)
    return np.clip(steps, 0, 255).astype(np.uint8)


def main(arguments: list[str]) -> None:
    """Build from the folder named first into the file named second."""
    target = Path(arguments[1]) if len(arguments) > 1 else MODEL_FILE
    packed = build(itertools.chain(read_laws(Path(arguments[0])), tell_places()))
    np.savez_compressed(target, **packed)  # type: ignore[arg-type]
    figures = ", ".join(f"{name} {len(packed[name])}" for name in ("single_cost", "pair_cost", "triple_cost"))
    print(f"{target}: {figures}, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(sys.argv[1:])
