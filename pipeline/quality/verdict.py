"""From figures to a verdict with reasons: rules with named thresholds, each with its evidence.

Evidence is a set of 320 generated pages (ten layouts from dense to ten words, twelve kinds of damage of
continuous severity, labelled by the CER of the reading) and the 12 real pages of facts. "Readable" below
means CER < 0.1, "unreadable" CER > 0.3.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.quality.coverage import Coverage, measure_coverage
from pipeline.quality.look import Look
from schemas.page import Judgement, PageText, Reason, Verdict

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


# --- the image ---------------------------------------------------------------------------------------
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
DRAG_OVER_RISE = 1.35
"""Motion blurs one direction more than the other; defocus both (up to 1.34)."""
NOISE = Ramp(0.05, 0.10, 0.17)
"""Noise over ink contrast: readable up to 0.09, nothing was read from 0.11 (facts: contrast over noise
<= 10.7 lost, >= 12.8 read)."""
FINE_DPI = 90.0
"""Under this, letters are so small that their own detail is measured as noise."""
PAPER = Ramp(0.55, 0.22, 0.04)
"""Brightness of the paper: 0.16 still read with CER 0.001, but a person at the counter cannot."""
FAINT = Ramp(0.25, 0.10, 0.012)
"""Contrast of the print: read down to 0.03 with CER 0, lost at 0.02; a person needs about 0.1."""
KNOWN_DPI = 190.0
"""The rule for digitised papers is 200 dpi; scanners write 199."""
EFFECTIVE_DPI = 150.0
"""Where the file does not say: 12 pt print enlarged from less still reads (60 dpi: CER 0.02) but breaks
that rule: review only. The real 100 dpi letters measure 125-140."""
TINY_DPI = 100.0
"""Where it does, print may be small: 8 pt at 200 dpi measures 133 and reads with CER 0.001."""
CUT_COMPONENTS = 2
"""Letters touching the edge of the scan: 0 on all uncut pages without heavy noise."""
COVER = Ramp(0.005, 0.015, 0.5)
"""Share of the page under laid-on paper; 0 on all uncovered pages."""

# --- the reading -------------------------------------------------------------------------------------
DOUBTFUL = Ramp(0.10, 0.30, 0.58)
"""Share of letters in words with confidence < 0.7: readable up to 0.29, unreadable from 0.59."""
UNSURE = Ramp(0.08, 0.21, 0.56)
"""Share of the source's text-like ink in no sure word's box: readable up to 0.19, unreadable from 0.54."""
HALF_GAP = Ramp(0.20, 0.36, 0.95)
"""The same in the worst half of the page: readable up to 0.31; half-blurred pages 0.4-0.9."""
VALIDITY = Ramp(0.95, 0.82, 0.62)
"""Share of words that are Vietnamese syllables: readable from 0.96, unreadable down from 0.73."""
FEW_SURE_WORDS = 3
"""Fewer sure words than this do not speak against what the image shows."""
PRIOR_WORDS = 4.0
"""Weight of a clean prior in shares over few words, so that one doubtful word of ten does not decide."""
FEW_CELLS = 200
"""Inked cells under which halves are not compared (about twelve words)."""

# --- blank -------------------------------------------------------------------------------------------
BLANK_COMPONENTS = 3
"""Text-like components that specks and punched holes leave on a blank sheet."""
BLANK_TILES = 0.04
"""Tiles with ink of any kind: punched holes touch up to 0.032 of a small sheet; more is no blank."""
BLEED_CONTRAST = 0.11
"""Print of the back shining through: contrast up to 0.10 ..."""
BLANK_CONTRAST = 0.085
"""Up to here a soft trace nobody can read is blank; between the two a person is asked."""
BLEED_RISE = 3.3
"""... and soft (3.7 and more), while faint print on this side is sharp (up to 2.8)."""


def judge_look(look: Look) -> Judgement:
    """Verdict of the image alone, before reading; `review` where only reading can tell."""
    if _bears_no_text(look):
        return _blank(look.figures())
    findings = list(_image_findings(look))
    if _may_be_bleed_through(look):
        findings = [Finding(Reason.BLANK, 0.5), *findings]
        return _conclude(findings, look.figures(), at_most=REVIEW_AT_MOST)
    return _conclude(findings, look.figures())


def judge(
    look: Look, text: PageText, *, syllable_validity: float, orientation_certain: bool, skew_certain: bool
) -> Judgement:
    """Verdict with the reading: what was read decides, the image says why.

    `syllable_validity` is the share of read words that are Vietnamese syllables, 0..1.
    """
    coverage = measure_coverage(look, text)
    signals = {**look.figures(), **_coverage_figures(coverage, syllable_validity)}
    if coverage.sure_words < 2 and _bears_no_text(look):
        return _blank(signals)
    if _may_be_bleed_through(look) and _reads_as_nothing(coverage):
        if look.contrast < BLANK_CONTRAST:
            return _blank(signals)
        return _conclude([Finding(Reason.BLANK, 0.5), Finding(Reason.LOW_CONTRAST, 0.4)], signals)
    textual = list(_text_findings(look, coverage, syllable_validity))
    p_text = max((finding.weight for finding in textual), default=0.0)
    any_read = coverage.sure_words >= FEW_SURE_WORDS
    imaged = [_temper(finding, p_text, any_read) for finding in _image_findings(look)]
    findings = _explain(imaged, textual, p_text)
    if not orientation_certain and p_text >= REVIEW_FROM:
        findings.append(Finding(Reason.ORIENTATION_UNCERTAIN, REVIEW_FROM))
    if not skew_certain and p_text >= UNREADABLE_FROM:
        findings.append(Finding(Reason.SKEW_UNCERTAIN, REVIEW_FROM))
    return _conclude(findings, signals)


def _image_findings(look: Look) -> Iterable[Finding]:
    """All that the image has against the page; weights count only from 0.3 on."""
    if look.text_tile_count:
        dragged = look.drag_p50 > DRAG_OVER_RISE * look.rise_p50
        if dragged:
            yield Finding(Reason.MOTION, DRAG.weigh(look.drag_p50))
        yield Finding(Reason.BLUR, RISE.weigh(look.rise_p50))
        if look.rise_p50 < SHARP_RISE:
            partial = min(REVIEW_AT_MOST, SOFT_SHARE.weigh(look.soft_tile_share))
            yield Finding(Reason.BLUR, partial, overruled_by_reading=False)
        noise = NOISE.weigh(look.noise / max(look.contrast, 0.01))
        yield Finding(
            Reason.NOISE, noise if look.dpi * look.scale >= FINE_DPI else min(REVIEW_AT_MOST, noise)
        )
        faint = Reason.WASHED_OUT if look.paper_level > 0.8 else Reason.LOW_CONTRAST
        yield Finding(faint, FAINT.weigh(look.contrast))
        if look.cut_components >= CUT_COMPONENTS and noise < REVIEW_FROM:
            yield Finding(Reason.CUT_OFF, min(REVIEW_AT_MOST, 0.45 + 0.02 * look.cut_components))
        if _is_coarse(look):
            yield Finding(Reason.LOW_RESOLUTION, 0.5)
    else:
        yield Finding(Reason.GIBBERISH, 0.4)
        if look.dpi_known and look.dpi < KNOWN_DPI:
            yield Finding(Reason.LOW_RESOLUTION, 0.5)
    yield Finding(Reason.DARK, PAPER.weigh(look.paper_level))
    yield Finding(Reason.OCCLUDED, min(REVIEW_AT_MOST, COVER.weigh(look.cover_share)))


def _is_coarse(look: Look) -> bool:
    if look.dpi_known:
        return look.dpi < KNOWN_DPI or look.effective_dpi < TINY_DPI
    return look.effective_dpi < EFFECTIVE_DPI


def _text_findings(look: Look, coverage: Coverage, syllable_validity: float) -> Iterable[Finding]:
    """What the reading has against the page."""
    words = coverage.word_count
    doubtful = coverage.doubtful_share * words / (words + PRIOR_WORDS) if words else 1.0
    if not words:
        # ink shaped like text and not a word read: writing by hand, or print that is lost
        lost = look.component_count >= 40
        yield Finding(Reason.GIBBERISH, 0.9 if lost else 0.5)
        return
    yield Finding(Reason.GIBBERISH, DOUBTFUL.weigh(doubtful))
    shrunk = (syllable_validity * words + PRIOR_WORDS) / (words + PRIOR_WORDS)
    yield Finding(Reason.GIBBERISH, VALIDITY.weigh(shrunk))
    unsure = coverage.unsure_share * coverage.inked_cells / (coverage.inked_cells + 60)
    yield Finding(Reason.PARTIAL, UNSURE.weigh(unsure))
    if coverage.inked_cells >= FEW_CELLS:
        yield Finding(Reason.PARTIAL, min(REVIEW_AT_MOST, HALF_GAP.weigh(coverage.half_gap)))


PERCEPTUAL = frozenset({Reason.BLUR, Reason.MOTION, Reason.NOISE})
"""Reasons that reading overrules where it went well: the measure is of the image, the proof is the text."""
WELL_READ = 0.2
"""Weight of the reading's findings under which it went well."""


