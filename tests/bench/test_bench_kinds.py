"""Every kind of page: its truth lies on its ink, its seed decides its bytes, its texts are kept apart."""

import random
from pathlib import Path

import numpy as np
import pytest

from scripts.bench.kinds import DEV_SEEDS, FAMILIES, KINDS, TEST_SEEDS, draw_page, family_of, severity_of
from scripts.bench.orientation import draw_turned_pages
from scripts.samples import typeset
from scripts.samples.fonts import Style
from scripts.samples.layout import Flow, Sheet
from scripts.samples.page import SamplePage
from scripts.samples.photo import Photo
from scripts.samples.prose import draw_figures, draw_prose, load_laws
from scripts.samples.scanning import Scan, to_grey

CROSCORE = ("Tinos", "Arimo")  # what every machine that runs the tests has


def a_seed(kind: str) -> int:
    return next(seed for seed in DEV_SEEDS if family_of(kind, seed) in CROSCORE)


@pytest.fixture(autouse=True)
def small_prose(monkeypatch: pytest.MonkeyPatch) -> None:
    """A card of text instead of a full page: the damage is the same and takes a tenth of the time."""

    def set_card(rng: random.Random, laws: typeset.Laws, style: Style, **_: object) -> SamplePage:
        flow = Flow(Sheet(90, 62, 12, 12, 8, 8), style)
        prose = draw_prose(rng, laws)
        while flow.page_count == 1:
            flow.paragraph(next(prose).text)
        return flow.finish()[0]

    monkeypatch.setattr(typeset, "set_prose", set_card)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "photo_mild"])  # as photo, and slow
def test_the_truth_lies_on_the_ink(kind: str) -> None:
    page = draw_page(kind, a_seed(kind), severity=0.9)
    grey = to_grey(page.scan.pixels).astype(int)
    height, width = grey.shape
    assert page.scan.text.split() == [word for word, _ in page.scan.words]
    assert len(page.scan.words) >= 5
    for word, box in page.scan.words:
        assert 0 <= box.left < box.right <= width and 0 <= box.top < box.bottom <= height, word
        inside = grey[int(box.top) : round(box.bottom) + 1, int(box.left) : round(box.right) + 1]
        paper, ink = np.percentile(inside, 95), np.percentile(inside, 3)
        assert paper - ink > 0.15 * paper, word
        dark = inside < (paper + ink) / 2
        covered = np.ptp(np.flatnonzero(dark.any(axis=1))) + 1, np.ptp(np.flatnonzero(dark.any(axis=0))) + 1
        assert covered[0] > 0.5 * inside.shape[0] - 2 and covered[1] > 0.5 * inside.shape[1] - 2, word


@pytest.mark.parametrize("kind", ["folds", "speckle_dense", "fax_dots", "seals", "slip"])
def test_the_seed_decides_every_byte(kind: str) -> None:
    seed = a_seed(kind)
    first, again = draw_page(kind, seed).scan, draw_page(kind, seed).scan
    assert first.pixels.tobytes() == again.pixels.tobytes() and first.jpeg == again.jpeg
    assert draw_page(kind, seed + 4).scan.text != first.text


def test_a_photo_knows_where_its_paper_lies() -> None:
    page = draw_page("photo", a_seed("photo"), severity=1.0).scan
    assert isinstance(page, Photo)
    height, width = page.pixels.shape[:2]
    assert all(0 < x < width and 0 < y < height for x, y in page.quad)
    middle = np.mean(page.quad, axis=0)
    for corner in np.array(page.quad):
        inward = (corner - middle) / np.linalg.norm(corner - middle)
        inner, outer = (corner - 25 * inward).astype(int), (corner + 25 * inward).astype(int)
        on_paper, on_table = (page.pixels[y, x].astype(int).sum() for x, y in (inner, outer))
        assert on_paper > on_table


def test_skew_and_turns_are_what_they_are_said_to_be() -> None:
    steep = draw_page("skew", a_seed("skew"), severity=1.0).scan
    assert isinstance(steep, Scan)
    assert abs(steep.skew_deg) == 15
    assert draw_page("clean", a_seed("clean")).skew_deg == 0
    turns = {
        draw_page("quarter_turn", seed).scan.quarter_turn
        for seed in range(1000, 1012)
        if family_of("quarter_turn", seed) in CROSCORE
    }
    assert turns == {90, 180, 270}


def test_seeds_for_tuning_and_for_reporting_are_apart() -> None:
    assert not set(DEV_SEEDS) & set(TEST_SEEDS)
    assert all(0 <= severity_of(seed) < 1 for seed in (*DEV_SEEDS, *TEST_SEEDS))
    assert {family_of("dim", seed) for seed in DEV_SEEDS[:4]} == set(FAMILIES)


def test_texts_for_tuning_and_for_reporting_are_apart(shared: Path) -> None:
    folder = shared / "data" / "vi_text"
    rows = (folder / "laws_index.tsv").read_text(encoding="utf-8").splitlines()[1:]
    held_out = {row.split("\t")[1] for number, row in enumerate(rows) if number % 8 == 0}
    dev, test = ({law.name for law in load_laws(folder, purpose)} for purpose in ("dev", "test"))
    assert not dev & test
    assert dev | test == held_out


def test_there_is_text_without_the_development_data() -> None:
    prose = draw_prose(random.Random(1), load_laws(None, "dev"))
    paragraphs = [next(prose) for _ in range(60)]
    assert {paragraph.role for paragraph in paragraphs} == {"heading", "article", "clause"}
    figures = " ".join(draw_figures(random.Random(seed)) for seed in range(20))
    assert "NĐ-CP" in figures and "sinh ngày" in figures and "đồng" in figures


def test_pages_to_turn_come_in_every_quarter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.bench.orientation.FAMILIES", CROSCORE)
    pages = list(draw_turned_pages(4, DEV_SEEDS))
    assert [page.quarter_turn for page in pages] == [0, 90, 180, 270]
    assert all(page.words <= 15 and abs(page.skew_deg) <= 15 for page in pages)
    assert pages[0].scan.pixels.ndim == 2
