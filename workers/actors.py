"""The actors: claim the job a message names, do it, write down what came of it."""

import logging
import os
import threading
import traceback
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from hashlib import sha256
from typing import TypeVar
from zoneinfo import ZoneInfo

import dramatiq
from sqlalchemy import Connection

from pipeline.binding.signing import Signing, open_signing
from pipeline.digitise import Tools, bind_document, digitise_page, name_engines, open_tools
from pipeline.intake.open import open_source
from pipeline.ledger.jobs import claim_job, defer_job
from pipeline.ledger.readings import finish_reading, read_held_reading
from pipeline.ledger.renditions import add_draft, finish_level, is_draft_of
from pipeline.ledger.settling import (
    fail_job,
    finish_document,
    finish_page,
    read_document_work,
    read_page_work,
)
from pipeline.page_result import DigitisedPage, pack_page, unpack_page
from schemas.dossier import JobKind
from schemas.errors import (
    BadInputError,
    IntegrityError,
    LeaseLostError,
    SigningServiceError,
    SohoaError,
    StoreError,
)
from schemas.ledger import Claim, DocumentWork, PageOutcome, PageWork, RenditionDraft, StoredObject
from schemas.page import DocumentInfo, Verdict
from schemas.reprocess import ItemOutcome
from schemas.signing import SignatureLevel, SignatureOutcome
from workers.broker import JobActor, Lane
from workers.home import Home
from workers.leases import Leases
from workers.patience import Patience
from workers.rereading import compare_pages, measure_reading

NICENESS = {Lane.COUNTER: 5, Lane.PAGE: 19, Lane.IO: 0}
"""Of threads that work a lane. The quick look that a clerk waits for goes before reading, and that before a
batch: beside one of niceness 5 a thread of 19 gets 4 % of a core (weights 15 and 335), alone all of it."""

_T = TypeVar("_T")
_log = logging.getLogger("sohoa.work")


