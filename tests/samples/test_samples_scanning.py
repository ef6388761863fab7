"""Scans: the truth moves with the pixels, damage does what it says, files open and tell their dpi."""

import io
import math
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from schemas.page import Box
from scripts.samples.dossier import DemoDossier, write_demo_dossier, write_scans
from scripts.samples.page import PaperKind, SamplePage
from scripts.samples.papers import render_page
from scripts.samples.scanning import invert, map_point, scan, to_grey


@pytest.fixture(scope="module")
def page() -> SamplePage:
    return render_page(PaperKind.LETTER, 6)


@pytest.fixture(scope="module")
def small() -> SamplePage:
    pixels = np.full((120, 90, 3), 255, dtype=np.uint8)
    pixels[20:30, 10:40] = 0
    return SamplePage(pixels, (("đen", Box(10, 20, 40, 30)),), "đen")


turns = st.sampled_from([0, 90, 180, 270])


@given(turn=turns, skew=st.floats(-8, 8), cut=st.integers(0, 8), dpi=st.sampled_from([100, 200, 300]))
@settings(max_examples=25, deadline=None)
def test_the_transform_leads_there_and_back(
    small: SamplePage, turn: int, skew: float, cut: int, dpi: int
) -> None:
    made = scan(small, quarter_turn=turn, skew_deg=skew, cut_px=cut, dpi=dpi)
    there = map_point(made.matrix, 33, 44)
    assert map_point(invert(made.matrix), *there) == pytest.approx((33, 44), abs=1e-6)
    assert made.dpi == dpi


@given(turn=turns, skew=st.floats(-5, 5))
@settings(max_examples=20, deadline=None)
def test_the_truth_lies_where_the_ink_is(small: SamplePage, turn: int, skew: float) -> None:
    made = scan(small, quarter_turn=turn, skew_deg=skew)
    rows, columns = np.nonzero(to_grey(made.pixels) < 128)
    box = made.words[0][1]
    found = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
    assert found == pytest.approx((box.left, box.top, box.right, box.bottom), abs=1.6)


def test_truth_boxes_lie_over_the_ink_of_a_real_page(page: SamplePage) -> None:
    for turn, skew in ((90, 2.0), (270, -1.5)):
        made = scan(page, quarter_turn=turn, skew_deg=skew, dpi=200)
        dark = to_grey(made.pixels) < 140
        for text, box in made.words:
            assert dark[round(box.top) : round(box.bottom), round(box.left) : round(box.right)].any(), text


def test_positive_skew_is_counter_clockwise(small: SamplePage) -> None:
    made = scan(small, skew_deg=10)
    (x0, y0), (x1, y1) = map_point(made.matrix, 0, 60), map_point(made.matrix, 90, 60)
    assert math.degrees(math.atan2(y0 - y1, x1 - x0)) == pytest.approx(10)


def test_a_quarter_turn_clockwise_makes_it_upright(small: SamplePage) -> None:
    upright = scan(small, seed=3).pixels.astype(int)
    for turn in (90, 180, 270):
        turned = scan(small, seed=3, quarter_turn=turn).pixels
        back = np.rot90(turned, -turn // 90).astype(int)
        assert abs(back - upright).mean() < 3


def test_same_seed_same_scan(small: SamplePage) -> None:
    assert scan(small, seed=5, noise=4).jpeg == scan(small, seed=5, noise=4).jpeg
    assert scan(small, seed=5, noise=4).jpeg != scan(small, seed=6, noise=4).jpeg


def test_each_damage_does_what_it_says(page: SamplePage) -> None:
    def contrast(**conditions: float) -> tuple[float, float]:
        grey = to_grey(scan(page, dpi=150, **conditions).pixels)  # type: ignore[arg-type]
        return float(np.percentile(grey, 99)), float(np.percentile(grey, 1))

    bright, ink = contrast()
    assert bright > 235 and ink < 60
    assert contrast(dim=0.6)[0] < 130
    assert contrast(fade=0.8)[1] > 180
    assert contrast(blur_px=18)[1] > ink + 60
    assert contrast(dark_border=True, skew_deg=4)[1] < 30
    assert scan(page, dpi=100, bilevel=True).jpeg is None
    assert set(np.unique(scan(page, dpi=100, bilevel=True).pixels)) == {0, 255}
    assert scan(page, dpi=100, grey=True).pixels.ndim == 2
    assert scan(page, dpi=100).pixels.shape[:2] == (1169, 827)
    assert scan(page, dpi=100, cut_px=600).words[0][1].left < 0


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.tif", "a.pdf"])
@pytest.mark.parametrize("bilevel", [False, True])
def test_written_files_hold_the_scan(tmp_path: Path, page: SamplePage, name: str, bilevel: bool) -> None:
    made = scan(page, bilevel=bilevel, grey=not bilevel, dpi=150)
    write_scans(tmp_path / name, [made])
    if name.endswith(".pdf"):
        with pikepdf.open(tmp_path / name) as pdf:
            image = pikepdf.PdfImage(pdf.pages[0].Resources.XObject.Scan).as_pil_image()
    else:
        image = Image.open(tmp_path / name)
        assert image.info["dpi"] == pytest.approx((150, 150), abs=0.1)
    tolerance = 6 if name == "a.jpg" and bilevel else 0
    held = np.asarray(image.convert("L")).astype(int)
    assert abs(held - to_grey(made.pixels)).mean() <= tolerance


@pytest.fixture(scope="module")
def dossier(tmp_path_factory: pytest.TempPathFactory) -> DemoDossier:
    return write_demo_dossier(tmp_path_factory.mktemp("dossier"))


def test_the_demo_dossier_is_what_a_station_would_hand_over(dossier: DemoDossier) -> None:
    from schemas.dossier import RECORD_CODE

    assert RECORD_CODE.match(dossier.record_code)
    assert [document.ordinal for document in dossier.documents] == [1, 2, 3, 4, 5]
    assert {document.file.suffix for document in dossier.documents} == {".jpg", ".pdf", ".tif"}
    bad = dossier.documents[dossier.bad_ordinal - 1].pages[dossier.bad_page - 1]
    assert bad.condition == "out of focus"
    assert dossier.rescan.truth.text == bad.truth.text
    turned = [page.scan.quarter_turn for document in dossier.documents for page in document.pages]
    assert 180 in turned and 90 in turned


def test_the_demo_files_open_and_tell_their_resolution(dossier: DemoDossier) -> None:
    for document in dossier.documents:
        if document.file.suffix == ".pdf":
            with pikepdf.open(document.file) as pdf:
                assert len(pdf.pages) == len(document.pages)
                assert float(pdf.pages[0].mediabox[2]) == pytest.approx(595.2, abs=0.2)
        else:
            with Image.open(document.file) as image:
                assert getattr(image, "n_frames", 1) == len(document.pages)
                assert image.info["dpi"] == pytest.approx((300, 300), abs=0.1)
    with Image.open(io.BytesIO(dossier.rescan_file.read_bytes())) as image:
        assert image.size == (2480, 3508)
