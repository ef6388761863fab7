"""What the image has against a page: causes with weights, each ramp beside its evidence.

Evidence is a set of 320 generated pages (ten layouts from dense to ten words, twelve kinds of damage of
continuous severity), the 12 real pages of facts, and from `hidden` on the fit pages of `scripts.quality`.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.quality.coverage import Coverage
from pipeline.quality.look import Look
from schemas.page import Reason

REVIEW_FROM = 0.3
UNREADABLE_FROM = 0.7
REVIEW_AT_MOST = 0.65


@dataclass(frozen=True, slots=True)
class Ramp:
    """Turns a figure into a weight: 0 at `clean`, 0.3 at `review`, 0.7 at `unreadable`."""

    clean: float
    review: float
    unreadable: float

    def weigh(self, value: float) -> float:
        """Piecewise linear, 0..1; `clean > review` means that small values are bad."""
        sign = 1.0 if self.unreadable > self.clean else -1.0
        x, clean, review, bad = (sign * v for v in (value, self.clean, self.review, self.unreadable))
        if x <= clean:
            return 0.0
        if x <= review:
            return REVIEW_FROM * (x - clean) / (review - clean)
        if x <= bad:
            return REVIEW_FROM + (UNREADABLE_FROM - REVIEW_FROM) * (x - review) / (bad - review)
        return min(1.0, UNREADABLE_FROM + 0.3 * (x - bad) / (bad - review))


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason against a page and how much it weighs (0..1)."""

    reason: Reason
    weight: float
    overruled_by_reading: bool = True


RISE = Ramp(2.9, 4.6, 7.0)
"""Median edge rise, px at 150 dpi. Sharp print 2.3-2.7; readable up to 5.4, unreadable from 4.7 (small
print) and 6.5 (12 pt)."""
SOFT_SHARE = Ramp(0.03, 0.09, 1.0)
"""Share of text tiles with a rise above 5 px on a page that is otherwise sharp: 0 on sharp pages; pages
blurred in part have 0.11-0.6."""
SHARP_RISE = 3.6
"""Median rise below which blur can only be partial."""
DRAG = Ramp(3.2, 4.4, 7.0)
"""Median rise in the worse of the two directions: 2.5-3.0 on sharp pages, 4.3-6.9 dragged and unreadable."""
DRAG_OVER_RISE = 1.5
"""Motion blurs one direction more than the other, 1.78 times on the median page of it; defocus both, nine
pages in ten up to 1.56."""
NOISE = Ramp(0.05, 0.10, 0.17)
"""Noise over ink contrast: readable up to 0.09, nothing was read from 0.11 (facts: contrast over noise
<= 10.7 lost, >= 12.8 read)."""
FINE_DPI = 90.0
"""Under this, letters are so small that their own detail is measured as noise."""
PAPER = Ramp(0.55, 0.14, 0.04)
"""Brightness of the paper: 0.16 still read with CER 0.001."""
FAINT = Ramp(0.25, 0.05, 0.012)
"""Contrast of the print: read down to 0.03 with CER 0, lost at 0.02."""
KNOWN_DPI = 190.0
"""The rule for digitised papers is 200 dpi; scanners write 199."""
EFFECTIVE_DPI = 150.0
"""Where the file does not say: 12 pt print enlarged from less still reads (60 dpi: CER 0.02) but breaks
that rule: review only. The real 100 dpi letters measure 125-140."""
TINY_DPI = 70.0
"""Where it does, print may be small: 8 pt at 200 dpi measures 133, a form full of dots at 300 dpi 77."""
CUT_COMPONENTS = 2
"""Letters touching the edge of the scan: 0 on all uncut pages without heavy noise."""
HIDDEN = Ramp(0.0, 0.004, 0.25)
"""Share of the print's rectangle under covers: 0.03 and more where words are lost; a quarter of the words is
what the label calls unreadable."""
GLARING = Ramp(0.03, 0.09, 0.25)
"""The same under glare, where print fades but seldom ends: readable with 0.08 and less, not with 0.095 and
more. Bright panels of folded paper can look like one: 0.06 at most."""
LOST_SOFT = Ramp(0.04, 0.1, 0.25)
"""Print out of focus that was not read either, the lesser of both shares; a quarter is the label's limit."""
MARGIN_MM = 2.0
"""Print that stands nearer to the edge was cut: cards keep 2.9 mm, pages 9 (fit pages)."""
STRIPES = Ramp(0.01, 0.03, 0.6)
"""Share of rows or columns without light: 0.026 and more on pages with stripes, up to 0.02 on folded ones."""
JITTER = Ramp(0.76, 0.9, 2.0)
"""Change across rows over change along them: up to 0.81 on 97 % and 0.88 on 99 % of readable pages, 0.75 to
1.2 where rows are so shifted that they cannot be read."""
DOTS = Ramp(0.5, 0.8, 0.97)
"""Specks among all small shapes: 0.13 at most on clean pages without leaders."""
CREASE = Ramp(0.007, 0.014, 0.06)
"""Unevenness of the paper's brightness: 0.0045 to 0.023 on crumpled pages, up to 0.0063 on flat ones."""


