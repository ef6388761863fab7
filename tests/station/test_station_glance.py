"""The fast look in its child: the gateway's own verdict, and no scan is blamed for what is not its doing."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from station_outside import Pages

from pipeline.fast_look import look_at_page
from pipeline.intake.open import open_source
from schemas.page import Verdict
from schemas.settings import Limits
from schemas.station import StationSettings
from workers.station import glance
from workers.station.glance import Glancer


@pytest.fixture
def glancer() -> Iterator[Glancer]:
    made = Glancer(StationSettings())
    yield made
    made.close()


def test_the_station_says_what_the_gateway_says(glancer: Glancer, pages: Pages, tmp_path: Path) -> None:
    for name, data, verdict in (
        ("good.jpg", pages.good, Verdict.READABLE),
        ("bad.jpg", pages.bad, Verdict.UNREADABLE),
    ):
        path = tmp_path / name
        path.write_bytes(data)
        glimpse = glancer.look(path)
        with open_source(path, Limits()) as source:
            judged = look_at_page(source.read_page(1), "normal")
        (look,) = glimpse.looks
        assert (look.verdict, look.reasons) == (verdict, judged.reasons)
        assert look.p_unreadable == judged.p_unreadable
        assert glimpse.thumbnail is not None
        assert len(glimpse.thumbnail) < 64 * 1024


@pytest.mark.parametrize(
    ("child", "refusal"),
    [
        ("import sys; sys.exit(1)", ""),  # it does not start, for want of OpenCV, say
        ("print('no child of ours')", ""),
        ("print('ready', flush=True); input(); print('{}')", ""),
        ("print('ready', flush=True); input(); print('x' * 10**7)", ""),
        ("import os; print('ready', flush=True); input(); os.abort()", "damaged_input"),
        ("import time; print('ready', flush=True); time.sleep(60)", "over_limit"),
    ],
)
def test_whatever_becomes_of_the_child_the_agent_goes_on(
    tmp_path: Path, pages: Pages, monkeypatch: pytest.MonkeyPatch, child: str, refusal: str
) -> None:
    (tmp_path / "page.jpg").write_bytes(pages.good)
    monkeypatch.setattr(glance, "_BOOT", child)
    made = Glancer(StationSettings(glance_timeout_s=1.0))
    glimpse = made.look(tmp_path / "page.jpg")
    made.close()
    assert (glimpse.looks, glimpse.refusal) == ((), refusal)


def test_a_page_that_asks_for_much_memory_is_refused(tmp_path: Path) -> None:
    from PIL import Image

    Image.new("RGB", (9000, 9000)).save(tmp_path / "large.png")
    made = Glancer(StationSettings(glance_memory_bytes=200 * 2**20))
    glimpse = made.look(tmp_path / "large.png")
    made.close()
    assert glimpse.refusal == "over_limit"
