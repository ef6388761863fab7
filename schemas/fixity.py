"""Checks of the store against the ledger: what is looked at, what can be wrong, how far a check is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from schemas.ledger import StoredObject

CheckKind = Literal["asked", "scheduled"]

PROBE_KEY = "health/probe"
"""The one object of no dossier: the gateway puts it to learn whether the store takes anything."""


class CheckPhase(StrEnum):
    """What is walked, in this order: dossiers' manifests, the ledger's objects, the store's keys."""

    MANIFESTS = "manifests"
    ORIGINALS = "originals"
    PAGES = "pages"
    READINGS = "readings"
    RENDITIONS = "renditions"
    KEYS = "keys"
    DONE = "done"


NEXT_PHASE = dict(zip(list(CheckPhase)[:-1], list(CheckPhase)[1:], strict=True))


class FindingKind(StrEnum):
    """What is wrong with an object. A `leftover` is harmless: an attempt died over it, another one took its
    place."""

    MISSING = "missing"
    CHANGED = "changed"
    UNSIGNED = "unsigned"
    UNLINKED = "unlinked"
    ORPHANED = "orphaned"
    LEFTOVER = "leftover"


@dataclass(frozen=True, slots=True)
class ExpectedObject:
    """An object the ledger knows, and the cursor after it."""

    object: StoredObject
    cursor: str
    what: str


@dataclass(frozen=True, slots=True)
class StoreFinding:
    """One object that is not as it should be."""

    key: str
    kind: FindingKind
    detail: str


@dataclass(frozen=True, slots=True)
class CheckedBatch:
    """What one batch came to; `cursor` None: the phase is through. `sound`: keys of what is as it was."""

    cursor: str | None
    looked_at: int
    findings: tuple[StoreFinding, ...] = ()
    sound: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckOptions:
    """`sample`: share of the ledger's objects that are read, 1.0 all. `signatures`: verify renditions'."""

    sample: float = 1.0
    signatures: bool = True
    relink: bool = False


@dataclass(frozen=True, slots=True)
class CheckStatus:
    """How far a check is. `checked`: objects by phase; `expected`: how many the ledger knew at its start."""

    id: int
    kind: CheckKind
    options: CheckOptions
    phase: CheckPhase
    cursor: str
    checked: dict[str, int]
    expected: int
    started_at: float
    ended_at: float | None
