"""Where Tesseract's models lie on this machine."""

import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from schemas.errors import MissingDependencyError, UsageError

# Debian, Ubuntu; Arch, Fedora; built from source; Homebrew; Nix and conda set TESSDATA_PREFIX.
KNOWN_FOLDERS = (
    "/usr/share/tesseract-ocr/5/tessdata",
    "/usr/share/tesseract-ocr/4.00/tessdata",
    "/usr/share/tessdata",
    "/usr/share/tesseract/tessdata",
    "/usr/local/share/tessdata",
    "/opt/homebrew/share/tessdata",
    "C:/Program Files/Tesseract-OCR/tessdata",
)
_MODEL_NAME = re.compile(r"[A-Za-z0-9_]+(\+[A-Za-z0-9_]+)*")


def find_tessdata(model: str, engine_folder: Callable[[], str | None]) -> Path:
    """The folder that holds every part of `model` (`vie`, or `vie+eng`).

    Looked for in `TESSDATA_PREFIX` (the folder itself or its parent), in the places where systems put it
    and in `engine_folder()` (what the engine takes for its own; asking it costs 0.07 CPU s). Raises
    `MissingDependencyError` naming the Debian package, `UsageError` for a name that is no model name.
    """
    if _MODEL_NAME.fullmatch(model) is None:
        raise UsageError(f"{model!r} is no Tesseract model name", advice="give a name such as vie")
    names = [f"{part}.traineddata" for part in model.split("+")]
    for folder in _folders(engine_folder):
        if all((folder / name).is_file() for name in names):
            return folder
    raise missing_model(model)


def missing_model(model: str) -> MissingDependencyError:
    """The error for a model that is nowhere; Debian names its packages `tesseract-ocr-<language>`."""
    packages = " ".join(f"tesseract-ocr-{part.replace('_', '-').lower()}" for part in model.split("+"))
    return MissingDependencyError(
        f"the Tesseract model {model!r} is not installed",
        advice=f"install {packages}, or set TESSDATA_PREFIX to the folder that holds it",
    )


def _folders(engine_folder: Callable[[], str | None]) -> Iterator[Path]:
    prefix = os.environ.get("TESSDATA_PREFIX")
    if prefix:
        yield Path(prefix)
        yield Path(prefix) / "tessdata"
    yield from map(Path, KNOWN_FOLDERS)
    own = engine_folder()
    # tesserocr names "./" where it knows nothing: a model is never taken from the working folder
    if own and Path(own).is_absolute():
        yield Path(own)
