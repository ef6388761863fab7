"""Every kind of input page x both profiles x all signature levels, judged by every validator there is.

`python -m scripts.bench.conformance [--kinds a,b] [--profiles compact] [--levels none,B-LTA]`: one table,
exit code 1 where a check fails. The time-stamping, OCSP and CRL services are the tests' own, on loopback.
"""

import argparse
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

from pipeline.binding.compose import compose
from pipeline.binding.keys import load_pkcs12_signer, load_roots
from pipeline.binding.levels import sign_to_level
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import SignatureText, Signer
from pipeline.intake.open import open_source
from schemas.errors import MissingDependencyError
from schemas.page import BoundPage, Orientation, PageText, ScanPage, Skew, UprightPage
from schemas.settings import Limits
from schemas.signing import SignatureLevel, TrustServices
from scripts.bench.conformance_checks import CHECKS, PROGRAMS, Specimen
from scripts.bench.preflight import ONLY_1B, find_preflight, make_twin, run_preflight_on_all
from scripts.samples.authority import start_trust
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page
from scripts.samples.input_kinds import KINDS, write_input

Profile = Literal["compact", "faithful"]
PROFILES: tuple[Profile, ...] = get_args(Profile)
LEVELS = ("none", *SignatureLevel)
Column = tuple[str, str]
"""Profile and level."""
WIDE = max(map(len, KINDS))
MIXED = "mixed-sizes"
"""All kinds in one document."""
CLERK = SignatureText("Nguyễn Thị Hường (thử nghiệm)", SCAN_TIME)


@dataclass(slots=True)
class Cell:
    """One document: which checks were made of it, and what those that failed say."""

    kind: str
    profile: str
    level: str
    made: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Its file's name."""
        return f"{self.kind}.{self.profile}.{self.level}.pdf"


def main() -> int:
    """Make, judge, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kinds", default=",".join((*KINDS, MIXED)))
    parser.add_argument("--profiles", default=",".join(PROFILES))
    parser.add_argument("--levels", default=",".join(LEVELS))
    asked = parser.parse_args()
    kinds, columns = asked.kinds.split(","), _cross(asked.profiles.split(","), asked.levels.split(","))
    print(tell_columns(columns), flush=True)
    cells: list[Cell] = []
    for row in judge(kinds, columns):
        print(tell_row(row), flush=True)
        cells += row
    print(tell_failures(cells))
    return 1 if any(cell.failed for cell in cells) else 0


def judge(kinds: Sequence[str], columns: Sequence[Column]) -> Iterator[list[Cell]]:
    """A row of cells a kind, as each is done. Raises `MissingDependencyError` without a validator."""
    missing = [program for program in PROGRAMS if shutil.which(program) is None]
    if missing or find_preflight() is None:
        raise MissingDependencyError(f"missing: {', '.join(missing) or 'Preflight'}")
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as name:
        folder = Path(name)
        (keys := folder / "authority").mkdir()
        trust, server = start_trust(keys)
        try:
            signer = load_pkcs12_signer(*trust.write_pkcs12("clerk", keys))
            roots = load_roots(trust.write_roots(keys / "roots"))
            services = TrustServices(trust.tsa_url, trust_roots=roots, timeout_s=20.0, attempts=2)
            for kind in kinds:
                row = list(_judge_kind(kind, columns, signer, services, folder))
                _ask_preflight(row, folder)
                yield row
        finally:
            server.shutdown()
            server.server_close()


def tell_columns(columns: Sequence[Column]) -> str:
    """The table's head."""
    return " " * WIDE + "".join(f"  {profile[:8]:>8} {level:<5}" for profile, level in columns)


def tell_row(row: Sequence[Cell]) -> str:
    """One kind: how many checks passed, or the names of those that failed."""
    told = (",".join(cell.failed) or f"{len(cell.made)} ok" for cell in row)
    return f"{row[0].kind:<{WIDE}}" + "".join(f"  {text:>14}" for text in told)


def tell_failures(cells: Sequence[Cell]) -> str:
    """The count, and what each check that failed said."""
    made = sum(len(cell.made) for cell in cells)
    failed = [(cell, check) for cell in cells for check in cell.failed]
    lines = [f"{len(cells)} documents, {made} checks, {len(failed)} failed"]
    return "\n".join(lines + [f"{cell.name}: {check}: {cell.failed[check]}" for cell, check in failed])


def _cross(profiles: Sequence[str], levels: Sequence[str]) -> list[Column]:
    return [(profile, level) for profile in profiles for level in levels]


def _judge_kind(
    kind: str, columns: Sequence[Column], signer: Signer, services: TrustServices, folder: Path
) -> Iterator[Cell]:
    scans = [_read(write_input(one, folder)) for one in (KINDS if kind == MIXED else [kind])]
    unsigned = {profile: _bind(scans, profile) for profile in dict.fromkeys(name for name, _ in columns)}
    for profile, level in columns:
        cell, pdf = Cell(kind, profile, level), unsigned[profile]
        if level != "none":
            goal = SignatureLevel(level)
            pdf = sign_to_level(pdf, signer, CLERK, level=goal, services=services).pdf
        specimen = Specimen(pdf, level, signer, services, folder)
        for name, check in CHECKS.items():
            told = check(specimen)
            if told is not None:
                cell.made.append(name)
            if told:
                cell.failed[name] = told
        (folder / cell.name).write_bytes(make_twin(pdf))
        yield cell


def _ask_preflight(cells: Sequence[Cell], folder: Path) -> None:
    found = run_preflight_on_all([folder / cell.name for cell in cells], folder)
    for cell in cells:
        only_1b = ONLY_1B if cell.level != "none" else ()
        wrong = [line for line in found[cell.name] if not any(known in line for known in only_1b)]
        cell.made.append("preflight")
        if wrong:
            cell.failed["preflight"] = "; ".join(wrong)


def _read(path: Path) -> ScanPage:
    with open_source(path, Limits()) as source:
        return source.read_page(1)


def _bind(scans: Sequence[ScanPage], profile: str) -> bytes:
    pages = []
    for scan in scans:
        upright = UprightPage(
            scan.number, scan.pixels, scan.dpi, scan.dpi_known, scan.bilevel,
            Orientation(0, certain=True), Skew(0.0, certain=True), (1, 0, 0, 0, 1, 0),
        )  # fmt: skip
        text = draw_page(1)[2]
        if scan.pixels.shape[:2] != (text.height_px, text.width_px):
            text = PageText(scan.pixels.shape[1], scan.pixels.shape[0], "none", "none")
        pages.append(BoundPage(make_picture(scan, upright, profile), text))  # type: ignore[arg-type]
    return compose(pages, INFO)


if __name__ == "__main__":
    raise SystemExit(main())
