"""`sohoa split`: part a stack that was scanned in one go by its cover sheets."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from schemas.errors import BadInputError, UsageError

if TYPE_CHECKING:
    from schemas.covers import Said, StackPlan
    from workers.station.separating import LaidPaper

SOMETHING_WAITS = 1
"""Exit code where part of the stack waits for the operator."""


def split(  # noqa: PLR0913, PLR0917 -- the options of a command
    stack: Annotated[
        Path, typer.Argument(metavar="STACK", help="folder of page images, multi-page TIFF, or PDF")
    ],
    out: Annotated[
        Path | None, typer.Option("--out", help="new folder to write to; default: STACK.split beside it")
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option(
            metavar="PAGE=WHAT",
            help="what a page is: page, aside, CODE (its cover sheet), CODE:N (separator before paper N), "
            "CODE:end",
        ),
    ] = None,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="CODE", help="a dossier that waits goes on as it is: you looked at its pages"),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="print the plan as JSON")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="look and tell, write nothing")] = False,
    into: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="move what is certain into the folder of 'sohoa station watch'"),
    ] = None,
    procedure: Annotated[
        str | None, typer.Option(metavar="CODE", help="with --into: the procedure of these dossiers")
    ] = None,
) -> None:
    """Write one PDF a paper for every dossier that is certain; the rest waits, in waiting.html.

    The stack itself is only read. Exit code 0 where all of it is certain, 1 where part of it waits.
    """
    import sys

    from schemas.settings import Settings
    from workers.station.separating import lay_out, separate

    settings = Settings()
    target = out or stack.with_name(f"{stack.name}.split")
    if into is not None and not into.is_dir():
        raise UsageError(f"{into} is no folder", advice="give the folder that the agent watches")
    if into is not None and (target / "plan.json").exists():  # parted before, and cut short while moving
        _hand_over(target, into, procedure)
        return
    said = dict(_read_say(text) for text in say or [])

    def tell_progress(page: int, pages: int) -> None:
        if sys.stderr.isatty():
            print(f"\rtrang {page}/{pages}", end="\n" if page == pages else "", file=sys.stderr)

    try:
        plan = separate(
            stack,
            settings.limits,
            settings.stacks,
            said=said,
            accepted=frozenset(accept or []),
            say=tell_progress,
        ).plan
        papers = () if dry_run else lay_out(stack, plan, target, settings.limits)
    except BadInputError as error:
        print(f"sohoa: {stack}: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
    if as_json:
        print(plan.model_dump_json(indent=1))
    else:
        _tell(plan, papers, target)
    if into is not None and not dry_run:
        _hand_over(target, into, procedure)
    if plan.waiting:
        raise typer.Exit(SOMETHING_WAITS)


def _hand_over(parted: Path, station: Path, procedure: str | None) -> None:
    from workers.station.handing_over import hand_over

    for record_code in hand_over(parted, station, procedure):
        print(f"→ {record_code}: {station}")


def _tell(plan: "StackPlan", papers: "tuple[LaidPaper, ...]", target: Path) -> None:
    from workers.station.waiting_sheet import name_pages, tell_advice, tell_stop

    paths = {(paper.record_code, paper.ordinal): paper.path for paper in papers}
    for dossier in plan.dossiers:
        print(f"✓ {dossier.record_code}: {len(dossier.papers)} giấy tờ ({dossier.proof})")
        for paper in dossier.papers:
            path = paths.get((dossier.record_code, paper.ordinal))
            print(f"    {paper.ordinal}: {name_pages(paper.pages, 'trang')}" + (f" → {path}" if path else ""))
    for stretch in plan.waiting:
        codes = ", ".join(stretch.record_codes) or "chưa rõ hồ sơ"
        print(f"✗ {name_pages(stretch.pages, 'trang')} chờ xử lý ({codes})")
        for stop in stretch.stops:
            (vi, en), (do_vi, do_en) = tell_stop(stop), tell_advice(stop)
            print(f"    {vi}: {do_vi}\n    {stop.code}: {en}; {do_en}")
    if papers or plan.waiting:
        print(f"{target}: {len(plan.dossiers)} hồ sơ, {len(plan.waiting)} đoạn chờ")


def _read_say(text: str) -> "tuple[int, Said]":
    """Raises `UsageError`."""
    from schemas.covers import Said, SheetKind, SheetMark
    from schemas.dossier import RECORD_CODE

    number, _, what = text.partition("=")
    if not number.isdecimal() or not what:
        raise UsageError(f"--say {text}: PAGE=WHAT is asked for")
    if what == "page":
        return int(number), Said("page")
    if what == "aside":
        return int(number), Said("set_aside")
    code, _, part = what.partition(":")
    if not RECORD_CODE.fullmatch(code) or not (part in {"", "end"} or part.isdecimal()):
        raise UsageError(f"--say {text}: no record code, page or aside")
    if part == "":
        mark = SheetMark(SheetKind.COVER, code)
    elif part == "end":
        mark = SheetMark(SheetKind.END, code)
    else:
        mark = SheetMark(SheetKind.SEPARATOR, code, int(part))
    return int(number), Said("sheet", mark)
