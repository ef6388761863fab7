"""The peer: OCRmyPDF's command on the same files, its text from `--sidecar`, its turns from its log.

It is looked for, never imported. What it answered is kept by the bytes of the file and the command, with
the CPU seconds it took then, so that a later run of the bench need not wait for it.
"""

import json
import re
import shutil
import tempfile
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path

from schemas.errors import MissingDependencyError
from schemas.page import QuarterTurn
from scripts.bench.cpu import run_counted
from scripts.bench.reading import DocumentReading, PageReading

OPTIONS = ("-l", "vie+eng", "--deskew", "--rotate-pages", "--output-type", "pdfa", "--jobs", "1")
_TIMEOUT_S = 560.0

_FACING = re.compile(r"^\s*(\d+)\s+page is facing (.), confidence [-\d.]+ - (.*)$", re.MULTILINE)
_DESKEW = re.compile(r"^\s*(\d+)\s+Deskew angle: (-?[\d.]+)", re.MULTILINE)
_TURNS: dict[str, QuarterTurn] = {"⇧": 0, "⇦": 90, "⇩": 180, "⇨": 270}
"""Which way its log says the top of the page points, and the degrees clockwise that make it upright."""


@dataclass(frozen=True, slots=True)
class Ocrmypdf:
    """OCRmyPDF as found on this machine."""

    program: Path
    version: str
    cache: Path | None

    def read(self, scan: Path, page_count: int) -> tuple[DocumentReading, bool]:
        """Read one file; and whether the answer (its CPU seconds too) is from the cache."""
        kept = self._kept_at(scan)
        if kept is not None and kept.is_file():
            return _from_json(kept.read_text(encoding="utf-8")), True
        reading = self._run(scan, page_count)
        if kept is not None:
            kept.parent.mkdir(parents=True, exist_ok=True)
            kept.write_text(json.dumps(asdict(reading), ensure_ascii=False), encoding="utf-8")
        return reading, False

    def measure_start_up(self) -> float:
        """CPU seconds of a call that reads nothing: it starts, then refuses an empty file."""
        with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
            empty = Path(folder) / "empty.pdf"
            empty.touch()
            command = (self.program, *OPTIONS, empty, Path(folder) / "out.pdf")
            return run_counted(command, timeout_s=_TIMEOUT_S).cpu_s

    def _kept_at(self, scan: Path) -> Path | None:
        if self.cache is None:
            return None
        key = sha256(scan.read_bytes())
        key.update(" ".join((self.version, *OPTIONS)).encode())
        return self.cache / f"ocrmypdf-{key.hexdigest()[:32]}.json"

    def _run(self, scan: Path, page_count: int) -> DocumentReading:
        with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
            sidecar = Path(folder) / "text.txt"
            command = (
                self.program,
                "-v",
                "1",
                *OPTIONS,
                "--sidecar",
                sidecar,
                scan,
                Path(folder) / "out.pdf",
            )
            ran = run_counted(command, timeout_s=_TIMEOUT_S)
            texts = sidecar.read_text(encoding="utf-8").split("\f") if sidecar.is_file() else []
        if ran.exit_code != 0 or len(texts) < page_count:
            failure = ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.exit_code}"]
            return DocumentReading((PageReading(""),) * page_count, ran.cpu_s, failure[0])
        turns, skews = parse_log(ran.stderr)
        pages = tuple(
            PageReading(text, turns.get(number, 0), skews.get(number, 0.0))
            for number, text in enumerate(texts[:page_count], 1)
        )
        return DocumentReading(pages, ran.cpu_s)


def find_ocrmypdf(place: str | None, cache: Path | None) -> Ocrmypdf:
    """OCRmyPDF at `place`, else on PATH. Raises `MissingDependencyError` where it is not there."""
    found = shutil.which(place or "ocrmypdf")
    if found is None:
        raise MissingDependencyError(
            f"{place or 'ocrmypdf'} is not on this machine",
            advice="pip install ocrmypdf into an environment of its own, apt-get install ghostscript "
            "tesseract-ocr-eng, and name it with --ocrmypdf PATH; or leave it out: --ocrmypdf none",
        )
    told = run_counted((found, "--version"), timeout_s=60)
    return Ocrmypdf(Path(found), told.stdout.strip(), cache)


def parse_log(log: str) -> tuple[dict[int, QuarterTurn], dict[int, float]]:
    """By page number, from its log at `-v 1`: degrees clockwise it turned the page by, and the skew it
    took out (counter-clockwise, as ours). A turn it saw but held too uncertain to make is none."""
    turns: dict[int, QuarterTurn] = {}
    for number, arrow, action in _FACING.findall(log):
        turns[int(number)] = _TURNS[arrow] if action.startswith("will rotate") else 0
    # It turns the picture counter-clockwise by this angle to level it: the text leant the other way.
    return turns, {int(number): -float(angle) for number, angle in _DESKEW.findall(log)}


def _from_json(text: str) -> DocumentReading:
    kept = json.loads(text)
    return DocumentReading(
        tuple(PageReading(**page) for page in kept["pages"]), kept["cpu_s"], kept["failure"]
    )
