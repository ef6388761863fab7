"""Vietnamese syllables by rule, and what they say of a text."""

import os
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.syllables import is_syllable, plausibility, syllable_validity, valid_syllables

SHARED = Path(os.environ.get("SOHOA_SHARED", Path(__file__).parents[2].parent / "shared"))


@pytest.mark.parametrize(
    "token",
    [
        "hoà",
        "hòa",
        "hoàn",
        "thuỷ",
        "thủy",
        "quý",
        "nghiêng",
        "nguyễn",
        "giếng",
        "gì",
        "gìn",
        "giữ",
        "khuya",
        "khuỷu",
        "ủy",
        "uỷ",
        "yêu",
        "oan",
        "ưu",
        "đường",
        "Quyết",
        "KIỂM",
        "xoong",
        "thuở",
        "quốc",
        "tiếp",
        "chật",
        "ngoằn",
        "ỷ",
    ],
)
def test_syllables(token: str) -> None:
    assert is_syllable(token)
    assert is_syllable(unicodedata.normalize("NFD", token))


@pytest.mark.parametrize(
    "token",
    [
        "hòan",
        "hoạ̀",
        "câp",
        "chât",
        "quyét",
        "cíên",
        "ke1",
        "nge",
        "ga-",
        "kia3",
        "zoo",
        "fax",
        "w",
        "nghang",
        "cê",
        "tieng",
        "b",
        "UBND",
    ],
)
def test_no_syllables(token: str) -> None:
    assert not is_syllable(token)


def test_set_is_closed_and_stop_codas_take_two_tones() -> None:
    every = valid_syllables()
    assert 15_000 < len(every) < 20_000
    for stop in ("p", "t", "c", "ch"):
        toned = [s for s in every if s.endswith(stop)]
        assert all({"\u0301", "\u0323"} & set(unicodedata.normalize("NFD", s)) for s in toned)


@pytest.mark.parametrize("name", ["uts", "viwik"])
def test_attested_syllables_are_accepted(name: str, record_property: Callable[[str, object], None]) -> None:
    path = SHARED / "data" / "vi_text" / f"{name}_syllables_v1_2022.txt"
    if not path.exists():
        pytest.skip("shared data is not here")
    attested = path.read_text(encoding="utf-8").split()
    accepted = sum(map(is_syllable, attested)) / len(attested)
    record_property("accepted_share", accepted)
    record_property("set_size", len(valid_syllables()))
    assert accepted > 0.995


def test_validity_counts_only_words() -> None:
    assert syllable_validity(["Số:", "154/2020/NĐ-CP", "của", "UBND,", "HĐND", "tỉnh", "-", "3", "a"]) == 1.0
    assert syllable_validity(["2024", "–", ""]) == 1.0
    assert syllable_validity(["thuận", "lqwx"]) == 0.5


def test_dots_to_write_on_say_nothing_either_way() -> None:
    assert plausibility("Người nộp: ........................................") > 0.9
    assert plausibility("....................") == 0.0


def test_upside_down_reading_is_implausible() -> None:
    upright = "Thực hiện Luật Ban hành văn bản quy phạm pháp luật ngày 22/6/2015,"
    turned = "\u2018SIOT/9/7Z Ặu8u 1gn[ dgqd uigqd Anb ugq uya qugq ueg 3Ện7] ugỊ{ 2ÔnqL"
    assert plausibility(upright) > 0.8
    assert plausibility(turned) < 0.35
    assert plausibility("The quick brown dog jumped over the lazy fox.") > plausibility(turned)
    assert plausibility("") == 0.0


@given(st.text())
def test_shares_stay_between_0_and_1(text: str) -> None:
    assert 0.0 <= plausibility(text) <= 1.0
    assert 0.0 <= syllable_validity(text.split()) <= 1.0


@given(st.sampled_from(sorted(valid_syllables())))
def test_every_syllable_is_nfc_and_has_any_case(syllable: str) -> None:
    assert unicodedata.is_normalized("NFC", syllable)
    assert is_syllable(syllable.upper())
    assert is_syllable(syllable.title())
