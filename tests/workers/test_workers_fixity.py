"""`sohoa check-store`: damage is found; a ledger of yesterday finds its way to today's store."""

import json
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from office_outside import RECORD, Office, Papers

from schemas.fixity import PROBE_KEY

ROOT = Path(__file__).parents[2]


def check(office: Office, *arguments: str) -> tuple[int, dict[str, Any]]:
    done = office.run("check-store", "--json", *arguments)
    assert done.stdout, done.stderr
    return done.returncode, json.loads(done.stdout)


def kinds(told: dict[str, Any]) -> dict[str, str]:
    return {finding["key"]: finding["kind"] for finding in told["findings"]}


def damage(path: Path) -> None:
    path.chmod(0o644)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(bytes(data))


@pytest.fixture
def kept(office: Office, papers: Papers) -> dict[str, Path]:
    """One of each kind of object, of a dossier that is complete."""
    office.submit("--wait", papers.good)
    store = office.home / "store"
    return {
        kind: next(path for path in sorted((store / kind).rglob("*"), reverse=True) if path.is_file())
        for kind in ("originals", "pages", "records", "dossiers")
    }


def test_every_kind_of_damage_is_found_and_mended_damage_is_settled(
    office: Office, kept: dict[str, Path]
) -> None:
    store = office.home / "store"
    code, told = check(office)
    assert (code, told["well"], told["findings"]) == (0, True, [])
    assert told["checked"] == {"manifests": 1, "originals": 1, "pages": 1, "readings": 0, "renditions": 1,
                               "keys": 5}  # fmt: skip
    before = kept["originals"].read_bytes()
    for kind in ("originals", "pages", "dossiers"):
        damage(kept[kind])
    hidden = kept["records"].rename(office.home / "hidden.pdf")
    (store / "notes.txt").write_text("stranger")
    code, told = check(office)
    assert code == 1
    assert kinds(told) == {
        kept["originals"].relative_to(store).as_posix(): "changed",
        kept["pages"].relative_to(store).as_posix(): "changed",
        kept["records"].relative_to(store).as_posix(): "missing",
        kept["dossiers"].relative_to(store).as_posix(): "changed",
        "notes.txt": "orphaned",
    }
    assert "missing: records/" in office.run("doctor").stdout
    hidden.rename(kept["records"])
    kept["originals"].write_bytes(before)
    settled = office.run("check-store", "--settle", "notes.txt", "--reason", "ghi chú của quản trị")
    assert settled.returncode == 0
    code, told = check(office)
    assert code == 1
    assert set(kinds(told)) == {kept[kind].relative_to(store).as_posix() for kind in ("pages", "dossiers")}
    sampled = check(office, "--sample", "0.0001")[1]  # reads next to nothing, and settles nothing
    assert sampled["checked"]["originals"] == 0
    assert "2 findings" in office.run("doctor").stdout


def test_what_the_gateway_asks_the_store_with_is_no_finding_of_concern(
    office: Office, kept: dict[str, Path]
) -> None:
    probe = office.home / "store" / PROBE_KEY
    probe.parent.mkdir()
    probe.write_bytes(b"sohoa\n")
    code, told = check(office)
    assert (code, told["well"]) == (0, True)


def test_a_rendition_with_a_broken_signature_is_found_though_its_hash_is_right(
    office: Office, kept: dict[str, Path]
) -> None:
    import hashlib
    import sqlite3

    damage(kept["records"])
    digest = hashlib.sha256(kept["records"].read_bytes()).hexdigest()
    with sqlite3.connect(office.home / "ledger.sqlite3") as ledger:
        ledger.execute("UPDATE renditions SET sha256 = ?", (digest,))
    code, told = check(office)
    assert (code, list(kinds(told).values())) == (1, ["unsigned"])
    assert check(office, "--no-signatures")[0] == 0


def test_yesterdays_ledger_with_todays_store_heals_itself(
    office: Office, papers: Papers, tmp_path: Path
) -> None:
    office.submit("--wait", papers.bad)  # waits for its rescan when the backup is taken
    backup = tmp_path / "backup"
    commands = read_commands()
    run(commands["Back up"], office, backup)
    rescanned = office.run("submit", "--record", RECORD, "--replace-page", "1:1", "--wait", papers.good)
    assert rescanned.returncode == 0, rescanned.stderr
    office.submit("--title", "Đơn xin", "--wait", papers.three)
    today = office.status()
    lost = office.submit(papers.good)  # acknowledged, not read yet
    describe(office)

    run(commands["Restore"].replace("sohoa serve", ""), office, backup, expect="3 dossiers taken up again")
    healed = office.status()
    before = {dossier["id"]: dossier for dossier in today["dossiers"]}
    after = {dossier["id"]: dossier for dossier in healed["dossiers"]}
    assert set(after) == {*before, lost}
    for dossier_id, dossier in before.items():
        assert after[dossier_id] == dossier
    assert after[lost]["state"] == "submitted"
    office.serve()
    office.await_rest()
    assert [dossier["state"] for dossier in office.status()["dossiers"]] == ["complete"] * 3
    verified = office.run("verify", RECORD)
    assert verified.returncode == 0, verified.stdout
    numbers = [event.sequence for event in read_events(office)]
    assert numbers == sorted(numbers)
    assert numbers[0] > 1_000_000 - 1
    assert len({event.id for event in read_events(office)}) == len(numbers) == 3


def describe(office: Office) -> None:
    """As a running server does within a second."""
    from schemas.settings import Settings
    from workers.describing import describe_changed
    from workers.home import open_home

    home = open_home(Settings(home=office.home))
    describe_changed(home)
    home.close()


def read_events(office: Office) -> tuple[Any, ...]:
    from schemas.settings import Settings
    from workers.embedded import EmbeddedOffice

    with EmbeddedOffice(Settings(home=office.home)) as inside:
        inside._relay()
        return inside.events()


def read_commands() -> dict[str, str]:
    """The shell commands of docs/backup.md, by heading."""
    page = (ROOT / "docs" / "backup.md").read_text(encoding="utf-8")
    return dict(re.findall(r"^## (.+?)$.*?```sh\n(.*?)```", page, flags=re.MULTILINE | re.DOTALL))


def run(commands: str, office: Office, backup: Path, expect: str = "") -> None:
    backup.mkdir(exist_ok=True)
    done = subprocess.run(
        ["bash", "-euc", commands],
        env={**office.environment, "BACKUP": str(backup)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert expect in done.stdout


def test_the_server_looks_through_the_store_by_itself_at_the_set_rate(
    office: Office, papers: Papers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOHOA_CHECK_OBJECTS_PER_HOUR", "0")
    office.submit("--wait", papers.good)
    assert "store: not checked yet" in office.run("doctor").stdout
    (original,) = [path for path in (office.home / "store" / "originals").rglob("*") if path.is_file()]
    damage(original)
    monkeypatch.setenv("SOHOA_CHECK_OBJECTS_PER_HOUR", "36000")
    office.serve()
    deadline, told = time.monotonic() + 60, ""
    while "is done" not in told and time.monotonic() < deadline:
        time.sleep(0.5)
        told = office.run("doctor").stdout
    assert f"store: changed: {original.relative_to(office.home / 'store')}" in told
    assert "store: 1 findings; check 1 is done" in told
