"""The model's file is sound, each signal speaks one way only, and fitting is repeatable."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.quality.model import MODEL_FILE, AdditiveModel, QualityModel, load_quality_model
from pipeline.quality.signals import IMAGE_SIGNALS, READING_SIGNALS
from pipeline.quality.verdict import POLICIES
from schemas.page import PageText
from scripts.quality.examples import Example
from scripts.quality.fit import fit_additive
from scripts.quality.labels import Label, Loss
from scripts.quality.measure import Measured


def models() -> list[AdditiveModel]:
    model = load_quality_model()
    return [model.fast, model.full]


def test_the_fast_model_knows_the_image_only() -> None:
    fast, full = models()
    assert set(fast.signals) <= set(IMAGE_SIGNALS)
    assert set(full.signals) <= set(IMAGE_SIGNALS) | set(READING_SIGNALS)


@pytest.mark.parametrize("number", [0, 1], ids=["fast", "full"])
@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_what_speaks_against_a_page_never_speaks_for_it(number: int, one: float, other: float) -> None:
    low, high = sorted((one, other))
    for function in models()[number].signals.values():
        if function.direction:
            assert function.direction * (function.at(high) - function.at(low)) >= 0


def test_weights_add_up_to_the_score() -> None:
    full = models()[1]
    signals = dict.fromkeys(full.signals, 0.5)
    assert full.score(signals) == pytest.approx(full.intercept + sum(full.weigh(signals).values()))
    assert 0 <= full.p_unreadable(signals) <= 1


@given(st.floats(0, 1))
def test_a_stricter_policy_never_passes_what_a_milder_one_stops(p: float) -> None:
    strict, normal, lenient = (POLICIES[name].weigh(p) for name in ("strict", "normal", "lenient"))
    assert strict >= normal >= lenient


def test_a_damaged_model_file_is_refused(tmp_path: Path) -> None:
    content = json.loads(MODEL_FILE.read_text())
    content["full"]["signals"]["mean_confidence"]["values"].pop()
    broken = tmp_path / "model.json"
    broken.write_text(json.dumps(content))
    with pytest.raises(ValidationError, match="one value more than edges"):
        QualityModel.model_validate_json(broken.read_bytes())


def make_measured(seed: int) -> Measured:
    rng = random.Random(seed)
    bad, hint = rng.random(), rng.random()
    cer = max(0.0, bad - 0.4)
    label = Label.UNREADABLE if cer > 0.3 else Label.READABLE if cer < 0.1 else Label.BORDER
    example = Example(
        "plain",
        "prose",
        seed,
        "fit",
        bad,
        300,
        False,
        Loss(cer, cer, 0.0),
        label,
        "",
        PageText(1, 1, "e", "vie"),
    )
    return Measured(example, {"blur": bad + 0.05 * rng.random(), "hint": hint})


def test_the_same_pages_fit_the_same_model_which_ranks_them() -> None:
    pages = [make_measured(seed) for seed in range(300)]
    first, second = (fit_additive(pages, {"blur": 1, "hint": 1}) for _ in range(2))
    assert first.model == second.model
    worse, better = (first.model.p_unreadable({"blur": blur, "hint": 0.5}) for blur in (0.95, 0.1))
    assert worse > 0.7
    assert better < 0.1
