"""Tesseract as a program, through pytesseract: for machines without a tesserocr wheel."""

import os
import shlex
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import fmean

import numpy as np
import pytesseract

from pipeline.reading.engine import STRIP_TIMEOUT_S
from pipeline.reading.page_tree import ListedWord, PageFrame, build_page_text
from pipeline.reading.run_words import place_words
from pipeline.reading.strip import StripText
from pipeline.reading.tessdata import find_tessdata
from schemas.errors import MissingDependencyError, ReadingTimeoutError, SohoaError
from schemas.page import PageText, Pixels, ReadingImage, RunImage

_AUTO_LAYOUT, _SINGLE_BLOCK = 3, 6  # Tesseract's page segmentation modes
_RUN_DPI = 200.0  # a run of body text, 36 px high, has about this
_STACK_PITCH_PX, _STACK_SIDE_PX = 52, 16  # white between stacked runs, so that none grow together
_WORD_LEVEL = "5"  # of Tesseract's TSV


class PytesseractEngine:
    """One Tesseract program and model; every reading starts the program once."""

    def __init__(self, model: str = "vie") -> None:
        """Find program and model. Raises `MissingDependencyError` naming what to install.

        Sets `OMP_THREAD_LIMIT=1` for the program unless the environment sets it: one process a core
        is faster than threads (facts: 1.04 CPU s a page).
        """
        if shutil.which(pytesseract.pytesseract.tesseract_cmd) is None:
            raise MissingDependencyError(
                "the program tesseract is not installed", advice="install tesseract-ocr"
            )
        self._tessdata = find_tessdata(model, _own_tessdata)
        self._model = model
        self._name = f"pytesseract {pytesseract.get_tesseract_version()}"
        os.environ.setdefault("OMP_THREAD_LIMIT", "1")

    @property
    def name(self) -> str:
        """Engine and Tesseract version, e.g. `pytesseract 5.3.0`."""
        return self._name

    @property
    def model(self) -> str:
        """Language model, e.g. `vie`."""
        return self._model

    def read(self, image: ReadingImage, *, width_px: int, height_px: int, timeout_s: float) -> PageText:
        """Read a whole page with one run of the program (see `Engine.read`). Raises `ReadingTimeoutError`."""
        table = self._run(image.grey, image.dpi, _AUTO_LAYOUT, timeout_s)
        frame = PageFrame(width_px, height_px, image.scale)
        return build_page_text(_listed_words(table), frame, engine=self.name, model=self.model)

    def read_runs(
        self, runs: Sequence[RunImage], *, width_px: int, height_px: int, timeout_s: float
    ) -> PageText:
        """Read all runs with one start of the program: stacked into one block of lines.

        See `Engine.read_runs`. Raises `ReadingTimeoutError`.
        """
        frame = PageFrame(width_px, height_px, 1.0)
        words: list[ListedWord] = []
        if runs:
            table = self._run(_stack(runs), _RUN_DPI, _SINGLE_BLOCK, timeout_s)
            for run, members in zip(runs, _unstack(_listed_words(table), runs), strict=True):
                words.extend(place_words(members, run))
        return build_page_text(words, frame, engine=self.name, model=self.model)

    def read_strip(self, grey: Pixels, *, dpi: float, timeout_s: float = STRIP_TIMEOUT_S) -> StripText:
        """See `Engine.read_strip`."""
        try:
            table = self._run(grey, dpi, _SINGLE_BLOCK, timeout_s)
        except ReadingTimeoutError:
            return StripText("", 0.0)
        frame = PageFrame(grey.shape[1], grey.shape[0], 1.0)
        read = build_page_text(_listed_words(table), frame, engine=self.name, model=self.model)
        confidences = [word.confidence for word in read.words]
        return StripText(read.text, fmean(confidences) if confidences else 0.0)

    def close(self) -> None:
        """Nothing stays loaded between readings."""

    def _run(self, grey: Pixels, dpi: float, psm: int, timeout_s: float) -> str:
        options = f"--psm {psm} --dpi {round(dpi)} -c tessedit_do_invert=0"
        options += f" --tessdata-dir {shlex.quote(str(self._tessdata))}"
        with tempfile.TemporaryDirectory(prefix="sohoa-reading-") as folder:
            picture = Path(folder) / "page.pgm"
            _write_pgm(picture, grey)
            try:
                return str(
                    pytesseract.image_to_data(
                        str(picture), lang=self._model, config=options, timeout=max(timeout_s, 0.001)
                    )
                )
            except pytesseract.TesseractError as error:
                raise SohoaError(
                    f"tesseract stopped with status {error.status}",
                    advice="run 'sohoa doctor'; if all is well there, look at the page",
                ) from error
            except pytesseract.TesseractNotFoundError as error:
                raise MissingDependencyError(
                    "the program tesseract is gone", advice="install tesseract-ocr"
                ) from error
            except RuntimeError as error:  # what pytesseract raises on its timeout
                raise ReadingTimeoutError(f"reading took longer than {timeout_s:g} s") from error


def _stack(runs: Sequence[RunImage]) -> Pixels:
    """Runs one below the other on white paper."""
    width = max(run.grey.shape[1] for run in runs) + 2 * _STACK_SIDE_PX
    stack = np.full((_STACK_PITCH_PX * len(runs) + _STACK_SIDE_PX, width), 255, np.uint8)
    for number, run in enumerate(runs):
        height_px, width_px = run.grey.shape
        top = _STACK_SIDE_PX + _STACK_PITCH_PX * number
        stack[top : top + height_px, _STACK_SIDE_PX : _STACK_SIDE_PX + width_px] = run.grey
    return stack


def _unstack(words: Iterable[ListedWord], runs: Sequence[RunImage]) -> list[list[ListedWord]]:
    """Words by run, boxes in each run's picture, left to right."""
    members: list[list[ListedWord]] = [[] for _ in runs]
    for word in words:
        row = int(((word.top + word.bottom) / 2 - _STACK_SIDE_PX) // _STACK_PITCH_PX)
        left, right = word.left - _STACK_SIDE_PX, word.right - _STACK_SIDE_PX
        members[min(max(row, 0), len(runs) - 1)].append(replace(word, left=left, right=right))
    return [sorted(row, key=lambda word: word.left) for row in members]


def _own_tessdata() -> str | None:
    """`share/tessdata` beside the program's `bin`, where builds outside the system put it."""
    program = shutil.which(pytesseract.pytesseract.tesseract_cmd)
    return str(Path(program).resolve().parent.parent / "share" / "tessdata") if program else None


def _write_pgm(path: Path, grey: Pixels) -> None:
    """A binary PGM: a header and the bare pixels; encoding a PNG instead costs 0.7 s a page."""
    height, width = grey.shape
    with path.open("wb") as file:
        file.write(b"P5 %d %d 255\n" % (width, height))
        file.write(grey.tobytes())


def _listed_words(table: str) -> Iterator[ListedWord]:
    """Words of Tesseract's TSV: level, page, block, paragraph, line, word, x, y, w, h, conf, text."""
    for row in table.split("\n"):
        cells = row.rstrip("\r").split("\t", 11)
        if len(cells) < 12 or cells[0] != _WORD_LEVEL:
            continue
        left, top, width, height = (int(cell) for cell in cells[6:10])
        yield ListedWord(
            block=int(cells[2]),
            line=(int(cells[3]), int(cells[4])),
            text=cells[11],
            confidence=float(cells[10]),
            left=left,
            top=top,
            right=left + width,
            bottom=top + height,
        )
