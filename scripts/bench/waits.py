"""`python -m scripts.bench.waits`: what a second worker process gains, and what a batch costs the counter.

Over PostgreSQL, RabbitMQ and Ceph RGW of its own. `speed`: pages of one paper (A4, 300 dpi), read by one
page process and by two; the rate is taken between the first pages and the last. `counter`: dossiers of one
page are handed in one after the other while the queue is idle, and again while `--batch` pages of batches
wait and are worked; told is the time from hand-over to the page's verdict and to the finished dossier.
"""

import random
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer
from PIL import Image
from rich.console import Console
from sqlalchemy import func, select

from pipeline.ledger.dossiers import register_dossier
from schemas.dossier import DossierState, JobKind, JobState
from schemas.ledger import NewDocument, NewDossier, Original
from schemas.tables import dossiers, jobs, pages
from scripts.faults.site import ProductionSite
from scripts.samples.papers import render_page
from scripts.samples.scanning import scan
from scripts.services.process import make_folder, remove_folder
from scripts.services.together import Services
from workers.home import Home
from workers.submit import submit_dossier

DPI = 300
BATCH_PRIORITY = 1
_DIFFERENT = 8
_BATCH_PAPERS_A_DOSSIER, _BATCH_PAGES_A_PAPER = 10, 20
_PATIENCE_S = 900.0

app = typer.Typer(add_completion=False, help=__doc__)


@dataclass(frozen=True, slots=True)
class Waits:
    """Seconds from hand-over, one entry a dossier: to the page's verdict, to the finished dossier."""

    verdict_s: list[float]
    complete_s: list[float]

    def tell(self, name: str) -> str:
        """One line."""
        told = [f"{what} median {statistics.median(s):.2f} s, worst {max(s):.2f} s"
                for what, s in (("verdict", self.verdict_s), ("complete", self.complete_s))]  # fmt: skip
        return f"{name}: {len(self.complete_s)} dossiers, {'; '.join(told)}"


def write_paper(path: Path, count: int, seed: int) -> Path:
    """A PDF of `count` scans of letters, A4 at 300 dpi; `_DIFFERENT` of them differ."""
    scans = [
        Image.fromarray(scan(render_page("letter", seed + n), seed=seed + n, dpi=DPI).pixels)
        for n in range(min(count, _DIFFERENT))
    ]
    leaves = [scans[n % len(scans)] for n in range(count)]
    leaves[0].save(path, save_all=True, append_images=leaves[1:], resolution=float(DPI), quality=85)
    return path


def measure_rate(folder: Path, services: Services, paper: Path, processes: int) -> float:
    """Pages a second, from the first ones (one a process) to the last."""
    site = ProductionSite(folder, services, page_processes=processes, SOHOA_JOB_LEASE_S="120")
    home = site.open()
    dossier_id = submit_dossier(home, "H21.65-220914-0001", [paper])
    try:
        site.revive()
        _await(lambda: _read_state(home, dossier_id) is DossierState.COMPLETE)
        with home.database.read() as connection:
            ended = select(jobs.c.ended_at).where(
                jobs.c.kind == JobKind.PAGE, jobs.c.dossier_id == dossier_id
            )
            at = sorted(connection.execute(ended).scalars())
    finally:
        home.close()
        site.close()
    return (len(at) - processes) / (at[-1] - at[processes - 1])


def measure_waits(site: ProductionSite, papers: list[Path], count: int, seed: int) -> Waits:
    """`count` dossiers of one page, each handed in at a random moment after the one before is done."""
    rng, home = random.Random(seed), site.open()
    waits = Waits([], [])
    for number in range(count):
        time.sleep(rng.uniform(0.5, 2.0))
        dossier_id = submit_dossier(home, f"H21.65-220915-{number:04d}", [papers[number % len(papers)]])
        _await(lambda dossier_id=dossier_id: _read_state(home, dossier_id) is DossierState.COMPLETE)
        with home.database.read() as connection:
            began = connection.execute(
                select(dossiers.c.submitted_at).where(dossiers.c.id == dossier_id)
            ).scalar_one()
            last = select(jobs.c.kind, func.max(jobs.c.ended_at)).group_by(jobs.c.kind)
            rows = connection.execute(last.where(jobs.c.dossier_id == dossier_id)).all()
            ended = {JobKind(kind): at for kind, at in rows}
        waits.verdict_s.append(ended[JobKind.PAGE] - began)
        waits.complete_s.append(ended[JobKind.DOCUMENT] - began)
    home.close()
    return waits


