"""A stack scanned in one go is parted by its sheets: looked at page by page, planned, laid out in files.

`survey` and `lay_out` read and write; between them `pipeline.separation.plan.plan_stack` is a pure step. The
stack itself is only read: nothing of it is moved, changed or deleted.
"""

import os
import re
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from pipeline.intake.open import Source, open_source
from pipeline.separation.plan import plan_stack
from pipeline.separation.sight import see_page
from schemas.covers import RECORD_IN_TEXT, PageSight, PlannedDossier, Said, StackPlan, WaitingStretch
from schemas.errors import BadInputError, OutputError, UsageError
from schemas.page import (
    BoundPage,
    DocumentInfo,
    Orientation,
    PageText,
    ScanPage,
    Skew,
    UprightPage,
)
from schemas.settings import Limits
from schemas.stack_settings import StackRules
from workers.station.waiting_sheet import ShownPage, ShownStretch, shrink, write_waiting_sheet

PLAN_NAME, WAITING_NAME, ASIDE_NAME = "plan.json", "waiting.html", "aside.pdf"
_ENGINE = "none (parted, not read)"

SayPage = Callable[[int, int], None]
"""Told after each page: its number, how many there are."""


@dataclass(frozen=True, slots=True)
class Separation:
    """What became of a stack; `sights` are what its pages show, for another plan without another look."""

    sights: tuple[PageSight, ...]
    plan: StackPlan


@dataclass(frozen=True, slots=True)
class LaidPaper:
    """One paper as a file; pages of the stack are named in the plan."""

    record_code: str
    ordinal: int
    path: Path


def separate(
    stack: Path,
    limits: Limits,
    rules: StackRules,
    *,
    said: Mapping[int, Said] | None = None,
    accepted: frozenset[str] = frozenset(),
    say: SayPage | None = None,
) -> Separation:
    """Look at every page of a folder of images, a TIFF or a PDF, and plan what goes where.

    Raises `BadInputError` where the stack cannot be opened, `UsageError` for a template that is no regular
    expression or a word on a page that the stack does not have; a page that cannot be decoded stops its
    stretch only.
    """
    with open_source(stack, limits) as source:
        _check_said(source.page_count, said or {})
        sights = survey(source, rules, say)
    return Separation(sights, plan_stack(sights, rules, said, accepted))


def _check_said(pages: int, said: Mapping[int, Said]) -> None:
    for number in said:
        if not 1 <= number <= pages:
            raise UsageError(f"the stack has no page {number}", advice=f"its pages are 1 to {pages}")


def survey(source: Source, rules: StackRules, say: SayPage | None = None) -> tuple[PageSight, ...]:
    """What each page shows. Pages are decoded one by one in the child process of `source`."""
    templates = compile_templates(rules)
    sights = []
    for number in range(1, source.page_count + 1):
        try:
            sights.append(see_page(source.read_page(number), templates))
        except BadInputError as error:
            sights.append(PageSight(number, failure=error.problem_code))
        if say is not None:
            say(number, source.page_count)
    return tuple(sights)


def compile_templates(rules: StackRules) -> tuple[re.Pattern[str], ...]:
    """Raises `UsageError` for one that is no regular expression with a group `record`."""
    try:
        compiled = tuple(re.compile(way) for way in rules.record_templates or (RECORD_IN_TEXT,))
    except re.error as error:
        raise UsageError(
            f"a template is no regular expression: {error}", advice="check stacks.record_templates"
        ) from error
    if any("record" not in template.groupindex for template in compiled):
        raise UsageError("a template has no group (?P<record>...)", advice="check stacks.record_templates")
    return compiled


