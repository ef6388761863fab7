"""Where the time goes: CPU seconds a page by step of `sohoa digitize --no-sign`, beside bare recognition.

The same way is gone in this process with a watch around the functions that make it up (the pipeline itself
has no timers); what a call costs that reads nothing is the start-up. The command itself is run as well: on a
quiet machine its seconds agree with the sum.
"""

import resource
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from time import process_time
from types import ModuleType
from typing import Any
from unittest.mock import patch

from pipeline import digitise
from pipeline.image import prepare
from pipeline.intake import sandbox
from pipeline.intake.open import Source, open_source
from pipeline.reading import tesserocr_engine
from pipeline.reading.tesserocr_engine import TesserocrEngine
from schemas.settings import Settings
from scripts.bench.first_mark import draw_office_scans
from scripts.bench.floor import Floor
from scripts.bench.sohoa_command import measure_start_up, read_with_sohoa
from scripts.cli.desk import Desk
from scripts.cli.digitize import write_document
from scripts.samples.dossier import write_scans

START_UP, DECODE, WRITE, REST = "start-up", "decode (child process)", "write files", "rest"

WATCHED: tuple[tuple[str, ModuleType | type, tuple[str, ...]], ...] = (
    ("decode (handing over)", Source, ("read_page", "describe")),
    ("straighten: working picture", prepare, ("_view",)),
    ("straighten: orientation", prepare, ("find_orientation",)),
    ("straighten: strips read", TesserocrEngine, ("read_strip",)),
    ("straighten: skew", prepare, ("measure_skew",)),
    ("straighten: turn and level", prepare, ("_warp", "_cut_out", "turn_pixels")),
    ("look", digitise, ("look",)),
    ("find print", digitise, ("find_print",)),
    ("find layout", digitise, ("find_layout",)),
    ("cut runs", digitise, ("cut_runs",)),
    ("recognition", TesserocrEngine, ("read_runs", "read")),
    ("second look", tesserocr_engine, ("weigh_words",)),
    ("correction", digitise, ("correct",)),
    ("judging", digitise, ("judge", "syllable_validity")),
    ("picture", digitise, ("make_picture",)),
    ("compose PDF", digitise, ("compose",)),
)
"""Step, and the functions (in the place where they are called from) whose time is its own: that of a watched
function inside another counts for the inner one alone."""


@dataclass(slots=True)
class Watch:
    """CPU seconds of this process by step; one thread at a time works while it runs."""

    seconds: dict[str, float] = field(default_factory=dict)
    _inner: list[float] = field(default_factory=list)

    def around(self, step: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, its own time counted for `step`."""

        @wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            started = process_time()
            self._inner.append(0.0)
            try:
                return function(*args, **kwargs)
            finally:
                spent = process_time() - started
                own = spent - self._inner.pop()
                self.seconds[step] = self.seconds.get(step, 0.0) + own
                if self._inner:
                    self._inner[-1] += spent

        return watched


@dataclass(frozen=True, slots=True)
class StepTable:
    """CPU seconds a page: by step (their sum is the whole way), of the command, and of bare recognition."""

    pages: int
    steps: dict[str, float]
    command_s: float
    bare_s: float

    @property
    def total_s(self) -> float:
        """The whole way, start-up included."""
        return sum(self.steps.values())


def measure_steps(pages: int) -> StepTable:
    """On `pages` office scans (those of `first-mark`) in one PDF. Raises RuntimeError where it fails."""
    sandbox.warm_up()  # while this process has one thread
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        pdf = Path(folder) / "office.pdf"
        write_scans(pdf, list(draw_office_scans(pages)))
        start_up_s = measure_start_up()
        command = read_with_sohoa(pdf, pages)
        if command.failure:
            raise RuntimeError(f"sohoa failed: {command.failure}")
        steps = {START_UP: start_up_s} | _watch_steps(pdf, Path(folder))
        bare_s = _read_bare(pdf)
    each = {step: seconds / pages for step, seconds in steps.items()}
    return StepTable(pages, each, command.cpu_s / pages, bare_s / pages)


def _watch_steps(pdf: Path, folder: Path) -> dict[str, float]:
    watch = Watch()
    settings = Settings().model_copy(update={"jobs": 1})
    before_s, own_before_s = _children_s(), process_time()
    with ExitStack() as watched:
        for step, place, names in WATCHED:
            for name in names:
                function = watch.around(step, getattr(place, name))
                watched.enter_context(patch.object(place, name, function))
        with Desk(settings, sign=False) as desk:
            opened_s = process_time() - own_before_s  # the engine: part of the start-up
            document = desk.digitise(pdf, pdf.stem, lambda *_: None)
        watch.around(WRITE, write_document)(document, folder, "steps")
    own_s = process_time() - own_before_s - opened_s
    sandbox.stop()  # a child counts when it has ended
    order = [*(step for step, _, _ in WATCHED), WRITE]
    steps = {step: watch.seconds[step] for step in order if step in watch.seconds}
    return {DECODE: _children_s() - before_s, **steps, REST: own_s - sum(steps.values())}


def _children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _read_bare(pdf: Path) -> float:
    with Floor() as floor, open_source(pdf, Settings().limits) as source:
        return sum(floor.read([source.read_page(number)]).cpu_s for number in range(1, source.page_count + 1))


def tell_steps(table: StepTable) -> str:
    """A table: seconds a page, share of the whole, and the same over bare recognition."""
    lines = [f"{table.pages} pages of office scans in one PDF; CPU seconds a page, children included"]
    lines += [_tell(step, seconds, table.total_s) for step, seconds in table.steps.items()]
    lines += [_tell("all steps", table.total_s, table.total_s)]
    lines += [f"{'sohoa digitize --no-sign --jobs 1':<36}{table.command_s:>8.3f}"]
    lines += [f"{'bare recognition (psm 3) alone':<36}{table.bare_s:>8.3f}"]
    lines += [f"{'ours / bare':<36}{table.total_s / table.bare_s:>8.2f}"]
    return "\n".join(lines)


def _tell(step: str, seconds: float, total_s: float) -> str:
    return f"{step:<36}{seconds:>8.3f}{seconds / total_s:>8.1%}"
