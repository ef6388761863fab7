"""The kill test: dossiers in flight, `kill -9` of one process at a random moment, everything started again.

One round: hand in one or two small dossiers, wait up to `LATEST_S`, kill one of: a page worker, the
supervisor of the page workers, the io worker, the sweeper, a running `sohoa submit`, PostgreSQL, RabbitMQ,
the S3 gateway; on the embedded default `sohoa serve` or `sohoa submit`. Start again what is gone, wait for
every dossier to rest, and check what `checks` says. A hand-over that was not answered may be there or not,
but is whole where it is there.
"""

import random
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from schemas.errors import SohoaError
from scripts.faults.checks import check_dossiers, check_whole_ledger, list_unrested
from scripts.faults.papers import Paper
from scripts.faults.site import EmbeddedSite, ProductionSite
from workers.home import Home
from workers.submit import submit_dossier

LATEST_S = 6.0
"""A small dossier takes about so long from hand-over to completion when nobody disturbs it."""

REST_PATIENCE_S = 240.0
_SUBMIT = "submit"


@dataclass(slots=True)
class Round:
    """What was done and what came of it."""

    number: int
    victim: str
    after_s: float
    dossiers: int = 0
    pages: int = 0
    unanswered: int = 0
    seconds: float = 0.0
    wrong: list[str] = field(default_factory=list)

    def tell(self) -> str:
        """One line."""
        verdict = "; ".join(self.wrong) or "ok"
        return (
            f"round={self.number} victim={self.victim} after_s={self.after_s:.2f} dossiers={self.dossiers} "
            f"pages={self.pages} unanswered={self.unanswered} seconds={self.seconds:.1f} {verdict}"
        )


def play_round(
    site: EmbeddedSite | ProductionSite, papers: Sequence[Paper], number: int, rng: random.Random
) -> Round:
    """One round on a site that runs; it runs again afterwards. Nothing is raised for what went wrong."""
    victims = {**site.victims(), _SUBMIT: lambda: None}
    victim = rng.choice(sorted(victims))
    done = Round(number, victim, rng.uniform(0.0, LATEST_S))
    began, clock = time.monotonic(), time.time()
    promised: dict[str, int] = {}
    home = site.open()
    try:
        plans = [rng.choices(papers, k=rng.choice((1, 1, 1, 2))) for _ in range(rng.choice((1, 2)))]
        by_command, in_process = (plans[:1], plans[1:]) if victim == _SUBMIT else ([], plans)
        for plan in in_process:
            dossier_id = submit_dossier(home, _draw_record(rng), [paper.path for paper in plan])
            promised[dossier_id] = sum(paper.pages for paper in plan)
        for plan in by_command:
            command = site.submit("--record", _draw_record(rng), *[paper.path for paper in plan])
            _kill_submit(command, done, promised, sum(paper.pages for paper in plan))
        if victim != _SUBMIT:
            time.sleep(done.after_s)
            victims[victim]()
    finally:
        home.close()
    time.sleep(rng.uniform(0.0, 0.5))
    site.revive()
    _await_and_check(site, promised, clock, done)
    done.dossiers, done.pages = len(promised), sum(promised.values())
    done.seconds = time.monotonic() - began
    return done


def _kill_submit(
    command: "subprocess.Popen[str]", done: Round, promised: dict[str, int], page_count: int
) -> None:
    try:
        command.wait(done.after_s / 2)
    except subprocess.TimeoutExpired:
        command.send_signal(signal.SIGKILL)
    answer, _ = command.communicate()
    if answer.endswith("\n"):  # it was told that all is durable, whatever became of the command then
        promised[answer.strip()] = page_count
    else:
        done.unanswered += 1


def _await_and_check(
    site: EmbeddedSite | ProductionSite, promised: dict[str, int], since: float, done: Round
) -> None:
    try:
        home = site.open()
    except SohoaError as error:
        done.wrong.append(f"cannot be opened: {error.what}")
        return
    try:
        if _await_rest(home, time.monotonic() + REST_PATIENCE_S):
            done.wrong += check_dossiers(home, promised, since=since) + check_whole_ledger(home)
        else:
            done.wrong.append(f"still at work after {REST_PATIENCE_S:.0f} s: {list_unrested(home)}")
    except SohoaError as error:
        done.wrong.append(f"cannot be checked: {error.what}")
    finally:
        home.close()


def _await_rest(home: Home, deadline: float) -> bool:
    while list_unrested(home):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.25)
    return True


def _draw_record(rng: random.Random) -> str:
    return f"H21.65-{rng.randint(220101, 221231):06d}-{rng.randint(0, 9999):04d}"
