"""`kill`: see `kills`; `delivery`: see `delivery`; `line`: see `line`; `all`: see `outages`."""

import argparse
import random
import secrets
import signal
import sys
import time
from collections import Counter
from pathlib import Path

from scripts.faults.bad_line import Shape, can_be_made
from scripts.faults.delivery import OneStopSite, play_delivery_round, play_tampering
from scripts.faults.kills import Round, play_round
from scripts.faults.line import VICTIMS, GatewaySite, mild_line, play_passage, rural_line
from scripts.faults.outages import (
    EMBEDDED_FAULTS,
    FAULTS,
    lined_site,
    play_child_out_of_memory,
    play_clock_jumps,
    play_disk_full,
    play_fault,
)
from scripts.faults.papers import Paper, make_papers
from scripts.faults.site import EmbeddedSite, ProductionSite
from scripts.services.process import make_folder, remove_folder
from scripts.services.together import Services

_EMBEDDED = {
    "disk-full": play_disk_full,
    "child-out-of-memory": play_child_out_of_memory,
    "clock-jumps": play_clock_jumps,
}


def main() -> int:
    """Exit code 1 where anything was lost, done twice or does not verify."""
    parser = argparse.ArgumentParser(prog="python -m scripts.faults", description=__doc__)
    parser.add_argument("what", choices=["kill", "delivery", "line", "all", *FAULTS, *EMBEDDED_FAULTS])
    parser.add_argument("--backend", choices=["production", "embedded"], default="production")
    parser.add_argument("--rounds", type=int, default=20, help="of killing, or of delivery")
    parser.add_argument("--dossiers", type=int, default=50, help="during each other fault")
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=None, help="begin no round after this")
    parser.add_argument("--victim", choices=VICTIMS, default=None, help="of the bad line; else each in turn")
    parser.add_argument("--mild", action="store_true", help="a TCP proxy in place of the bad line")
    asked = parser.parse_args()
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    print(f"what={asked.what} backend={asked.backend} seed={seed}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # what was started is ended below
    folder = make_folder("faults")
    wrong = 1
    try:
        if asked.what == "line":
            wrong = _go_by_line(folder, asked, seed)
        elif asked.what == "kill":
            wrong = _kill(folder, make_papers(folder / "papers"), asked, seed)
        elif asked.what == "delivery":
            wrong = _deliver(folder, make_papers(folder / "papers"), asked, seed)
        else:
            papers = make_papers(folder / "papers")
            names = [*FAULTS, *EMBEDDED_FAULTS] if asked.what == "all" else [asked.what]
            wrong = _break(folder, papers, names, asked.dossiers, seed)
    finally:
        if wrong:
            print(f"kept for a look: {folder}")
        else:
            remove_folder(folder)
    return 1 if wrong else 0


def _kill(folder: Path, papers: list[Paper], asked: argparse.Namespace, seed: int) -> int:
    services = Services(folder) if asked.backend == "production" else None
    site: ProductionSite | EmbeddedSite | None = None
    rounds: list[Round] = []
    try:
        site = EmbeddedSite(folder) if services is None else ProductionSite(folder, services)
        site.revive()
        deadline = time.monotonic() + 60 * asked.minutes if asked.minutes else None
        for number in range(1, asked.rounds + 1):
            if deadline is not None and time.monotonic() > deadline:
                break
            # each round draws from a generator of its own, so that it can be played again by itself
            rounds.append(play_round(site, papers, number, random.Random(f"{seed} {number}")))
            print(rounds[-1].tell(), flush=True)
    finally:
        if site is not None:
            site.close()
        if services is not None:
            services.stop()
    return _summarise(rounds)


def _deliver(folder: Path, papers: list[Paper], asked: argparse.Namespace, seed: int) -> int:
    services = Services(folder) if asked.backend == "production" else None
    site: ProductionSite | EmbeddedSite | None = None
    one: OneStopSite | None = None
    wrong = kills = 0
    try:
        site = EmbeddedSite(folder) if services is None else ProductionSite(folder, services)
        one = OneStopSite(site, folder, seed)
        tampered = play_tampering(one, papers)
        print(f"tampered line: {'; '.join(tampered) or 'refused'}", flush=True)
        wrong += bool(tampered)
        deadline = time.monotonic() + 60 * asked.minutes if asked.minutes else None
        for number in range(1, asked.rounds + 1):
            if deadline is not None and time.monotonic() > deadline:
                break
            played = play_delivery_round(one, papers, number, random.Random(f"{seed} {number}"))
            print(played.tell(), flush=True)
            wrong += bool(played.wrong)
            kills += len(played.kills)
        print(f"kills={kills} wrong={wrong} webhooks={len(one.hook.taken)}", flush=True)
    finally:
        if one is not None:
            one.close()
        if site is not None:
            site.close()
        if services is not None:
            services.stop()
    return wrong


def _go_by_line(folder: Path, asked: argparse.Namespace, seed: int) -> int:
    mild = asked.mild or not can_be_made()
    if mild and not asked.mild:
        print("no TUN devices or no root here: a TCP proxy stands in for the line", flush=True)
    wrong = 0
    for victim in [asked.victim] if asked.victim else VICTIMS[:2]:
        site = GatewaySite(folder / victim)
        site.folder.mkdir()
        try:
            site.revive()
            way = mild_line(site.port, seed) if mild else rural_line(site.port, Shape(), seed)
            patience_s = 60 * (asked.minutes or 20)
            with way as link:
                done = play_passage(
                    site, link, site.folder, asked.dossiers, victim, seed, patience_s=patience_s
                )
            print(done.tell(), flush=True)
            wrong += bool(done.wrong)
        finally:
            site.stop()
    return wrong


def _break(folder: Path, papers: list[Paper], names: list[str], dossiers: int, seed: int) -> int:
    wrong = 0
    with_services = [name for name in names if name in FAULTS]
    if with_services:
        services = Services(folder)
        try:
            with lined_site(folder / "site", services) as (lines, site):
                for name in with_services:
                    outcome = play_fault(name, lines, site, papers, dossiers, seed)
                    print(outcome.tell(), flush=True)
                    wrong += bool(outcome.wrong)
        finally:
            services.stop()
    for name, play in _EMBEDDED.items():
        if name in names:
            (folder / name).mkdir()
            outcome = play(folder / name, papers, dossiers)
            print(outcome.tell(), flush=True)
            wrong += bool(outcome.wrong)
    return wrong


def _summarise(rounds: list[Round]) -> int:
    wrong = sum(1 for one in rounds if one.wrong)
    victims = Counter(one.victim for one in rounds)
    print(
        f"rounds={len(rounds)} wrong={wrong} dossiers={sum(one.dossiers for one in rounds)} "
        f"pages={sum(one.pages for one in rounds)} unanswered={sum(one.unanswered for one in rounds)} "
        f"victims={dict(sorted(victims.items()))}",
        flush=True,
    )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
