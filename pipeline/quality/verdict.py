"""From figures to a verdict with reasons.

How likely a page cannot be read is told by the calibrated model (`model`), what hides or cuts print by rules
(`findings`), pages without print by rules of their own (`printless`). What was read decides, the image says
why.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.quality.coverage import Coverage, measure_coverage
from pipeline.quality.findings import (
    HIDDEN,
    REVIEW_AT_MOST,
    REVIEW_FROM,
    UNREADABLE_FROM,
    Finding,
    coverage_findings,
    image_findings,
)
from pipeline.quality.look import Look
from pipeline.quality.model import AdditiveModel, load_quality_model
from pipeline.quality.printless import looks_blank, tell_printless
from pipeline.quality.regions import outline_damage
from pipeline.quality.signals import NEAR_EDGE_MM, image_signals, reading_signals
from schemas.page import Judgement, PageText, Reason, Verdict
from schemas.settings import QualityPolicy

FEW_SURE_WORDS = 3
"""Fewer sure words than this do not speak against what the image shows."""
PARTLY = 0.6
"""Unsure share of the ink below which a page that was not read well was read in part."""
WELL_READ = 0.2
"""Weight of the reading's finding under which it went well."""
NOT_PRINT = 0.05
"""The same, under which ink that was not read is none of print: edges of tables, folds and specks have 0.03
at most, a page of whose lower half no word was read 0.11."""
OVERRULED_BELOW = {
    **dict.fromkeys((Reason.BLUR, Reason.MOTION, Reason.NOISE, Reason.BANDING, Reason.CRUMPLED), WELL_READ),
    Reason.PARTIAL: NOT_PRINT,
}
"""Reasons that reading overrules where it went so well: the measure is of the image, the proof is the text.
Dark and faint print are not among them: what the engine still reads a person may not."""
CONSEQUENCES = frozenset(
    {Reason.GIBBERISH, Reason.PARTIAL, Reason.ORIENTATION_UNCERTAIN, Reason.SKEW_UNCERTAIN}
)
"""What follows where print is damaged: told only where no cause is seen."""
SECOND_REASON = 0.75
"""Of the heaviest cause: a lesser one is not told. Heavy blur seems to have stripes and shadows, too."""
LEAST_CAUSE = 0.12
"""Weight from which an image finding can account for a failed reading."""


@dataclass(frozen=True, slots=True)
class Policy:
    """Probabilities of being unreadable from which a page is reviewed and is called unreadable."""

    review_from: float
    unreadable_from: float

    def weigh(self, p_unreadable: float) -> float:
        """The probability as a finding's weight, 0..1."""
        anchors = (0.0, self.review_from, self.unreadable_from, 1.0)
        return float(np.interp(p_unreadable, anchors, (0.0, REVIEW_FROM, UNREADABLE_FROM, 1.0)))


POLICIES: dict[QualityPolicy, Policy] = {
    "strict": Policy(0.1, 0.6),
    "normal": Policy(0.25, 0.8),
    "lenient": Policy(0.5, 0.9),
}
"""Chosen on pages of unseen folds, whose readable ones have 0.07 at the ninth decile, 0.34 at 97 % and 0.78
at 99 % (`trained` in the model's file); what each does on test pages stands in the README."""


FAST_POLICIES: dict[QualityPolicy, Policy] = {
    "strict": Policy(0.5, 0.9),
    "normal": Policy(0.83, 0.95),
    "lenient": Policy(0.9, 0.97),
}
"""Of the image alone, whose readable pages of unseen folds have 0.35 at the ninth decile, 0.73 at 97 % and
0.83 at 99 %: a page is sent back before it is read only where one in a hundred could be read."""


def judge_look(look: Look, policy: QualityPolicy = "normal") -> Judgement:
    """Verdict of the image alone, before reading: it speaks up where it is sure, reading tells the rest."""
    signals = image_signals(look)
    if looks_blank(look):
        return _blank(signals)
    model = load_quality_model().fast
    p_model = model.p_unreadable(signals)
    weight = _weigh(model, signals, FAST_POLICIES[policy])
    imaged = [
        finding if _speaks_alone(finding, look) else Finding(finding.reason, min(finding.weight, weight))
        for finding in image_findings(look)
    ]
    findings = _explain(imaged, [Finding(Reason.GIBBERISH, weight)], weight)
    return _conclude(findings, signals, _p_unreadable(p_model, look), look)


WITHIN_THE_EDGES = {"cut_components": 0.0, "near_edge_mm": NEAR_EDGE_MM}
"""The signals of a page whose print ends well within the scan."""


def _weigh(model: AdditiveModel, signals: dict[str, float], policy: Policy) -> float:
    """What the model says of a page, as a finding's weight, 0..1.

    How much lies beyond an edge that cuts print cannot be seen: what speaks for nothing but a cut is asked
    about, not sent back; many a paper was handed in as a copy that was cut already.
    """
    weight = policy.weigh(model.p_unreadable(signals))
    within = policy.weigh(model.p_unreadable(signals | WITHIN_THE_EDGES))
    return weight if within >= UNREADABLE_FROM else min(weight, REVIEW_AT_MOST)


def _speaks_alone(finding: Finding, look: Look) -> bool:
    """Whether a finding of the image counts whatever the model says.

    What is coarse, cut or lies over a quarter of the print is so; a small patch may be a fold's shadow. Of
    379 readable fit pages 4.0 % were flagged when every cover spoke alone, and 1.6 % when none does.
    """
    if finding.reason in {Reason.OCCLUDED, Reason.GLARE}:
        return look.hidden_share >= HIDDEN.unreadable
    return finding.reason in {Reason.LOW_RESOLUTION, Reason.CUT_OFF}


