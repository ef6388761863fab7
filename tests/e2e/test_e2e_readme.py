"""Every command of the README runs, in order, on a station's scans."""

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts.samples.dossier import write_demo_dossier

ROOT = Path(__file__).parents[2]


def test_the_commands_of_the_readme_run(tmp_path: Path) -> None:
    write_demo_dossier(tmp_path / "scans")
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert len(blocks) == 2
    tools = Path(sys.executable).parent
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}", "SOHOA_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr


def test_the_bench_has_the_doors_that_the_readme_names() -> None:
    """They measure for minutes beside another program, so only their doors are opened here."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    commands = re.findall(
        r"^    python (-m scripts\.(?:bench|quality).*?)(?: FOLDER)?(?: +#.*)?$", text, re.MULTILINE
    )
    assert len(commands) == 11
    for command in commands:
        ended = subprocess.run(
            [sys.executable, *command.split(), "--help"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr


def test_what_the_readme_points_to_is_there() -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)]+)\)|`((?:schemas|pipeline|workers|scripts|tests)/[\w./-]*)`", text):
        assert (ROOT / "".join(target)).exists(), target
