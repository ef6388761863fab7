"""`python -m scripts.quality.evaluate FOLDER`: how the verdict does on the test pages, line by line.

Clear cases are pages labelled readable or unreadable; the border is counted apart.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray

from pipeline.quality.look import Look
from pipeline.quality.verdict import judge, judge_look
from pipeline.reading.syllables import syllable_validity
from schemas.page import Judgement, Reason, UprightPage, Verdict
from schemas.settings import QualityPolicy
from scripts.quality.examples import Example, load_area, load_examples
from scripts.quality.kinds import Split
from scripts.quality.labels import Label
from scripts.quality.measure import look_at
from scripts.quality.plot import draw_reliability
from scripts.quality.ranks import Bin, auc, calibration_error, rank_correlation, reliability

REASON_OF_KIND: dict[str, set[Reason]] = {
    "defocus": {Reason.BLUR},
    "motion": {Reason.MOTION, Reason.BLUR},
    "dark": {Reason.DARK},
    "washed_out": {Reason.WASHED_OUT, Reason.LOW_CONTRAST},
    "coarse": {Reason.LOW_RESOLUTION},
    "noise": {Reason.NOISE},
    "dirt": {Reason.NOISE},
    "band": {Reason.BANDING},
    "shake": {Reason.BANDING},
    "crumple": {Reason.CRUMPLED},
    "half_blur": {Reason.BLUR},
    "sheet": {Reason.OCCLUDED},
    "corner": {Reason.OCCLUDED},
    "hand": {Reason.OCCLUDED},
    "glare": {Reason.GLARE},
    "cut": {Reason.CUT_OFF},
}
"""Reasons that name a page's damage."""

POLICIES: tuple[QualityPolicy, ...] = ("strict", "normal", "lenient")


@dataclass(frozen=True, slots=True)
class Judged:
    """What was said of one example. `overlap` is the IoU of found and damaged area, where it has a place."""

    example: Example
    fast: Judgement
    full: dict[QualityPolicy, Judgement]
    overlap: float | None


def judge_example(folder: Path, example: Example) -> Judged:
    """Look at the example's scan anew; its reading is the kept one."""
    page, seen = look_at(folder, example)
    return judge_seen(folder, example, page, seen)


def judge_seen(folder: Path, example: Example, page: UprightPage, seen: Look) -> Judged:
    """All judgements of a page that was looked at."""
    full = {
        policy: judge(
            seen,
            example.text,
            syllable_validity=syllable_validity(word.text for word in example.text.words),
            orientation_certain=page.orientation.certain,
            skew_certain=page.skew.certain,
            policy=policy,
        )
        for policy in POLICIES
    }
    area = load_area(folder, example)
    overlap = None if area is None or example.kind == "cut" else _overlap(area, page, seen)
    return Judged(example, judge_look(seen), full, overlap)


def _overlap(area: NDArray[np.uint8], page: UprightPage, seen: Look) -> float:
    """IoU of the damaged area, taken to the upright page, and what was found."""
    found = seen.covers.laid_on | seen.covers.glare
    matrix = np.vstack([np.array(page.matrix).reshape(2, 3), [0, 0, 1]])
    if page.flattening is not None:
        matrix = matrix @ np.array(page.flattening).reshape(3, 3)
    shrink = seen.scale / 4
    to_map = np.diag([shrink, shrink, 1.0]) @ matrix @ np.diag([8.0, 8.0, 1.0])
    rows, columns = found.shape
    damaged = cv2.warpPerspective(area, to_map, (columns, rows), flags=cv2.INTER_NEAREST) > 127
    either = np.count_nonzero(found | damaged)
    return float(np.count_nonzero(found & damaged)) / either if either else 0.0


def report(judged: Sequence[Judged]) -> Iterable[str]:
    """The lines of the evaluation."""
    for policy in POLICIES:
        yield f"policy {policy}"
        yield from _verdict_lines(judged, policy)
    yield from _group_lines(judged)
    yield from _score_lines(judged)
    yield from _cause_lines(judged)


def _verdict_lines(judged: Sequence[Judged], policy: QualityPolicy) -> Iterable[str]:
    for label in Label:
        verdicts = [page.full[policy].verdict for page in judged if page.example.label == label]
        counts = Counter(verdicts)
        shares = ", ".join(f"{verdict} {counts[verdict] / max(1, len(verdicts)):.3f}" for verdict in Verdict)
        yield f"  {label:<10} {len(verdicts):4d} pages: {shares}"
    if policy == "normal":
        for name, page in _passed(judged):
            loss = page.example.loss
            yield f"  passed: {name}, CER {loss.cer:.2f}, hidden {loss.hidden_share:.2f}"
        wrong = Counter(
            (page.example.kind, str(page.full[policy].verdict), *page.full[policy].reasons[:1])
            for page in judged
            if page.example.label == Label.READABLE and page.full[policy].verdict is not Verdict.READABLE
        )
        yield "  readable pages flagged: " + ", ".join(
            f"{' '.join(key)} {n}" for key, n in wrong.most_common()
        )


GROUPS = {"cut": {"cut"}, "covered": {"sheet", "corner", "hand"}, "half blurred": {"half_blur"}}
SHORT_LAYOUTS = {"short", "slip", "card", "last_page"}


