"""`sohoa digitize` at a level, and `sohoa extend`, as a user calls them, against services on loopback."""

import json
import subprocess
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from scripts.samples.authority import Trust, start_trust

Sohoa = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    made, server = start_trust(tmp_path_factory.mktemp("authority"))
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan as scan_page

    path = tmp_path_factory.mktemp("scans") / "don.jpg"
    write_scans(path, [scan_page(render_page("letter", 6), seed=1)])
    return path


@pytest.fixture
def environment(trust: Trust, tmp_path: Path) -> dict[str, str]:
    package, password = trust.write_pkcs12("clerk", tmp_path)
    settings = {
        "PKCS12_FILE": package,
        "PKCS12_PASSWORD_FILE": password,
        "SIGNATURE_LEVEL": "B-LTA",
        "TSA_URL": trust.tsa_url,
        "TRUST_ROOTS": trust.write_roots(tmp_path / "roots"),
        "SERVICE_ATTEMPTS": 1,
    }
    return {f"SOHOA_SIGNING__{name}": str(value) for name, value in settings.items()}


def test_the_whole_way_with_the_service_down_and_back(
    sohoa: Sohoa, trust: Trust, scan: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    out = tmp_path / "out"
    trust.fail("tsa")
    failed = sohoa("digitize", scan, "--out", out, **environment)
    assert failed.returncode == 7, failed.stderr
    assert "time-stamping service" in failed.stderr
    assert not list(out.glob("*.pdf"))

    signed = sohoa("digitize", scan, "--out", out, **environment, SOHOA_SIGNING__ON_TSA_FAILURE="sign-b-b")
    assert signed.returncode == 0, signed.stderr
    assert "signed B-B, not B-LTA" in signed.stdout + signed.stderr
    report = json.loads((out / "don.json").read_text(encoding="utf-8"))["pdf"]
    assert (report["signature_level"], report["signature_level_asked"]) == ("B-B", "B-LTA")
    assert report["signature_shortfall"]

    pdf, before = out / "don.pdf", (out / "don.pdf").read_bytes()
    late = sohoa("extend", pdf, **environment)
    assert late.returncode == 7
    assert [path.name for path in out.glob("*.pdf")] == ["don.pdf"]

    trust.faults.clear()
    extended = sohoa("extend", pdf, **environment)
    assert extended.returncode == 0, extended.stderr
    assert pdf.read_bytes() == before
    after = (out / "don.b-lta.pdf").read_bytes()
    assert after.startswith(before)
    assert sha256(before).hexdigest() in extended.stdout
    assert sha256(after).hexdigest() in extended.stdout

    verified = sohoa("verify", out / "don.b-lta.pdf", "--require-revocation", **environment)
    assert verified.returncode == 0, verified.stdout
    assert "✓ no certificate of its chain was revoked, by the answers in the file" in verified.stdout
    plain = sohoa("verify", pdf, **environment)
    assert plain.returncode == 0, plain.stdout
    assert "· whether a certificate was revoked is NOT checked" in plain.stdout
    strict = sohoa("verify", pdf, "--require-revocation", "--json", **environment)
    assert strict.returncode == 1
    (told,) = json.loads(strict.stdout)["files"][0]["signatures"]
    assert told["revocation"]["state"] == "not_checked"
    asked = sohoa("verify", pdf, "--online", "--require-revocation", **environment)
    assert asked.returncode == 0, asked.stdout
    assert "by its authority, asked now" in asked.stdout

    again = sohoa("extend", pdf, out / "don.b-lta.pdf", **environment)
    assert again.returncode == 5
    assert "B-LTA already" in again.stdout
    assert (out / "don.b-lta.pdf").read_bytes() == after

    renewed = sohoa("extend", "--renew", out / "don.b-lta.pdf", **environment)
    assert renewed.returncode == 0, renewed.stderr
    (newest,) = out.glob("don.b-lta.renewed-*.pdf")
    assert newest.read_bytes().startswith(after)


def test_papers_of_the_ledger_get_one_more_rendition(
    sohoa: Sohoa, trust: Trust, scan: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    record = "H21.65-220914-0077"
    environment |= {
        "SOHOA_HOME": str(tmp_path / "home"),
        "SOHOA_SIGNING__SIGNATURE_LEVEL": "B-B",
        "SOHOA_OUTAGE_DELAY_S": "3600",
    }
    submitted = sohoa("submit", "--record", record, "--wait", scan, **environment)
    assert submitted.returncode == 0, submitted.stderr
    dossier_id = submitted.stdout.strip()

    def renditions() -> list[dict[str, str]]:
        told = json.loads(sohoa("status", record, "--json", **environment).stdout)
        found: list[dict[str, str]] = told["dossiers"][0]["documents"][0]["renditions"]
        return found

    (first,) = renditions()
    before = Path(first["path"]).read_bytes()
    trust.fail("tsa")
    down = sohoa("extend", record, "--level", "B-LTA", **environment)
    assert down.returncode == 7, down.stderr
    assert "đang chờ dịch vụ" in sohoa("status", record, **environment).stdout
    assert renditions()[0]["level_due"] == "B-LTA"

    trust.faults.clear()
    extended = sohoa("extend", "--due", **environment)
    assert extended.returncode == 0, extended.stderr
    old, new = renditions()
    assert old["sha256"] in extended.stdout and new["sha256"] in extended.stdout
    assert (new["level"], new["level_due"]) == ("B-LTA", None)
    assert Path(old["path"]).read_bytes() == before
    assert Path(new["path"]).read_bytes().startswith(before)
    assert sohoa("verify", record, **environment).returncode == 0

    again = sohoa("extend", record, f"{record}.1", dossier_id, "--level", "B-LTA", **environment)
    assert again.returncode == 0, again.stderr
    assert "rendition 2" in again.stdout and "B-LTA already" in again.stdout
    assert "nothing is due" in sohoa("extend", "--due", **environment).stdout
    assert len(renditions()) == 2
    assert sohoa("extend", f"{record}.2", "--level", "B-T", **environment).returncode == 2


def test_a_level_is_asked_for(sohoa: Sohoa, tmp_path: Path) -> None:
    assert sohoa("extend", tmp_path / "none.pdf").returncode == 2
    assert sohoa("extend", tmp_path / "none.pdf", "--level", "B-T").returncode == 3


def test_settings_that_cannot_work_are_told_before_any_page_is_read(
    sohoa: Sohoa, scan: Path, tmp_path: Path, environment: dict[str, str]
) -> None:
    for name, value in (
        ("TSA_URL", ""),
        ("PKCS12_PASSWORD_FILE", str(scan)),
        ("TRUST_ROOTS", str(tmp_path / "no")),
    ):
        wrong = sohoa("digitize", scan, "--out", tmp_path, **{**environment, f"SOHOA_SIGNING__{name}": value})
        assert wrong.returncode == 6, (name, wrong.stderr)
        assert not list(tmp_path.glob("*.pdf"))
