"""`python -m scripts.bench.reprocess_kills`: does a run killed again and again end like one left in peace?

Papers are read with one layout, then reprocessed with another, twice from the same copy of the home: once
left in peace, once with the server killed (SIGKILL) at random moments. Compared is all that outlives the
run: outcomes, texts, readings, renditions, events, and that no old rendition changed by a byte.
"""

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import func, select

from pipeline.ledger.audit import verify_audit
from pipeline.ledger.evidence import read_evidence
from pipeline.ledger.outbox import publish_events
from pipeline.ledger.runs import read_items, read_progress
from pipeline.page_result import unpack_page
from schemas.reprocess import ComparePolicy, RunProgress, Selection
from schemas.settings import Settings
from schemas.tables import events, readings, renditions
from scripts.bench.quick_reading import install
from workers.embedded import EmbeddedOffice
from workers.home import Home, open_home
from workers.reprocessing import start_run
from workers.submit import submit_dossier

RECORD = "H21.65-220914-0011"
OLD, NEW = {"SOHOA_LAYOUT": "tesseract"}, {"SOHOA_LAYOUT": "own"}
_PATIENCE_S = 3600.0


@dataclass(frozen=True, slots=True)
class Remains:
    """What a run left behind, in a form that can be compared. `leftovers`: stored, never registered."""

    pages: tuple[tuple[object, ...], ...]
    texts: tuple[str, ...]
    readings: int
    renditions: int
    events: int
    old_renditions: tuple[tuple[str, str], ...]
    audit_whole: bool
    stored_renditions: int


def write_papers(folder: Path, documents: int, pages: int, seed: int) -> list[Path]:
    """Papers of small pages (the head of a letter), so that many are read in little time."""
    from PIL import Image

    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    folder.mkdir(parents=True, exist_ok=True)
    made = []
    for number in range(documents):
        page = render_page("letter", seed + number)
        heads = []
        for copy in range(pages):
            scanned = scan(page, seed=100 * number + copy, dpi=150, blur_px=0.5 * (copy % 3), noise=copy % 4)
            height = scanned.pixels.shape[0] // 6
            heads.append(Image.fromarray(scanned.pixels[:height]))
        path = folder / f"paper-{number}.pdf"
        heads[0].save(path, save_all=True, append_images=heads[1:], resolution=150.0)
        made.append(path)
    return made


def prepare_home(home: Path, papers: list[Path], papers_a_dossier: int = 5) -> None:
    """Hand the papers in and read them with the old layout."""
    os.environ |= OLD
    settings = Settings(home=home)
    opened = open_home(settings)
    with EmbeddedOffice(settings) as office:
        asked = [
            submit_dossier(opened, RECORD, papers[start : start + papers_a_dossier])
            for start in range(0, len(papers), papers_a_dossier)
        ]
        for dossier_id in asked:
            office.wait(dossier_id)
    opened.close()


def run_killed(home: Path, kills: int, seed: int, *, quick: bool = False) -> tuple[int, int]:
    """Reprocess everything; the server is killed `kills` times. Returns the run and how often it was at work
    when it was killed."""
    rng = random.Random(f"kills {seed}")
    opened = open_home(Settings(home=home))
    run_id = start_run(opened, Selection(), ComparePolicy(name="better" if quick else "always"), None)
    hit = 0
    for _ in range(kills):
        server = _serve(home, quick=quick)
        before = _look(opened, run_id).ended_pages
        deadline = time.monotonic() + _PATIENCE_S
        while _look(opened, run_id).ended_pages == before and server.poll() is None:  # it is at work by now
            if time.monotonic() > deadline or _look(opened, run_id).at_rest:
                break
            time.sleep(0.1)
        time.sleep(rng.uniform(0.0, 3.0))
        hit += not _look(opened, run_id).at_rest
        server.send_signal(signal.SIGKILL)
        server.wait()
    server = _serve(home, quick=quick)
    deadline = time.monotonic() + _PATIENCE_S
    while not _look(opened, run_id).at_rest:
        if time.monotonic() > deadline:
            raise TimeoutError(str(_look(opened, run_id)))
        time.sleep(0.5)
    server.send_signal(signal.SIGTERM)
    server.wait()
    opened.close()
    return run_id, hit


