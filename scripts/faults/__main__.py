"""`python -m scripts.faults kill --rounds 200`: see `kills`."""

import argparse
import random
import secrets
import signal
import sys
import time
from collections import Counter

from scripts.faults.kills import Round, play_round
from scripts.faults.papers import make_papers
from scripts.faults.site import EmbeddedSite, ProductionSite
from scripts.services.process import make_folder, remove_folder
from scripts.services.together import Services


def main() -> int:
    """Exit code 1 where anything was lost, done twice or does not verify."""
    parser = argparse.ArgumentParser(prog="python -m scripts.faults", description=__doc__)
    parser.add_argument("what", choices=["kill"])
    parser.add_argument("--backend", choices=["production", "embedded"], default="production")
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--minutes", type=float, default=None, help="begin no round after this")
    asked = parser.parse_args()
    seed = secrets.randbelow(10**6) if asked.seed is None else asked.seed
    print(f"backend={asked.backend} seed={seed} rounds={asked.rounds}", flush=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(3))  # what was started is ended below
    folder = make_folder("faults")
    rounds: list[Round] = []
    wrong = 1
    services = Services(folder) if asked.backend == "production" else None
    site: ProductionSite | EmbeddedSite | None = None
    try:
        site = EmbeddedSite(folder) if services is None else ProductionSite(folder, services)
        papers = make_papers(folder / "papers")
        site.revive()
        deadline = time.monotonic() + 60 * asked.minutes if asked.minutes else None
        for number in range(1, asked.rounds + 1):
            if deadline is not None and time.monotonic() > deadline:
                break
            # each round draws from a generator of its own, so that it can be played again by itself
            rounds.append(play_round(site, papers, number, random.Random(f"{seed} {number}")))
            print(rounds[-1].tell(), flush=True)
        wrong = _summarise(rounds)
    finally:
        if site is not None:
            site.close()
        if services is not None:
            services.stop()
        if wrong:
            print(f"kept for a look: {folder}")
        else:
            remove_folder(folder)
    return 1 if wrong else 0


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
