"""Tesseract in process, through tesserocr: the default engine."""

import math
import os
import time
from collections.abc import Iterator, Sequence

import numpy as np
import tesserocr

from pipeline.reading.alternatives import crop_from_page, crop_from_runs, weigh_words
from pipeline.reading.engine import STRIP_TIMEOUT_S
from pipeline.reading.page_tree import ListedWord, PageFrame, build_page_text
from pipeline.reading.restoration import find_doubtful
from pipeline.reading.run_words import place_words
from pipeline.reading.strip import StripText
from pipeline.reading.tessdata import find_tessdata
from schemas.errors import MissingDependencyError, ReadingTimeoutError, SohoaError
from schemas.page import PageText, Pixels, ReadingImage, RunImage

_RUN_DPI = 200.0  # a run of body text, 36 px high, has about this; Tesseract only wants no warning
# No second try with colours turned: -19 % time on bad pages (facts/image-and-ocr.md); no chatter on stderr.
_VARIABLES = {"tessedit_do_invert": "0", "debug_file": os.devnull}


class TesserocrEngine:
    """One loaded model; belongs to the thread that made it, and releases the GIL while it reads."""

    def __init__(self, model: str = "vie") -> None:
        """Load `model`. Raises `MissingDependencyError` where it is not installed or is damaged."""
        folder = find_tessdata(model, lambda: tesserocr.get_languages()[0])
        try:
            self._api = tesserocr.PyTessBaseAPI(
                path=f"{folder}/", lang=model, psm=tesserocr.PSM.AUTO, variables=_VARIABLES
            )
        except RuntimeError as error:
            raise MissingDependencyError(
                f"Tesseract cannot load the model {model!r} in {folder}",
                advice="install the model's package again",
            ) from error
        self._name = f"tesserocr {tesserocr.PyTessBaseAPI.Version()}"
        self._model = model

    @property
    def name(self) -> str:
        """Engine and Tesseract version, e.g. `tesserocr 5.5.4`."""
        return self._name

    @property
    def model(self) -> str:
        """Language model, e.g. `vie`."""
        return self._model

    def read(self, image: ReadingImage, *, width_px: int, height_px: int, timeout_s: float) -> PageText:
        """Read a whole page with one recognition (see `Engine.read`). Raises `ReadingTimeoutError`.

        Tesseract looks at the deadline between words; its layout analysis (about a fifth of the
        time) runs to its end first. Doubtful words carry the alternatives of a second look.
        """
        frame = PageFrame(width_px, height_px, image.scale)
        self._recognise(image.grey, image.dpi, tesserocr.PSM.AUTO, timeout_s)
        try:
            text = build_page_text(self._listed_words(), frame, engine=self.name, model=self.model)
        finally:
            self._api.Clear()
        return weigh_words(self._api, text, find_doubtful(text), crop_from_page(image, text))

    def read_runs(
        self, runs: Sequence[RunImage], *, width_px: int, height_px: int, timeout_s: float
    ) -> PageText:
        """Read a page run by run, layout left out (see `Engine.read_runs`). Raises `ReadingTimeoutError`."""
        deadline = time.monotonic() + timeout_s
        frame = PageFrame(width_px, height_px, 1.0)
        words: list[ListedWord] = []
        for run in runs:
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise ReadingTimeoutError(f"reading took longer than {timeout_s:g} s")
            words.extend(place_words(self._read_run(run, left_s), run))
        text = build_page_text(words, frame, engine=self.name, model=self.model)
        return weigh_words(self._api, text, find_doubtful(text), crop_from_runs(runs, text))

    def _read_run(self, run: RunImage, timeout_s: float) -> list[ListedWord]:
        """Words of one run, boxes in its picture's pixels."""
        self._recognise(run.grey, _RUN_DPI, tesserocr.PSM.RAW_LINE, timeout_s)
        try:
            return list(self._listed_words())
        finally:
            self._api.Clear()

    def read_strip(self, grey: Pixels, *, dpi: float, timeout_s: float = STRIP_TIMEOUT_S) -> StripText:
        """See `Engine.read_strip`."""
        try:
            self._recognise(grey, dpi, tesserocr.PSM.SINGLE_BLOCK, timeout_s)
        except ReadingTimeoutError:
            return StripText("", 0.0)
        try:
            return StripText(str(self._api.GetUTF8Text()).strip(), self._api.MeanTextConf() / 100)
        finally:
            self._api.Clear()

    def close(self) -> None:
        """Free the model; the engine cannot read afterwards."""
        self._api.End()

    def _recognise(self, grey: Pixels, dpi: float, psm: int, timeout_s: float) -> None:
        height, width = grey.shape
        self._api.SetPageSegMode(psm)
        self._api.SetImageBytes(np.ascontiguousarray(grey).tobytes(), width, height, 1, width)
        self._api.SetSourceResolution(round(dpi))
        deadline = time.monotonic() + timeout_s
        # 0 ms would mean no deadline at all
        finished = self._api.Recognize(max(1, math.ceil(timeout_s * 1000)))
        if finished:
            return
        self._api.Clear()
        if time.monotonic() >= deadline:
            raise ReadingTimeoutError(f"reading took longer than {timeout_s:g} s")
        raise SohoaError("Tesseract could not read the page", advice="look at the page; scan it again")

    def _listed_words(self) -> Iterator[ListedWord]:
        # 9 ms for 519 words, against 25 ms for GetTSVText and 50 ms for GetHOCRText.
        word_level, line_level = tesserocr.RIL.WORD, tesserocr.RIL.TEXTLINE
        words = self._api.GetIterator()
        if words is None:
            return
        block = line = 0
        for word in tesserocr.iterate_level(words, word_level):
            if word.IsAtBeginningOf(line_level):
                line += 1
                block += word.IsAtBeginningOf(tesserocr.RIL.BLOCK)
            box = word.BoundingBox(word_level)
            if box is None:
                continue
            text = word.GetUTF8Text(word_level)
            yield ListedWord(block, (block, line), text, word.Confidence(word_level), *box)