def read_remains(home: Path, run_id: int, old: tuple[tuple[str, str], ...]) -> Remains:
    """Everything a run left. Every rendition must be whole: a changed or missing one raises `StoreError`."""
    opened = open_home(Settings(home=home))
    with opened.database.write() as connection:
        publish_events(connection)
    with opened.database.read() as connection:
        items = list(read_items(connection, run_id))
        evidence = read_evidence(connection, RECORD)
        counts = [
            connection.execute(select(func.count()).select_from(table)).scalar_one()
            for table in (readings, renditions, events)
        ]
        audit_whole = verify_audit(connection).broken_at is None
    texts = []
    for shown in evidence:
        opened.store.get(shown.object.key, shown.object.sha256)
        texts += [unpack_page(opened.store.get(page.result.key, page.result.sha256)).text.text
                  for page in shown.pages]  # fmt: skip
    told = tuple(
        (item.ordinal, item.number, item.outcome, item.why, item.new and item.new.words, item.agreement)
        for item in items
    )
    remains = Remains(
        told,
        tuple(texts),
        *counts,
        old_renditions=tuple((key, _digest(home, key)) for key, _ in old),
        audit_whole=audit_whole,
        stored_renditions=len(list(opened.store.list("records/"))),
    )
    opened.close()
    return remains


def list_old(home: Path) -> tuple[tuple[str, str], ...]:
    """Every rendition there is, with the digest of its bytes as they lie there now."""
    opened = open_home(Settings(home=home))
    keys = list(opened.store.list("records/"))
    opened.close()
    return tuple((key, _digest(home, key)) for key in keys)


def _digest(home: Path, key: str) -> str:
    return sha256((home / "store" / key).read_bytes()).hexdigest()


def _serve(home: Path, *, quick: bool) -> "subprocess.Popen[bytes]":
    sohoa = [str(Path(sys.executable).with_name("sohoa"))]
    program = [sys.executable, "-m", "scripts.bench.quick_reading"] if quick else sohoa
    return subprocess.Popen(
        [*program, "serve"],
        env={**os.environ, **NEW, "SOHOA_HOME": str(home), "OMP_THREAD_LIMIT": "1"},
        stderr=(home.parent / "serve.log").open("ab"),
    )


def _look(home: Home, run_id: int) -> RunProgress:
    with home.database.read() as connection:
        return read_progress(connection, run_id)


def compare_killed(
    folder: Path, documents: int, pages: int, kills: int, seed: int, *, quick: bool = False
) -> tuple[Remains, Remains, int]:
    """What a run left that was left in peace, and one that was killed; and how many kills hit it at work."""
    papers = write_papers(folder / "papers", documents, pages, seed)
    if quick:
        install()
    peace, war = folder / "peace", folder / "war"
    prepare_home(peace, papers)
    old = list_old(peace)
    shutil.copytree(peace, war)
    quiet, _ = run_killed(peace, 0, seed, quick=quick)
    loud, hit = run_killed(war, kills, seed, quick=quick)
    left = read_remains(peace, quiet, old)
    if left.old_renditions != old:
        raise AssertionError("an old rendition changed")
    return left, read_remains(war, loud, old), hit


def main(
    folder: Annotated[Path, typer.Argument(help="an empty folder")],
    documents: int = 100,
    pages: int = 5,
    kills: int = 20,
    seed: int = 1,
    quick: Annotated[
        bool, typer.Option("--quick", help="no engine: pages are read by scripts.bench.quick_reading")
    ] = False,
) -> None:
    """Exit code 1 where the two differ."""
    started = time.monotonic()
    peace, war, hit = compare_killed(folder, documents, pages, kills, seed, quick=quick)
    outcomes: dict[str, int] = {}
    for page in peace.pages:
        outcomes[str(page[2])] = outcomes.get(str(page[2]), 0) + 1
    print(f"{len(peace.pages)} pages of {documents} documents, {kills} kills, {hit} of them while at work")
    print(
        f"outcomes {outcomes}; {peace.readings} readings, {peace.renditions} renditions, "
        f"{peace.events} events"
    )
    print(f"old renditions: {len(peace.old_renditions)}, byte-identical in both")
    print(f"same: {peace == war}; audit log whole: {war.audit_whole}; {time.monotonic() - started:.0f} s")
    if peace != war:
        for name in Remains.__slots__:
            if getattr(peace, name) != getattr(war, name):
                print(f"  {name} differs")
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
