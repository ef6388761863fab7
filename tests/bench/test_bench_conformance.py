"""A slice of the table of inputs, profiles and levels; the whole is `python -m scripts.bench.conformance`."""

import shutil

import pytest

from scripts.bench.conformance import Cell, judge, tell_failures, tell_row
from scripts.bench.conformance_checks import PROGRAMS
from scripts.bench.preflight import find_preflight


@pytest.mark.skipif(
    find_preflight() is None or not all(map(shutil.which, PROGRAMS)),
    reason="a validator is missing (scripts/apt-packages-test.txt)",
)
def test_every_validator_agrees_on_a_slice() -> None:
    (cells,) = judge(["cmyk-jpeg"], [("faithful", "none"), ("faithful", "B-LTA")])
    assert [cell.failed for cell in cells] == [{}, {}]
    assert cells[0].made == ["own", "qpdf", "preflight"]
    assert cells[1].made == ["own", "qpdf", "pdfsig", "cms", "ts", "two", "preflight"]


def test_what_fails_is_in_the_table_and_told_below() -> None:
    good = Cell("grey-jpeg", "compact", "B-B", ["own", "qpdf"])
    bad = Cell("a5", "compact", "B-B", ["own", "qpdf"], {"qpdf": "damaged"})
    assert tell_row([good]).split() == ["grey-jpeg", "2", "ok"]
    assert tell_row([bad]).split() == ["a5", "qpdf"]
    assert tell_failures([good, bad]).splitlines() == [
        "2 documents, 4 checks, 1 failed",
        "a5.compact.B-B.pdf: qpdf: damaged",
    ]
