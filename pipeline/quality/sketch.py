"""Small figures that are alike where pages are, and how alike two of them are.

Of many words: MinHash (A. Broder, On the resemblance and containment of documents, 1997), of each minimum the
lowest byte (P. Li, A. König, b-Bit Minwise Hashing, 2010). Of few members, where one more or less decides:
their hashes themselves, the lowest if they are many (E. Cohen, H. Kaplan, bottom-k sketches, 2007).
"""

from collections.abc import Iterable
from functools import cache
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Shares = NDArray[np.float64]

WORD_BYTES = 128
"""Of a sketch of words: a likeness of 0.9 is told to 0.03 (one standard deviation)."""
MOST_MEMBERS = 64
"""Of a small set: forms have up to 40 figures and names; a page of tables has more."""
PICTURE_BYTES = 32

_CHANCE = 1 / 256
"""How often bytes of unlike minima are the same."""
_MEMBER_DIGITS = 4


def sketch_words(members: Iterable[str]) -> str:
    """`WORD_BYTES` in hex; empty for an empty set. The same set gives the same sketch everywhere."""
    hashes = np.array([_hash(member) for member in set(members)], np.uint64)
    if not hashes.size:
        return ""
    factors, shifts = _draw_permutations(WORD_BYTES)
    minima = ((hashes[:, None] * factors + shifts) >> np.uint64(32)).min(axis=0)
    return bytes((minima & np.uint64(0xFF)).astype(np.uint8)).hex()


def sketch_few(members: Iterable[str]) -> str:
    """Four hex digits a member, ascending, `MOST_MEMBERS` at most."""
    hashes = sorted({_hash(member) % 16**_MEMBER_DIGITS for member in members})
    return "".join(f"{number:0{_MEMBER_DIGITS}x}" for number in hashes[:MOST_MEMBERS])


def unpack(sketches: Iterable[str], size: int) -> Bytes:
    """Sketches as rows of `size` bytes; an empty one as zeros."""
    joined = "".join(sketch.ljust(2 * size, "0") for sketch in sketches)
    return np.frombuffer(bytes.fromhex(joined), np.uint8).reshape(-1, size)


def likeness(one: Bytes, others: Bytes) -> Shares:
    """Estimated share (0..1) of all words of two pages that both have, for each row of `others`."""
    same: Shares = np.mean(others == one, axis=1, dtype=np.float64)
    return np.clip((same - _CHANCE) / (1 - _CHANCE), 0, 1)


def likeness_of_few(one: str, other: str) -> float:
    """The same for two small sets, exact up to `MOST_MEMBERS`; 1 where both are empty."""
    first, second = _members(one), _members(other)
    union = sorted(first | second)[:MOST_MEMBERS]
    return sum(member in first and member in second for member in union) / len(union) if union else 1.0


def difference(one: Bytes, others: Bytes) -> Shares:
    """Share (0..1) of the bits of two pictures' sketches that differ, for each row of `others`."""
    return np.asarray(np.unpackbits(others ^ one, axis=1).mean(axis=1), np.float64)


def _members(sketch: str) -> set[str]:
    return {sketch[at : at + _MEMBER_DIGITS] for at in range(0, len(sketch), _MEMBER_DIGITS)}


def _hash(member: str) -> int:
    return int.from_bytes(blake2b(member.encode(), digest_size=8).digest(), "big")


@cache
def _draw_permutations(size: int) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Odd factors and shifts modulo 2**64, the same for ever: stored sketches depend on them."""
    drawn = [_hash(f"sohoa sketch {number}") for number in range(2 * size)]
    return np.array([value | 1 for value in drawn[:size]], np.uint64), np.array(drawn[size:], np.uint64)
