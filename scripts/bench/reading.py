"""What a reader made of pages, whoever it was: the common shape of Sohoa's and its peer's results."""

from dataclasses import dataclass

from schemas.page import QuarterTurn


@dataclass(frozen=True, slots=True)
class PageReading:
    """One page as it was read.

    `quarter_turn`: degrees clockwise applied to the scan; `skew_deg`: how far the text was found turned
    counter-clockwise on the upright scan; `flattened`: a photo whose page was found and flattened.
    """

    text: str
    quarter_turn: QuarterTurn = 0
    skew_deg: float = 0.0
    flattened: bool = False
    verdict: str = ""


@dataclass(frozen=True, slots=True)
class DocumentReading:
    """One file as it was read; `cpu_s` of the whole call, start-up included. `failure` is empty where
    it went well; where it did not, the pages are empty."""

    pages: tuple[PageReading, ...]
    cpu_s: float
    failure: str = ""