def _temper(finding: Finding, p_text: float, any_read: bool) -> Finding:
    """The image's word against what was read: a page that was read is not unreadable."""
    weight = finding.weight
    if finding.overruled_by_reading and finding.reason in PERCEPTUAL and p_text < WELL_READ:
        weight = min(weight, 0.25)
    if any_read and p_text < UNREADABLE_FROM:
        weight = min(weight, REVIEW_AT_MOST)
    return Finding(finding.reason, weight)


def _explain(imaged: list[Finding], textual: list[Finding], p_text: float) -> list[Finding]:
    """Where reading failed, an image finding that can account for it comes first and carries its weight."""
    if p_text < REVIEW_FROM:
        return [*imaged, *textual]
    causes = [finding for finding in imaged if finding.weight >= 0.12]
    if not causes:
        return [*imaged, *textual]
    first = max(causes, key=lambda finding: finding.weight)
    return [Finding(first.reason, max(p_text, first.weight)), *imaged, *textual]


def _bears_no_text(look: Look) -> bool:
    return (
        look.component_count <= BLANK_COMPONENTS
        and look.inked_tile_share <= BLANK_TILES
        and look.paper_level > PAPER.review
    )


def _may_be_bleed_through(look: Look) -> bool:
    return 0 < look.contrast < BLEED_CONTRAST and look.rise_p50 > BLEED_RISE


