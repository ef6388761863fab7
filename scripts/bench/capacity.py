"""`python -m scripts.bench.capacity`: how long does a citizen wait at the counter, with how many machines?

A small discrete-event simulation: hand-overs come at random (Poisson) with the hour's load, each of some
papers of some pages; page workers take counter pages before batch pages and never leave one half done; a
hand-over is done when its last page is read and its papers are bound. What a page costs is measured and
given by `--page-s`; nothing here knows anything of OCR.
"""

import heapq
import random
import statistics
from dataclasses import dataclass
from typing import Annotated

import typer

WORKING_DAYS = 22
WORKING_HOURS = 8.0
PAGES_A_DOSSIER = 6
"""Mean pages of one hand-over; 1 to 11 here, all as likely."""

_COUNTER, _BATCH = 0, 1


@dataclass(frozen=True, slots=True)
class Load:
    """`pages_per_hour` at the counter; `batch`: idle workers take pages of runs, one at a time."""

    pages_per_hour: float
    page_s: float
    bind_s: float
    workers: int
    batch: bool


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from handing in to done; `queue`: of them waiting. `busy`: share of the workers' time used by
    the counter."""

    median_s: float
    p95_s: float
    p99_s: float
    queue_p95_s: float
    busy: float


def size_load(pages_per_month: float, peak: float) -> float:
    """Counter pages in the peak hour, where a month's come in working hours."""
    return pages_per_month / (WORKING_DAYS * WORKING_HOURS) * peak


def simulate(load: Load, hours: float = 2.0, seed: int = 1) -> Waits:
    """Waits of the hand-overs of `hours` at full load. A service time varies by half its mean either way."""
    rng = random.Random(seed)
    arrivals = _draw_arrivals(load, hours, rng)
    free = [0.0] * load.workers
    heapq.heapify(free)
    left = {number: len(pages) for number, (_, pages) in enumerate(arrivals)}
    done = dict.fromkeys(left, 0.0)
    waits, used = [], 0.0
    queue: list[tuple[float, int, float]] = []
    for number, (at, pages) in enumerate(arrivals):
        queue += [(at, number, page_s) for page_s in pages]
    for at, number, page_s in queue:  # first come, first served among the counter's
        begun = heapq.heappop(free)
        if begun < at:
            # an idle worker took batch pages meanwhile, and ends the one it is at
            begun = at + (rng.random() * load.page_s if load.batch else 0.0)
        heapq.heappush(free, begun + page_s)
        used += page_s
        waits.append(begun - at)
        left[number] -= 1
        done[number] = max(done[number], begun + page_s)
    took = sorted(done[number] - at + load.bind_s for number, (at, _) in enumerate(arrivals))
    waits.sort()
    return Waits(
        statistics.median(took),
        took[int(0.95 * len(took))],
        took[int(0.99 * len(took))],
        waits[int(0.95 * len(waits))],
        used / (load.workers * hours * 3600),
    )


def _draw_arrivals(load: Load, hours: float, rng: random.Random) -> list[tuple[float, list[float]]]:
    """When each hand-over comes, and the seconds each of its pages takes."""
    arrivals, at = [], 0.0
    every_s = 3600.0 * PAGES_A_DOSSIER / load.pages_per_hour
    while (at := at + rng.expovariate(1 / every_s)) < 3600 * hours:
        pages = [load.page_s * rng.uniform(0.5, 1.5) for _ in range(rng.randint(1, 2 * PAGES_A_DOSSIER - 1))]
        arrivals.append((at, pages))
    return arrivals


def find_workers(load_at: "dict[str, float]", goal_s: float, seed: int = 1) -> int:
    """The fewest page workers with which 95 of 100 hand-overs are done within `goal_s`, batch work beside."""
    workers = max(1, int(load_at["pages_per_hour"] * load_at["page_s"] / 3600))
    while True:
        load = Load(load_at["pages_per_hour"], load_at["page_s"], load_at["bind_s"], workers, batch=True)
        waits = simulate(load, seed=seed)
        if waits.busy < 0.95 and waits.p95_s <= goal_s:
            return workers
        workers += max(1, workers // 50)


def main(
    page_s: Annotated[float, typer.Option(help="CPU seconds of one page, measured")] = 1.0,
    bind_s: Annotated[float, typer.Option(help="seconds to bind, sign and store a paper, measured")] = 0.3,
    pages_per_month: Annotated[float, typer.Option(help="of one province")] = 1_500_000,
    peak: Annotated[float, typer.Option(help="the peak hour, as a multiple of the mean")] = 3.0,
    provinces: Annotated[int, typer.Option(help="Vietnam has 34 since July 2025")] = 34,
    goal_s: Annotated[float, typer.Option(help="95 of 100 hand-overs are to be done within")] = 15.0,
    cores: Annotated[int, typer.Option(help="of one machine, for pages")] = 14,
) -> None:
    """Waits at the counter in the peak hour for a few numbers of workers, and machines for the goal."""
    hourly = size_load(pages_per_month, peak)
    print(f"{pages_per_month:,.0f} pages a month: {hourly / peak:,.0f} in a mean working hour, "
          f"{hourly:,.0f} in the peak hour; {hourly * page_s / 3600:.1f} cores of work")  # fmt: skip
    least = find_workers({"pages_per_hour": hourly, "page_s": page_s, "bind_s": bind_s}, goal_s)
    print("workers  busy   median    p95      p99     page waits p95   (with batch work beside)")
    for workers in sorted({max(least - 2, 1), least, least + 2, least + 8, 2 * least}):
        waits = simulate(Load(hourly, page_s, bind_s, workers, batch=True))
        print(f"{workers:6d}  {waits.busy:4.0%} {waits.median_s:7.1f} s {waits.p95_s:7.1f} s "
              f"{waits.p99_s:7.1f} s  {waits.queue_p95_s:7.1f} s")  # fmt: skip
    alone = simulate(Load(hourly, page_s, bind_s, least, batch=False))
    print(f"{least} workers without batch work: median {alone.median_s:.1f} s, p95 {alone.p95_s:.1f} s")
    machines = -(-least // cores)
    print(f"one province: {least} workers, {machines} machines of {cores} page cores, one more to spare; "
          f"{provinces} provinces: {provinces * (machines + 1)} machines")  # fmt: skip


if __name__ == "__main__":
    typer.run(main)
