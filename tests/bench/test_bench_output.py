"""Table and HTML page from a result; runs joined; figures that must add up."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from scripts.bench.annex import keep_annex
from scripts.bench.html import render_html
from scripts.bench.result import PageResult, RunResult, Score, join_results, write_result
from scripts.bench.table import render_table, summarise


def a_score(text: str, cer: float, cpu_s: float, skew_error_deg: float | None = 0.01) -> Score:
    return Score(
        text=text,
        cer=cer,
        word_recall=1 - cer,
        quarter_turn=0,
        orientation_right=True,
        skew_error_deg=skew_error_deg,
        cpu_s=cpu_s,
    )


def a_page(kind: str, seed: int, read: str = "kiểm tra <b>", cer: float = 0.02) -> PageResult:
    return PageResult(
        kind=kind,
        seed=seed,
        severity=0.5,
        dpi=300,
        truth="kiểm tra <b>",
        quarter_turn=0,
        skew_deg=None if kind == "photo" else 1.5,
        verdict="readable",
        sohoa=a_score(read, cer, 0.5, None if kind == "photo" else 0.01),
        bare=a_score(read, cer, 0.6),
        ocrmypdf=a_score("kiem tra", 0.4, 6.0, 0.5),
        picture=f"{kind}-{seed}.jpg",
    )


@pytest.fixture
def result() -> RunResult:
    return RunResult(
        seeds="dev seeds",
        made_at="2026-11-24T12:00+00:00",
        sohoa_start_up_s=0.5,
        ocrmypdf_version="17.13.0",
        ocrmypdf_start_up_s=1.0,
        ocrmypdf_cached_kinds=("dim",),
        pages=(a_page("dim", 1000), a_page("dim", 1001, "kiêm tra <b>", 0.08), a_page("photo", 1000)),
    )


def test_the_table_has_a_line_a_kind_and_the_ratios(result: RunResult) -> None:
    table = render_table(result)
    dim = next(line for line in table.splitlines() if line.startswith("dim"))
    assert "0.0500" in dim and "0.4000" in dim and "100%" in dim and "0.500" in dim
    photo = next(line for line in table.splitlines() if line.startswith("photo"))
    assert " - " in photo
    assert "3 readable; flattened: 0 of 1 photos, 0 of 2 flat scans" in table
    assert "0.667 CPU s a page" in table  # (3 * 0.5 + 0.5) / 3
    assert "ours/bare 1.11" in table
    assert "peer/ours 9.50" in table  # (3 * 6 + 1) / (3 * 0.5 + 0.5)
    assert "kept from an earlier run for: dim" in table
    assert "kinds not better than OCRmyPDF: none" in table
    assert "printed words not found: 0 against 3, 100.0% fewer" in table  # 0.02 and 0.4 of three words each


def test_the_table_does_without_the_peer(result: RunResult) -> None:
    alone = tuple(page.model_copy(update={"ocrmypdf": None}) for page in result.pages)
    table = render_table(
        result.model_copy(update={"pages": alone, "ocrmypdf_version": None, "ocrmypdf_start_up_s": None})
    )
    assert "not measured" in table and "ours/bare 1.11" in table
    assert "peer/ours" not in table


def test_the_peer_is_compared_only_on_pages_it_has_read(result: RunResult) -> None:
    alone = result.model_copy(
        update={
            "pages": (a_page("fax", 1000).model_copy(update={"ocrmypdf": None}),),
            "ocrmypdf_version": None,
            "ocrmypdf_start_up_s": None,
        }
    )
    table = render_table(join_results([result, alone]))
    assert "peer/ours 9.50 on the same pages" in table
    assert "over 3 pages; peer/ours" in table
    assert next(line for line in table.splitlines() if line.startswith("fax")).endswith("not measured")


def test_means_leave_out_what_has_no_meaning() -> None:
    both = summarise([a_score("", 0.1, 1, None), a_score("", 0.3, 3, 0.2)])
    assert (both.cer, both.cpu_s, both.skew_error_mean_deg) == (pytest.approx(0.2), 2, 0.2)
    assert summarise([a_score("", 0.1, 1, None)]).skew_error_max_deg is None
    with pytest.raises(ValueError, match="no pages"):
        summarise([])


def test_the_html_page_stands_alone_and_marks_what_differs(result: RunResult, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "dim-1001.jpg"), np.full((20, 30), 200, np.uint8))
    html = render_html(result, tmp_path)
    assert html.count("data:image/jpeg;base64,") == 1
    assert "http://" not in html and "https://" not in html and "<script" not in html
    assert '<mark class="gone">kiểm</mark>' in html and '<mark class="new">kiêm</mark>' in html
    assert "&lt;b&gt;" in html and "<b>" not in html
    assert html.index("seed 1001") < html.index("seed 1000")  # the worst first


def test_what_other_commands_kept_beside_the_result_is_shown(result: RunResult, tmp_path: Path) -> None:
    keep_annex("without <border>: +0.0000", "ablation", tmp_path)
    html = render_html(result, tmp_path)
    assert "<h2>ablation</h2>" in html and "without &lt;border&gt;: +0.0000" in html


def test_a_result_is_written_and_read_back(result: RunResult, tmp_path: Path) -> None:
    write_result(result, tmp_path / "bench.json")
    assert RunResult.model_validate_json((tmp_path / "bench.json").read_text(encoding="utf-8")) == result


def test_a_page_measured_again_replaces_the_first(result: RunResult) -> None:
    again = result.model_copy(update={"pages": (a_page("dim", 1000, cer=0.5), a_page("fax", 1000))})
    joined = join_results([result, again])
    assert [(page.kind, page.seed) for page in joined.pages] == [
        ("dim", 1000),
        ("dim", 1001),
        ("photo", 1000),
        ("fax", 1000),
    ]
    assert joined.pages[0].sohoa.cer == 0.5
