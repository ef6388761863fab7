"""The calibrated model: a sum of one step function per signal, each monotone where physics says so.

Additive on purpose: what every signal adds to a page's score can be told, and the file can be read. It is
made by `python -m scripts.quality.fit`; `data/quality_model.json` holds its training figures too.
"""

import math
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, model_validator

MODEL_FILE = Path(__file__).parent / "data" / "quality_model.json"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class StepFunction(_Model):
    """`values[i]` from `edges[i - 1]` (exclusive) to `edges[i]` (inclusive); one value more than edges.

    `direction` 1: what grows speaks against the page, -1: for it, 0: neither for sure.
    """

    direction: Literal[-1, 0, 1]
    edges: tuple[float, ...]
    values: tuple[float, ...]

    @model_validator(mode="after")
    def _check(self) -> "StepFunction":
        if len(self.values) != len(self.edges) + 1 or list(self.edges) != sorted(self.edges):
            raise ValueError("a step function has sorted edges and one value more than edges")
        return self

    def at(self, value: float) -> float:
        """The step that `value` stands on."""
        return self.values[int(np.searchsorted(self.edges, value, side="left"))]


class AdditiveModel(_Model):
    """Adds up to a score, the decimal logarithm of the share of letters that a reader would lose (+ 0.003),
    which the calibration turns into the probability that the page is unreadable."""

    signals: dict[str, StepFunction]
    intercept: float
    slope: float
    offset: float

    def score(self, signals: dict[str, float]) -> float:
        """Raises KeyError where a signal of the model is missing."""
        return self.intercept + sum(self.weigh(signals).values())

    def weigh(self, signals: dict[str, float]) -> dict[str, float]:
        """What each signal adds to the score. Raises KeyError where one is missing."""
        return {name: function.at(signals[name]) for name, function in self.signals.items()}

    def p_unreadable(self, signals: dict[str, float]) -> float:
        """Probability, 0..1. Raises KeyError where a signal of the model is missing."""
        exponent = self.slope * self.score(signals) + self.offset
        return 1 / (1 + math.exp(-max(-60.0, min(60.0, exponent))))


class QualityModel(_Model):
    """What `data/quality_model.json` holds: `fast` knows the image only, `full` the reading too."""

    schema_: Literal["sohoa/quality-model@1"]
    trained: dict[str, float | str]
    fast: AdditiveModel
    full: AdditiveModel

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=lambda name: name.rstrip("_"))


@cache
def load_quality_model(path: Path = MODEL_FILE) -> QualityModel:
    """The model, read once per process. Raises pydantic's ValidationError for a file that is none."""
    return QualityModel.model_validate_json(path.read_bytes())
