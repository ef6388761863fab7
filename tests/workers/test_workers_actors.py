"""Jobs inside one process: what a page, a store or a worker can do wrong."""

import time
from collections.abc import Iterator
from pathlib import Path

import dramatiq
import pikepdf
import pytest
from office_outside import RECORD, Papers

from pipeline.ledger.jobs import claim_job, list_jobs
from pipeline.ledger.settling import read_document_work, requeue_expired
from pipeline.ledger.status import read_dossier
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DossierState, DossierStatus, JobState
from schemas.ledger import Claim, PageOutcome, PageWork
from schemas.page import Verdict
from schemas.settings import Limits, Settings
from workers.actors import JobWorker, ReportUnforeseen, declare_actors
from workers.broker import Lane, open_broker
from workers.embedded import EmbeddedOffice
from workers.home import Home, open_home
from workers.leases import Leases
from workers.submit import submit_dossier


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path / "home", job_retry_delay_s=0.01, sweep_interval_s=0.05, jobs=1)


@pytest.fixture
def home(settings: Settings) -> Iterator[Home]:
    opened = open_home(settings)
    yield opened
    opened.close()


def queued(home: Home, dossier_id: str) -> list[str]:
    with home.database.read() as connection:
        return [job.id for job in list_jobs(connection, dossier_id) if job.state is JobState.QUEUED]


def status(home: Home, dossier_id: str) -> DossierStatus:
    with home.database.read() as connection:
        return read_dossier(connection, dossier_id, home.locate, check_dossier)


def make_worker(home: Home, kind: type[JobWorker] = JobWorker) -> JobWorker:
    return kind(home, "serve:test", Leases(home), lambda: None)


def take(home: Home, job_id: str) -> Claim:
    with home.database.write() as connection:
        claim = claim_job(connection, job_id, "serve:test", 60.0, time.time())
    assert claim is not None
    return claim


def test_what_a_dead_attempt_stored_is_taken_up_and_nothing_is_left_over(home: Home, papers: Papers) -> None:
    dossier_id = submit_dossier(home, RECORD, [papers.good])
    worker = make_worker(home)
    worker.work(queued(home, dossier_id)[0])
    (binding,) = queued(home, dossier_id)
    claim = take(home, binding)
    with home.database.read() as connection:
        work = read_document_work(connection, claim)
    stored = worker._store_rendition(claim, work)  # and dies here, before it is registered
    with home.database.write() as connection:
        requeue_expired(connection, home.retry_policy, time.time(), dead_owners="serve:")
    time.sleep(home.retry_policy.retry_delay_s)
    worker.work(binding)
    (rendition,) = status(home, dossier_id).documents[0].renditions
    assert (rendition.number, rendition.sha256) == (1, stored.object.sha256)
    assert list(home.store.list("records/")) == [rendition.key]


def test_two_workers_at_one_binding_leave_one_pdf(home: Home, papers: Papers) -> None:
    dossier_id = submit_dossier(home, RECORD, [papers.good])
    worker = make_worker(home)
    worker.work(queued(home, dossier_id)[0])
    (binding,) = queued(home, dossier_id)
    late = take(home, binding)
    with home.database.write() as connection:
        work = read_document_work(connection, late)
        requeue_expired(connection, home.retry_policy, time.time(), dead_owners="serve:")
    time.sleep(home.retry_policy.retry_delay_s)
    worker.work(binding)
    (rendition,) = status(home, dossier_id).documents[0].renditions
    assert not home.store.stat(f"{rendition.key}x")
    taken_up = worker._store_rendition  # the late worker finds what is there; nothing of it is registered
    assert taken_up(late, work).object.sha256 == rendition.sha256
    assert list(home.store.list("records/")) == [rendition.key]


def test_a_page_that_cannot_be_decoded_is_a_finding(
    settings: Settings, papers: Papers, tmp_path: Path
) -> None:
    damaged = tmp_path / "damaged.pdf"
    with pikepdf.open(papers.three) as pdf:
        (image,) = pdf.pages[1].get_images().values()
        image.write(image.read_raw_bytes()[:300], filter=pikepdf.Name.DCTDecode)
        pdf.save(damaged)
    with EmbeddedOffice(settings) as office:
        dossier_id = office.submit(RECORD, [damaged])
        dossier = office.wait(dossier_id)
        assert dossier.state is DossierState.NEEDS_RESCAN
        page = dossier.documents[0].pages[1]
        assert page.verdict is Verdict.UNREADABLE
        assert page.failure or page.reasons
        assert [other.verdict is Verdict.UNREADABLE for other in dossier.documents[0].pages] == [
            False,
            True,
            False,
        ]
        office.replace_page(RECORD, 1, 2, papers.good)
        assert office.wait(dossier_id).state is DossierState.COMPLETE
        assert [event.payload.dossier_id for event in office.events()] == [dossier_id]


def test_an_original_that_cannot_even_be_opened_is_a_finding(settings: Settings, papers: Papers) -> None:
    home = open_home(settings)
    dossier_id = submit_dossier(home, RECORD, [papers.good])
    home.close()
    small = settings.model_copy(update={"limits": Limits(max_bytes=1000)})
    with EmbeddedOffice(small) as office:
        dossier = office.wait(dossier_id)
        assert dossier.state is DossierState.NEEDS_RESCAN
        (page,) = dossier.documents[0].pages
        assert page.verdict is Verdict.UNREADABLE
        assert "bytes" in (page.failure or "")


@pytest.mark.parametrize("at", [0, -1], ids=["first byte", "last byte"])
def test_a_rotten_original_is_never_read(settings: Settings, papers: Papers, at: int) -> None:
    with EmbeddedOffice(settings) as office:
        dossier_id = office.submit(RECORD, [papers.good])
        (stored,) = [path for path in (settings.home / "store" / "originals").rglob("*") if path.is_file()]
        stored.chmod(0o644)
        data = bytearray(stored.read_bytes())
        data[at] ^= 1  # the first byte says what file it is: it cannot even be opened
        stored.write_bytes(data)
        dossier = office.wait(dossier_id)
    assert dossier.state is DossierState.FAILED
    assert "have changed" in (dossier.documents[0].pages[0].failure or "")


class Stumbling(JobWorker):
    """A worker with a fault of its own."""

    def _digitise(self, work: PageWork) -> PageOutcome:
        raise ZeroDivisionError(f"text of page {work.number}")


def test_a_fault_of_ours_fails_the_job_and_not_the_worker(
    home: Home, papers: Papers, caplog: pytest.LogCaptureFixture
) -> None:
    dossier_id = submit_dossier(home, RECORD, [papers.three])
    guard = ReportUnforeseen()
    broker = open_broker(None, [guard])
    guard.worker = make_worker(home, Stumbling)
    actors = declare_actors(broker, guard.worker)
    thread = dramatiq.Worker(broker, queues={Lane.COUNTER}, worker_threads=1, worker_timeout=20)
    thread.start()
    try:
        job_id = queued(home, dossier_id)[0]
        for _ in range(home.settings.job_max_attempts):
            actors[Lane.COUNTER].send(job_id)
            actors[Lane.COUNTER].send(job_id)  # a duplicate
            broker.join(Lane.COUNTER)
            time.sleep(4 * home.retry_policy.retry_delay_s)
    finally:
        thread.stop()
    with home.database.read() as connection:
        (failed,) = [job for job in list_jobs(connection, dossier_id) if job.state is JobState.FAILED]
    assert (failed.id, failed.attempt) == (job_id, 3)
    assert (failed.failure or "").startswith("unforeseen ZeroDivisionError in _digitise")
    assert "text of page" not in caplog.text
