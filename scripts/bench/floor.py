"""The floor: bare recognition alone, in process, on pages that our image steps have already prepared.

Nothing that turns pages into text with this engine can cost less without reading less.
"""

from time import process_time
from types import TracebackType
from typing import Self

import numpy as np
import tesserocr

from pipeline.image.prepare import prepare_for_reading, straighten
from pipeline.reading.engine import Engine
from pipeline.reading.open import open_engine
from pipeline.reading.strip import weigh_strip
from pipeline.reading.tessdata import find_tessdata
from schemas.page import ScanPage, UprightPage
from scripts.bench.reading import DocumentReading, PageReading

MODEL = "vie"


def turn_upright(scan: ScanPage, engine: Engine) -> UprightPage:
    """Turn and level a page as `pipeline.digitise` does, the engine reading strips where cues are weak."""
    return straighten(scan, lambda grey, dpi: weigh_strip(engine.read_strip(grey, dpi=dpi)))


class Floor:
    """Tesseract with its own layout (psm 3), `vie`, every setting as it comes."""

    def __init__(self) -> None:
        """Load the model twice: for preparing, and bare. Raises `MissingDependencyError`."""
        self._engine = open_engine("tesserocr", MODEL)
        folder = find_tessdata(MODEL, lambda: tesserocr.get_languages()[0])
        self._api = tesserocr.PyTessBaseAPI(path=f"{folder}/", lang=MODEL, psm=tesserocr.PSM.AUTO)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._engine.close()
        self._api.End()

    def read(self, scans: list[ScanPage]) -> DocumentReading:
        """Read pages; `cpu_s` is of the recognition alone: image handed over to text handed back."""
        pages, cpu_s = [], 0.0
        for scan in scans:
            upright = turn_upright(scan, self._engine)
            prepared = prepare_for_reading(upright)
            height, width = prepared.grey.shape
            grey = np.ascontiguousarray(prepared.grey).tobytes()
            started = process_time()
            self._api.SetImageBytes(grey, width, height, 1, width)
            self._api.SetSourceResolution(round(prepared.dpi))
            text = self._api.GetUTF8Text()
            cpu_s += process_time() - started
            self._api.Clear()
            pages.append(PageReading(text, upright.orientation.quarter_turn, upright.skew.skew_deg))
        return DocumentReading(tuple(pages), cpu_s)
