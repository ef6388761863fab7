"""Choose and load the engine."""

from typing import Literal

from pipeline.reading.engine import Engine
from schemas.errors import MissingDependencyError


def open_engine(name: Literal["auto", "tesserocr", "pytesseract"] = "auto", model: str = "vie") -> Engine:
    """Load an engine: `auto` takes tesserocr where it imports, else pytesseract.

    Raises `MissingDependencyError` naming the package where the engine, its program or the model is
    missing, `UsageError` where `model` is no model name.
    """
    if name == "pytesseract":
        return _open_pytesseract(model)
    try:
        from pipeline.reading.tesserocr_engine import TesserocrEngine  # noqa: PLC0415 - may not be installed
    except ImportError as error:
        if name == "auto":
            return _open_pytesseract(model)
        raise MissingDependencyError(
            "the Python package tesserocr is not installed or does not load",
            advice="install tesserocr, or choose the engine pytesseract",
        ) from error
    return TesserocrEngine(model)


def _open_pytesseract(model: str) -> Engine:
    from pipeline.reading.pytesseract_engine import PytesseractEngine  # noqa: PLC0415 - only where asked for

    return PytesseractEngine(model)
