"""What each page was bound from: its original, its picture and its content, by SHA-256.

It lies in the XMP, so the signature covers it, and it names what a signature only says of the whole file:
which page shows another picture, which carries another text, how many pages there were.
"""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pikepdf
from pikepdf import Dictionary, Name, Pdf, Stream

PICTURE = "/Im0"
"""The resource name of a page's picture."""

_RECORD = re.compile(r"(?:(\d+):(\d+)|-) ([0-9a-f]{64}) ([0-9a-f]{64})")


@dataclass(frozen=True, slots=True)
class PageRecord:
    """One page: (index into the document's source digests from 1, page in that source) or None, and the
    SHA-256 (hex) of its image stream as stored and of its content stream decoded."""

    source: tuple[int, int] | None
    picture_sha256: str
    content_sha256: str


def write_manifest(pages: Sequence[PageRecord]) -> str:
    """One line of text: `1:3 <picture> <content>` for each page, parted by `; `."""
    return "; ".join(
        f"{'-' if page.source is None else f'{page.source[0]}:{page.source[1]}'}"
        f" {page.picture_sha256} {page.content_sha256}"
        for page in pages
    )


def read_manifest(text: str) -> tuple[PageRecord, ...]:
    """The inverse. Raises `ValueError` for text that is none."""
    records = []
    for entry in text.split("; "):
        found = _RECORD.fullmatch(entry)
        if found is None:
            raise ValueError("the record of pages cannot be read")
        source = None if found[1] is None else (int(found[1]), int(found[2]))
        records.append(PageRecord(source, found[3], found[4]))
    return tuple(records)


def record_page(picture: bytes, content: bytes, source: tuple[int, int] | None) -> PageRecord:
    """The record of a page about to be written."""
    return PageRecord(source, _digest(picture), _digest(content))


def read_picture(page: pikepdf.Page) -> bytes | None:
    """The bytes of the page's image stream as they lie in the file; None where there is none."""
    image = page.obj.get("/Resources", Dictionary()).get("/XObject", Dictionary()).get(PICTURE)
    if not isinstance(image, Stream) or image.get("/Subtype") != Name.Image:
        return None
    return image.read_raw_bytes()


def compare_pages(pdf: Pdf, records: Sequence[PageRecord]) -> Iterator[str]:
    """What differs between the pages of an open file and what was bound. Raises pikepdf's errors."""
    pages, unplaced = list(pdf.pages), list(records)
    seen = [(_digest(read_picture(page) or b""), _digest(_read_content(page))) for page in pages]
    if len(pages) < len(records):
        shown = {picture for picture, _ in seen}
        missing = [number for number, record in enumerate(records, 1) if record.picture_sha256 not in shown]
        which = f" (page {', '.join(map(str, missing))})" if missing else ""
        yield f"{len(records) - len(pages)} of {len(records)} pages were removed{which}"
        unplaced = [record for record in records if record.picture_sha256 in shown][: len(pages)]
    elif len(pages) > len(records):
        yield f"{len(pages) - len(records)} pages were added to the {len(records)} that were bound"
    for number, ((picture, content), record) in enumerate(zip(seen, unplaced, strict=False), 1):
        if picture != record.picture_sha256:
            yield f"page {number} shows another picture than was bound"
        if content != record.content_sha256:
            yield f"page {number} carries another text layer or layout than was bound"


def _read_content(page: pikepdf.Page) -> bytes:
    contents = page.obj.get("/Contents")
    return contents.read_bytes() if isinstance(contents, Stream) else b""


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
