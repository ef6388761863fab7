"""Reprocessing runs: which pages are read anew, when the new reading is kept, and how far a run is."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.page import Verdict

PolicyName = Literal["better", "always", "never"]

REPROCESS_PRIORITY = 9
"""Of the jobs of a run: after the counter (0) and after every hand-over in a batch (1)."""


class RunState(StrEnum):
    """Where a run stands. `paused` and `cancelled` let the pages already handed out end."""

    RUNNING = "running"
    PAUSED = "paused"
    CANCELLED = "cancelled"
    DONE = "done"


class ItemOutcome(StrEnum):
    """What became of one page of a run."""

    OPEN = "open"
    ADOPTED = "adopted"
    KEPT = "kept"
    SAME = "same"
    FAILED = "failed"
    SKIPPED = "skipped"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Selection(_Model):
    """Which pages: those that meet every condition given; none given means all pages that were read.

    `engine` and `not_engine` are names as the ledger has them (`tesserocr 5.5.4`), or `unknown`.
    Times are seconds since the epoch, UTC, of the hand-over.
    """

    record_codes: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    stations: tuple[str, ...] = ()
    procedure_codes: tuple[str, ...] = ()
    submitted_from: float | None = None
    submitted_before: float | None = None
    engine: str | None = None
    not_engine: str | None = None
    verdicts: tuple[Verdict, ...] = ()
    confidence_below: float | None = Field(default=None, gt=0, le=1)


class ComparePolicy(_Model):
    """When a new reading takes the place of the old one.

    better: a better verdict, or the same with `min_gain` more sure words; always: whenever the text differs
    and the verdict is no worse; never: only measure. Under each, a reading that lost more than
    `max_words_lost` of the words stays out, unless its verdict is better.
    """

    name: PolicyName = "better"
    min_gain: float = Field(
        default=0.005, ge=0, description="share of sure words by which a new reading must be better"
    )
    max_words_lost: float = Field(
        default=0.1, ge=0, le=1, description="share of the old words that may be missing from a new reading"
    )


@dataclass(frozen=True, slots=True)
class ReadingQuality:
    """One reading in numbers, as the ledger keeps them; None: not known."""

    verdict: Verdict
    engine: str | None = None
    ocr_model: str | None = None
    mean_confidence: float | None = None
    syllable_validity: float | None = None
    words: int | None = None
    read_s: float | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The old and the new reading of a page. `agreement`: share of words both have, 0 to 1."""

    outcome: ItemOutcome
    why: str
    old: ReadingQuality
    new: ReadingQuality
    agreement: float | None


@dataclass(frozen=True, slots=True)
class SelectionCount:
    """What a selection holds. `read_s`: measured mean of a page's reading, None where none was measured."""

    pages: int
    documents: int
    dossiers: int
    result_bytes: int
    read_s: float | None
    last_document: int
    by_engine: tuple[tuple[str, int], ...]
    by_verdict: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is. `open_bindings`: documents that wait for their new rendition."""

    id: int
    state: RunState
    expected_pages: int
    outcomes: dict[ItemOutcome, int]
    open_bindings: int
    failed_bindings: int
    renditions: int
    created_at: float
    ended_at: float | None
    pages_per_hour: float | None

    @property
    def ended_pages(self) -> int:
        """Pages the run is through with."""
        return sum(count for outcome, count in self.outcomes.items() if outcome is not ItemOutcome.OPEN)

    @property
    def at_rest(self) -> bool:
        """Is nothing under way and nothing more to come by itself?"""
        idle = not self.outcomes.get(ItemOutcome.OPEN, 0) and not self.open_bindings
        return self.state is RunState.DONE or (self.state is not RunState.RUNNING and idle)


@dataclass(frozen=True, slots=True)
class RunItem:
    """One page of a run, as its summary tells it."""

    record_code: str
    dossier_id: str
    ordinal: int
    number: int
    revision: int
    outcome: ItemOutcome
    why: str | None
    old: ReadingQuality | None
    new: ReadingQuality | None
    agreement: float | None
