"""Our side: the command `sohoa digitize` as a user calls it, its report read back."""

import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from schemas.report import DocumentReport, PageReport
from scripts.bench.cpu import CountedRun, run_counted
from scripts.bench.reading import DocumentReading, PageReading

_TIMEOUT_S = 500.0
_CHECKOUT = Path(__file__).parents[2]


def read_with_sohoa(scan: Path, page_count: int, options: Sequence[str] = ()) -> DocumentReading:
    """Digitise one file with `--no-sign --jobs 1` and `options`: the one place where the bench does so."""
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        ran = _digitize(scan, Path(folder), options)
        report = Path(folder) / f"{scan.stem}.json"
        if ran.exit_code != 0 or not report.is_file():
            failure = ran.stderr.strip().splitlines()[-1:] or [f"exit code {ran.exit_code}"]
            return DocumentReading((PageReading(""),) * page_count, ran.cpu_s, failure[0])
        pages = DocumentReport.model_validate_json(report.read_text(encoding="utf-8")).pages
    return DocumentReading(tuple(_to_reading(page) for page in pages), ran.cpu_s)


def measure_start_up() -> float:
    """CPU seconds of a call that reads nothing: it loads the engine, then refuses an empty file.

    The second call counts: the first may compile the code.
    """
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        empty = Path(folder) / "empty.pdf"
        empty.touch()
        return [_digitize(empty, Path(folder) / "out", ()).cpu_s for _ in range(2)][1]


def _digitize(scan: Path, out: Path, options: Sequence[str]) -> CountedRun:
    sohoa = Path(sys.executable).with_name("sohoa")
    command = (sohoa, "digitize", scan, "--out", out, "--no-sign", "--jobs", "1", "--quiet", *options)
    # What is measured is the code beside this file, wherever the command was installed from.
    return run_counted(command, timeout_s=_TIMEOUT_S, environment={"PYTHONPATH": str(_CHECKOUT)})


def _to_reading(page: PageReport) -> PageReading:
    return PageReading(page.text, page.quarter_turn, page.skew_deg, page.flattened, str(page.verdict))
