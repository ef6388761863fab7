"""The language model: built the same from the same text, a proper distribution, knows what is usual."""

import gzip
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reading.language_model import (
    MODEL_FILE,
    fold,
    load_language_model,
    mean_log_probability,
    move_tone,
    tokens,
    unpack_model,
)
from pipeline.reading.syllables import valid_syllables
from scripts.build_language_model import build, main

PARAGRAPHS = (
    "Cơ quan có thẩm quyền kiểm tra việc thực hiện.",
    "Cơ quan có thẩm quyền kiểm tra hồ sơ; cơ quan kiểm tra trả lời.",
    "CƠ QUAN có trách nhiệm kiểm tra trong 15 ngày.",
)


def _write_laws(folder: Path, laws: int) -> None:
    names = [f"Luat-{number}" for number in range(laws)]
    rows = "".join(f"laws.txt.gz\t{name}\t1\t1\n" for name in names)
    (folder / "laws_index.tsv").write_text("part\tlaw\tchars\tlines\n" + rows, encoding="utf-8")
    with gzip.open(folder / "laws.txt.gz", "wt", encoding="utf-8") as part:
        for number, name in enumerate(names):
            secret = "bưu chính bưu chính\n" if number % 8 == 0 else ""
            part.write(f"### {name}\n" + "\n".join(PARAGRAPHS) + "\n" + secret)


def test_the_same_text_gives_the_same_bytes_and_held_out_laws_stay_out(tmp_path: Path) -> None:
    _write_laws(tmp_path, 10)
    for name in ("one.npz", "two.npz"):
        main([str(tmp_path), str(tmp_path / name)])
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()
    model = load_language_model(tmp_path / "one.npz")
    assert "kiểm" in model.syllables
    assert "bưu" not in model.syllables  # told only by laws 0 and 8


def test_probabilities_sum_to_one_after_any_context() -> None:
    model = unpack_model(dict(build(PARAGRAPHS * 3)))
    every = np.arange(len(model.syllables))
    for first in every:
        for second in every:
            spread = model.log_probability(np.full_like(every, first), np.full_like(every, second), every)
            assert math.isclose(float(np.exp(spread).sum()), 1.0, abs_tol=0.08)  # stored to 8 %


def _score(sentence: str) -> float:
    return mean_log_probability(sentence.split())


def test_the_shipped_model_is_small_and_knows_official_prose() -> None:
    assert MODEL_FILE.stat().st_size < 3_000_000
    assert MODEL_FILE.with_suffix(".txt").is_file()
    usual = _score("Ủy ban nhân dân tỉnh kiểm tra việc thực hiện nghị quyết")
    toneless = _score("Uy ban nhân dân tinh kiêm tra viêc thưc hiên nghi quyêt")
    garbage = _score("Bun41 tọa du Ioud Buảp uẹq uiua nựu")
    assert usual > -4
    assert usual > toneless + 3
    assert usual > garbage + 6


def test_numbers_and_marks_are_not_scored() -> None:
    assert mean_log_probability([]) == 0.0
    assert mean_log_probability(["2024", "-", "15/2020/NĐ-CP"]) == 0.0


@pytest.mark.parametrize(
    ("word", "folded"),
    [("HOÀ", "hòa"), ("hoà", "hòa"), ("thuỷ", "thủy"), ("quý", "quý"), ("toàn", "toàn"), ("Ðịa", "địa")],
)
def test_case_and_tone_habit_are_folded(word: str, folded: str) -> None:
    assert fold(word) == folded


@given(st.sampled_from(sorted(valid_syllables())))
def test_folding_is_idempotent_and_moving_the_tone_undoes_it(syllable: str) -> None:
    assert fold(fold(syllable)) == fold(syllable)
    assert fold(move_tone(fold(syllable))) == fold(syllable)
    assert syllable in {fold(syllable), move_tone(fold(syllable))}


@given(st.lists(st.text(max_size=10), max_size=10))
def test_any_text_has_a_finite_score(words: list[str]) -> None:
    assert math.isfinite(mean_log_probability(words))
    assert len(list(tokens(words))) <= sum(len(word) + 1 for word in words)