class JobWorker:
    """Works jobs in the threads of this process; each thread has an engine of its own."""

    def __init__(self, home: Home, owner: str, leases: Leases, job_ended: Callable[[], None]) -> None:
        self._home = home
        self._owner = owner
        self._leases = leases
        self._job_ended = job_ended
        self._patience = Patience()
        self._local = threading.local()
        self._signing: Signing | None = None
        self._signing_lock = threading.Lock()

    def work(self, job_id: str) -> None:
        """Do one job, if it is there to be done. Any other error than ours reaches `fail_unforeseen`."""
        owner = f"{self._owner}/{threading.get_ident()}"
        lease_s = self._home.settings.job_lease_s
        claim = self._write(
            lambda connection: claim_job(connection, job_id, owner, lease_s, self._home.now())
        )
        if claim is None:
            _log.info("nothing to do job=%s", job_id)
            return
        self._leases.add(claim)
        try:
            if claim.kind is JobKind.PAGE and claim.run_id is not None:
                self._work_again(claim)
            elif claim.kind is JobKind.PAGE:
                self._work_page(claim)
            else:
                self._work_document(claim)
        except LeaseLostError:
            _log.warning("dropped: no longer ours job=%s attempt=%d", job_id, claim.attempt)
        except SigningServiceError as error:
            self._defer(claim, error.what)
        except StoreError as error:
            if isinstance(error, IntegrityError):
                self._fail(claim, str(error))
            else:  # full, or away: no fault of the paper
                self._defer(claim, error.what)
        except SohoaError as error:
            self._fail(claim, str(error))
        self._leases.drop(job_id)
        self._job_ended()

    def fail_unforeseen(self, job_id: str, error: BaseException) -> None:
        """A job ended in an error nobody foresaw: its attempt failed, the worker goes on."""
        claim = self._leases.drop(job_id)
        if claim is None:
            return
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].name}, line {frames[-1].lineno}" if frames else "nowhere"
        self._fail(claim, f"unforeseen {type(error).__name__} in {where}")
        self._job_ended()

    def _fail(self, claim: Claim, failure: str) -> None:
        try:
            state = self._write(
                lambda connection: fail_job(
                    connection, claim, failure, self._home.retry_policy, self._home.now()
                )
            )
        except LeaseLostError:
            return
        _log.warning(
            "attempt failed job=%s attempt=%d now=%s: %s", claim.job_id, claim.attempt, state, failure
        )

    def _defer(self, claim: Claim, failure: str) -> None:
        """A service outside is down, which is no fault of the document."""
        now = self._home.now()
        try:
            due = self._write(
                lambda connection: defer_job(connection, claim, failure, self._home.retry_policy, now)
            )
        except LeaseLostError:
            return
        _log.warning("waiting for a service job=%s again_in_s=%.0f: %s", claim.job_id, due - now, failure)

    def _work_page(self, claim: Claim) -> None:
        work = self._read(lambda connection: read_page_work(connection, claim))
        outcome = self._digitise(work)
        self._write(lambda connection: finish_page(connection, claim, outcome, self._home.now()))
        _log.info(
            "page done dossier=%s page=%d:%d revision=%d verdict=%s",
            work.dossier_id,
            work.ordinal,
            work.number,
            work.revision,
            outcome.verdict,
        )

    def _work_again(self, claim: Claim) -> None:
        """A page of a reprocessing run: read anew, and adopted where the new reading is better."""
        work, held = self._read(
            lambda connection: (read_page_work(connection, claim), read_held_reading(connection, claim))
        )
        page = self._read_page(work)
        old = None
        if held.result is not None:
            old = unpack_page(self._home.store.get(held.result.key, held.result.sha256))
        comparison = compare_pages(held, old, page)
        outcome = None
        if comparison.outcome is ItemOutcome.ADOPTED and isinstance(page, DigitisedPage):
            outcome = self._keep_page(work, page)
        self._write(
            lambda connection: finish_reading(connection, claim, comparison, outcome, self._home.now())
        )
        _log.info(
            "page read anew run=%d dossier=%s page=%d:%d %s",
            claim.run_id,
            work.dossier_id,
            work.ordinal,
            work.number,
            comparison.outcome,
        )

    def _digitise(self, work: PageWork) -> PageOutcome:
        page = self._read_page(work)
        return page if isinstance(page, PageOutcome) else self._keep_page(work, page)

    def _read_page(self, work: PageWork) -> DigitisedPage | PageOutcome:
        """Read the page. Bytes that cannot be decoded are a finding; a damaged original is an error."""
        tools = self._open_tools()
        try:
            with (
                self._home.spool.lend(work.original.key, work.original.sha256) as path,
                open_source(path, tools.limits) as source,
            ):
                if source.sha256 != work.original.sha256:
                    raise IntegrityError(f"the bytes of {work.original.key} have changed")
                scan = source.read_page(work.source_page)
        except BadInputError as error:
            self._home.store.check(work.original.key, work.original.sha256)  # or is it what came?
            return PageOutcome(Verdict.UNREADABLE, (), None, failure=str(error))
        return digitise_page(replace(scan, number=work.number), tools)

    def _keep_page(self, work: PageWork, page: DigitisedPage) -> PageOutcome:
        packed = pack_page(page)
        digest = sha256(packed).hexdigest()
        key = f"pages/{work.dossier_id}/{work.ordinal}/{work.number}.{work.revision}/{digest}"
        self._home.store.put(key, packed, digest)
        report, stored = page.report, StoredObject(key, digest, len(packed))
        return PageOutcome(
            report.verdict, report.reasons, stored, trace=report.trace, quality=measure_reading(page)
        )

    def _work_document(self, claim: Claim) -> None:
        work = self._read(lambda connection: read_document_work(connection, claim))
        held = work.to_extend
        if held is not None and held.level_asked is not None:
            reached = self._find_level(held.object)
            if reached is not None and reached.rung >= held.level_asked.rung:
                self._write(
                    lambda connection: finish_level(connection, claim, held, reached, self._home.now())
                )
                return
        made = self._store_rendition(claim, work)
        signed = self._tell_signature(made, work)
        delay_s = self._home.retry_policy.outage_delay_s
        self._write(
            lambda connection: finish_document(
                connection, claim, made, self._home.now(), signed, extend_after_s=delay_s
            )
        )
        _log.info(
            "document done dossier=%s document=%d rendition=%d", work.dossier_id, work.ordinal, made.number
        )

    def _store_rendition(self, claim: Claim, work: DocumentWork) -> RenditionDraft:
        """Bind and store, or take up what an earlier attempt stored and did not live to register."""
        number, pdf = work.next_number, None
        while True:
            key = name_rendition(work, number)
            found = self._home.store.stat(key)
            if found is not None:
                ours = self._read(
                    lambda connection, number=number, digest=found.sha256: is_draft_of(
                        connection, work, number, digest
                    )
                )
                if ours:
                    return RenditionDraft(
                        number, StoredObject(key, found.sha256, found.size), work.page_ids, work.readings
                    )
                number += 1  # bound from revisions that were replaced meanwhile
                continue
            pdf = pdf or self._make(work)
            digest = sha256(pdf).hexdigest()
            draft = RenditionDraft(number, StoredObject(key, digest, len(pdf)), work.page_ids, work.readings)
            self._write(lambda connection, draft=draft: add_draft(connection, claim, draft))
            try:
                self._home.store.put(key, pdf, digest)
            except IntegrityError:
                continue  # a worker that lost this job was first: look at what it stored
            return draft

    def _make(self, work: DocumentWork) -> bytes:
        """Bound from the pages, or, where they are bound already, that rendition at a stronger level."""
        held = work.to_extend
        if held is None or held.level_asked is None:
            return self._bind(work)
        from pipeline.binding.levels import extend  # noqa: PLC0415 -- see `Signing.sign`

        pdf = self._home.store.get(held.object.key, held.object.sha256)
        return extend(pdf, level=held.level_asked, services=self.open_signing().services)

    def _tell_signature(self, made: RenditionDraft, work: DocumentWork) -> SignatureOutcome:
        """What level the stored rendition has, and was to have."""
        asked = self.open_signing().level
        if work.to_extend is not None and work.to_extend.level_asked is not None:
            asked = work.to_extend.level_asked
        if asked is SignatureLevel.B_B:
            return SignatureOutcome(asked, asked)
        reached = self._find_level(made.object) or SignatureLevel.B_B
        short = reached.rung < asked.rung
        return SignatureOutcome(asked, reached, f"signed {reached}, not {asked}" if short else None)

    def _find_level(self, stored: StoredObject) -> SignatureLevel | None:
        from pipeline.binding.levels import find_level  # noqa: PLC0415 -- see `Signing.sign`

        return find_level(self._home.store.get(stored.key, stored.sha256))

    def _bind(self, work: DocumentWork) -> bytes:
        settings = self._home.settings
        pages = [
            unpack_page(self._home.store.get(page.result.key, page.result.sha256)) for page in work.pages
        ]
        zone = ZoneInfo(settings.signing.time_zone)
        info = DocumentInfo(
            title=work.title,
            scan_time=datetime.fromtimestamp(work.scanned_at, zone).isoformat(timespec="seconds"),
            source_sha256=tuple(dict.fromkeys(page.original_sha256 for page in work.pages)),
            engine=name_engines(pages),
            record_code=work.record_code,
            ordinal=work.ordinal,
            paper_type=work.type_code,
            station=work.station or settings.station,
            page_sources=tuple((page.original_sha256, page.source_page) for page in work.pages),
        )
        bound = bind_document(pages, info, self.open_signing())
        signature = bound.signature
        if signature is not None and signature.shortfall is not None:
            _log.warning(
                "sohoa extend is due dossier=%s document=%d signed=%s asked=%s: %s",
                work.dossier_id,
                work.ordinal,
                signature.reached,
                signature.asked,
                signature.shortfall,
            )
        return bound.pdf

    def _write(self, work: Callable[[Connection], _T]) -> _T:
        """In one transaction, however long the ledger is away."""
        return self._patience.insist(lambda: self._home.database.transact(work))

    def _read(self, work: Callable[[Connection], _T]) -> _T:
        def read() -> _T:
            with self._home.database.read() as connection:
                return work(connection)

        return self._patience.insist(read)

    def give_up_waiting(self) -> None:
        """The process is to stop: do not wait for a ledger that is away."""
        self._patience.give_up()

    def _open_tools(self) -> Tools:
        """This thread's engine, opened at its first page."""
        if not hasattr(self._local, "tools"):
            self._local.tools = open_tools(self._home.settings)
        tools: Tools = self._local.tools
        return tools

    def open_signing(self) -> Signing:
        """How this process signs, opened at the first call. Raises `SigningError`."""
        with self._signing_lock:
            if self._signing is None:
                self._signing = open_signing(self._home.settings.signing, self._home.keys)
            return self._signing

    def close(self) -> None:
        """Give back the signing key; no job is at work any more."""
        with self._signing_lock:
            if self._signing is not None:
                self._signing.close()
                self._signing = None


