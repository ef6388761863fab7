"""Both engines on pages rendered here: same words, boxes on the ink, honest errors."""

import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageFont

from pipeline.reading.engine import Engine
from pipeline.reading.open import open_engine
from pipeline.reading.strip import weigh_strip
from schemas.errors import MissingDependencyError, ReadingTimeoutError, UsageError
from schemas.page import Box, PageText, ReadingImage, RunImage

FONT = Path("/usr/share/fonts/truetype/croscore/Tinos-Regular.ttf")
LINES = (
    "ỦY BAN NHÂN DÂN TỈNH",
    "Căn cứ Luật Tổ chức chính quyền địa phương ngày 19 tháng 6",
    "Thực hiện nhiệm vụ được giao, phòng đã kiểm tra hồ sơ",
    "Người nộp phải chịu trách nhiệm về nội dung kê khai",
    "Thời hạn giải quyết là mười lăm ngày làm việc",
)
WIDTH_PX, HEIGHT_PX, DPI = 1650, 800, 200.0

pytestmark = pytest.mark.skipif(not FONT.exists(), reason="fonts-croscore is not installed")


@dataclass(frozen=True)
class Rendered:
    image: ReadingImage
    words: tuple[tuple[str, Box], ...]


def _render(scale: float = 1.0) -> Rendered:
    """A page of LINES; word boxes are those of the ink, in page pixels (before `scale`)."""
    font = ImageFont.truetype(str(FONT), 42)
    page = Image.new("L", (WIDTH_PX, HEIGHT_PX), 255)
    draw = ImageDraw.Draw(page)
    words = []
    for row, line in enumerate(LINES):
        x = 150.0
        for word in line.split():
            words.append((word, Box(*draw.textbbox((x, 120 + 110 * row), word, font=font))))
            draw.text((x, 120 + 110 * row), word, font=font, fill=0)
            x += draw.textlength(word + " ", font=font)
    grey = page.resize((round(WIDTH_PX * scale), round(HEIGHT_PX * scale)), Image.Resampling.LANCZOS)
    return Rendered(ReadingImage(np.asarray(grey), DPI * scale, scale), tuple(words))


def _read(engine: Engine, image: ReadingImage) -> PageText:
    return engine.read(image, width_px=WIDTH_PX, height_px=HEIGHT_PX, timeout_s=60)


def _iou(a: Box, b: Box) -> float:
    width = min(a.right, b.right) - max(a.left, b.left)
    height = min(a.bottom, b.bottom) - max(a.top, b.top)
    shared = max(width, 0) * max(height, 0)
    both = (a.right - a.left) * (a.bottom - a.top) + (b.right - b.left) * (b.bottom - b.top)
    return shared / (both - shared)


@pytest.fixture(scope="module", params=["tesserocr", "pytesseract"])
def engine(request: pytest.FixtureRequest) -> Iterator[Engine]:
    if request.param == "tesserocr":
        pytest.importorskip("tesserocr")
    opened = open_engine(request.param)
    yield opened
    opened.close()


@pytest.mark.parametrize("scale", [1.0, 1.25])
def test_reads_nearly_all_words_with_boxes_on_the_ink(engine: Engine, scale: float) -> None:
    page = _render(scale)
    text = _read(engine, page.image)
    found = Counter(word.text for word in text.words)
    expected = Counter(word for word, _ in page.words)
    assert (found & expected).total() >= 0.95 * expected.total()
    overlaps = [
        max(_iou(word.box, box) for word in text.words if word.text == printed)
        for printed, box in page.words
        if printed in found
    ]
    assert np.mean(overlaps) > 0.8
    assert min(overlaps) > 0.5
    assert (text.width_px, text.height_px, text.model) == (WIDTH_PX, HEIGHT_PX, "vie")
    assert engine.name.split()[0] in text.engine


def test_tree_is_nested_and_in_range(engine: Engine) -> None:
    text = _read(engine, _render().image)
    assert text.text.split("\n")[1].startswith("Căn cứ Luật")
    assert len(text.lines) == len(LINES)
    for block in text.blocks:
        for line in block.lines:
            assert block.box.left <= line.box.left < line.box.right <= block.box.right
            for word in line.words:
                assert line.box.top <= word.box.top < word.box.bottom <= line.box.bottom
                assert 0 <= word.confidence <= 1
                assert word.text.strip() == word.text != ""


def test_engines_give_the_same_tree() -> None:
    pytest.importorskip("tesserocr")
    image = _render().image
    trees = [_read(open_engine(name), image) for name in ("tesserocr", "pytesseract")]  # type: ignore[arg-type]
    shapes = [[len(line.words) for line in tree.lines] for tree in trees]
    assert shapes[0] == shapes[1]
    pairs = zip(trees[0].words, trees[1].words, strict=True)
    assert all(_iou(one.box, other.box) > 0.8 for one, other in pairs)


