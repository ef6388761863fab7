"""A page read again: both readings in numbers, and which of them is kept."""

from pipeline.ledger.readings import HeldReading
from pipeline.page_result import DigitisedPage
from pipeline.quality.compare import compare_readings, measure_agreement
from schemas.ledger import PageOutcome
from schemas.reprocess import Comparison, ReadingQuality


def measure_reading(page: DigitisedPage) -> ReadingQuality:
    """One digitised page in the numbers the ledger keeps; seconds are those of all steps, wall-clock."""
    report, seconds = page.report, page.seconds
    return ReadingQuality(
        verdict=report.verdict,
        engine=report.ocr.engine,
        ocr_model=report.ocr.model,
        mean_confidence=report.ocr.mean_confidence,
        syllable_validity=report.ocr.syllable_validity,
        words=report.ocr.words,
        read_s=round(seconds.image + seconds.reading + seconds.binding, 4),
    )


def compare_pages(
    held: HeldReading, old: DigitisedPage | None, new: DigitisedPage | PageOutcome
) -> Comparison:
    """`old` is None where no picture of the page was ever made; `new` is an outcome where none can be now."""
    was = held.quality if old is None else measure_reading(old)
    if isinstance(new, PageOutcome):
        would_be = ReadingQuality(new.verdict)
        return compare_readings(was, would_be, same_text=old is None, agreement=None, policy=held.policy)
    if old is None:
        return compare_readings(
            was, measure_reading(new), same_text=False, agreement=None, policy=held.policy
        )
    return compare_readings(
        was,
        measure_reading(new),
        same_text=old.text.text == new.text.text,
        agreement=round(measure_agreement(old.text.text.split(), new.text.text.split()), 4),
        policy=held.policy,
    )
