"""Which sheets a print run holds: for each dossier its cover, separators, end sheet."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from pipeline.separation.payload import MOST_SHEETS
from schemas.covers import MOST_PAPERS, CoveredDossier, Sheet, SheetKind
from schemas.errors import UsageError

Separators = Literal["auto", "always", "none"]


@dataclass(frozen=True, slots=True)
class PrintedSheet:
    """A sheet and the dossier whose papers are printed on it in words."""

    sheet: Sheet
    dossier: CoveredDossier


def list_sheets(
    dossiers: Sequence[CoveredDossier], run: str, separators: Separators = "auto"
) -> tuple[PrintedSheet, ...]:
    """All sheets of the run in the order they are printed and laid.

    A dossier whose pages are not all counted gets an end sheet: without it nothing would tell that the
    cover sheet of the next one is missing. `auto`: separators where the counts do not part the papers.
    Raises `UsageError` for no dossiers, too many papers or sheets, or a record that comes twice.
    """
    _check(dossiers)
    kinds = [_choose_sheets(dossier, separators) for dossier in dossiers]
    total = sum(map(len, kinds))
    if total > MOST_SHEETS:
        raise UsageError(f"a print run of {total} sheets, at most {MOST_SHEETS} are allowed")
    printed: list[PrintedSheet] = []
    for dossier, chosen in zip(dossiers, kinds, strict=True):
        for kind, ordinal in chosen:
            counts = {
                SheetKind.COVER: tuple(paper.pages or 0 for paper in dossier.papers),
                SheetKind.SEPARATOR: (dossier.papers[ordinal - 1].pages or 0,) if ordinal else (),
                SheetKind.END: (),
            }[kind]
            sheet = Sheet(
                kind, dossier.record_code, run, len(printed) + 1, len(chosen), total, ordinal, counts
            )
            printed.append(PrintedSheet(sheet, dossier))
    return tuple(printed)


def _check(dossiers: Sequence[CoveredDossier]) -> None:
    if not dossiers:
        raise UsageError("no record to print a cover sheet for", advice="give --record or --csv")
    seen: set[str] = set()
    for dossier in dossiers:
        if dossier.record_code in seen:
            raise UsageError(
                f"{dossier.record_code} would get two cover sheets", advice="one cover sheet a dossier"
            )
        seen.add(dossier.record_code)
        if len(dossier.papers) > MOST_PAPERS:
            raise UsageError(
                f"{dossier.record_code} has {len(dossier.papers)} papers, a cover sheet takes {MOST_PAPERS}"
            )


def _choose_sheets(dossier: CoveredDossier, separators: Separators) -> list[tuple[SheetKind, int | None]]:
    parted = separators == "always" or (separators == "auto" and not dossier.counted)
    chosen: list[tuple[SheetKind, int | None]] = [(SheetKind.COVER, None)]
    if parted:
        chosen += [(SheetKind.SEPARATOR, ordinal) for ordinal in range(2, len(dossier.papers) + 1)]
    if not dossier.counted:
        chosen.append((SheetKind.END, None))
    return chosen
