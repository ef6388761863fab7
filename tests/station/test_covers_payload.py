"""What stands in the codes of a sheet: read back exactly, never mistaken, no names."""

import pytest
from covers_stacks import FIRST, dossier, kinds, sheets_of
from hypothesis import given
from hypothesis import strategies as st

from pipeline.separation.payload import read_payload, write_payload, write_short_payload
from schemas.covers import Sheet, SheetKind
from schemas.errors import UsageError

_RECORDS = st.from_regex(r"[A-Z][0-9]{2}(\.[0-9]{1,3}){0,3}-[0-9]{6}-[0-9]{4,8}", fullmatch=True)


@st.composite
def any_sheet(draw: st.DrawFn) -> Sheet:
    kind = draw(st.sampled_from(SheetKind))
    total = draw(st.integers(1, 9999))
    counts = {
        SheetKind.COVER: draw(st.lists(st.integers(0, 2000), max_size=60)),
        SheetKind.SEPARATOR: [draw(st.integers(0, 2000))],
        SheetKind.END: [],
    }[kind]
    return Sheet(
        kind,
        draw(_RECORDS),
        "7K3Q9",
        draw(st.integers(1, total)),
        draw(st.integers(1, total)),
        total,
        draw(st.integers(1, 60)) if kind is SheetKind.SEPARATOR else None,
        tuple(counts),
    )


@given(any_sheet())
def test_a_sheet_is_read_back_as_it_was_written(sheet: Sheet) -> None:
    mark = read_payload(write_payload(sheet))
    assert mark is not None
    assert mark.sheet == sheet
    short = read_payload(write_short_payload(sheet))
    assert short is not None
    assert (short.kind, short.record_code, short.ordinal) == (sheet.kind, sheet.record_code, sheet.ordinal)
    assert short.sheet is None


@given(any_sheet(), st.data())
def test_one_changed_letter_makes_it_no_sheet(sheet: Sheet, data: st.DataObject) -> None:
    text = write_payload(sheet)
    at = data.draw(st.integers(0, len(text) - 1))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFXYZ.:-" if c != text[at]]))
    assert read_payload(text[:at] + other + text[at + 1 :]) is None


@given(st.text(max_size=120))
def test_foreign_codes_are_never_ours(text: str) -> None:
    assert read_payload(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SOHOA1",
        "H21.65-220914-0011",
        "PATCHT",
        "ASN00042",
        "SOHOA1:C:H21.65-220914-0011::7K3Q9:1.1.1:000000",
    ],
)
def test_what_only_looks_like_a_sheet_is_none(text: str) -> None:
    assert read_payload(text) is None


def test_no_word_of_the_dossier_is_in_the_codes() -> None:
    for printed in sheets_of(dossier(FIRST, 2, None, 3)):
        payload = write_payload(printed.sheet)
        assert "GIẤY" not in payload.upper()
        assert "Đ" not in payload
        assert len(payload) < 80


def test_counted_dossiers_get_a_cover_only_others_separators_and_an_end() -> None:
    assert kinds(sheets_of(dossier(FIRST, 2, 1))) == [SheetKind.COVER]
    assert kinds(sheets_of(dossier(FIRST, 2, None))) == [SheetKind.COVER, SheetKind.SEPARATOR, SheetKind.END]
    assert kinds(sheets_of(dossier(FIRST))) == [SheetKind.COVER, SheetKind.END]


def test_one_record_gets_one_cover() -> None:
    with pytest.raises(UsageError, match="two cover sheets"):
        sheets_of(dossier(FIRST, 1), dossier(FIRST, 2))
    with pytest.raises(UsageError, match="no record"):
        sheets_of()
