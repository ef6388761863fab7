"""schemathesis over the whole API, all checks, with a key for every role and things that are there.

    python -m scripts.fuzz_gateway [--examples N] [--seed N]

Ends with schemathesis' own exit code: 0 where no answer was a 5xx, undocumented or against the schema.
"""

import argparse
import base64
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

RECORD = "H21.65-220914-0011"

_REST = {"complete", "needs_rescan", "failed"}
_ENVIRONMENT = {
    "SOHOA_GATEWAY__REQUESTS_PER_S": "100000",
    "SOHOA_GATEWAY__REQUEST_BURST": "1000000",
    "SOHOA_GATEWAY__FAILED_LOGINS_PER_MINUTE": "1000000",
    "SOHOA_GATEWAY__STREAM_MAX_S": "0.3",
    "SOHOA_GATEWAY__TOKEN_LIFETIME_S": "3600",
    "SOHOA_GATEWAY__LEAST_FREE_BYTES": "1048576",
    "SOHOA_GATEWAY__STREAMS_PER_KEY": "1000",
}


def fuzz(examples: int, seed: int, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Start a gateway on a fresh home below `folder`, fill it a little, and let schemathesis loose on it."""
    environment = {**os.environ, **_ENVIRONMENT, "SOHOA_HOME": str(folder / "home")}
    scan = _draw_page(folder / "page.png")
    server = subprocess.Popen(
        [_program("sohoa"), "serve", "--port", "0"],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=(folder / "serve.log").open("w"),
        text=True,
    )
    try:
        assert server.stdout is not None  # noqa: S101 -- a pipe was asked for
        url = server.stdout.readline().split()[-1]
        config = folder / "schemathesis.toml"
        config.write_text(_configure(_seed(url, scan, environment), examples))
        return subprocess.run(
            [
                *(_program("schemathesis"), "--config-file", config, "run", f"{url}/openapi.json"),
                *("--checks", "all", "--seed", str(seed), "--continue-on-failure", "--workers", "1"),
            ],
            env=environment | {"SOHOA_FUZZ_SCAN": str(scan), "SCHEMATHESIS_HOOKS": "scripts.fuzz_hooks"},
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    finally:
        server.terminate()
        server.wait(timeout=60)
        if server.stdout is not None:
            server.stdout.close()


def count_answers(log: Path) -> Counter[tuple[str, int]]:
    """How often each route gave each status, as the gateway's own log says."""
    lines = (json.loads(line) for line in log.read_text().splitlines() if '"route"' in line)
    return Counter((f"{line['method']} {line['route']}", line["status"]) for line in lines)


def count_cases(output: str) -> int:
    """How many cases schemathesis says it generated."""
    found = re.search(r"([\d,]+) generated", output)
    return int(found[1].replace(",", "")) if found else 0


def _seed(url: str, scan: Path, environment: dict[str, str]) -> dict[str, Any]:
    """Keys of every role, a finished dossier, an open one, and an event."""
    keys = {
        role: _issue(environment, role, *more)
        for role, more in (
            ("station", ("--office", "600000")),
            ("operator", ()),
            ("supervisor", ()),
        )
    }
    client = dict(
        line.split("=") for line in _issue(environment, "onestop", "--agency", "H21.65").splitlines()
    )
    credentials = (client["client_id"], client["client_secret"])
    grant = {"grant_type": "client_credentials"}
    token = httpx.post(f"{url}/v1/oauth/token", data=grant, auth=credentials).json()["access_token"]
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {keys['station']}"}) as station:
        done, still_open = (_open(station, name) for name in ("fuzzing-one", "fuzzing-two"))
        data = scan.read_bytes()
        digest = f"sha-256=:{base64.b64encode(hashlib.sha256(data).digest()).decode()}:"
        page = f"/v1/dossiers/{done}/documents/1/pages/1"
        station.put(page, content=data, headers={"Content-Digest": digest}).raise_for_status()
        station.post(f"/v1/dossiers/{done}/submit").raise_for_status()
        deadline = time.monotonic() + 120
        while (state := station.get(f"/v1/dossiers/{done}").json()["state"]) not in {
            "complete",
            "needs_rescan",
        }:
            if time.monotonic() > deadline:
                raise RuntimeError(f"the dossier stays {state}")
            time.sleep(0.2)
        files = station.get(f"/v1/records/{RECORD}/files").json()["files"]
    return {
        "keys": keys,
        "token": token,
        "dossiers": [done, still_open],
        "events": [f"{done}.1"],
        "files": [file["id"] for file in files] or [1],
    }


def _configure(seeded: dict[str, Any], examples: int) -> str:
    def bearer(credential: str) -> str:
        return json.dumps(f"Bearer {credential}")

    keys = seeded["keys"]
    refusable = "[200, 201, 202, 206, 304, 401, 403, 404, 408, 409, 413, 415, 416, 422, 429]"
    lines = [
        "request-timeout = 60",
        f"headers = {{ Authorization = {bearer(keys['station'])} }}",
        "[generation]",
        f"max-examples = {examples}",
        "no-shrink = true",
        'database = "none"',
        "[dictionaries]",
        *(f"{name} = {{ values = {json.dumps(seeded[name])} }}" for name in ("dossiers", "events", "files")),
        f"records = {{ values = [{json.dumps(RECORD)}] }}",
        "small = { values = [1] }",
        "[parameters]",
        '"path.dossier_id" = { dictionary = "dossiers", probability = 0.7 }',
        '"path.ordinal" = { dictionary = "small", probability = 0.7 }',
        '"path.number" = { dictionary = "small", probability = 0.5 }',
        '"path.record_code" = { dictionary = "records", probability = 0.7 }',
        '"path.file_id" = { dictionary = "files", probability = 0.7 }',
        '"query.event_id" = { dictionary = "events", probability = 0.7 }',
        "wait = 0",
        # What is well formed may still be refused for what it is, or for the state things are in.
        "[checks.positive_data_acceptance]",
        f"expected-statuses = {refusable}",
        "[checks.negative_data_rejection]",
        "expected-statuses = [400, 401, 403, 404, 405, 408, 409, 413, 415, 416, 422, 429]",
        "[checks.missing_required_header]",
        "expected-statuses = [401, 403, 404, 409, 422]",
    ]
    for tag, credential in (
        ("one-stop", seeded["token"]),
        ("files", seeded["token"]),
        ("supervisors", keys["supervisor"]),
        ("operators", keys["operator"]),
    ):
        lines += [
            "[[operations]]",
            f"include-tag = {json.dumps(tag)}",
            f"headers = {{ Authorization = {bearer(credential)} }}",
        ]
    return "\n".join(lines) + "\n"


def _open(station: httpx.Client, key: str) -> str:
    asked = {"record_code": RECORD, "papers": [{"title": "Đơn đề nghị"}]}
    answer = station.post("/v1/dossiers", json=asked, headers={"Idempotency-Key": key})
    answer.raise_for_status()
    return str(answer.json()["id"])


def _issue(environment: dict[str, str], role: str, *more: str) -> str:
    issued = subprocess.run(
        [_program("sohoa"), "keys", "issue", "--role", role, *more],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return issued.stdout.strip()


def _draw_page(path: Path) -> Path:
    """A small page of print: quick to look at, so that the fuzzing is of the gateway."""
    from PIL import Image, ImageDraw

    page = Image.new("L", (600, 800), 255)
    pen = ImageDraw.Draw(page)
    for line in range(20):
        pen.text((60, 60 + 32 * line), "Cong hoa xa hoi chu nghia Viet Nam Doc lap", fill=0, font_size=20)
    page.save(path, dpi=(75, 75))
    return path


def _program(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=300, help="cases an operation, at most")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="sohoa-fuzz-") as folder:
        done = fuzz(asked.examples, asked.seed, Path(folder))
        answers = count_answers(Path(folder) / "serve.log")
    print(done.stdout)
    print(done.stderr, file=sys.stderr)
    for (endpoint, status), count in sorted(answers.items()):
        print(f"{count:7d}  {status}  {endpoint}")
    print(f"cases: {count_cases(done.stdout)}, requests: {sum(answers.values())}")
    sys.exit(done.returncode)


if __name__ == "__main__":
    main()
