"""Any order of claims, results, deaths and rescans: exactly one rendition and event per completion."""

import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from ledger_bench import POLICY, Bench, original

from pipeline.ledger.audit import verify_audit
from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.ledger.dossiers import replace_page
from pipeline.ledger.jobs import list_jobs
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.settling import fail_job, requeue_expired
from schemas.dossier import DocumentState, DossierState, JobKind, JobState
from schemas.errors import LeaseLostError
from schemas.ledger import Claim
from schemas.page import Verdict

PAPERS = (2, 1)


class LedgerMachine(RuleBasedStateMachine):
    """Workers that hold on to every claim they ever had and use any of them at any time."""

    @initialize()
    def register(self) -> None:
        self.bench = Bench(self.open_ledger())
        self.dossier_id = self.bench.register(*PAPERS)
        self.claims: list[Claim] = []
        self.completions = 0

    def teardown(self) -> None:
        self.close_ledger()

    def open_ledger(self) -> Database:
        self.folder = tempfile.TemporaryDirectory()
        return open_database(sqlite_url(Path(self.folder.name) / "ledger.sqlite3"))

    def close_ledger(self) -> None:
        self.bench.database.close()
        self.folder.cleanup()

    @rule(pick=st.integers(0, 5))
    def claim(self, pick: int) -> None:
        waiting = [*self.bench.open_jobs(self.dossier_id, JobKind.PAGE)]
        waiting += self.bench.open_jobs(self.dossier_id, JobKind.DOCUMENT)
        if waiting:
            claim = self.bench.claim(waiting[pick % len(waiting)])
            self.claims += [claim] if claim else []

    @precondition(lambda self: self.claims)
    @rule(data=st.data(), verdict=st.sampled_from([Verdict.READABLE, Verdict.READABLE, Verdict.UNREADABLE]))
    def answer(self, data: st.DataObject, verdict: Verdict) -> None:
        claim = data.draw(st.sampled_from(self.claims))
        before = self.bench.status(self.dossier_id)
        try:
            if claim.kind is JobKind.PAGE:
                self.bench.finish_page(claim, verdict)
            else:
                self.bench.bind(claim)
        except LeaseLostError:
            assert self.bench.status(self.dossier_id) == before
        after = self.bench.status(self.dossier_id).state
        self.completions += after is DossierState.COMPLETE and before.state is not DossierState.COMPLETE

    @precondition(lambda self: self.claims)
    @rule(data=st.data())
    def fail(self, data: st.DataObject) -> None:
        try:
            with self.bench.database.write() as connection:
                fail_job(
                    connection, data.draw(st.sampled_from(self.claims)), "no luck", POLICY, self.bench.now
                )
        except LeaseLostError:
            pass

    @rule(seconds=st.sampled_from([1.0, 10.0, 100.0]))
    def wait(self, seconds: float) -> None:
        self.bench.now += seconds
        with self.bench.database.write() as connection:
            requeue_expired(connection, POLICY, self.bench.now)
            publish_events(connection)

    @rule(page=st.sampled_from([(1, 1), (1, 2), (2, 1)]))
    def rescan(self, page: tuple[int, int]) -> None:
        with self.bench.database.write() as connection:
            replace_page(
                connection, self.dossier_id, page, original(f"{self.bench.now}"), "uid:1", self.bench.now
            )

    @invariant()
    def nothing_is_lost_or_done_twice(self) -> None:
        status = self.bench.status(self.dossier_id)
        with self.bench.database.write() as connection:
            publish_events(connection)
            published = read_events(connection)
            jobs = list_jobs(connection, self.dossier_id)
            assert verify_audit(connection).broken_at is None
        assert [event.sequence for event in published] == list(range(1, self.completions + 1))
        for document in status.documents:
            assert [page.number for page in document.pages] == list(
                range(1, PAPERS[document.ordinal - 1] + 1)
            )
            numbers = [rendition.number for rendition in document.renditions]
            assert numbers == list(range(1, len(numbers) + 1))
            assert (document.state is DocumentState.COMPLETE) <= bool(numbers)
        at_work = [job for job in jobs if job.state in {JobState.QUEUED, JobState.RUNNING}]
        resting = status.state in {DossierState.COMPLETE, DossierState.NEEDS_RESCAN, DossierState.FAILED}
        assert resting == (not at_work)


TestLedgerMachine = LedgerMachine.TestCase
TestLedgerMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