class ReportUnforeseen(dramatiq.Middleware):
    """dramatiq's own last door: what no actor foresaw ends as that job's failed attempt."""

    def __init__(self) -> None:
        self.worker: JobWorker | None = None

    def after_process_message(
        self,
        broker: dramatiq.Broker,
        message: dramatiq.MessageProxy,
        *,
        result: object = None,
        exception: BaseException | None = None,
    ) -> None:
        """Called by dramatiq after every message."""
        if exception is not None and self.worker is not None:
            self.worker.fail_unforeseen(message.args[0], exception)


def declare_actors(broker: dramatiq.Broker, worker: JobWorker) -> dict[Lane, JobActor]:
    """One actor a queue; a message is a job id and nothing else."""
    return {
        lane: dramatiq.actor(broker=broker, queue_name=lane, actor_name=f"work_{lane}")(
            _give_way(worker.work, NICENESS[lane])
        )
        for lane in Lane
    }


def _give_way(work: Callable[[str], None], niceness: int) -> Callable[[str], None]:
    """`work` in threads of that niceness, which each takes on at its first job."""
    local = threading.local()

    def work_nicely(job_id: str) -> None:
        if not getattr(local, "nice", False):
            thread = threading.get_native_id()
            if os.getpriority(os.PRIO_PROCESS, thread) < niceness:  # going back up takes rights
                os.setpriority(os.PRIO_PROCESS, thread, niceness)
            local.nice = True
        work(job_id)

    return work_nicely


def name_rendition(work: DocumentWork, number: int) -> str:
    """The key of a rendition; its file is found by record, hand-over and ordinal."""
    folder = f"records/{work.record_code}/{work.dossier_id}/{work.record_code}.{work.ordinal}"
    return f"{folder}/{number}.pdf"