def _group_lines(judged: Sequence[Judged]) -> Iterable[str]:
    """What the issue of the verdict asks of single kinds, at the normal policy."""
    for name, kinds in GROUPS.items():
        bad = [page for page in judged if page.example.kind in kinds and _is(page, Label.UNREADABLE)]
        passed = sum(page.full["normal"].verdict in {Verdict.READABLE, Verdict.BLANK} for page in bad)
        yield f"{name}: {passed} of {len(bad)} unreadable pages passed"
    short = [page for page in judged if page.example.layout in SHORT_LAYOUTS and _is(page, Label.READABLE)]
    wrong = sum(page.full["normal"].verdict is Verdict.UNREADABLE for page in short)
    yield f"short, narrow and half-empty: {wrong} of {len(short)} readable pages called unreadable"
    empty = [page for page in judged if page.example.kind in {"blank", "back"}]
    right = sum(page.full["normal"].verdict is Verdict.BLANK for page in empty)
    printed = [page for page in judged if not _is(page, Label.NO_PRINT)]
    lost = sum(page.full["normal"].verdict is Verdict.BLANK for page in printed)
    yield f"blank: {right} of {len(empty)} empty pages; {lost} of {len(printed)} pages with text called blank"


def _is(page: Judged, label: Label) -> bool:
    return page.example.label == label


def _passed(judged: Sequence[Judged]) -> Iterable[tuple[str, Judged]]:
    for page in judged:
        passed = page.full["normal"].verdict in {Verdict.READABLE, Verdict.BLANK}
        if page.example.label == Label.UNREADABLE and passed:
            yield f"{page.example.kind}-{page.example.seed} ({page.example.layout})", page


def measure_reliability(judged: Sequence[Judged]) -> dict[str, list[Bin]]:
    """What each model says of clear cases against what they are."""
    clear, bad = _clear(judged)
    return {name: reliability(np.array([_p(page, name) for page in clear]), bad) for name in ("fast", "full")}


def _clear(judged: Sequence[Judged]) -> tuple[list[Judged], NDArray[np.bool_]]:
    clear = [page for page in judged if page.example.label in {Label.READABLE, Label.UNREADABLE}]
    return clear, np.array([page.example.label == Label.UNREADABLE for page in clear])


def _score_lines(judged: Sequence[Judged]) -> Iterable[str]:
    printed = [page for page in judged if page.example.label != Label.NO_PRINT]
    clear, bad = _clear(judged)
    found = measure_reliability(judged)
    losses = np.array([page.example.loss.cer for page in printed])
    for name in ("fast", "full"):
        p = np.array([_p(page, name) for page in clear])
        srocc = rank_correlation(np.array([_p(page, name) for page in printed]), losses)
        ece = calibration_error(found[name])
        yield f"{name}: AUC {auc(p[bad], p[~bad]):.4f}, SROCC with CER {srocc:.3f}, ECE {ece:.3f}"
    worst = [page.fast.verdict is not Verdict.READABLE for page in printed if page.example.loss.cer > 0.5]
    read = [page for page in clear if page.example.label == Label.READABLE]
    good = [page.fast.verdict is not Verdict.READABLE for page in read]
    yield f"fast look flags {np.mean(worst):.3f} with CER > 0.5, {np.mean(good):.3f} of readable pages"


def _p(page: Judged, name: str) -> float:
    return page.fast.p_unreadable if name == "fast" else page.full["normal"].p_unreadable


def _cause_lines(judged: Sequence[Judged]) -> Iterable[str]:
    named: Counter[str] = Counter()
    flagged: Counter[str] = Counter()
    for page in judged:
        judgement, kind = page.full["normal"], page.example.kind
        if kind in REASON_OF_KIND and judgement.reasons and page.example.label != Label.READABLE:
            flagged[kind] += 1
            named[kind] += judgement.reasons[0] in REASON_OF_KIND[kind]
    total = sum(named.values()) / max(1, sum(flagged.values()))
    yield (
        f"first reason names the damage: {total:.3f} ("
        + ", ".join(f"{kind} {named[kind]}/{count}" for kind, count in flagged.items())
        + ")"
    )
    overlaps = [
        page.overlap
        for page in judged
        if page.overlap is not None
        and page.full["normal"].reasons
        and page.full["normal"].reasons[0] in {Reason.OCCLUDED, Reason.GLARE}
    ]
    if overlaps:
        yield f"found and damaged area: IoU {np.mean(overlaps):.2f} mean over {len(overlaps)} covered pages"


def main(
    folder: Annotated[Path, typer.Argument(help="the examples, as scripts.quality.examples made them")],
    split: Annotated[str, typer.Option(help="test, or fit and calibration for looking at errors")] = "test",
    jobs: Annotated[int, typer.Option(min=1)] = 1,
    plot: Annotated[Path | None, typer.Option(help="where the reliability plot goes (SVG)")] = None,
) -> None:
    """Print how the verdict does on examples it was not fitted to."""
    splits: set[Split] = {"fit", "calibration"} if split != "test" else {"test"}
    examples = [example for example in load_examples(folder) if example.split in splits]
    with ProcessPoolExecutor(jobs) as pool:
        judged = list(pool.map(partial(judge_example, folder), examples))
    for line in report(judged):
        print(line)
    if plot is not None:
        plot.write_text(draw_reliability(measure_reliability(judged)), encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
