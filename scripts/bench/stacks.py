"""`python -m scripts.bench.stacks`: are stacks parted right by their sheets, however those were treated?

To each stack something happens (`scripts.samples.stacks.HAPPENINGS`). Told are the pages that came into a
wrong dossier or paper (none may), the stacks parted without help, what waits. `--seed 0` and other even
seeds are for development, odd ones for tests.
"""

import re
import sys
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from time import process_time
from typing import Annotated

import cv2
import typer

from pipeline.separation.plan import plan_stack
from pipeline.separation.sight import see_page
from schemas.covers import RECORD_IN_TEXT, PageSight, StackPlan, StopCode
from schemas.page import ScanPage
from schemas.stack_settings import StackRules
from scripts.samples.stacks import HAPPENINGS, INTACT, Leaf, Stack, make_stack

_NOTE_EACH = 20
_TEMPLATES = (re.compile(RECORD_IN_TEXT),)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one stack. `wrong`: pages in a wrong dossier or paper, `astray`: in a wrong
    dossier; `lost`: pages nowhere."""

    seed: int
    happening: str
    two_sided: bool
    pages: int
    wrong: tuple[int, ...]
    astray: int
    lost: int
    parted: bool
    pages_on: int
    spoiled_read: int
    spoiled_seen: int
    spoiled: int
    stops: tuple[StopCode, ...]
    cpu_s: float


def part(stack: Stack) -> Outcome:
    """Look at its pages, plan, and compare with the truth."""
    started = process_time()
    sights = [
        see_page(ScanPage(number, leaf.grey, float(stack.dpi), True, False, "image"), _TEMPLATES)
        for number, leaf in enumerate(stack.leaves, 1)
    ]
    plan = plan_stack(sights, StackRules())
    spent = process_time() - started
    return _compare(stack, sights, plan, spent)


def _compare(stack: Stack, sights: list[PageSight], plan: StackPlan, cpu_s: float) -> Outcome:
    wrong, astray = [], 0
    seen = Counter(found.page for found in plan.aside)
    for stretch in plan.waiting:
        seen.update(stretch.pages)
    for dossier in plan.dossiers:
        for paper in dossier.papers:
            seen.update(paper.pages)
            for page in paper.pages:
                truth = stack.leaves[page - 1]
                if truth.sheet or (truth.record, truth.ordinal) != (dossier.record_code, paper.ordinal):
                    wrong.append(page)
                    astray += truth.record != dossier.record_code
    for found in plan.aside:
        leaf = stack.leaves[found.page - 1]
        if leaf.record is not None and not _is_empty(leaf):
            wrong.append(found.page)
    spoiled = [2 * at if stack.two_sided else at for at in stack.spoiled]
    near = [(at, at + 1) if stack.two_sided else (at,) for at in spoiled]
    return Outcome(
        seed=stack.seed,
        happening=stack.happening,
        two_sided=stack.two_sided,
        pages=len(stack.leaves),
        wrong=tuple(wrong),
        astray=astray,
        lost=sum(seen[page] != 1 for page in range(1, len(stack.leaves) + 1)),
        parted=not plan.waiting,
        pages_on=sum(len(paper.pages) for dossier in plan.dossiers for paper in dossier.papers),
        spoiled_read=sum(any(sights[at].marks for at in places) for places in near),
        spoiled_seen=sum(any(sights[at].banded for at in places) for places in near),
        spoiled=len(spoiled),
        stops=tuple(stop.code for stretch in plan.waiting for stop in stretch.stops),
        cpu_s=cpu_s,
    )


def _is_empty(leaf: Leaf) -> bool:
    return bool(leaf.grey.min() > 150)


def _run(seed: int, number: int) -> Outcome:
    cv2.setNumThreads(1)
    return part(make_stack(seed, number))


def tell(outcomes: list[Outcome]) -> Iterator[str]:
    """The table and the sums."""
    yield f"{'what happened':22} stacks parted  pages  waiting wrong lost  spoiled: read, seen as a sheet"
    for happening in HAPPENINGS:
        own = [outcome for outcome in outcomes if outcome.happening == happening]
        if not own:
            continue
        pages = sum(o.pages for o in own)
        spoiled = sum(o.spoiled for o in own)
        told = f"{sum(o.spoiled_read for o in own)}, {sum(o.spoiled_seen for o in own)} of {spoiled}"
        yield (
            f"{happening:22} {len(own):6} {sum(o.parted for o in own):6} {pages:6} {_waiting_share(own):8.1%}"
            f" {sum(len(o.wrong) for o in own):5} {sum(o.lost for o in own):4}  {told if spoiled else ''}"
        )
    intact = [o for o in outcomes if o.happening in INTACT]
    pages = sum(o.pages for o in outcomes)
    yield f"pages in a wrong dossier: {sum(o.astray for o in outcomes)} of {pages}"
    yield f"pages in a wrong dossier or paper: {sum(len(o.wrong) for o in outcomes)}"
    yield f"pages nowhere or twice: {sum(o.lost for o in outcomes)}"
    yield f"stacks with intact sheets parted without help: {sum(o.parted for o in intact)} of {len(intact)}"
    yield f"all stacks parted without help: {sum(o.parted for o in outcomes)} of {len(outcomes)}"
    spent_ms = 1000 * sum(o.cpu_s for o in outcomes)
    yield f"CPU to look and plan, decoding apart: {spent_ms / pages:.0f} ms a page"
    for outcome in outcomes:
        if outcome.wrong or outcome.lost or (outcome.happening in INTACT and not outcome.parted):
            yield (
                f"stack {outcome.seed} ({outcome.happening}, {'two' if outcome.two_sided else 'one'}-sided): "
                f"wrong {outcome.wrong}, lost {outcome.lost}, {', '.join(outcome.stops)}"
            )


def _waiting_share(outcomes: list[Outcome]) -> float:
    """Of the pages that are no sheets, backs of them among the others."""
    pages = sum(o.pages for o in outcomes)
    stopped = sum(o.pages - o.pages_on for o in outcomes if not o.parted)
    return stopped / pages if pages else 0.0


def main(
    stacks: Annotated[int, typer.Option(min=1)] = 300,
    seed: Annotated[int, typer.Option(help="even: development; odd: tests")] = 0,
    jobs: Annotated[int, typer.Option(min=1)] = 1,
    out: Annotated[Path | None, typer.Option(help="file to keep the table in")] = None,
) -> None:
    """Make stacks, part them, tell what became of them."""
    outcomes: list[Outcome] = []
    with ProcessPoolExecutor(jobs) as pool:
        for outcome in pool.map(_run, [seed] * stacks, range(stacks)):
            outcomes.append(outcome)
            if len(outcomes) % _NOTE_EACH == 0:
                print(f"{len(outcomes)} of {stacks}", file=sys.stderr, flush=True)
                _keep(outcomes, out)
    _keep(outcomes, out)
    print("\n".join(tell(outcomes)))


def _keep(outcomes: list[Outcome], out: Path | None) -> None:
    """So that a run that is stopped leaves what it found."""
    if out is not None:
        out.write_text("\n".join(tell(outcomes)) + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(main)
