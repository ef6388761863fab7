"""`python -m scripts.quality.fit FOLDER`: fit the verdict's model; the same examples give the same file.

Needs scikit-learn (`pip install -e '.[fit]'`). Boosted stumps, monotone where physics says so and without
interactions, are added up per signal: what comes out is one step function each. Thresholds and calibration
are set on scores of folds that the scoring model did not see; test pages are never touched.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from pipeline.quality.model import MODEL_FILE, AdditiveModel, QualityModel
from pipeline.quality.signals import IMAGE_SIGNALS, READING_SIGNALS
from scripts.quality.labels import Label
from scripts.quality.measure import Measured, measure_examples

FOLDS = 5
LOSS_FLOOR = 0.003
"""Share of letters under which pages are alike: one letter of a page of three hundred."""
STEPS = {
    "max_iter": 300,
    "learning_rate": 0.06,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 8,
    "l2_regularization": 1.0,
}
"""Of 100 to 600 rounds and 2 to 8 leaves, what ranked pages of unseen folds best."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A model and what it says of pages of folds that it was not fitted to."""

    model: AdditiveModel
    unseen_p: Floats


def fit_additive(measured: list[Measured], directions: dict[str, int]) -> Fitted:
    """Fit to all of `measured`, calibrated on scores across folds (split by seed)."""
    names = list(directions)
    table = np.array([[page.signals[name] for name in names] for page in measured])
    aim = np.log10(np.array([_loss(page) for page in measured]) + LOSS_FLOOR)
    fold = np.array([page.example.seed % FOLDS for page in measured])
    unseen = np.zeros(len(measured))
    for number in range(FOLDS):
        booster = _boost(table[fold != number], aim[fold != number], directions)
        unseen[fold == number] = booster.predict(table[fold == number])
    bad = np.array([_is_bad(page) for page in measured])
    line = LogisticRegression(C=1e6).fit(unseen[:, None], bad)
    slope, offset = float(line.coef_[0, 0]), float(line.intercept_[0])
    model = _collapse(_boost(table, aim, directions), names, directions, slope, offset)
    return Fitted(model, 1 / (1 + np.exp(-(slope * unseen + offset))))


def _loss(page: Measured) -> float:
    return min(1.0, max(page.example.loss.cer, page.example.loss.lost_share))


def _is_bad(page: Measured) -> bool:
    """Clear cases as they are labelled; of the border the worse half."""
    if page.example.label == Label.BORDER:
        return _loss(page) > 0.2
    return page.example.label == Label.UNREADABLE


def _boost(table: Floats, aim: Floats, directions: dict[str, int]) -> HistGradientBoostingRegressor:
    booster = HistGradientBoostingRegressor(
        monotonic_cst=list(directions.values()),
        interaction_cst="no_interactions",
        early_stopping=False,
        random_state=0,
        **STEPS,
    )
    return booster.fit(table, aim)


def _collapse(
    booster: HistGradientBoostingRegressor,
    names: list[str],
    directions: dict[str, int],
    slope: float,
    offset: float,
) -> AdditiveModel:
    """Add up all trees of a signal: each asks one signal only, so that the sum is a step function."""
    trees = [predictors[0].nodes for predictors in booster._predictors]
    functions: dict[str, Any] = {}
    for index, name in enumerate(names):
        asking = [nodes for nodes in trees if not nodes["is_leaf"][0] and nodes["feature_idx"][0] == index]
        edges = sorted(
            {float(node["num_threshold"]) for nodes in asking for node in nodes if not node["is_leaf"]}
        )
        places = [*edges, np.inf]
        values = [sum(_descend(nodes, place) for nodes in asking) for place in places]
        if edges:
            functions[name] = {
                "direction": directions[name],
                "edges": [round(edge, 6) for edge in edges],
                "values": [round(value, 5) for value in values],
            }
    intercept = float(booster._baseline_prediction[0, 0])
    intercept += sum(float(nodes["value"][0]) for nodes in trees if nodes["is_leaf"][0])
    return AdditiveModel.model_validate(
        {
            "signals": functions,
            "intercept": round(intercept, 5),
            "slope": round(slope, 5),
            "offset": round(offset, 5),
        }
    )


def _descend(nodes: Any, value: float) -> float:
    at = 0
    while not nodes["is_leaf"][at]:
        at = int(nodes["left" if value <= nodes["num_threshold"][at] else "right"][at])
    return float(nodes["value"][at])


def fit_quality_model(measured: list[Measured]) -> QualityModel:
    """Both models of all pages with print that are not for testing."""
    pages = [
        page for page in measured if page.example.split != "test" and page.example.label != Label.NO_PRINT
    ]
    fast = fit_additive(pages, IMAGE_SIGNALS)
    full = fit_additive(pages, IMAGE_SIGNALS | READING_SIGNALS)
    readable = np.array([page.example.label == Label.READABLE for page in pages])
    unreadable = np.array([page.example.label == Label.UNREADABLE for page in pages])
    trained: dict[str, float | str] = {"pages": len(pages)}
    for name, fitted in (("fast", fast), ("full", full)):
        good, bad = fitted.unseen_p[readable], fitted.unseen_p[unreadable]
        trained[f"{name}_auc"] = round(float((bad[:, None] > good[None, :]).mean()), 4)
        for share in (0.5, 0.7, 0.9, 0.95, 0.97, 0.99, 0.997):
            trained[f"{name}_p_at_{share:g}_of_readable"] = round(float(np.quantile(good, share)), 4)
    return QualityModel.model_validate(
        {"schema": "sohoa/quality-model@1", "trained": trained, "fast": fast.model, "full": full.model}
    )


def main(
    folder: Annotated[Path, typer.Argument(help="the examples, as scripts.quality.examples made them")],
    out: Annotated[Path, typer.Option(help="the model's file")] = MODEL_FILE,
    jobs: Annotated[int, typer.Option(min=1)] = 1,
    anew: Annotated[bool, typer.Option(help="measure all signals again")] = False,
) -> None:
    """Fit the verdict's model."""
    model = fit_quality_model(measure_examples(folder, jobs, anew=anew))
    out.parent.mkdir(exist_ok=True)
    out.write_text(json.dumps(model.model_dump(by_alias=True), indent=1) + "\n", encoding="utf-8")
    for name, figure in model.trained.items():
        print(f"{name}: {figure}")


if __name__ == "__main__":
    typer.run(main)
