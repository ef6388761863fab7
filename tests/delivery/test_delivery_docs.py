"""Every command of docs/onestop.md runs, in order, against an office of its own."""

import os
import re
import subprocess
import sys
from pathlib import Path

from scripts.faults.papers import make_papers
from scripts.services.process import find_ports

ROOT = Path(__file__).parents[2]


def test_the_commands_for_integrators_run(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "onestop.md").read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    make_papers(tmp_path / "papers")[0].path.rename(tmp_path / "scan.jpg")
    port, hook_port = find_ports(2)
    commands = ["trap 'kill $(jobs -p) 2>/dev/null; wait' EXIT", *blocks]
    environment = {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "PORT": str(port),
        "HOOK_PORT": str(hook_port),
    }
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    received = (tmp_path / "received").read_text().splitlines()
    assert sorted(line.split()[0] for line in received) == [
        "dossier.completed",
        "dossier.completed",
        "record.milestone",
    ]
    assert "paper.pdf: OK" in ended.stdout
    assert "files acknowledged by" in ended.stdout
    assert "queued again" in ended.stdout
    assert (tmp_path / "report.html").stat().st_size > 5000
    assert list((tmp_path / "files").rglob("*.receipt.json"))
