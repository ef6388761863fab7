"""Are the pictures of a PDF those of the original scans it names?"""

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import pikepdf

from pipeline.binding.manifest import read_manifest, read_picture
from pipeline.binding.pdfa.finding import PARSER_ERRORS
from pipeline.binding.pdfa.metadata import read_own

SourceState = Literal["equal", "re_encoded", "missing", "untold"]
"""`equal`: the picture's bytes lie in the original, bit for bit. `re_encoded`: the original is there, the
picture was made from its pixels (`compact`, photos, 16 bits ...). `missing`: no such original. `untold`:
the file does not say what the page was made from."""


@dataclass(frozen=True, slots=True)
class PageSource:
    """Where one page comes from, by the file's own word, and whether that original was found."""

    number: int
    sha256: str | None
    source_page: int | None
    state: SourceState
    picture: bytes
    """The image stream, for a caller that keeps what was made of each page."""


def read_attachment(pdf: bytes) -> tuple[str, bytes] | None:
    """Name and bytes of the original inside a copy; None where there is none or the PDF is garbled."""
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            for specification in opened.Root.get("/AF", []):
                return str(specification.UF), specification.EF.F.read_bytes()
    except PARSER_ERRORS:
        return None
    return None


def find_sources(pdf: bytes, find_original: Callable[[str], bytes | None]) -> tuple[PageSource, ...]:
    """For each page its original, asked for by SHA-256 (hex). `find_original` answers with bytes of that very
    digest or None. A PDF that cannot be read has no pages here; `verify` says what is wrong with it."""
    try:
        with pikepdf.open(io.BytesIO(pdf)) as opened:
            return tuple(_find_each(opened, find_original))
    except PARSER_ERRORS:
        return ()


def _find_each(opened: pikepdf.Pdf, find_original: Callable[[str], bytes | None]) -> Iterator[PageSource]:
    told = read_own(opened, "pages")
    records = read_manifest(told) if told else ()
    digests = read_own(opened, "sourceSha256").split()
    known: dict[str, bytes | None] = {}
    for number, page in enumerate(opened.pages, 1):
        picture = read_picture(page) or b""
        source = records[number - 1].source if number <= len(records) else None
        if source is None or not 1 <= source[0] <= len(digests):
            yield PageSource(number, None, None, "untold", picture)
            continue
        digest = digests[source[0] - 1]
        if digest not in known:
            known = {digest: find_original(digest)}  # pages come original by original: hold one at a time
        original = known[digest]
        state: SourceState = "missing"
        if original is not None:
            state = "equal" if picture and picture in original else "re_encoded"
        yield PageSource(number, digest, source[1], state, picture)
