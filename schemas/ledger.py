"""What goes into the ledger and what it hands to a worker. Times are seconds since the epoch, UTC."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from schemas.dossier import JobKind
from schemas.findings import PageTrace
from schemas.handover import DossierKind
from schemas.milestones import Channel, MilestoneKind
from schemas.page import Reason, Verdict
from schemas.reprocess import ReadingQuality
from schemas.signing import SignatureLevel


@dataclass(frozen=True, slots=True)
class Original:
    """A file as it came in, already in the store under its SHA-256."""

    sha256: str
    size: int
    media_type: str
    key: str


@dataclass(frozen=True, slots=True)
class NewDocument:
    """One paper to register: every page of one original. `declared_pages`: how many the clerk counted."""

    title: str
    original: Original
    page_count: int
    declared_pages: int | None = None


@dataclass(frozen=True, slots=True)
class NewDossier:
    """One hand-over to register. `priority`: 0 counter (a citizen waits), 1 batch. `station`: where it was
    scanned."""

    record_code: str
    documents: tuple[NewDocument, ...]
    procedure_code: str | None = None
    priority: int = 0
    station: str | None = None
    kind: DossierKind = "intake"


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and after what delay a job is tried again; the delay doubles each attempt.

    `forgiven_deaths`: a job claimed no oftener loses no attempt when its whole server dies. A power cut
    strikes whatever is at work, the same page again and again: of 500 pages under 20 cuts one was there at
    three. Only what is there at ten is suspected.
    `outage_delay_s`, `outage_max_delay_s`: of a job that waits for a service outside, which costs no attempt.
    """

    max_attempts: int
    retry_delay_s: float
    forgiven_deaths: int = 7
    outage_delay_s: float = 30.0
    outage_max_delay_s: float = 3600.0

    @property
    def longest_delay_s(self) -> float:
        """No job is put off for longer than this."""
        doubled_s: float = self.retry_delay_s * 2 ** (self.max_attempts - 1)
        return max(doubled_s, self.outage_delay_s, self.outage_max_delay_s)


@dataclass(frozen=True, slots=True)
class Claim:
    """One worker's hold on one job. `fence` grows with every claim, so an older claim is worth nothing.
    `run_id`: the reprocessing run the job belongs to."""

    job_id: str
    kind: JobKind
    dossier_id: str
    document_id: int
    page_id: int | None
    owner: str
    attempt: int
    fence: int
    run_id: int | None = None


@dataclass(frozen=True, slots=True)
class PageWork:
    """What a page job needs: where the bytes are and which page of them it is."""

    dossier_id: str
    ordinal: int
    number: int
    revision: int
    original: Original
    source_page: int


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in the store, as the ledger refers to it."""

    key: str
    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class PageOutcome:
    """What a page job found. Without `result` the page could not be decoded; `failure` says why."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    result: StoredObject | None
    failure: str | None = None
    trace: PageTrace | None = None
    quality: ReadingQuality | None = None


@dataclass(frozen=True, slots=True)
class BoundPageWork:
    """One current page of a document that is ready to be bound."""

    page_id: int
    number: int
    original_sha256: str
    source_page: int
    result: StoredObject
    reading: int = 1


@dataclass(frozen=True, slots=True)
class HeldRendition:
    """A registered rendition. `level` None: not told; `level_asked` None: no more than it has."""

    id: int
    document_id: int
    dossier_id: str
    record_code: str
    ordinal: int
    number: int
    object: StoredObject
    page_ids: tuple[int, ...]
    level: SignatureLevel | None
    level_asked: SignatureLevel | None
    readings: tuple[int, ...] = ()

    @property
    def level_due(self) -> SignatureLevel | None:
        """The level it is still to be brought to."""
        if self.level_asked is None or (self.level and self.level.rung >= self.level_asked.rung):
            return None
        return self.level_asked


@dataclass(frozen=True, slots=True)
class DocumentWork:
    """What a document job needs. `next_number` is the number of the rendition to make."""

    document_id: int
    dossier_id: str
    record_code: str
    ordinal: int
    type_code: str | None
    title: str
    scanned_at: float
    pages: tuple[BoundPageWork, ...]
    next_number: int
    newest: HeldRendition | None = None
    station: str | None = None

    @property
    def page_ids(self) -> tuple[int, ...]:
        """The page revisions to bind, in page order."""
        return tuple(page.page_id for page in self.pages)

    @property
    def readings(self) -> tuple[int, ...]:
        """Which reading of each is to be bound."""
        return tuple(page.reading for page in self.pages)

    @property
    def to_extend(self) -> HeldRendition | None:
        """The newest rendition, where it shows the pages as they are; None: the document is to be bound."""
        newest = self.newest
        if newest is None or (newest.page_ids, newest.readings) != (self.page_ids, self.readings):
            return None
        return newest


@dataclass(frozen=True, slots=True)
class PageEvidence:
    """What the ledger says one page of a rendition was made of: the original, and the stored page result."""

    original: StoredObject
    source_page: int
    result: StoredObject


@dataclass(frozen=True, slots=True)
class RenditionEvidence:
    """One registered rendition and its pages, in page order."""

    object: StoredObject
    pages: tuple[PageEvidence, ...]


@dataclass(frozen=True, slots=True)
class RenditionDraft:
    """A PDF that is about to be stored: written down first, so that a crash leaves no stranger behind.
    Without `readings` it shows the first reading of each page."""

    number: int
    object: StoredObject
    page_ids: tuple[int, ...]
    readings: tuple[int, ...] = ()


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class DeliveredDocument(_Model):
    """The newest rendition of one document, as an event names it."""

    ordinal: int
    rendition: int
    key: str
    sha256: str
    size: int


class DossierCompleted(_Model):
    """The payload of `dossier.completed`: references and digests, no names."""

    record_code: str
    dossier_id: str
    kind: str
    documents: tuple[DeliveredDocument, ...]


class MilestoneReported(_Model):
    """The payload of `record.milestone`: a place is an office or an agency, never a person's address."""

    record_code: str
    milestone_id: str
    kind: MilestoneKind
    occurred_at: float
    channel: Channel | None
    place: str | None
    procedure_code: str | None
    due_at: float | None
    corrects: str | None


class Event(_Model):
    """One line of the outbox; `sequence` is what a reader's cursor moves over."""

    id: str
    sequence: int
    type: str
    created_at: float
    payload: DossierCompleted | MilestoneReported

    @property
    def files(self) -> tuple[DeliveredDocument, ...]:
        """The renditions it tells of."""
        return self.payload.documents if isinstance(self.payload, DossierCompleted) else ()


class AuditEntry(_Model):
    """One line of the audit log; `hash` covers the line and `prev_hash`."""

    seq: int
    at: float
    actor: str
    action: str
    subject: str
    details: dict[str, str | int]
    prev_hash: str
    hash: str
