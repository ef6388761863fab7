"""A scanning station: its settings (`SOHOA_STATION_*`), and what it knows of its scans."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from schemas.page import Reason, Verdict


class StationSettings(BaseSettings):
    """What a station may set; the defaults suit a rural line and a flatbed scanner."""

    model_config = SettingsConfigDict(env_prefix="SOHOA_STATION_", frozen=True, extra="ignore")

    look_every_s: float = Field(default=0.5, gt=0, description="how often the folder is looked at")
    settle_s: float = Field(
        default=1.5, ge=0, description="a file whose size and time have not changed for so long is finished"
    )
    give_up_s: float = Field(
        default=60.0, gt=0, description="a file without its end that has not grown for so long is refused"
    )
    max_kbit_s: float | None = Field(default=None, gt=0, description="bandwidth of uploads; none: no cap")
    retry_first_s: float = Field(default=1.0, gt=0, description="first pause of a line that fails; doubles")
    retry_most_s: float = Field(default=300.0, gt=0, description="longest such pause")
    keep_days: float = Field(default=30.0, ge=0, description="how long received scans stay in the archive")
    poll_every_s: float = Field(
        default=30.0, gt=0, description="how often dossiers are asked after that are not followed live"
    )
    plain_http: bool = Field(
        default=False, description="let the key go unencrypted to a server that is not this machine"
    )
    quality_policy: Literal["strict", "normal", "lenient"] = "normal"
    max_bytes: int = Field(default=500 * 2**20, description="size of one scan")
    max_pixels: int = Field(default=120_000_000, description="pixels of one page")
    glance_memory_bytes: int = Field(
        default=1536 * 2**20, description="address space of the child that decodes; not on Windows"
    )
    glance_timeout_s: float = Field(default=45.0, gt=0, description="for one scan in the child")


class ScanState(StrEnum):
    """Where a scan is on its way."""

    SPOOLED = "spooled"
    """Taken in, not received by the gateway."""
    RECEIVED = "received"
    """The gateway's receipt has its SHA-256; the file is still in its place."""
    ARCHIVED = "archived"
    PURGED = "purged"
    """Deleted from the archive after its days there."""
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    """Another scan of the page came before this one was sent."""
    GONE = "gone"
    """Someone removed the file before it was sent."""


class DossierStage(StrEnum):
    """Where a dossier is on its way, seen from the station."""

    GATHERING = "gathering"
    """Not opened at the gateway."""
    OPEN = "open"
    SUBMITTED = "submitted"
    CLOSED = "closed"
    """Complete at the gateway, nothing of it left in the folder."""


class Glance(BaseModel):
    """What the fast look of one page says. Comes from a child that decoded hostile bytes: checked."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    verdict: Verdict
    reasons: tuple[Reason, ...] = Field(max_length=20)
    p_unreadable: float = Field(ge=0, le=1)


@dataclass(frozen=True, slots=True)
class SpooledDossier:
    """A dossier as the spool knows it. `gateway_id` is None until it was opened; `view` is the gateway's
    last answer about it, JSON."""

    id: int
    folder: str
    record_code: str
    procedure_code: str | None
    kind: str
    papers: tuple[dict[str, object], ...]
    idempotency_key: str
    stage: DossierStage
    gateway_id: str | None
    gateway_state: str
    declared_pages: int | None
    problem: str
    changed_at: float


@dataclass(frozen=True, slots=True)
class SpooledScan:
    """A scan as the spool knows it. `number` 0: a document whole. Times are seconds since the epoch, UTC."""

    id: int
    dossier_id: int
    ordinal: int
    number: int
    path: str
    size: int
    mtime_ns: int
    sha256: str
    state: ScanState
    looks: tuple[Glance, ...]
    pages: int | None
    sent_bytes: int
    attempts: int
    problem: str
    seen_at: float


@dataclass(frozen=True, slots=True)
class PageVerdict:
    """The gateway's full verdict of one page."""

    ordinal: int
    number: int
    revision: int
    verdict: Verdict | None
    reasons: tuple[Reason, ...]
    flagged: bool


@dataclass(frozen=True, slots=True)
class SpoolSummary:
    """How far behind the station is. `oldest_unsent_at`, `last_contact_at`: None where there is none."""

    unsent: int
    unsent_bytes: int
    oldest_unsent_at: float | None
    last_contact_at: float | None
    failing_since: float | None
    failure: str
    dossiers: int
    unsubmitted: int
