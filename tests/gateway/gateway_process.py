"""`sohoa` commands on one home, as an administrator starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


class Process:
    """A SOHOA_HOME and what runs on it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.log = home.parent / "process.log"
        self.running: list[subprocess.Popen[str]] = []

    def start(self, *arguments: str, **environment: str) -> tuple["subprocess.Popen[str]", str]:
        process = subprocess.Popen(
            [self.program, *arguments],
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=self.log.open("a"),
            text=True,
        )
        self.running.append(process)
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("listening on "), line + self.log.read_text()
        return process, line.split()[-1]

    def run(self, *arguments: str | Path) -> str:
        done = subprocess.run(
            [self.program, *map(str, arguments)],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=180,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    @property
    def program(self) -> Path:
        return Path(sys.executable).with_name("sohoa")

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "SOHOA_HOME": str(self.home)}

    def logged(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log.read_text().splitlines()]

    def end(self) -> None:
        for running in self.running:
            if running.poll() is None:
                running.kill()
            running.wait()
            if running.stdout:
                running.stdout.close()
