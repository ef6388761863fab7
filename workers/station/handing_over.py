"""The certain dossiers of a parted stack are moved into the folder that a station's agent watches."""

import shutil
from pathlib import Path

from schemas.covers import PlannedDossier, StackPlan
from schemas.errors import BadInputError, OutputError
from workers.station.separating import PLAN_NAME

_MARK = "xong.txt"


def hand_over(parted: Path, station: Path, procedure: str | None = None) -> tuple[str, ...]:
    """Move each dossier below `parted` (what `lay_out` wrote) into `station`, as the agent wants it; returns
    their record codes.

    A dossier appears there whole, with its count declared, and once: what was moved is not there again the
    next time, whenever the last one was cut short. Raises `OutputError` where a dossier of this record still
    lies there, `BadInputError` where `parted` is no parted stack.
    """
    try:
        plan = StackPlan.model_validate_json((parted / PLAN_NAME).read_bytes())
    except (OSError, ValueError) as error:
        raise BadInputError(f"{parted} is no parted stack", advice="run 'sohoa split' first") from error
    try:
        moved = [found.record_code for found in plan.dossiers if _move(found, parted, station, procedure)]
    except OSError as error:
        raise OutputError(f"cannot write to {station}: {error.strerror}") from error
    return tuple(moved)


def _move(dossier: PlannedDossier, parted: Path, station: Path, procedure: str | None) -> bool:
    name = dossier.record_code + (f"__{procedure}" if procedure else "")
    source, spent = parted / dossier.record_code, parted / f".{dossier.record_code}.moved"
    draft, target = station / f".{parted.name}.{dossier.record_code}.part", station / name
    if source.is_dir():
        if target.exists():
            raise OutputError(
                f"{target} is there already", advice="let the agent finish it, then run the command again"
            )
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir()
        for paper in dossier.papers:
            shutil.copyfile(
                source / f"{dossier.record_code}.{paper.ordinal}.pdf", draft / f"{paper.ordinal:02d}.pdf"
            )
        pages = sum(len(paper.pages) for paper in dossier.papers)
        (draft / _MARK).write_text(f"{pages}\n", encoding="utf-8")
        source.rename(spent)  # from here on it is the station's, whoever dies
    if not draft.is_dir():
        return False
    draft.rename(target)
    return True
