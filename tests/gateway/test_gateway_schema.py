"""The API against its own description: schemathesis with all checks, a bounded run of the real command."""

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
from gateway_outside import Outside

from scripts.fuzz_gateway import count_answers, count_cases, fuzz
from workers.gateway.problems import STATUSES
from workers.gateway.rules import RULES


def test_no_answer_is_a_server_error_or_undocumented(tmp_path: Path) -> None:
    done = fuzz(examples=3, seed=7, folder=tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert count_cases(done.stdout) >= 500
    answers = count_answers(tmp_path / "serve.log")
    assert not [(endpoint, status) for endpoint, status in answers if status >= 500]


@pytest.fixture(scope="module")
def described(outside: Outside) -> dict[str, Any]:
    return dict(httpx.get(f"{outside.url}/openapi.json").json())


def test_the_description_reads_like_documentation(described: dict[str, Any]) -> None:
    """Every endpoint: Vietnamese and English, an example of every problem, roles."""
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            name = f"{method} {path}"
            assert "(" in told["summary"], name
            vietnamese, _, english = told["description"].partition("\n\n")
            assert vietnamese and english, name
            assert RULES[method.upper(), path].public or told["x-roles"], name
            for status, answer in told["responses"].items():
                assert answer["description"], (name, status)
                for code, example in (
                    answer.get("content", {}).get("application/problem+json", {}).get("examples", {}).items()
                ):
                    assert STATUSES[code] == int(status)
                    assert example["value"]["code"] == code
    assert "HTTPValidationError" not in json.dumps(described)
    assert set(described["components"]["securitySchemes"]) == {"key", "client"}
