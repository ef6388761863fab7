"""Dossiers through real worker processes over PostgreSQL, RabbitMQ and S3."""

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pipeline.intake.open import open_source
from pipeline.ledger.jobs import list_jobs
from pipeline.ledger.outbox import read_events
from schemas.dossier import DossierState, JobKind, JobState
from schemas.errors import IntegrityError, NotFoundError
from schemas.tables import dossiers, jobs
from scripts.faults.checks import check_dossiers, check_whole_ledger
from scripts.faults.papers import Paper
from scripts.faults.site import Site, kill_child, list_children
from workers.actors import JobWorker, declare_actors
from workers.broker import Lane, open_broker
from workers.home import Home
from workers.leases import Leases
from workers.spool import Spool
from workers.submit import submit_dossier
from workers.sweeper import Hinter

RECORD = "H21.65-220914-0011"
PATIENCE_S = 180


def await_that(holds: Callable[[], Any], what: str = "") -> Any:
    """Ask until it holds; the deadline only keeps a broken test from hanging."""
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def state(home: Home, dossier_id: str) -> DossierState:
    with home.database.read() as connection:
        return DossierState(
            connection.execute(select(dossiers.c.state).where(dossiers.c.id == dossier_id)).scalar_one()
        )


def running(home: Home, kind: JobKind = JobKind.PAGE) -> list[str]:
    with home.database.read() as connection:
        query = select(jobs.c.id).where(jobs.c.state == JobState.RUNNING, jobs.c.kind == kind)
        return list(connection.execute(query).scalars())


def rests(home: Home, dossier_id: str) -> bool:
    return state(home, dossier_id) in {DossierState.COMPLETE, DossierState.FAILED, DossierState.NEEDS_RESCAN}


def test_a_dossier_survives_the_death_of_its_workers_and_is_told_and_verified_by_command(
    site: Site, small_papers: list[Paper]
) -> None:
    files = [small_papers[0].path, small_papers[-1].path]
    answer, errors = site.submit("--record", RECORD, *files).communicate()
    dossier_id = answer.strip()
    assert dossier_id, errors
    site.start()
    home = site.open()
    await_that(lambda: running(home))
    kill_child(site.processes["page"])
    await_that(lambda: running(home) or rests(home, dossier_id))
    site.processes["page"].kill()  # the supervisor and its workers
    site.start()
    await_that(lambda: rests(home, dossier_id), (site.folder / "page.log").read_text())
    assert check_dossiers(home, {dossier_id: 3}) == []
    await_that(lambda: not check_whole_ledger(home))
    home.close()
    told = json.loads(site.run("status", RECORD, "--json").stdout)
    (dossier,) = told["dossiers"]
    assert dossier["state"] == "complete"
    bucket = site.environment["SOHOA_S3__BUCKET"]
    for document in dossier["documents"]:
        (rendition,) = document["renditions"]
        assert rendition["path"] == f"s3://{bucket}/{rendition['key']}"
    verified = site.run("verify", RECORD)
    assert verified.returncode == 0, verified.stdout + verified.stderr
    assert verified.stdout.count("equal to what was made of the stored, unchanged originals") == 2


def test_a_page_that_kills_every_worker_is_set_aside_with_its_reason(
    site: Site, small_papers: list[Paper]
) -> None:
    home = site.open()
    dossier_id = submit_dossier(home, RECORD, [small_papers[0].path])
    site.start()
    deaths: list[int] = []

    def kill_what_works() -> bool:
        with home.database.read() as connection:
            (job,) = list_jobs(connection, dossier_id)
        if job.state is JobState.RUNNING and job.attempt not in deaths:
            deaths.append(job.attempt)
            kill_child(site.processes["page"])
        return job.state is JobState.FAILED

    await_that(kill_what_works)
    assert deaths == [1, 2, 3]
    assert state(home, dossier_id) is DossierState.FAILED
    home.close()
    (page,) = json.loads(site.run("status", RECORD, "--json").stdout)["dossiers"][0]["documents"][0]["pages"]
    assert "worker died" in page["failure"]
    assert site.run("submit", "--retry", "--dossier", dossier_id).returncode == 0
    home = site.open()
    await_that(lambda: rests(home, dossier_id))
    assert check_dossiers(home, {dossier_id: 1}) == []
    home.close()


def test_a_worker_told_to_stop_gives_nothing_up(site: Site, small_papers: list[Paper]) -> None:
    home = site.open()
    dossier_id = submit_dossier(home, RECORD, [paper.path for paper in small_papers[:3]])
    site.start()
    await_that(lambda: running(home))
    stopped = {name: process.pid for name, process in site.processes.items()}
    for pid in stopped.values():
        os.kill(pid, signal.SIGTERM)  # the supervisor alone, as a container engine does
    for process in site.processes.values():
        process.await_end()
    assert running(home) == []
    with home.database.read() as connection:
        assert {job.attempt for job in list_jobs(connection, dossier_id)} <= {0, 1}
    site.start()
    await_that(lambda: rests(home, dossier_id))
    assert check_dossiers(home, {dossier_id: 3}) == []
    home.close()