def judge(
    look: Look,
    text: PageText,
    *,
    syllable_validity: float,
    orientation_certain: bool,
    skew_certain: bool,
    policy: QualityPolicy = "normal",
) -> Judgement:
    """Verdict with the reading. `syllable_validity` is the share of read words that are Vietnamese, 0..1."""
    coverage = measure_coverage(look, text)
    signals = {
        **image_signals(look),
        **_coverage_figures(coverage, syllable_validity),
        **reading_signals(look, coverage, text, syllable_validity),
    }
    printless = tell_printless(look, coverage, syllable_validity)
    if printless is Reason.BLANK:
        return _blank(signals)
    model = load_quality_model().full
    p_model = model.p_unreadable(signals)
    if printless is not None:
        return Judgement(
            Verdict.REVIEW, (printless,), round(min(p_model, REVIEW_AT_MOST), 4), _round(signals)
        )
    weight = _weigh(model, signals, POLICIES[policy])
    if not coverage.word_count:
        # ink shaped like text and not a word read: print that is lost, or hardly any
        weight = max(weight, 0.9 if look.component_count >= LOST_COMPONENTS else 0.5)
    any_read = coverage.sure_words >= FEW_SURE_WORDS
    imaged, covered = (
        [_temper(finding, weight, any_read) for finding in findings]
        for findings in (image_findings(look), coverage_findings(look, coverage))
    )
    if p_model < WHOLE_BELOW:
        covered = [finding for finding in covered if finding.reason is not Reason.PARTIAL]
    read = [Finding(_reading_reason(coverage), weight), *covered]
    findings = _explain(imaged, read, weight)
    if not orientation_certain and weight >= REVIEW_FROM:
        findings.append(Finding(Reason.ORIENTATION_UNCERTAIN, REVIEW_FROM))
    if not skew_certain and weight >= UNREADABLE_FROM:
        findings.append(Finding(Reason.SKEW_UNCERTAIN, REVIEW_FROM))
    return _conclude(findings, signals, _p_unreadable(p_model, look), look, text)


WHOLE_BELOW = 0.05
"""Probability under which ink that no sure word accounts for is none of print: it had sent 11 of 379
readable fit pages to review, and with this sends 6."""
LOST_COMPONENTS = 40
"""Text-like shapes of about ten words."""


def _p_unreadable(p_model: float, look: Look) -> float:
    """Where print is hidden, one half at the quarter of the words that an office would not accept."""
    return max(p_model, min(1.0, 0.5 * look.hidden_share / HIDDEN.unreadable))


def _reading_reason(coverage: Coverage) -> Reason:
    partly = coverage.unsure_share < PARTLY and coverage.half_gap > 1.3 * coverage.unsure_share
    return Reason.PARTIAL if partly and coverage.word_count else Reason.GIBBERISH


def _temper(finding: Finding, reading_weight: float, any_read: bool) -> Finding:
    """The image's word against what was read: a page that was read is not unreadable."""
    if not finding.overruled_by_reading:
        return finding
    weight = finding.weight
    if reading_weight < OVERRULED_BELOW.get(finding.reason, 0.0):
        weight = min(weight, 0.25)
    if any_read and reading_weight < UNREADABLE_FROM:
        weight = min(weight, REVIEW_AT_MOST)
    return Finding(finding.reason, weight)


def _explain(imaged: list[Finding], read: list[Finding], weight: float) -> list[Finding]:
    """Where reading failed, an image finding that can account for it comes first and carries its weight."""
    causes = [finding for finding in imaged if finding.weight >= LEAST_CAUSE]
    if weight < REVIEW_FROM or not causes:
        return [*imaged, *read]
    first = max(causes, key=lambda finding: finding.weight)
    return [Finding(first.reason, max(weight, first.weight)), *imaged, *read]


def _blank(signals: dict[str, float]) -> Judgement:
    return Judgement(Verdict.BLANK, (Reason.BLANK,), 0.0, _round(signals))


def _conclude(
    findings: Iterable[Finding],
    signals: dict[str, float],
    p_unreadable: float,
    look: Look,
    text: PageText | None = None,
) -> Judgement:
    """Verdict from the heaviest finding, and why: what a clerk can mend, heaviest first, each once."""
    ordered = sorted(findings, key=lambda finding: -finding.weight)
    heaviest = ordered[0].weight if ordered else 0.0
    reasons = _name_reasons([finding for finding in ordered if finding.weight >= REVIEW_FROM])
    p = round(p_unreadable, 4)
    if heaviest < REVIEW_FROM:
        return Judgement(Verdict.READABLE, (), p, _round(signals))
    verdict = Verdict.UNREADABLE if heaviest >= UNREADABLE_FROM else Verdict.REVIEW
    return Judgement(verdict, reasons, p, _round(signals), outline_damage(look, text, reasons))


def _name_reasons(against: list[Finding]) -> tuple[Reason, ...]:
    """Reasons of the findings that count, which come heaviest first."""
    causes = [finding for finding in against if finding.reason not in CONSEQUENCES]
    told = [finding for finding in causes if finding.weight >= SECOND_REASON * causes[0].weight] or against
    return tuple(dict.fromkeys(finding.reason for finding in told))


def _round(signals: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in signals.items()}


def _coverage_figures(coverage: Coverage, syllable_validity: float) -> dict[str, float]:
    figures = {name: float(getattr(coverage, name)) for name in coverage.__dataclass_fields__}
    return {**figures, "syllable_validity": syllable_validity}
