"""How long a page's upload takes at the gateway, against decoding + hashing + fsync of the same page.

    python -m scripts.bench.gateway [--pages N] [--busy]

The gateway is a process of its own (`sohoa api`, no workers); every upload is another file. After each one
the same page is decoded in the same sandbox, hashed and stored here: so both see the same machine, whatever
else runs on it. `--busy` keeps every core at work meanwhile.
"""

import argparse
import base64
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import httpx

from pipeline.intake.open import open_source
from pipeline.storing.folder import FolderStore
from schemas.settings import Limits

_BURN = "while True: sum(range(100000))"


def measure(pages: int, folder: Path, *, busy: bool) -> dict[str, float]:
    """Seconds of uploads and of the floor, and their ratios."""
    scan = _draw_page(folder / "page.jpg")
    environment = {**os.environ, "SOHOA_HOME": str(folder / "home")}
    environment |= {"SOHOA_GATEWAY__REQUESTS_PER_S": "1000", "SOHOA_GATEWAY__REQUEST_BURST": "10000"}
    key = subprocess.run(
        [_program(), "keys", "issue", "--role", "station", "--office", "600000"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    log = folder / "api.log"
    with log.open("w") as out:
        api = subprocess.Popen(
            [_program(), "api", "--port", "0"],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=out,
            text=True,
        )
    burners: list[subprocess.Popen[str]] = [
        subprocess.Popen([sys.executable, "-c", _BURN], text=True)
        for _ in range(len(os.sched_getaffinity(0)) if busy else 0)
    ]
    try:
        assert api.stdout is not None  # noqa: S101 -- a pipe was asked for
        url = api.stdout.readline().split()[-1]
        told = _upload_all(url, key, scan, pages, folder, api.pid)
    finally:
        for process in [*burners, api]:
            process.terminate()
            process.wait(timeout=60)
        if api.stdout is not None:
            api.stdout.close()
    server = [line["ms"] / 1000 for line in map(json.loads, log.read_text().splitlines()) if _is_put(line)]
    return told | {
        "server_median_s": statistics.median(server[1:]),
        "server_p95_s": _p95(server[1:]),
        "ratio_median": statistics.median(server[1:]) / told["floor_median_s"],
        "ratio_p95": _p95(server[1:]) / told["floor_p95_s"],
        "ratio_cpu": told["server_cpu_s_per_page"] / told["floor_cpu_s_per_page"],
    }


def _upload_all(url: str, key: str, scan: bytes, pages: int, folder: Path, pid: int) -> dict[str, float]:
    floor: list[float] = []
    wall: list[float] = []
    store = FolderStore(folder / "floor")
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=120) as station:
        opened = station.post(
            "/v1/dossiers",
            json={"record_code": "H21.65-220914-0011", "papers": [{"title": "Đơn", "pages": pages + 1}]},
            headers={"Idempotency-Key": uuid4().hex},
        ).json()
        cpu_before = floor_cpu = 0.0
        for number in range(1, pages + 2):  # the first warms up both
            if number == 2:
                cpu_before, floor_cpu = cpu_of_tree(pid), 0.0
            data = _mark(scan, number)
            started = time.perf_counter()
            answer = station.put(
                f"/v1/dossiers/{opened['id']}/documents/1/pages/{number}",
                content=data,
                headers={"Content-Digest": _digest(data)},
            )
            wall.append(time.perf_counter() - started)
            answer.raise_for_status()
            ours_before = cpu_of_tree(os.getpid())
            floor.append(_floor(data, folder / "one.jpg", store))
            floor_cpu += cpu_of_tree(os.getpid()) - ours_before
        cpu = cpu_of_tree(pid) - cpu_before
    return {
        "pages": pages,
        "bytes": len(scan),
        "upload_median_s": statistics.median(wall[1:]),
        "upload_p95_s": _p95(wall[1:]),
        "floor_median_s": statistics.median(floor[1:]),
        "floor_p95_s": _p95(floor[1:]),
        "server_cpu_s_per_page": cpu / pages,
        "floor_cpu_s_per_page": floor_cpu / pages,
    }


def _floor(data: bytes, path: Path, store: FolderStore) -> float:
    """Decode in the sandbox, hash, write and fsync."""
    started = time.perf_counter()
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    with open_source(path, Limits()) as source:
        source.read_page(1)
    store.put(f"originals/{digest}", path, digest)
    return time.perf_counter() - started


def _mark(jpeg: bytes, number: int) -> bytes:
    """The same picture as another file: a comment after SOI."""
    comment = f"{number:08}".encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]


def _draw_page(path: Path) -> bytes:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    write_scans(path, [scan(render_page("letter", 6), seed=1, skew_deg=0.5)])
    return path.read_bytes()


def cpu_of_tree(pid: int) -> float:
    """CPU seconds of a process, its descendants and those of them that ended."""
    ticks, waiting = 0, [pid]
    while waiting:
        current = waiting.pop()
        try:
            fields = Path(f"/proc/{current}/stat").read_text().rpartition(")")[2].split()
            waiting += [
                int(child)
                for task in Path(f"/proc/{current}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        except FileNotFoundError:
            continue
        ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def _is_put(line: dict[str, object]) -> bool:
    return line.get("method") == "PUT" and line.get("status") == 201


def _digest(data: bytes) -> str:
    return f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"


def _p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def _program() -> Path:
    return Path(sys.executable).with_name("sohoa")


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=60)
    parser.add_argument("--busy", action="store_true", help="with every core at work")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-bench-") as folder:
        told = measure(asked.pages, Path(folder), busy=asked.busy)
    for name, value in told.items():
        print(f"{name:24} {value:.3f}" if isinstance(value, float) else f"{name:24} {value}")


if __name__ == "__main__":
    main()
