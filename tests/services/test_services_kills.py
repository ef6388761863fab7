"""A few rounds of the kill test; `python -m scripts.faults kill --rounds 200` is the long one."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.faults.kills import play_round
from scripts.faults.papers import Paper
from scripts.faults.site import EmbeddedSite, ProductionSite
from scripts.services.process import make_folder, remove_folder
from scripts.services.together import Services

SEED = 3


@pytest.fixture
def folder() -> Iterator[Path]:
    made = make_folder("kills")
    yield made
    remove_folder(made)


@pytest.mark.parametrize("kind", ["production", "embedded"])
def test_whatever_is_killed_nothing_is_lost_and_nothing_done_twice(
    kind: str, folder: Path, services: Services, small_papers: list[Paper]
) -> None:
    site = EmbeddedSite(folder) if kind == "embedded" else ProductionSite(folder, services, page_processes=1)
    try:
        site.revive()
        rounds = [
            play_round(site, small_papers, number, random.Random(f"{SEED} {number}")) for number in (1, 2)
        ]
    finally:
        site.close()
        services.start()
    assert [one.tell() for one in rounds if one.wrong] == []
