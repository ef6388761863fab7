"""Single bytes of signed files changed at random: does `verify` find every one?

`python -m scripts.bench.tampering FILE.pdf... [--changes 500] [--seed 5]`: trusted are the roots of this
SOHOA_HOME. Exit code 1 where a change was not found.
"""

import argparse
import io
import random
from collections.abc import Iterator
from pathlib import Path

import pikepdf

from pipeline.binding.signer import load_local_trust_roots
from pipeline.binding.verify import verify
from schemas.errors import BadInputError
from schemas.settings import Settings


def find_signed_spots(pdf: bytes) -> list[range]:
    """The ranges of bytes that the first signature covers."""
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        signed = next(field.V for field in opened.Root.AcroForm.Fields if "/V" in field)
        first, length, second, rest = (int(value) for value in signed.ByteRange)
    return [range(first, first + length), range(second, second + rest)]


def change_bytes(
    pdf: bytes, spots: list[range], source: random.Random, count: int
) -> Iterator[tuple[int, bytes]]:
    """`count` copies, each with one byte of `spots` replaced by another; and where."""
    inside = sum(len(spot) for spot in spots)
    for _ in range(count):
        place = source.randrange(inside)
        at = next(iter(spots[0][place : place + 1] or spots[1][place - len(spots[0]) :]))
        changed = bytearray(pdf)
        changed[at] ^= source.randrange(1, 256)
        yield at, bytes(changed)


def main() -> int:
    """Change, verify, count."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--changes", type=int, default=500)
    parser.add_argument("--seed", type=int, default=5)
    told = parser.parse_args()
    roots = load_local_trust_roots(Settings().home / "keys")
    source, found, made = random.Random(told.seed), 0, 0
    for number, file in enumerate(told.files):
        pdf = file.read_bytes()
        if not verify(pdf, trust_roots=roots).ok:
            print(f"{file} does not hold as it is")
            return 1
        share = (told.changes + number) // len(told.files)
        for at, changed in change_bytes(pdf, find_signed_spots(pdf), source, share):
            made += 1
            if _is_found(changed, roots):
                found += 1
            else:
                print(f"{file}: the change of byte {at} was not found")
    print(f"{found} of {made} single-byte changes in {len(told.files)} files found")
    return int(found != made)


def _is_found(pdf: bytes, roots: tuple[bytes, ...]) -> bool:
    try:
        return not verify(pdf, trust_roots=roots).ok
    except BadInputError:  # the header is gone: no PDF at all
        return True


if __name__ == "__main__":
    raise SystemExit(main())
