"""What a broken rule looks like, and what parsers raise on broken files."""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pikepdf
from fontTools.ttLib import TTLibError
from pikepdf import Array, Dictionary, Pdf, Stream

PARSER_ERRORS = (
    pikepdf.PdfError,
    pikepdf.PasswordError,
    pikepdf.ForeignObjectError,
    TTLibError,
    ElementTree.ParseError,
    struct.error,
    zlib.error,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MemoryError,
    NotImplementedError,
    OSError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What parsers raise on hostile bytes; none of it may leave `verify`."""

MOST_OBJECTS = 200_000
"""Objects looked at: 2000 pages make about 10,000."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One breach: the clause of ISO 19005-2 and what was found."""

    clause: str
    text: str

    def __str__(self) -> str:
        return f"{self.text} (clause {self.clause})"


def walk_values(pdf: Pdf) -> Iterator[Any]:
    """Every value of the file once: dictionaries and streams with those that lie inside them, and scalars."""
    for number, item in enumerate(pdf.objects):
        if number >= MOST_OBJECTS:
            return
        yield from _walk(item)


def _walk(value: Any) -> Iterator[Any]:
    yield value
    inner: Any = ()
    if isinstance(value, Dictionary | Stream):
        yield from (pikepdf.Name(key) for key in value.keys())  # noqa: SIM118 - iterating one is deprecated
        inner = (value.get(key) for key in value.keys())  # noqa: SIM118
    elif isinstance(value, Array):
        inner = value
    for child in inner:
        if not (isinstance(child, pikepdf.Object) and child.is_indirect):
            yield from _walk(child)
