"""Scores on strings a person can check, the peer's log, and CPU seconds of all of a command's processes."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import MissingDependencyError
from scripts.bench.cpu import run_counted
from scripts.bench.ocrmypdf_command import find_ocrmypdf, parse_log
from scripts.bench.scores import character_error_rate, fold, skew_error, word_recall

words = st.lists(st.text("aăâđê", min_size=1, max_size=4), min_size=1, max_size=8)


def test_one_wrong_tone_is_one_letter_and_one_word() -> None:
    assert character_error_rate("kiêm tra", "kiểm tra") == pytest.approx(1 / 8)
    assert word_recall("kiêm tra", "kiểm tra") == 0.5


def test_white_space_and_normal_form_do_not_count() -> None:
    assert character_error_rate("kiể\u0302m"[:3] + "m\n\n tra", "kiểm tra") < 0.2
    assert character_error_rate("kie\u0302\u0309m\n\n tra ", "kiểm tra") == 0


def test_nothing_read_is_everything_lost() -> None:
    assert character_error_rate("", "Điều 1.") == 1
    assert word_recall("", "Điều 1.") == 0


def test_invented_text_counts() -> None:
    assert character_error_rate("ab abcd", "ab") == 2.5


def test_order_counts_for_letters_and_not_for_words() -> None:
    assert character_error_rate("hai một", "một hai") > 0.5
    assert word_recall("hai một", "một hai") == 1


def test_a_word_counts_as_often_as_it_stands() -> None:
    assert word_recall("của", "của của") == 0.5


def test_dots_to_write_on_and_gaps_filled_by_hand_are_no_text() -> None:
    assert fold("Họ và tên: ........ Số: ␣ /CT-UBND … . . .") == "Họ và tên: Số: /CT-UBND"
    assert fold("1. Điều 2. a) v.v.") == "1. Điều 2. a) v.v."


def test_an_empty_truth_is_refused() -> None:
    with pytest.raises(ValueError, match="without text"):
        character_error_rate("x", " ␣ ")
    with pytest.raises(ValueError, match="without text"):
        word_recall("x", "....")


def test_skew_is_scored_only_on_pages_turned_upright() -> None:
    assert skew_error(-1.5, -1.25, upright=True) == 0.25
    assert skew_error(1.5, 1.5, upright=False) is None
    assert skew_error(1.5, None, upright=True) is None


@given(words)
def test_a_perfect_reading_scores_perfectly(listed: list[str]) -> None:
    text = " ".join(listed)
    assert character_error_rate(text, text) == 0
    assert word_recall("\n".join(reversed(listed)), text) == 1


def test_the_peers_log_tells_its_turns_and_skews() -> None:
    log = (
        "    1 page is facing ⇧, confidence 16.14 - rotation appears correct\n"
        "    1 Deskew angle: -1.558\n"
        "    2 page is facing ⇦, confidence 15.66 - will rotate ⬑\n"
        "    2 Deskew angle: 1.026\n"
        "    3 page is facing ⇩, confidence 2.60 - confidence too low to rotate\n"
    )
    assert parse_log(log) == ({1: 0, 2: 90, 3: 0}, {1: 1.558, 2: -1.026})


def test_a_missing_peer_says_how_to_get_it() -> None:
    with pytest.raises(MissingDependencyError, match=r"--ocrmypdf"):
        find_ocrmypdf("/nowhere/ocrmypdf", None)


def test_a_process_that_outlives_its_command_is_counted() -> None:
    burn = "import time\nwhile time.process_time() < 0.4: pass"
    leave = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    ran = run_counted((sys.executable, "-c", leave), timeout_s=60)
    assert ran.exit_code == 0
    assert ran.cpu_s >= 0.4


def test_a_failing_command_tells_its_code_and_why() -> None:
    ran = run_counted((sys.executable, "-c", "import sys; sys.exit('no paper')"), timeout_s=60)
    assert ran.exit_code == 1
    assert "no paper" in ran.stderr
