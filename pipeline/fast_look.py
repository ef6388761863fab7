"""What the image alone tells of a page, in about a third of a second and without reading."""

from pipeline.image.prepare import straighten
from pipeline.quality.look import look
from pipeline.quality.verdict import judge_look
from schemas.page import Judgement, ScanPage
from schemas.settings import QualityPolicy


def look_at_page(scan: ScanPage, policy: QualityPolicy) -> Judgement:
    """Turn, straighten, measure and judge; 0.27 CPU s for A4 at 300 dpi in colour, decoding apart."""
    return judge_look(look(straighten(scan, None)), policy)