def _reads_as_nothing(coverage: Coverage) -> bool:
    return coverage.doubtful_share > 0.75 or coverage.word_count < 3


def _blank(signals: dict[str, float]) -> Judgement:
    return Judgement(Verdict.BLANK, (Reason.BLANK,), 0.0, signals)


def _conclude(findings: Iterable[Finding], signals: dict[str, float], at_most: float = 1.0) -> Judgement:
    """Verdict from the heaviest finding; every finding from 0.3 on is a reason, heaviest first, once."""
    ordered = sorted(findings, key=lambda finding: -finding.weight)
    heaviest = min(at_most, ordered[0].weight) if ordered else 0.0
    reasons = tuple(dict.fromkeys(finding.reason for finding in ordered if finding.weight >= REVIEW_FROM))
    if heaviest < REVIEW_FROM:
        return Judgement(Verdict.READABLE, (), round(heaviest, 4), signals)
    verdict = Verdict.UNREADABLE if heaviest >= UNREADABLE_FROM else Verdict.REVIEW
    return Judgement(verdict, reasons, round(heaviest, 4), signals)


def _coverage_figures(coverage: Coverage, syllable_validity: float) -> dict[str, float]:
    figures = {name: round(float(getattr(coverage, name)), 4) for name in coverage.__dataclass_fields__}
    return {**figures, "syllable_validity": round(syllable_validity, 4)}
