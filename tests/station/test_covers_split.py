"""`sohoa cover` and `sohoa split`: from a printed PDF to one PDF a paper, the rest waiting, nothing lost."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pikepdf
import pytest
from covers_stacks import (
    DPI,
    FIRST,
    SECOND,
    dossier,
    draw_page,
    render,
    sheets_of,
    write_tiff,
)
from pdf2image import convert_from_path
from PIL import Image

from pipeline.intake.open import open_source
from schemas.errors import BadInputError, OutputError, UsageError
from schemas.page import Pixels
from schemas.settings import Limits
from schemas.stack_settings import StackRules
from workers.station.folders import map_folder, read_mark
from workers.station.handing_over import hand_over
from workers.station.separating import lay_out, separate


def sohoa(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    code = "from scripts.cli import main; main()"
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, check=False, env={**os.environ, **variables}, timeout=120
    )


@pytest.fixture(scope="module")
def pages() -> list[Pixels]:
    """Two dossiers: of two papers with one and two pages, and of one page."""
    first, second = render(sheets_of(dossier(FIRST, 1, 2), dossier(SECOND, 1)))
    return [first, draw_page(1), draw_page(2), draw_page(3), second, draw_page(4)]


def read_back(path: Path) -> list[Pixels]:
    with open_source(path, Limits()) as source:
        return [source.read_page(number).pixels for number in range(1, source.page_count + 1)]


def test_a_stack_becomes_one_pdf_a_paper(pages: list[Pixels], tmp_path: Path) -> None:
    stack = write_tiff(pages, tmp_path / "stack.tif")
    before = hashlib.sha256(stack.read_bytes()).hexdigest()
    done = sohoa("split", stack, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    names = sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.pdf"))
    assert names == [
        f"{SECOND}/{SECOND}.1.pdf", f"{FIRST}/{FIRST}.1.pdf", f"{FIRST}/{FIRST}.2.pdf", "aside.pdf",
    ]  # fmt: skip
    second = read_back(tmp_path / "out" / FIRST / f"{FIRST}.2.pdf")
    assert len(second) == 2
    assert all(np.array_equal(back, page) for back, page in zip(second, pages[2:4], strict=True))
    assert hashlib.sha256(stack.read_bytes()).hexdigest() == before
    told = json.loads((tmp_path / "out" / "plan.json").read_text())
    assert told["schema"] == "sohoa/stack-plan@1"
    assert FIRST in done.stdout


def test_what_is_certain_goes_to_the_stations_folder_whole_and_once(
    pages: list[Pixels], tmp_path: Path
) -> None:
    stack, scans, parted = write_tiff(pages, tmp_path / "stack.tif"), tmp_path / "scans", tmp_path / "parted"
    scans.mkdir()
    asked = ("split", stack, "--out", parted, "--into", scans, "--procedure", "1.004884")
    done = sohoa(*asked)
    assert done.returncode == 0, done.stderr
    mapped = map_folder(scans)
    assert mapped.strays == ()
    found = [
        (one.record_code, one.procedure_code, len(one.scans), one.mark and read_mark(one.mark))
        for one in mapped.dossiers
    ]
    assert found == [(SECOND, "1.004884", 1, 1), (FIRST, "1.004884", 2, 3)]
    second = read_back(scans / f"{FIRST}__1.004884" / "02.pdf")
    assert all(np.array_equal(back, page) for back, page in zip(second, pages[2:4], strict=True))
    for taken in scans.iterdir():
        taken.rename(tmp_path / f"archived-{taken.name}")  # as the agent does in the end
    again = sohoa(*asked)
    assert (again.returncode, again.stdout) == (0, "")
    assert list(scans.iterdir()) == []


def test_a_move_that_was_cut_short_is_finished(pages: list[Pixels], tmp_path: Path) -> None:
    stack, scans, parted = write_tiff(pages, tmp_path / "stack.tif"), tmp_path / "scans", tmp_path / "parted"
    scans.mkdir()
    lay_out(stack, separate(stack, Limits(), StackRules()).plan, parted, Limits())
    (scans / SECOND).mkdir()
    with pytest.raises(OutputError, match="already"):
        hand_over(parted, scans)
    (scans / SECOND).rmdir()
    (scans / FIRST).rename(scans / f".parted.{FIRST}.part")  # killed between the two renames
    assert hand_over(parted, scans) == (FIRST, SECOND)
    assert sorted(path.name for path in scans.iterdir()) == sorted([FIRST, SECOND])


def test_a_stack_that_is_none_is_named_and_leaves_nothing(tmp_path: Path) -> None:
    stack = tmp_path / "empty.tif"
    stack.touch()
    done = sohoa("split", stack)
    assert (done.returncode, done.stdout) == (3, "")
    assert done.stderr.startswith(f"sohoa: {stack}: the file is empty")
    assert [path.name for path in tmp_path.iterdir()] == ["empty.tif"]


def test_a_folder_keeps_the_scanners_jpeg_bit_for_bit(pages: list[Pixels], tmp_path: Path) -> None:
    folder = tmp_path / "stack"
    folder.mkdir()
    for number, page in enumerate(pages, 1):
        Image.fromarray(page).save(folder / f"scan{number}.jpg", quality=90, dpi=(DPI, DPI))
    told = separate(folder, Limits(), StackRules())
    papers = lay_out(folder, told.plan, tmp_path / "out", Limits())
    assert [(p.record_code, p.ordinal) for p in papers] == [(FIRST, 1), (FIRST, 2), (SECOND, 1)]
    with pikepdf.open(papers[0].path) as pdf:
        (image,) = pdf.pages[0].Resources.XObject.values()
        assert image.read_raw_bytes() == (folder / "scan2.jpg").read_bytes()


def test_what_waits_is_shown_and_kept(pages: list[Pixels], tmp_path: Path) -> None:
    spoiled = pages[4].copy()
    spoiled[100:1070, 100:730] = 250
    stack = write_tiff([*pages[:4], spoiled, pages[5]], tmp_path / "stack.tif")
    done = sohoa("split", stack)
    out = tmp_path / "stack.tif.split"
    assert done.returncode == 1
    assert "trang 5-6 chờ xử lý" in done.stdout
    assert "sheet_unreadable" in done.stdout
    assert len(read_back(out / "waiting" / "0005-0006.pdf")) == 2
    html = (out / "waiting.html").read_text()
    assert "mã không đọc được" in html
    assert html.count("<img") == 2
    assert (out / FIRST).is_dir()
    assert sohoa("split", stack, "--say", "7=page", "--out", tmp_path / "none").returncode == 2
    done = sohoa("split", stack, "--say", f"5={SECOND}", "--out", tmp_path / "mended")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / "mended" / SECOND / f"{SECOND}.1.pdf").is_file()


def test_one_page_that_cannot_be_decoded_does_not_stop_the_others(
    pages: list[Pixels], tmp_path: Path
) -> None:
    folder = tmp_path / "stack"
    folder.mkdir()
    for number, page in enumerate(pages, 1):
        Image.fromarray(page).save(folder / f"{number}.png", dpi=(DPI, DPI))
    whole = (folder / "3.png").read_bytes()
    (folder / "3.png").write_bytes(whole[: len(whole) // 2])
    told = separate(folder, Limits(), StackRules())
    assert [d.record_code for d in told.plan.dossiers] == [SECOND]
    papers = lay_out(folder, told.plan, tmp_path / "out", Limits())
    assert len(papers) == 1
    assert "không mở được" in (tmp_path / "out" / "waiting.html").read_text()


def test_nothing_half_written_is_left(pages: list[Pixels], tmp_path: Path) -> None:
    stack = write_tiff(pages, tmp_path / "stack.tif")
    plan = separate(stack, Limits(), StackRules()).plan
    (tmp_path / "out").mkdir()
    with pytest.raises(OutputError, match="there already"):
        lay_out(stack, plan, tmp_path / "out", Limits())
    write_tiff(pages[:3], stack)
    with pytest.raises(BadInputError, match="other pages"):
        lay_out(stack, plan, tmp_path / "new", Limits())
    assert sorted(p.name for p in tmp_path.iterdir()) == ["out", "stack.tif"]


def test_limits_hold_for_stacks(pages: list[Pixels], tmp_path: Path) -> None:
    stack = write_tiff(pages, tmp_path / "stack.tif")
    with pytest.raises(BadInputError):
        separate(stack, Limits(max_pages=3), StackRules())
    told = separate(stack, Limits(max_pixels=1000), StackRules())
    assert {s.failure for s in told.sights} == {"over_limit"}
    assert not told.plan.dossiers


def test_a_template_must_name_the_record(tmp_path: Path, pages: list[Pixels]) -> None:
    stack = write_tiff(pages[:2], tmp_path / "stack.tif")
    for template in ("(", "no group"):
        with pytest.raises(UsageError, match="template"):
            separate(stack, Limits(), StackRules(record_templates=(template,)))


def test_sheets_are_printed_from_a_list(tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(
        f"Mã hồ sơ;Thủ tục;Giấy tờ;Số trang\n{FIRST};1.004884;Đơn đề nghị cấp phép;2\n;;Giấy khai sinh;1\n"
        f"{SECOND};;Tờ khai;\n",
        encoding="utf-8-sig",
    )
    done = sohoa("cover", "--csv", listed, "--out", tmp_path / "covers.pdf")
    assert done.returncode == 0, done.stderr
    with pikepdf.open(tmp_path / "covers.pdf") as pdf:
        assert len(pdf.pages) == 3
        assert pdf.Root.ViewerPreferences.Duplex == "/Simplex"
    text = subprocess.run(
        ["pdftotext", "-layout", tmp_path / "covers.pdf", "-"], capture_output=True, text=True, check=True
    ).stdout
    for line in ("Đơn đề nghị cấp phép", "2 trang", "TỜ KẾT THÚC HỒ SƠ", SECOND, "Tờ 3 / 3"):
        assert line in text
    sheets = convert_from_path(tmp_path / "covers.pdf", dpi=DPI, grayscale=True)
    stack = write_tiff(
        [np.asarray(sheets[0]), *[draw_page(n) for n in (1, 2, 3)], np.asarray(sheets[1]), draw_page(4),
         np.asarray(sheets[2])],
        tmp_path / "stack.tif",
    )  # fmt: skip
    assert sohoa("split", stack).returncode == 0


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ("ma;giay to\n;x", "row 2: record"),
        (f"ma ho so;so trang;giay to\n{FIRST};0;Đơn", "row 2: pages"),
        (f"ma ho so\n{FIRST}\n{SECOND}\n{FIRST}", "row 4: record"),
        ("ten\nx", "no column for record"),
    ],
)
def test_every_wrong_row_of_a_list_is_told(rows: str, told: str, tmp_path: Path) -> None:
    listed = tmp_path / "list.csv"
    listed.write_text(rows, encoding="utf-8")
    done = sohoa("cover", "--csv", listed, "--out", tmp_path / "covers.pdf")
    assert done.returncode == 3
    assert told in done.stderr
    assert not (tmp_path / "covers.pdf").exists()


def test_wrong_calls_are_told_in_one_line(tmp_path: Path) -> None:
    for arguments in (
        ("cover", "--out", tmp_path / "x.pdf"),
        ("cover", "--record", "no code", "--out", tmp_path / "x.pdf"),
        ("cover", "--record", FIRST, "--paper", "ไทย=1", "--out", tmp_path / "x.pdf"),
        ("split", tmp_path, "--say", "x"),
    ):
        done = sohoa(*arguments)
        assert done.returncode == 2, done.stderr
        assert done.stderr.startswith("sohoa: ")
        assert done.stderr.count("\n") == 1
