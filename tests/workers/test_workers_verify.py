"""`sohoa verify CODE`: finished PDFs against the ledger and the stored originals."""

import json

from office_outside import RECORD, Office, Papers


def test_a_record_is_held_against_its_ledger_and_its_originals(office: Office, papers: Papers) -> None:
    done = office.run("submit", "--record", RECORD, "--wait", papers.good)
    assert done.returncode == 0, done.stderr
    ended = office.run("verify", RECORD, "--json")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    (answer,) = json.loads(ended.stdout)["files"]
    claims = [claim["claim"] for claim in answer["claims"]]
    assert "the file the ledger registered" in claims
    assert any(
        claim.endswith("equal to what was made of the stored, unchanged originals") for claim in claims
    )

    (original,) = (path for path in (office.home / "store" / "originals").rglob("*") if path.is_file())
    original.chmod(0o644)
    original.write_bytes(original.read_bytes() + b"x")
    changed = office.run("verify", RECORD)
    assert changed.returncode == 1
    assert "have changed" in changed.stdout
