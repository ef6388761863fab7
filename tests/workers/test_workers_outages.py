"""Services outside that are down: work waits or is signed weaker, says so, and is made good by itself."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from office_outside import RECORD, Papers

from pipeline.binding.levels import find_level
from pipeline.ledger.jobs import list_jobs
from pipeline.ledger.status import read_dossier
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DocumentStatus, DossierState, JobState
from schemas.settings import Settings, SigningSettings
from schemas.signing import OnFailure, SignatureLevel
from scripts.samples.authority import Trust, start_trust
from workers.home import Home, open_home
from workers.serve import Server
from workers.submit import submit_dossier

PATIENCE_S = 60.0
"""Only keeps a broken test from hanging."""


@pytest.fixture
def trust(tmp_path: Path) -> Iterator[Trust]:
    (tmp_path / "authority").mkdir()
    made, server = start_trust(tmp_path / "authority")
    yield made
    server.shutdown()
    server.server_close()


@pytest.fixture
def open_office(trust: Trust, tmp_path: Path) -> Iterator[Callable[[OnFailure], Home]]:
    opened = []

    def open_(policy: OnFailure) -> Home:
        signing = SigningSettings(
            signature_level=SignatureLevel.B_T,
            tsa_url=trust.tsa_url,
            service_attempts=1,
            on_tsa_failure=policy,
        )
        opened.append(
            open_home(
                Settings(
                    home=tmp_path / "home",
                    signing=signing,
                    sweep_interval_s=0.05,
                    jobs=1,
                    job_max_attempts=1,
                    outage_delay_s=0.1,
                    outage_max_delay_s=0.4,
                )
            )
        )
        return opened[-1]

    yield open_
    for home in opened:
        home.close()


def look(home: Home, dossier_id: str) -> tuple[DossierState, DocumentStatus]:
    with home.database.read() as connection:
        dossier = read_dossier(connection, dossier_id, home.locate, check_dossier)
    return dossier.state, dossier.documents[0]


def await_true(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_long_outage_costs_no_attempt_and_the_dossier_completes_when_it_ends(
    trust: Trust, open_office: Callable[[OnFailure], Home], papers: Papers
) -> None:
    trust.fail("tsa")
    home = open_office("fail")
    dossier_id = submit_dossier(home, RECORD, [papers.good])
    with Server(home):
        await_true(lambda: trust.asked["tsa"] >= 4)  # of one attempt a job has here
        state, paper = look(home, dossier_id)
        assert state is DossierState.PROCESSING
        assert paper.waiting_since is not None and paper.failure is None
        assert "time-stamping service" in (paper.waiting_for or "")
    with home.database.read() as connection:
        assert JobState.FAILED not in {job.state for job in list_jobs(connection, dossier_id)}
    trust.faults.clear()
    with Server(home):
        await_true(lambda: look(home, dossier_id)[0] is DossierState.COMPLETE)
    _, paper = look(home, dossier_id)
    assert paper.waiting_since is None
    (rendition,) = paper.renditions
    assert rendition.level is SignatureLevel.B_T and rendition.level_due is None
    assert find_level(Path(rendition.path).read_bytes()) is SignatureLevel.B_T


def test_what_was_signed_weaker_is_due_and_extended_by_itself(
    trust: Trust, open_office: Callable[[OnFailure], Home], papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    trust.fail("tsa")
    home = open_office("sign-b-b")
    dossier_id = submit_dossier(home, RECORD, [papers.good])
    with Server(home):
        await_true(lambda: look(home, dossier_id)[0] is DossierState.COMPLETE)
        _, paper = look(home, dossier_id)
        first = paper.renditions[0]
        assert (first.level, first.level_due) == (SignatureLevel.B_B, SignatureLevel.B_T)
        assert paper.waiting_since is not None
        await_true(lambda: trust.asked["tsa"] >= 3)
        assert look(home, dossier_id)[0] is DossierState.COMPLETE
        before = Path(first.path).read_bytes()
        trust.faults.clear()
        await_true(lambda: len(look(home, dossier_id)[1].renditions) == 2)
    assert "sohoa extend is due" in caplog.text
    assert "signed=B-B asked=B-T" in caplog.text
    state, paper = look(home, dossier_id)
    assert state is DossierState.COMPLETE and paper.waiting_since is None
    old, new = paper.renditions
    assert Path(old.path).read_bytes() == before
    assert Path(new.path).read_bytes().startswith(before)
    assert find_level(Path(new.path).read_bytes()) is SignatureLevel.B_T
    assert (new.number, new.level, new.level_due) == (2, SignatureLevel.B_T, None)