def test_the_counter_does_not_wait_for_workers_at_a_batch(site: Site, small_papers: list[Paper]) -> None:
    home = site.open()
    batch = [submit_dossier(home, RECORD, [small_papers[0].path], priority=1) for _ in range(4)]
    site.start()
    await_that(lambda: running(home))
    (unhurried,) = list_children(site.processes["page"], Lane.PAGE)
    os.kill(unhurried, signal.SIGSTOP)  # a page of the batch that takes for ever
    try:
        counter = submit_dossier(home, RECORD, [small_papers[1].path])
        await_that(lambda: rests(home, counter))
        assert not all(rests(home, dossier_id) for dossier_id in batch)
    finally:
        os.kill(unhurried, signal.SIGCONT)
    for dossier_id in batch:
        await_that(lambda dossier_id=dossier_id: rests(home, dossier_id))
    await_that(lambda: len(read_all_events(home)) == 5)
    home.close()


def read_all_events(home: Home) -> Any:
    with home.database.read() as connection:
        return read_events(connection)


def test_hints_that_no_broker_takes_are_due_again_at_once(
    environment: dict[str, str], site: Site, small_papers: list[Paper]
) -> None:
    home = site.open()
    submit_dossier(home, RECORD, [small_papers[-1].path])
    broker = open_broker("amqp://guest:guest@127.0.0.1:9/", [])
    worker = JobWorker(home, "test", Leases(home), lambda: None)
    Hinter(home, declare_actors(broker, worker), dict.fromkeys(JobKind, 8)).hint()
    with home.database.read() as connection:
        assert list(connection.execute(select(jobs.c.hinted_at)).scalars()) == [None, None]
    home.close()


def test_a_paper_of_many_pages_is_fetched_once_and_dropped_when_it_rots(
    site: Site, small_papers: list[Paper], tmp_path: Path
) -> None:
    home = site.open()
    objects = [home.store.put(f"k{n}", bytes([n]) * 1000, _digest(bytes([n]) * 1000)) for n in range(3)]
    spool = Spool(tmp_path / "spool", home.store, max_bytes=2500)
    with spool.lend("k0", objects[0].sha256) as path:
        for other in objects[1:]:
            with spool.lend(other.key, other.sha256):
                pass
        assert path.read_bytes() == bytes(1000)  # lent, though the spool has no room for it any more
    kept = tmp_path / "spool" / "originals"
    assert {path.name for path in kept.iterdir()} == {other.sha256 for other in objects[1:]}
    (kept / objects[1].sha256).write_bytes(b"rot")
    with pytest.raises(IntegrityError), spool.lend("k1", objects[1].sha256):
        raise IntegrityError("not the bytes that were asked for")
    with spool.lend("k1", objects[1].sha256) as path:
        assert path.read_bytes() == bytes([1]) * 1000
    with pytest.raises(NotFoundError), spool.lend("nothing", "0" * 64):
        pass
    assert list((tmp_path / "spool" / "lent").iterdir()) == []
    home.close()


def test_readers_of_one_paper_do_not_disturb_each_other(
    site: Site, small_papers: list[Paper], tmp_path: Path
) -> None:
    home = site.open()
    data = small_papers[0].path.read_bytes()
    home.store.put("k", data, _digest(data))
    spool = Spool(tmp_path / "spool", home.store, max_bytes=10**9)
    with (
        spool.lend("k", _digest(data)) as path,
        open_source(path, home.settings.limits) as source,
    ):
        with spool.lend("k", _digest(data)) as other:
            assert other.read_bytes() == data
        assert source.read_page(1).number == 1  # it is refused where the file was touched meanwhile
    home.close()


def _digest(data: bytes) -> str:
    import hashlib

    return hashlib.sha256(data).hexdigest()


def test_serve_leaves_services_to_the_workers(site: Site) -> None:
    done = site.run("serve")
    assert done.returncode == 2
    assert "sohoa worker" in done.stderr


def test_secrets_stay_in_their_files(site: Site, small_papers: list[Paper]) -> None:
    secrets = [(site.folder / name).read_text() for name in ("database_url", "broker_url", "s3_secret_key")]
    (site.folder / "database_url").write_text(secrets[0].replace("127.0.0.1", "127.0.0.9"))
    (site.folder / "s3_secret_key").write_text(secrets[2] + "x")
    for command in (("status", RECORD), ("submit", "--record", RECORD, str(small_papers[0].path))):
        done = site.run(*command)
        assert done.returncode != 0
        assert len(done.stderr.splitlines()) == 1, done.stderr
        for secret in secrets:
            assert secret not in done.stderr
            assert secret.rpartition("@")[0].rpartition(":")[2] not in done.stderr or "@" not in secret