def lay_out(stack: Path, plan: StackPlan, out: Path, limits: Limits) -> tuple[LaidPaper, ...]:
    """Write the papers, `<record>/<record>.<ordinal>.pdf` each, with the scanner's own image streams; what
    waits as one PDF a stretch with a page to look at; and the plan, last.

    `out` appears whole or not at all. Raises `OutputError`, also where `out` is there already;
    `BadInputError` where the stack is another now.
    """
    if out.exists():
        raise OutputError(f"{out} is there already", advice="choose another --out, or remove it")
    draft = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        draft.mkdir(parents=True)
        with open_source(stack, limits) as source:
            if source.page_count != plan.pages:
                raise BadInputError(
                    "the stack has other pages than when it was looked at", advice="part it again"
                )
            papers = _write_all(source, plan, draft)
        draft.rename(out)
    except OSError as error:
        raise OutputError(f"cannot write {out}: {error.strerror}") from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return tuple(LaidPaper(paper.record_code, paper.ordinal, out / paper.path) for paper in papers)


def _write_all(source: Source, plan: StackPlan, draft: Path) -> list[LaidPaper]:
    papers = [paper for dossier in plan.dossiers for paper in _write_dossier(source, dossier, draft)]
    shown = [_write_waiting(source, stretch, draft) for stretch in plan.waiting]
    if shown:
        write_waiting_sheet(shown, draft / WAITING_NAME)
    if plan.aside:
        pages = [scan for found in plan.aside if (scan := _try_read(source, found.page))]
        _bind(source, pages, draft / ASIDE_NAME)
    (draft / PLAN_NAME).write_text(plan.model_dump_json(indent=1) + "\n", encoding="utf-8")
    return papers


def _write_dossier(source: Source, dossier: PlannedDossier, draft: Path) -> list[LaidPaper]:
    place = Path(dossier.record_code)
    (draft / place).mkdir()
    papers = []
    for paper in dossier.papers:
        path = place / f"{dossier.record_code}.{paper.ordinal}.pdf"
        _bind(source, (source.read_page(number) for number in paper.pages), draft / path)
        papers.append(LaidPaper(dossier.record_code, paper.ordinal, path))
    return papers


def _write_waiting(source: Source, stretch: WaitingStretch, draft: Path) -> ShownStretch:
    """The pages that can be decoded as a PDF; all of them on the sheet to look at."""
    (draft / "waiting").mkdir(exist_ok=True)
    name = f"waiting/{stretch.pages[0]:04d}-{stretch.pages[-1]:04d}.pdf"
    shown: list[ShownPage] = []

    def read() -> Iterator[ScanPage]:
        for number in stretch.pages:
            scan = _try_read(source, number)
            shown.append(ShownPage(number, None if scan is None else shrink(scan.pixels)))
            if scan is not None:
                yield scan

    _bind(source, read(), draft / name)
    return ShownStretch(name, stretch, tuple(shown))


def _try_read(source: Source, number: int) -> ScanPage | None:
    """None where it cannot be decoded: it waits because of that, or is set aside; the stack still has it."""
    try:
        return source.read_page(number)
    except BadInputError:
        return None


def _bind(source: Source, scans: Iterable[ScanPage], path: Path) -> None:
    """The scans as one PDF, each as it came: no turning, no second compression. No file without pages.

    Decoded pages are let go of one by one; what is kept of each is its stream.
    """
    numbers, pages = [], []
    for scan in scans:
        numbers.append(scan.number)
        pages.append(BoundPage(make_picture(scan, _as_is(scan), "faithful"), _no_text(scan)))
    if not pages:
        return
    origins = tuple(source.page_sources[number - 1] for number in numbers)
    info = DocumentInfo(
        title=path.stem,
        scan_time=datetime.now(UTC).isoformat(timespec="seconds"),
        source_sha256=tuple(dict.fromkeys(digest for digest, _ in origins)),
        engine=_ENGINE,
        page_sources=origins,
    )
    path.write_bytes(compose(pages, info))


def _as_is(scan: ScanPage) -> UprightPage:
    return UprightPage(
        number=scan.number,
        pixels=scan.pixels,
        dpi=scan.dpi,
        dpi_known=scan.dpi_known,
        bilevel=scan.bilevel,
        orientation=Orientation(0, certain=False),
        skew=Skew(0.0, certain=False),
        matrix=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0),
    )


def _no_text(scan: ScanPage) -> PageText:
    return PageText(scan.pixels.shape[1], scan.pixels.shape[0], engine=_ENGINE, model="")
