"""ISO 19005-2, 6.1.2 to 6.1.9: rules on the bytes themselves, which a parser forgives and forgets."""

import re
from collections.abc import Iterator

from pipeline.binding.pdfa.finding import Finding

_EOF = b"%%EOF"
_LONGEST_HEAD = 65536
"""Bytes between `obj` and `stream` looked through for the dictionary."""
_LENGTH = re.compile(rb"/Length\s+(\d+)(\s+\d+\s+R)?")
_OBJECT = re.compile(rb"(^|.)(\d+)(\s+)(\d+)(\s+)obj\b(.?)", re.DOTALL)
_END = re.compile(rb"(.)endobj(.?)", re.DOTALL)
_XREF = re.compile(rb"(?:^|[\r\n])xref([^0-9]*)\d+ \d+", re.DOTALL)
_EOLS = (b"\r\n", b"\n", b"\r")


def check_bytes(data: bytes) -> Iterator[Finding]:
    """Header, end, cross-reference tables, streams' lengths and the spacing of objects."""
    yield from _check_header(data)
    yield from _check_end(data)
    yield from _check_bodies(data)


def _check_header(data: bytes) -> Iterator[Finding]:
    if not re.match(rb"%PDF-1\.[0-7](?:\r\n|\r|\n)", data):
        yield Finding("6.1.2", "the header is not %PDF-1.n at byte 0 and an end of line")
    comment = re.match(rb"%PDF-1\.[0-7](?:\r\n|\r|\n)%([^\r\n]{4})", data)
    if comment is None or any(byte < 128 for byte in comment.group(1)):
        yield Finding("6.1.2", "no comment of four binary bytes follows the header")


def _check_end(data: bytes) -> Iterator[Finding]:
    last = data.rfind(_EOF)
    if last < 0:
        yield Finding("6.1.3", "there is no end-of-file marker")
    elif data[last + len(_EOF) :] not in {b"", *_EOLS}:
        yield Finding("6.1.3", f"{len(data) - last - len(_EOF)} bytes follow the end-of-file marker")


def _check_bodies(data: bytes) -> Iterator[Finding]:
    """Between the streams the spacing of keywords, at each stream its length; stream bodies are skipped."""
    at = 0
    while True:
        keyword = data.find(b"stream", at)
        while keyword >= 0 and data[keyword - 3 : keyword] == b"end":
            keyword = data.find(b"stream", keyword + 6)
        yield from _check_spacing(data[at : keyword if keyword >= 0 else len(data)])
        if keyword < 0:
            return
        start = keyword + 6
        start += 2 if data[start : start + 2] == b"\r\n" else 1 if data[start : start + 1] == b"\n" else 0
        if start == keyword + 6:
            yield Finding("6.1.7.1", "the keyword stream is not followed by an end of line")
        end = _find_stream_end(data, keyword, start)
        if end is None:
            at = data.find(b"endstream", start)
            if at < 0:
                return
            continue
        if not any(data.startswith(eol + b"endstream", end) for eol in _EOLS):
            yield Finding("6.1.7.1", "the length of a stream is not the one told")
            end = max(data.find(b"endstream", start), start)
        at = end


def _find_stream_end(data: bytes, keyword: int, start: int) -> int | None:
    """Where the stream ends by its own word; None where the length is an object of its own."""
    head = data[max(0, data.rfind(b" obj", max(0, keyword - _LONGEST_HEAD), keyword)) : keyword]
    found = _LENGTH.search(head)
    return None if found is None or found[2] else start + int(found[1])


def _check_spacing(between: bytes) -> Iterator[Finding]:
    for before, _, first, _, second, after in _OBJECT.findall(between):
        single = len(first) == len(second) == 1
        if not single or after not in {b"\n", b"\r"} or before not in {b"", b"\n", b"\r"}:
            yield Finding("6.1.9", "an indirect object's number and keyword are not spaced as told")
            break
    if any(before not in b"\r\n" or after not in b"\r\n" for before, after in _END.findall(between)):
        yield Finding("6.1.9", "endobj does not stand on a line of its own")
    if any(gap not in _EOLS for gap in _XREF.findall(between)):
        yield Finding("6.1.4", "xref and its first section are not parted by a single end of line")