FACETS = 0.08
"""Hidden share that facets of crumpled paper seem to have: 0.0075 in the middle, one page in ten more."""


def image_findings(look: Look) -> Iterable[Finding]:
    """All that the image has against the page; weights count only from 0.3 on."""
    if look.text_tile_count:
        yield from _print_findings(look)
    else:
        yield Finding(Reason.GLARE if look.lamp_share else Reason.GIBBERISH, 0.4)
        if look.dpi_known and look.dpi < KNOWN_DPI:
            yield Finding(Reason.LOW_RESOLUTION, 0.5)
    yield Finding(Reason.DARK, PAPER.weigh(look.paper_level))
    crease = 0.0 if look.photo else CREASE.weigh(look.crease)
    yield Finding(Reason.CRUMPLED, crease)
    if not look.photo:
        jitter = 0.0 if is_dragged(look) else JITTER.weigh(look.jitter)
        stripes = STRIPES.weigh(look.dark_stripe_share) if crease < REVIEW_FROM else 0.0
        yield Finding(Reason.BANDING, max(stripes, jitter))
    reason = Reason.GLARE if look.glare_share > look.laid_on_share else Reason.OCCLUDED
    # facets of a crumpled page look like sheets on it
    if reason is Reason.GLARE or not crease or look.hidden_share > FACETS:
        ramp = GLARING if reason is Reason.GLARE else HIDDEN
        yield Finding(reason, ramp.weigh(look.hidden_share), overruled_by_reading=False)


def _print_findings(look: Look) -> Iterable[Finding]:
    if is_dragged(look):
        yield Finding(Reason.MOTION, DRAG.weigh(look.drag_p50))
    yield Finding(Reason.BLUR, RISE.weigh(look.rise_p50))
    if look.rise_p50 < SHARP_RISE:
        partial = min(REVIEW_AT_MOST, SOFT_SHARE.weigh(look.soft_tile_share))
        yield Finding(Reason.BLUR, partial, overruled_by_reading=False)
    noise = NOISE.weigh(look.noise / max(look.contrast, 0.01))
    if look.dpi * look.scale < FINE_DPI:
        noise = min(REVIEW_AT_MOST, noise)
    yield Finding(Reason.NOISE, max(noise, DOTS.weigh(look.dot_share)))
    faint = Reason.WASHED_OUT if look.paper_level > 0.8 else Reason.LOW_CONTRAST
    yield Finding(faint, FAINT.weigh(look.contrast))
    if noise < REVIEW_FROM and (look.cut_components >= CUT_COMPONENTS or look.margin_mm < MARGIN_MM):
        weight = min(REVIEW_AT_MOST, 0.45 + 0.02 * look.cut_components)
        yield Finding(Reason.CUT_OFF, weight, overruled_by_reading=False)
    if is_coarse(look):
        yield Finding(Reason.LOW_RESOLUTION, 0.5, overruled_by_reading=False)


def is_dragged(look: Look) -> bool:
    """Whether the print is blurred along one direction."""
    return look.text_tile_count > 0 and look.drag_p50 > DRAG_OVER_RISE * look.rise_p50


def is_coarse(look: Look) -> bool:
    """Whether the scan is coarser than the rule for digitised papers asks."""
    if look.dpi_known:
        return look.dpi < KNOWN_DPI or look.effective_dpi < TINY_DPI
    return look.effective_dpi < EFFECTIVE_DPI


UNSURE = Ramp(0.08, 0.42, 0.8)
"""Share of the source's text-like ink in no sure word's box: up to 0.42 on 97 % of the readable fit pages."""
HALF_GAP = Ramp(0.20, 0.57, 0.98)
"""The same in the worst half of the page: up to 0.59 on 97 % of them, 0.57 and more where half is blurred."""
FEW_CELLS = 200
"""Inked cells under which halves are not compared (about twelve words)."""
PRIOR_CELLS = 60
"""Weight of a clean prior in shares over few cells: about four words."""


def coverage_findings(look: Look, coverage: Coverage) -> Iterable[Finding]:
    """Ink that no sure word accounts for: print was not read there, however sure the words elsewhere are."""
    unsure = coverage.unsure_share * coverage.inked_cells / (coverage.inked_cells + PRIOR_CELLS)
    if coverage.word_count:
        yield Finding(Reason.PARTIAL, min(REVIEW_AT_MOST, UNSURE.weigh(unsure)))
        if coverage.inked_cells >= FEW_CELLS:
            lost = LOST_SOFT.weigh(min(unsure, look.soft_tile_share))
            yield Finding(Reason.BLUR, lost, overruled_by_reading=False)
            yield Finding(Reason.PARTIAL, min(REVIEW_AT_MOST, HALF_GAP.weigh(coverage.half_gap)))
