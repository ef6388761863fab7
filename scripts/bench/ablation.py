"""Each step of the way left out in turn: does it earn its place?

Pages are digitised in this process. A step is left out by putting something in its place for as long as
the page takes; the pipeline itself has no such switch.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from types import ModuleType
from unittest.mock import patch

from pipeline import digitise
from pipeline.digitise import Tools, digitise_page
from pipeline.image import components, light, prepare
from pipeline.reading import correction
from schemas.page import Orientation, PageText, Pixels, ScanPage, Skew
from scripts.bench.kinds import draw_page
from scripts.bench.scores import character_error_rate


@dataclass(frozen=True, slots=True)
class Step:
    """What stands in for a step: (module, name in it, replacement) of each place that calls it."""

    name: str
    stand_ins: tuple[tuple[ModuleType, str, object], ...] = ()
    own_layout: bool = True

    def read(self, scan: ScanPage, tools: Tools) -> str:
        """The text of a page digitised without this step."""
        with ExitStack() as left_out:
            for module, attribute, stand_in in self.stand_ins:
                left_out.enter_context(patch.object(module, attribute, stand_in))
            without = replace(tools, layout="own" if self.own_layout else "tesseract")
            return digitise_page(scan, without).report.text


@dataclass(frozen=True, slots=True)
class AblationRow:
    """Mean CER of one kind: whole way first, then without each of `STEPS`."""

    kind: str
    pages: int
    cers: tuple[float, ...]


def _keep(grey: Pixels, *_: object, **__: object) -> Pixels:
    return grey


def _leave(*_: object) -> None:
    return None


def _keep_text(text: PageText) -> PageText:
    return text


STEPS: tuple[Step, ...] = (
    Step("orientation", ((prepare, "find_orientation", lambda *_: Orientation(0, certain=True)),)),
    Step("deskew", ((prepare, "measure_skew", lambda *_: Skew(0.0, certain=False)),)),
    Step("flatten", ((prepare, "plan_flattening", lambda *_: None),)),
    Step("light", ((prepare, "normalise_background", _keep), (components, "divide_by_paper", _keep))),
    Step("seals", ((light, "clear_seals", _leave),)),
    Step("pen", ((light, "fade_pen", _leave),)),
    Step("specks", ((prepare, "remove_specks", _keep), (prepare, "MANY_SPECKS", float("inf")))),
    Step("leaders", ((prepare, "erase_leaders", _keep),)),
    Step("layout", own_layout=False),
    Step("model", ((correction, "restore_marks", _keep_text),)),
    Step("correction", ((digitise, "correct", _keep_text),)),
)
"""`layout` without: the engine finds its own lines. `model` is the part of `correction` that weighs words."""

WHOLE = Step("all steps")


def run_ablation(kinds: Sequence[str], seeds: Sequence[int], tools: Tools) -> Iterator[AblationRow]:
    """Kind by kind. Raises KeyError for a kind there is not."""
    for kind in kinds:
        pages = [draw_page(kind, seed) for seed in seeds]
        cers = []
        for step in (WHOLE, *STEPS):
            read = [
                character_error_rate(
                    step.read(_as_page(page.scan.pixels, page.scan.dpi, page.scan.bilevel), tools),
                    page.scan.text,
                )
                for page in pages
            ]
            cers.append(sum(read) / len(read))
        yield AblationRow(kind, len(pages), tuple(cers))


def _as_page(pixels: Pixels, dpi: int, bilevel: bool) -> ScanPage:
    return ScanPage(1, pixels, float(dpi), dpi_known=True, bilevel=bilevel, origin="image")


def tell_ablation(rows: Sequence[AblationRow]) -> str:
    """A table: CER with every step, and how much it rises (falls) without each."""
    names = [step.name for step in STEPS]
    lines = [f"{'kind':<16}{'all steps':>10}" + "".join(f"{name:>13}" for name in names)]
    for row in rows:
        lines.append(f"{row.kind:<16}" + _tell_cers(row.cers))
    means = tuple(sum(column) / len(rows) for column in zip(*(row.cers for row in rows), strict=True))
    lines.append(f"{'mean':<16}" + _tell_cers(means))
    return "\n".join(lines)


def _tell_cers(cers: Sequence[float]) -> str:
    whole, *without = cers
    return f"{whole:>10.4f}" + "".join(f"{cer - whole:>+13.4f}" for cer in without)
