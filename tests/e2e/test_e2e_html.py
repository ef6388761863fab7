"""`sohoa digitize --html`: the page a clerk looks at."""

import random
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sohoa_command import Sohoa

from schemas.errors import MissingDependencyError, OutputError
from schemas.page import Reason, Verdict
from schemas.report import REASON_ADVICE, REASON_LABELS, VERDICT_LABELS
from scripts.cli.gallery import Gallery
from scripts.html_report import ShownDocument, ShownPage, write_html_report
from scripts.samples.scanning import scan
from scripts.samples.typeset import set_slip


def test_every_input_is_on_the_page_with_its_verdict_and_what_to_do(tmp_path: Path, sohoa: Sohoa) -> None:
    slip = scan(set_slip(random.Random("html"), (), "Tinos"))
    assert slip.jpeg is not None
    (tmp_path / "phieu.jpg").write_bytes(slip.jpeg)
    Image.new("RGB", (600, 800), "white").save(tmp_path / "<trang>.png", dpi=(100, 100))
    (tmp_path / "hong.pdf").write_bytes(b"%PDF-1.7 cut short")
    inputs = [tmp_path / name for name in ("phieu.jpg", "<trang>.png", "hong.pdf")]
    ended = sohoa("digitize", *inputs, "--out", tmp_path / "out", "--html", "--no-sign", "--quiet")
    assert ended.returncode == 3
    html = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    titles = re.findall(r"<h2>(.*?)</h2>", html)
    assert titles == ["phieu.jpg", "&lt;trang&gt;.png", "hong.pdf"]
    assert html.count("data:image/jpeg;base64,") == 2
    assert VERDICT_LABELS[Verdict.BLANK] in html and REASON_ADVICE[Reason.BLANK] in html
    assert "không xử lý được" in html
    assert "http:" not in html and "https:" not in html and "<script" not in html


def test_a_bad_region_is_outlined_where_it_lies(tmp_path: Path) -> None:
    page = ShownPage(
        number=1,
        picture=np.full((400, 200), 250, np.uint8),
        verdict=Verdict.UNREADABLE,
        reasons=(Reason.BLUR,),
        outlines=(((0.0, 0.5), (1.0, 0.5), (1.0, 1.0), (0.0, 1.0)),),
    )
    path = tmp_path / "page.html"
    write_html_report([ShownDocument("a & b", "", (page,))], path, heading="<Sohoa>")
    html = path.read_text(encoding="utf-8")
    assert 'viewBox="0 0 200 400"' in html and 'points="0,200 200,200 200,400 0,400"' in html
    assert "&lt;Sohoa&gt;" in html and "a &amp; b" in html
    assert f"<b>{REASON_LABELS[Reason.BLUR]}</b>: {REASON_ADVICE[Reason.BLUR]}" in html


def test_a_folder_that_cannot_be_written_is_named_and_nothing_is_left(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="missing"):
        write_html_report([], tmp_path / "missing" / "page.html", heading="Sohoa")
    assert not list(tmp_path.iterdir())


def test_without_poppler_nothing_is_begun(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="poppler"):
        Gallery(tmp_path / "report.html")


def test_every_reason_has_a_label_and_an_advice() -> None:
    assert set(REASON_LABELS) == set(REASON_ADVICE) == set(Reason)
