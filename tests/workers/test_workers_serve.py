"""`sohoa serve` from outside: killed, stopped, started twice."""

import hashlib
import signal
from collections.abc import Callable
from typing import Any

import pytest
from office_outside import Office, Papers

from pipeline.ledger.audit import verify_audit
from pipeline.ledger.outbox import publish_events, read_events
from schemas.settings import Settings
from workers.home import open_home


def judged(dossier: dict[str, Any]) -> int:
    return sum(page["verdict"] is not None for document in dossier["documents"] for page in document["pages"])


def some_pages(dossier: dict[str, Any]) -> bool:
    return judged(dossier) >= 1


def begun(dossier: dict[str, Any]) -> bool:
    return bool(dossier["state"] == "processing")


def bound(dossier: dict[str, Any]) -> bool:
    return any(document["renditions"] for document in dossier["documents"])


def check_complete_once(office: Office, told: dict[str, Any], papers: Papers) -> None:
    (dossier,) = told["dossiers"]
    assert dossier["state"] == "complete"
    assert [len(document["renditions"]) for document in dossier["documents"]] == [1, 1]
    home = open_home(Settings(home=office.home))
    with home.database.write() as connection:
        publish_events(connection)
        (event,) = read_events(connection)
        assert verify_audit(connection).broken_at is None
    assert event.payload.dossier_id == dossier["id"]
    for document in dossier["documents"]:
        (rendition,) = document["renditions"]
        pdf = home.store.get(rendition["key"], rendition["sha256"])
        assert pdf.startswith(b"%PDF")
    assert len(list(home.store.list("records/"))) == 2
    for scan in (papers.three, papers.good):
        sha256 = hashlib.sha256(scan.read_bytes()).hexdigest()
        assert home.store.get(f"originals/{sha256[:2]}/{sha256}", sha256) == scan.read_bytes()
    home.close()


@pytest.mark.parametrize("moments", [(begun, some_pages), (some_pages, bound)])
def test_a_killed_server_loses_nothing(
    office: Office, papers: Papers, moments: tuple[Callable[[dict[str, Any]], bool], ...]
) -> None:
    office.submit(papers.three, papers.good)
    for moment in moments:
        server = office.serve()
        office.await_state(lambda dossier, moment=moment: moment(dossier) or dossier["state"] == "complete")
        office.kill(server)
    office.serve()
    check_complete_once(office, office.await_rest(), papers)


def test_a_stopped_server_ends_cleanly_and_the_next_goes_on(office: Office, papers: Papers) -> None:
    office.submit(papers.three, papers.good)
    server = office.serve()
    office.await_state(begun)
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=60) == 0
    office.serve()
    check_complete_once(office, office.await_rest(), papers)


def test_a_second_server_is_refused_and_one_finds_what_others_submit(office: Office, papers: Papers) -> None:
    office.submit(papers.good)
    server = office.serve()
    office.await_state(begun)
    second = office.run("serve")
    assert second.returncode == 2
    assert second.stderr.splitlines()[-1].startswith("sohoa: a server runs on")
    office.await_rest()
    office.submit(papers.good)
    told = office.await_rest()
    assert [dossier["state"] for dossier in told["dossiers"]] == ["complete", "complete"]
    assert server.poll() is None