def queue_batch(home: Home, paper: Path, count: int) -> None:
    """At least `count` pages of batches wait: one stored original, in many papers."""
    first = submit_dossier(home, "H21.65-220916-0000", [paper], priority=BATCH_PRIORITY)
    with home.database.read() as connection:
        held = connection.execute(
            select(pages.c.original_sha256).limit(1).order_by(pages.c.id.desc())
        ).scalar_one()
    original = Original(held, paper.stat().st_size, "application/pdf", f"originals/{held[:2]}/{held}")
    papers = tuple(
        NewDocument(f"Tờ {n}", original, _BATCH_PAGES_A_PAPER) for n in range(1, _BATCH_PAPERS_A_DOSSIER + 1)
    )
    for number in range(1, count // (_BATCH_PAPERS_A_DOSSIER * _BATCH_PAGES_A_PAPER) + 1):
        new = NewDossier(f"H21.65-220916-{number:04d}", papers, None, BATCH_PRIORITY)
        home.database.transact(lambda c, new=new: register_dossier(c, new, "uid:0", home.now()))
    assert first  # noqa: S101 -- its original is stored, and that is what it is for


@app.command()
def speed(pages_read: Annotated[int, typer.Option("--pages", min=8)] = 60) -> None:
    """Two page processes against one."""
    folder = make_folder("waits")
    services = Services(folder)
    rates = {}
    try:
        paper = write_paper(folder / "paper.pdf", pages_read, seed=1)
        for name, processes in (("one", 1), ("two", 2), ("one again", 1), ("two again", 2)):
            rates[name] = measure_rate(folder / name.replace(" ", "-"), services, paper, processes)
            print(f"{name}: {rates[name]:.3f} pages a second", flush=True)
    finally:
        services.stop()
    remove_folder(folder)
    gain = (rates["two"] + rates["two again"]) / (rates["one"] + rates["one again"])
    print(f"two page processes against one: x {gain:.3f}")


@app.command()
def counter(batch: int = 100_000, dossiers_each: Annotated[int, typer.Option("--dossiers")] = 30) -> None:
    """A dossier of the counter on an idle queue, and while a batch waits."""
    folder = make_folder("waits")
    services = Services(folder)
    try:
        papers = [write_paper(folder / f"paper-{n}.pdf", 1, seed=10 + n) for n in range(_DIFFERENT)]
        site = ProductionSite(folder / "site", services, page_processes=2, SOHOA_JOB_LEASE_S="120")
        home = site.open()
        try:
            site.revive()
            measure_waits(site, papers, 3, seed=0)  # engines are open
            idle = measure_waits(site, papers, dossiers_each, seed=1)
            print(idle.tell("idle queue"), flush=True)
            with Console(stderr=True).status("queueing the batch"):
                queue_batch(home, write_paper(folder / "batch.pdf", _BATCH_PAGES_A_PAPER, seed=30), batch)
            time.sleep(5.0)
            before = _count(home, JobState.DONE)
            began = time.monotonic()
            busy = measure_waits(site, papers, dossiers_each, seed=2)
            done = _count(home, JobState.DONE) - before - dossiers_each
            print(busy.tell(f"{_count(home, JobState.QUEUED):,} batch pages waiting"))
            print(f"batch pages read meanwhile: {done} in {time.monotonic() - began:.0f} s")
        finally:
            home.close()
            site.close()
    finally:
        services.stop()
    remove_folder(folder)
    for what in ("verdict_s", "complete_s"):
        ratio = statistics.median(getattr(busy, what)) / statistics.median(getattr(idle, what))
        print(f"{what}: median x {ratio:.2f}")


def _count(home: Home, state: JobState) -> int:
    with home.database.read() as connection:
        query = (
            select(func.count()).select_from(jobs).where(jobs.c.state == state, jobs.c.kind == JobKind.PAGE)
        )
        return connection.execute(query).scalar_one()


def _read_state(home: Home, dossier_id: str) -> DossierState:
    with home.database.read() as connection:
        return DossierState(
            connection.execute(select(dossiers.c.state).where(dossiers.c.id == dossier_id)).scalar_one()
        )


def _await(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _PATIENCE_S
    while not done():
        if time.monotonic() > deadline:
            raise TimeoutError("still at work")
        time.sleep(0.2)


if __name__ == "__main__":
    app()
