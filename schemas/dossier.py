"""Records, dossiers, documents, pages and renditions as the ledger tells them (`sohoa status --json`)."""

import re
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from schemas.findings import DossierFinding
from schemas.page import Reason, Verdict
from schemas.signing import SignatureLevel

RECORD_CODE = re.compile(r"^(?:\d{3}\.\d{2}\.\d{2}\.[A-Z]\d{2}|[A-Z]\d{2}(?:\.\d{1,3})*)-\d{6}-\d{4,}$")
"""Thông tư 01/2018/TT-VPCP, Điều 19, and the shorter form in use (`H21.65-220914-0011`)."""


class DossierState(StrEnum):
    """Where a hand-over stands."""

    OPEN = "open"
    SUBMITTED = "submitted"
    PROCESSING = "processing"
    NEEDS_RESCAN = "needs_rescan"
    COMPLETE = "complete"
    FAILED = "failed"


class DocumentState(StrEnum):
    """Where one paper stands."""

    PENDING = "pending"
    PROCESSING = "processing"
    NEEDS_RESCAN = "needs_rescan"
    COMPLETE = "complete"
    FAILED = "failed"


class JobKind(StrEnum):
    """What a job works on."""

    PAGE = "page"
    DOCUMENT = "document"


class JobState(StrEnum):
    """Where a job stands; `queued` includes waiting for its next attempt."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class PageStatus(_Model):
    """The current revision of one page; `verdict` is None until it was read."""

    number: int
    revision: int
    verdict: Verdict | None
    reasons: tuple[Reason, ...]
    failure: str | None = None


class RenditionStatus(_Model):
    """One finished PDF. `level`: of its signature, where that is told; `level_due`: it is still to reach."""

    number: int
    key: str
    sha256: str
    size: int
    path: str
    level: SignatureLevel | None = None
    level_due: SignatureLevel | None = None


class DocumentStatus(_Model):
    """One paper. `waiting_since`: for a time-stamping or revocation service that is down, as `waiting_for`
    says; it goes on by itself when the service is back."""

    ordinal: int
    title: str
    state: DocumentState
    pages: tuple[PageStatus, ...]
    renditions: tuple[RenditionStatus, ...]
    failure: str | None = None
    waiting_since: datetime | None = None
    waiting_for: str | None = None


class DossierStatus(_Model):
    """One hand-over. `findings` ask a person to look; they are told once every page was read."""

    id: str
    state: DossierState
    procedure_code: str | None
    documents: tuple[DocumentStatus, ...]
    findings: tuple[DossierFinding, ...] = ()


class RecordStatus(_Model):
    """Everything known of one record."""

    record_code: str
    dossiers: tuple[DossierStatus, ...]
