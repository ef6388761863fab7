"""The commands of docs/station.md run, in order, against a real gateway; what the agent needs is named."""

import os
import re
import subprocess
import sys
from pathlib import Path

from gateway_outside import Outside

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "station.md").read_text(encoding="utf-8")


def test_the_commands_run(tmp_path: Path, gateway: Outside) -> None:
    commands = "".join(re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)).splitlines()
    issue, watch, status = commands
    (tmp_path / "scans").mkdir()
    watch = watch.replace("8765", "0")  # a port that is free wherever this runs
    lines = (
        *(issue, f"{watch} > agent.out &", "until grep -q listening agent.out; do sleep 0.2; done"),
        *(status, "kill %1", "wait"),
    )
    ended = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "SOHOA_HOME": str(gateway.home.settings.home),
            "GATEWAY": gateway.url,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "chưa gửi (unsent):              0 tệp" in ended.stdout


def test_the_toml_of_the_example_is_taken(tmp_path: Path) -> None:
    import textwrap

    from workers.station.folders import map_folder

    (block,) = re.findall(r"  ```toml\n(.*?)```", TEXT, re.DOTALL)
    folder = tmp_path / "H21.65-220914-0011"
    folder.mkdir()
    (folder / "record.toml").write_text(textwrap.dedent(block), encoding="utf-8")
    mapped = map_folder(tmp_path)
    assert mapped.strays == ()
    assert mapped.dossiers[0].papers[0].pages == 2


def test_it_names_every_package_that_the_agent_and_its_child_load() -> None:
    named = set(re.search(r"pip install (httpx .*)", TEXT)[1].split())  # type: ignore[index]
    loaded = subprocess.run(
        [
            *(sys.executable, "-c"),
            "import sys, workers.station.glance_child, workers.station.agent, scripts.cli.station;"
            "print(*sorted({name.partition('.')[0] for name, module in sys.modules.items()"
            " if 'site-packages' in (getattr(module, '__file__', None) or '')}))",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    packages = {"cv2": "opencv-python-headless", "PIL": "pillow", "pydantic_settings": "pydantic-settings"}
    direct = {
        "cv2",
        "PIL",
        "httpx",
        "numpy",
        "platformdirs",
        "pydantic",
        "pydantic_settings",
        "rich",
        "typer",
    }
    heavy = {"tesserocr", "pikepdf", "pyhanko", "sqlalchemy", "fastapi", "minio", "dramatiq", "cryptography"}
    assert named == {packages.get(name, name) for name in direct}
    assert not heavy & set(loaded)
