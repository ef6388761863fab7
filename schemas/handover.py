"""A hand-over that comes page by page: opened, filled, submitted. Times are seconds since the epoch, UTC."""

from dataclasses import dataclass
from typing import Literal

from schemas.page import Reason, Verdict
from schemas.procedures import NotDigitised

DossierKind = Literal["intake", "result"]


@dataclass(frozen=True, slots=True)
class OpenedPaper:
    """One paper the clerk announces. `declared_pages`: how many were counted, where that was done;
    `not_digitised`: it is recorded without a scan, and why."""

    title: str
    type_code: str | None = None
    declared_pages: int | None = None
    not_digitised: NotDigitised | None = None


@dataclass(frozen=True, slots=True)
class OpenedDossier:
    """A hand-over before its pages. `priority`: 0 counter (a citizen waits), 1 batch."""

    record_code: str
    papers: tuple[OpenedPaper, ...]
    office: str | None
    station: str | None
    procedure_code: str | None = None
    kind: DossierKind = "intake"
    priority: int = 0


@dataclass(frozen=True, slots=True)
class FastLook:
    """What the image alone told of a page when it came."""

    verdict: Verdict
    reasons: tuple[Reason, ...]
    p_unreadable: float


@dataclass(frozen=True, slots=True)
class PageReceipt:
    """One page revision that is durable. `replayed`: these bytes had come before; `current`: no later
    revision has taken its place."""

    number: int
    revision: int
    sha256: str
    size: int
    media_type: str
    received_at: float
    look: FastLook | None
    replayed: bool
    current: bool = True


@dataclass(frozen=True, slots=True)
class HandoverPaper:
    """What `DossierStatus` does not tell of a paper."""

    ordinal: int
    type_code: str | None
    declared_pages: int | None
    looks: dict[int, FastLook]
    accepted: frozenset[int]
    not_digitised: NotDigitised | None = None


@dataclass(frozen=True, slots=True)
class Handover:
    """What `DossierStatus` does not tell of a dossier."""

    dossier_id: str
    record_code: str
    kind: str
    office: str | None
    station: str | None
    opened_at: float
    submitted_at: float
    completed_at: float | None
    papers: tuple[HandoverPaper, ...]
    procedure_code: str | None = None


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One rendition as it is given out; `newest` of its document."""

    id: int
    record_code: str
    dossier_id: str
    ordinal: int
    title: str
    type_code: str | None
    number: int
    newest: bool
    key: str
    sha256: str
    size: int
    level: str | None
    created_at: float

    @property
    def name(self) -> str:
        """Thông tư 02/2019/TT-BNV: the record code, a point, the paper's ordinal."""
        return f"{self.record_code}.{self.ordinal}.pdf"


@dataclass(frozen=True, slots=True)
class AckedFile:
    """One rendition of an event that a one-stop client says it has, whole."""

    ordinal: int
    rendition: int
    sha256: str
    acked_at: float = 0.0


@dataclass(frozen=True, slots=True)
class AckReceipt:
    """What a client has acknowledged of one event; `complete`: every file of it."""

    event_id: str
    client: str
    files: tuple[AckedFile, ...]
    complete: bool
    record_code: str = ""
