"""What a run of the bench found, page by page: the JSON file, and what table and HTML are made from."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from schemas.page import QuarterTurn


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Model):
    """One reader on one page. `cpu_s` is its share of the call for the whole file, start-up left out."""

    text: str
    cer: float
    word_recall: float
    quarter_turn: QuarterTurn | None = None
    orientation_right: bool | None = None
    skew_error_deg: float | None = None
    flattened: bool = False
    cpu_s: float
    failure: str = ""


class PageResult(_Model):
    """One page, its truth, and how it was read. `picture` is a JPEG file in the folder of the run."""

    kind: str
    seed: int
    severity: float
    dpi: int
    truth: str
    quarter_turn: QuarterTurn
    skew_deg: float | None
    verdict: str
    sohoa: Score
    bare: Score
    ocrmypdf: Score | None
    picture: str


class RunResult(_Model):
    """A whole run. `*_start_up_s`: CPU seconds of a call that reads nothing, to be added once a call."""

    schema_: Literal["sohoa/bench@1"] = Field(default="sohoa/bench@1", alias="schema")
    seeds: str
    made_at: str
    sohoa_options: tuple[str, ...] = ()
    sohoa_start_up_s: float
    ocrmypdf_version: str | None
    ocrmypdf_start_up_s: float | None
    ocrmypdf_cached_kinds: tuple[str, ...] = ()
    pages: tuple[PageResult, ...]

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, serialize_by_alias=True)


def write_result(result: RunResult, path: Path) -> None:
    """Write the JSON file, whole or not at all."""
    draft = path.with_suffix(".part")
    draft.write_text(result.model_dump_json(indent=1), encoding="utf-8")
    draft.replace(path)


def join_results(results: Sequence[RunResult]) -> RunResult:
    """Several runs over different kinds as one; a page measured again replaces the earlier figures.

    Start-up seconds are the last run's, the peer's those of the last run that measured it.
    """
    pages = {(page.kind, page.seed): page for result in results for page in result.pages}
    cached = {kind for result in results for kind in result.ocrmypdf_cached_kinds}
    beside_peer = [result for result in results if result.ocrmypdf_version is not None]
    peer = (beside_peer or results)[-1]
    return results[-1].model_copy(
        update={
            "pages": tuple(pages.values()),
            "ocrmypdf_cached_kinds": tuple(sorted(cached)),
            "ocrmypdf_version": peer.ocrmypdf_version,
            "ocrmypdf_start_up_s": peer.ocrmypdf_start_up_s,
        }
    )
