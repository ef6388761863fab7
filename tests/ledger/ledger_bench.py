"""A ledger to try things on: real database, a clock that stands still, a worker of no skill."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.ledger.database import Database
from pipeline.ledger.dossiers import register_dossier
from pipeline.ledger.jobs import claim_job, list_jobs
from pipeline.ledger.settling import finish_document, finish_page, read_document_work
from pipeline.ledger.status import read_dossier
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DossierStatus, JobKind, JobState
from schemas.ledger import (
    Claim,
    NewDocument,
    NewDossier,
    Original,
    PageOutcome,
    RenditionDraft,
    RetryPolicy,
    StoredObject,
)
from schemas.page import Reason, Verdict

RECORD = "H21.65-220914-0011"
POLICY = RetryPolicy(max_attempts=3, retry_delay_s=2.0)


def original(name: str) -> Original:
    sha256 = hashlib.sha256(name.encode()).hexdigest()
    return Original(sha256, 10, "image/png", f"originals/{sha256[:2]}/{sha256}")


@dataclass
class Bench:
    """A ledger and a clock that a test moves; `owner` works its jobs."""

    database: Database
    now: float = 1_000.0

    def register(self, *page_counts: int, priority: int = 0) -> str:
        papers = tuple(
            NewDocument(f"Tờ {n}", original(f"paper {n}"), count) for n, count in enumerate(page_counts, 1)
        )
        with self.database.write() as connection:
            return register_dossier(connection, NewDossier(RECORD, papers, None, priority), "uid:1", self.now)

    def open_jobs(self, dossier_id: str, kind: JobKind) -> list[str]:
        with self.database.read() as connection:
            return [
                job.id
                for job in list_jobs(connection, dossier_id)
                if job.kind is kind and job.state is JobState.QUEUED
            ]

    def claim(self, job_id: str, owner: str = "w1", lease_s: float = 60.0) -> Claim | None:
        with self.database.write() as connection:
            return claim_job(connection, job_id, owner, lease_s, self.now)

    def finish_page(self, claim: Claim, verdict: Verdict = Verdict.READABLE) -> None:
        reasons = (Reason.BLUR,) if verdict is Verdict.UNREADABLE else ()
        result = StoredObject(f"pages/{claim.page_id}", "0" * 64, 1)
        with self.database.write() as connection:
            finish_page(connection, claim, PageOutcome(verdict, reasons, result), self.now)

    def bind(self, claim: Claim) -> None:
        with self.database.read() as connection:
            work = read_document_work(connection, claim)
        key = f"records/{work.dossier_id}/{work.ordinal}/{work.next_number}.pdf"
        stored = StoredObject(key, "1" * 64, 5)
        made = RenditionDraft(work.next_number, stored, work.page_ids, work.readings)
        with self.database.write() as connection:
            finish_document(connection, claim, made, self.now)

    def work_all(
        self, dossier_id: str, judge: Callable[[Claim], Verdict] = lambda _: Verdict.READABLE
    ) -> None:
        """Everything that can be done now."""
        while pages := self.open_jobs(dossier_id, JobKind.PAGE):
            claim = self.claim(pages[0])
            assert claim is not None
            self.finish_page(claim, judge(claim))
        while documents := self.open_jobs(dossier_id, JobKind.DOCUMENT):
            claim = self.claim(documents[0])
            assert claim is not None
            self.bind(claim)

    def status(self, dossier_id: str) -> DossierStatus:
        with self.database.read() as connection:
            return read_dossier(connection, dossier_id, lambda key: f"/store/{key}", check_dossier)
