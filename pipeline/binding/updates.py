"""What an update added beside validation data: pyHanko lets objects pass that nothing refers to."""

import io
from typing import Any

import pikepdf
from pikepdf import Array, Dictionary, Name, Pdf, Stream

ObjectNumber = tuple[int, int]

_STRUCTURE = {Name("/XRef"), Name("/ObjStm")}


def find_strays(pdf: bytes, end_of_signed: int | None) -> set[ObjectNumber]:
    """Objects that came after the signed bytes and belong to no document security store, no form field and
    no catalog (pyHanko judges what those say). Raises pikepdf's errors."""
    with pikepdf.open(io.BytesIO(pdf[:end_of_signed])) as signed:
        known = _list_objects(signed)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        reached: set[ObjectNumber] = {opened.Root.objgen}
        for key in ("/DSS", "/AcroForm"):
            _reach(opened.Root.get(key), reached)
        return _list_objects(opened) - known - reached


def _list_objects(pdf: Pdf) -> set[ObjectNumber]:
    return {
        item.objgen
        for item in pdf.objects
        if isinstance(item, pikepdf.Object)
        and not (isinstance(item, Stream) and item.get("/Type") in _STRUCTURE)
    }


def _reach(value: Any, reached: set[ObjectNumber]) -> None:
    """Every object below `value`, but not up again through a widget's page."""
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if not isinstance(item, Dictionary | Stream | Array):
            continue
        if item.is_indirect:
            if item.objgen in reached:
                continue
            reached.add(item.objgen)
        if isinstance(item, Array):
            waiting.extend(item)
        else:
            waiting.extend(item.get(key) for key in item.keys() if key not in {"/P", "/Parent"})  # noqa: SIM118