def _cut_runs(page: Rendered) -> list[RunImage]:
    """Each of LINES as a picture 36 px high, as the layout room cuts them."""
    runs = []
    for row in range(len(LINES)):
        boxes = [box for (_, box), line in zip(page.words, _line_numbers(), strict=True) if line == row]
        left, right = round(min(box.left for box in boxes)) - 2, round(max(box.right for box in boxes)) + 2
        top, bottom = round(min(box.top for box in boxes)) - 6, round(max(box.bottom for box in boxes)) + 6
        crop = Image.fromarray(page.image.grey[top:bottom, left:right])
        size = round(0.9 * (right - left) * 36 / (bottom - top)), 36
        grey = np.asarray(crop.resize(size, Image.Resampling.LANCZOS))
        ink = np.where(grey < 140, 255, 0).astype(np.uint8)
        scale_x, scale_y = size[0] / (right - left), 36 / (bottom - top)
        runs.append(RunImage(grey, ink, left, top, scale_x, scale_y, block=row // 2, row=row))
    return runs


def _line_numbers() -> list[int]:
    return [row for row, line in enumerate(LINES) for _ in line.split()]


def _read_runs(engine: Engine, runs: list[RunImage], timeout_s: float = 60) -> PageText:
    return engine.read_runs(runs, width_px=WIDTH_PX, height_px=HEIGHT_PX, timeout_s=timeout_s)


def test_runs_are_read_in_their_order_with_boxes_on_the_ink(engine: Engine) -> None:
    page = _render()
    text = _read_runs(engine, _cut_runs(page)[::-1])
    assert [line.words[0].text for line in text.lines] == [line.split()[0] for line in reversed(LINES)]
    read = Counter(word.text for word in text.words)
    assert (read & Counter(word for word, _ in page.words)).total() >= 0.95 * len(page.words)
    for printed, box in page.words:
        candidates = [_iou(word.box, box) for word in text.words if word.text == printed]
        if candidates:
            assert max(candidates) > 0.7


def test_runs_keep_their_blocks_and_rows(engine: Engine) -> None:
    text = _read_runs(engine, _cut_runs(_render()))
    assert [len(block.lines) for block in text.blocks] == [2, 2, 1]
    assert [len(line.words) for line in text.lines] == [len(line.split()) for line in LINES]


def test_nothing_is_invented_where_there_is_no_ink(engine: Engine) -> None:
    blank = np.full((36, 400), 252, np.uint8)
    run = RunImage(blank, np.zeros_like(blank), 10, 10, 1.0, 1.0, block=0, row=0)
    assert _read_runs(engine, [run]).words == ()
    assert _read_runs(engine, []).words == ()


def test_all_runs_together_have_one_deadline(engine: Engine) -> None:
    runs = _cut_runs(_render())
    with pytest.raises(ReadingTimeoutError):
        _read_runs(engine, runs * 20, timeout_s=0.01)
    assert len(_read_runs(engine, runs).lines) == len(LINES)


def test_blank_page_has_no_blocks(engine: Engine) -> None:
    blank = np.full((HEIGHT_PX, WIDTH_PX), 255, np.uint8)
    assert _read(engine, ReadingImage(blank, DPI, 1.0)).blocks == ()


def test_tiny_page_has_no_blocks(engine: Engine) -> None:
    assert _read(engine, ReadingImage(np.zeros((2, 3), np.uint8), DPI, 1.0)).words == ()


def test_too_little_time_is_a_timeout_and_the_engine_lives_on(engine: Engine) -> None:
    image = _render().image
    with pytest.raises(ReadingTimeoutError):
        engine.read(image, width_px=WIDTH_PX, height_px=HEIGHT_PX, timeout_s=0.002)
    assert len(_read(engine, image).lines) == len(LINES)


def test_strip_is_plain_text_and_leaves_page_reading_alone(engine: Engine) -> None:
    image = _render().image
    strip = engine.read_strip(image.grey[210:420], dpi=image.dpi)
    assert "Căn cứ Luật Tổ chức" in strip.text
    assert "Thực hiện nhiệm vụ" in strip.text
    assert strip.mean_confidence > 0.8
    upside_down = engine.read_strip(np.ascontiguousarray(image.grey[210:420][::-1, ::-1]), dpi=image.dpi)
    assert weigh_strip(strip) > 0.7
    assert weigh_strip(upside_down) < 0.3
    assert len(_read(engine, image).lines) == len(LINES)


def test_a_strip_of_bare_paper_weighs_nothing(engine: Engine) -> None:
    assert weigh_strip(engine.read_strip(np.full((120, 600), 255, np.uint8), dpi=300)) == 0.0


def test_a_strip_that_takes_too_long_says_nothing(engine: Engine) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (400, 2000)).astype(np.uint8)
    assert weigh_strip(engine.read_strip(noise, dpi=300, timeout_s=0.001)) == 0.0


@pytest.mark.parametrize("name", ["auto", "tesserocr", "pytesseract"])
def test_missing_model_names_its_package(name: str) -> None:
    with pytest.raises(MissingDependencyError, match="tesseract-ocr-xyz"):
        open_engine(name, model="xyz")  # type: ignore[arg-type]


def test_model_name_is_no_path() -> None:
    with pytest.raises(UsageError):
        open_engine("auto", model="../vie")


def test_missing_program_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingDependencyError, match="install tesseract-ocr"):
        open_engine("pytesseract")


def test_damaged_model_is_a_missing_dependency(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    pytest.importorskip("tesserocr")
    (tmp_path / "vie.traineddata").write_bytes(b"\x00" * 64)
    monkeypatch.setenv("TESSDATA_PREFIX", str(tmp_path))
    with pytest.raises(MissingDependencyError):
        open_engine("tesserocr")


def test_no_files_stay_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    program = open_engine("pytesseract")
    image = _render().image
    _read(program, image)
    with pytest.raises(ReadingTimeoutError):
        program.read(image, width_px=WIDTH_PX, height_px=HEIGHT_PX, timeout_s=0.002)
    assert list(tmp_path.iterdir()) == []


def test_other_threads_run_while_tesserocr_reads() -> None:
    pytest.importorskip("tesserocr")
    loaded = open_engine("tesserocr")
    image = _render().image
    reading, ticks = threading.Event(), 0
    done = threading.Event()

    def read() -> None:
        reading.set()
        _read(loaded, image)
        done.set()

    thread = threading.Thread(target=read)
    thread.start()
    reading.wait()
    while not done.wait(0.001):
        ticks += 1
    thread.join()
    assert ticks > 5
