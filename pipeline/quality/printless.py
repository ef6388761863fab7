"""Pages without print: blank ones, backs that print shines through, handwriting, photos of no document.

They are asked about or kept as blank, never dropped and never called unreadable print.
"""

from pipeline.quality.coverage import Coverage
from pipeline.quality.covers import LARGE_SHARE
from pipeline.quality.look import Look
from schemas.page import Reason

BLANK_COMPONENTS = 4
"""Text-like components that specks and punched holes leave on a blank sheet; a page of five words has 6."""
BLANK_TILES = 0.04
"""Tiles with ink of any kind: punched holes touch up to 0.032 of a small sheet; more is no blank."""
BLANK_PAPER = 0.22
"""Darker paper is no blank sheet but a scan without light."""
BACK_CONTRAST = (0.05, 0.2)
"""Print of the back shining through, the darkest of it too: 0.06 to 0.18. Fainter print of this side cannot
be told from it, and is not blank."""
BACK_WORDS = 20
TRACE_CONTRAST, TRACE_RISE = 0.085, 3.3
"""A trace so faint and soft (3.7 and more) is of the back; faint print on this side is sharp (up to 2.8)."""
DARK_TILES = 3
"""Tiles with darker print than a back shows: a page of five words has as many."""
BACK_VALIDITY = 0.3
"""Mirrored print reads as no language: 0.06 to 0.14 of its "words" are Vietnamese, of faint print 0.5."""
NOTHING_READ = 0.7
"""Doubtful share of a page on which nothing was read: backs 0.74 and more, handwriting 0.89."""
PHOTO_RANGE, PHOTO_CREASE = 0.3, 0.02
"""Brightness and unevenness of what should be paper: photos of no document 0.33 and 0.03 at least."""
HAND_HEIGHT_SPREAD = 0.45
"""Heights of handwritten shapes vary by 0.47 to 0.57 of their mean, of print by 0.15 to 0.3 ..."""
HAND_CONTRAST, HAND_DPI, HAND_RISE, HAND_DOTS = 0.4, 400.0, 3.0, 0.3
"""... and they are dark (0.63), high (as 12 pt at 600 dpi), sharp (2.5) and without specks (0.19)."""


def looks_blank(look: Look) -> bool:
    """Whether the image shows nothing shaped like text, and no lamp that print may have faded away in."""
    return (
        look.lamp_share == 0.0
        and look.component_count <= BLANK_COMPONENTS
        and look.inked_tile_share <= BLANK_TILES
        and look.paper_level > BLANK_PAPER
    )


def tell_printless(look: Look, coverage: Coverage, syllable_validity: float) -> Reason | None:
    """`BLANK`, `HANDWRITING` or `PHOTOGRAPH`; None for a page with print, or one that may have some."""
    if not coverage.word_count and looks_blank(look):
        return Reason.BLANK
    if coverage.doubtful_share < NOTHING_READ:
        return None
    faded = look.lamp_share > 0
    if not faded and (_is_soft_trace(look) or _is_back(look, coverage, syllable_validity)):
        return Reason.BLANK
    if look.laid_on_share > LARGE_SHARE:
        return None
    if coverage.sure_words < 3 and look.paper_range > PHOTO_RANGE and look.crease > PHOTO_CREASE:
        return Reason.PHOTOGRAPH
    return Reason.HANDWRITING if _is_handwriting(look) else None


def _is_soft_trace(look: Look) -> bool:
    return 0 < look.contrast < TRACE_CONTRAST and look.rise_p50 > TRACE_RISE


def _is_back(look: Look, coverage: Coverage, syllable_validity: float) -> bool:
    least, most = BACK_CONTRAST
    return (
        least < look.contrast
        and look.contrast_p98 < most
        and look.dark_tile_count < DARK_TILES
        and coverage.word_count >= BACK_WORDS
        and syllable_validity < BACK_VALIDITY
    )


def _is_handwriting(look: Look) -> bool:
    return (
        look.height_spread > HAND_HEIGHT_SPREAD
        and look.contrast > HAND_CONTRAST
        and look.effective_dpi > HAND_DPI
        and look.rise_p50 < HAND_RISE
        and look.dot_share < HAND_DOTS
    )
