"""`python -m scripts.quality.ablate FOLDER`: what each group of signals is worth.

AUC of clear cases and rank correlation with the loss, on folds that the model was not fitted to; test pages
are not touched.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from pipeline.quality.signals import IMAGE_SIGNALS, READING_SIGNALS
from scripts.quality.fit import fit_additive
from scripts.quality.labels import Label
from scripts.quality.measure import Measured, measure_examples
from scripts.quality.ranks import auc, rank_correlation

GROUPS: dict[str, tuple[str, ...]] = {
    "sharpness": (
        *("rise_p50", "rise_p75", "rise_p90", "drag_p50", "drag_ratio", "energy_p10", "energy_p50"),
        *("soft_tile_share", "legible_tile_share"),
    ),
    "contrast and noise": ("log_contrast", "contrast_p10", "noise_ratio", "dot_share"),
    "paper": ("log_paper", "paper_range", "crease", "other_ink_share"),
    "stripes": ("dark_stripe_share", "still_share", "jitter"),
    "size of print": ("effective_dpi", "height_spread"),
    "hidden or cut": ("hidden_share", "laid_on_share", "glare_share", "cut_components", "near_edge_mm"),
    "confidence": (
        *("mean_confidence", "p10_confidence", "p25_confidence", "doubtful", "low_line_share", "sure_ratio"),
        "expected_loss",
    ),
    "syllables": ("validity",),
    "ink not read": ("unread_share", "unsure_share", "half_gap", "worst_patch"),
    "all that layout could leak into": ("height_spread", "near_edge_mm", "half_gap", "other_ink_share"),
}


def ablate(measured: list[Measured]) -> Iterator[str]:
    """A line for all signals, and one without each group of `GROUPS`, for the fast and the full look."""
    for name, signals in (("fast", IMAGE_SIGNALS), ("full", IMAGE_SIGNALS | READING_SIGNALS)):
        yield f"{name:<5} {'all signals':<32} {_score(measured, signals)}"
        for group, members in GROUPS.items():
            left = {signal: way for signal, way in signals.items() if signal not in members}
            if len(left) < len(signals):
                yield f"{name:<5} without {group:<24} {_score(measured, left)}"


def _score(measured: list[Measured], signals: dict[str, int]) -> str:
    p = fit_additive(measured, signals).unseen_p
    labels = np.array([page.example.label for page in measured])
    losses = np.array([page.example.loss.cer for page in measured])
    ranked = auc(p[labels == Label.UNREADABLE], p[labels == Label.READABLE])
    return f"AUC {ranked:.4f}, SROCC {rank_correlation(p, losses):.3f}"


def main(
    folder: Annotated[Path, typer.Argument(help="the examples, as scripts.quality.examples made them")],
    jobs: Annotated[int, typer.Option(min=1)] = 1,
) -> None:
    """Print what the model is worth without each group of its signals."""
    for line in ablate(
        [
            page
            for page in measure_examples(folder, jobs)
            if page.example.split != "test" and page.example.label != Label.NO_PRINT
        ]
    ):
        print(line, flush=True)


if __name__ == "__main__":
    typer.run(main)
