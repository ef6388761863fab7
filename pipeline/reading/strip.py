"""What a strip of a few lines says, and whether it is read the right way up."""

from dataclasses import dataclass

from pipeline.reading.syllables import plausibility


@dataclass(frozen=True, slots=True)
class StripText:
    """The text of a strip, and the mean confidence (0..1) of its words; 0 where it says nothing."""

    text: str
    mean_confidence: float


def weigh_strip(strip: StripText) -> float:
    """How much the strip reads like text the right way up: 0..1.

    Neither witness will do alone: "900 tạ) tonp tt SAU, Đủ Ha" is half made of syllables (0.72) though read
    upside down, at a confidence of 0.31. 168 short pages: 0.55 and more the right way up, 0.27 at most
    upside down or sideways.
    """
    return plausibility(strip.text) * strip.mean_confidence
