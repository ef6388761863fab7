"""What the sub-commands of the bench print, kept beside a run's result: its HTML page shows it."""

from pathlib import Path


def keep_annex(told: str, name: str, out: Path | None) -> None:
    """Print `told`; keep it as `out/<name>.txt` too, unless `out` is None."""
    print(told)
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        (out / f"{name}.txt").write_text(told + "\n", encoding="utf-8")


def find_annexes(folder: Path) -> list[Path]:
    """The annexes kept in the folder of a run, by name."""
    return sorted(folder.glob("*.txt"))
