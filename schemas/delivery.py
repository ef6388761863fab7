"""Deliveries to one-stop systems. Times are seconds since the epoch, UTC."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

AdapterName = Literal["webhook", "portal"]


class EndpointState(StrEnum):
    """Is anything sent there?"""

    ACTIVE = "active"
    DISABLED = "disabled"


class DeliveryState(StrEnum):
    """Where one event stands on its way to one endpoint; `queued` includes waiting for the next attempt."""

    QUEUED = "queued"
    RUNNING = "running"
    DELIVERED = "delivered"
    DEAD = "dead"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a one-stop client wants to be told. `agencies`: those of its client; none: it was revoked."""

    id: str
    client: str
    url: str
    adapter: AdapterName
    state: EndpointState
    disabled_reason: str | None
    agencies: tuple[str, ...]
    fed_seq: int
    created_at: float


@dataclass(frozen=True, slots=True)
class DeliveryClaim:
    """One process' hold on one delivery. `fence` grows with every claim: an older one is worth nothing."""

    id: int
    endpoint: Endpoint
    event_id: str
    record_code: str
    owner: str
    attempt: int
    fence: int
    lease_until: float


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """What came of one attempt. `status` None: no answer; `failure` None: it was taken.

    `gone`: the receiver wants nothing more (410). `retry_after_s`: as it asked for.
    """

    status: int | None
    failure: str | None = None
    gone: bool = False
    retry_after_s: float | None = None


@dataclass(frozen=True, slots=True)
class DeliveryPolicy:
    """How often and after what delays a delivery is tried; the delay doubles up to `max_delay_s`."""

    attempts: int
    first_delay_s: float
    max_delay_s: float


@dataclass(frozen=True, slots=True)
class ReplayChoice:
    """What is to be sent again: one event, or those created from `since` to before `until`."""

    event_id: str | None = None
    since: float | None = None
    until: float | None = None
    only_dead: bool = False


@dataclass(frozen=True, slots=True)
class DeliveryStatus:
    """One delivery as an operator sees it."""

    id: int
    endpoint: str
    event_id: str
    record_code: str
    state: DeliveryState
    attempt: int
    status: int | None
    failure: str | None
    next_attempt_at: float
    ended_at: float | None


@dataclass(frozen=True, slots=True)
class DeliveryTally:
    """How many deliveries of one endpoint stand where. `oldest_at`: when the oldest open one was queued."""

    endpoint: Endpoint
    counts: dict[DeliveryState, int]
    oldest_at: float | None


@dataclass(frozen=True, slots=True)
class FileLink:
    """An address at which `client` may read one rendition until `expires_at`."""

    id: str
    file_id: int
    client: str
    expires_at: float
    revoked_at: float | None
