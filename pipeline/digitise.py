"""The whole way of one document, readable on one screen.

Scan -> upright and straight -> read -> judged -> picture; all pages -> one PDF/A -> signed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from time import perf_counter
from typing import TYPE_CHECKING, Literal, TypedDict

from pipeline.binding.compose import compose
from pipeline.binding.picture import make_picture
from pipeline.image.components import Components
from pipeline.image.prepare import find_print, prepare_for_reading, straighten_and_survey
from pipeline.layout.cut import cut_runs
from pipeline.layout.find import find_layout
from pipeline.page_result import DigitisedPage
from pipeline.quality.dossier_checks import check_dossier
from pipeline.quality.look import look
from pipeline.quality.trace import trace_page
from pipeline.quality.verdict import judge
from pipeline.reading.choice import choose_reading, is_doubtful
from pipeline.reading.correction import correct
from pipeline.reading.engine import Engine
from pipeline.reading.open import open_engine
from pipeline.reading.own_text import is_born_digital, judge_own_text
from pipeline.reading.strip import weigh_strip
from pipeline.reading.syllables import syllable_validity
from schemas.errors import ReadingTimeoutError
from schemas.findings import DossierFinding, PaperTraces
from schemas.page import (
    Attachment,
    BoundPage,
    DocumentInfo,
    Judgement,
    PageText,
    ScanPage,
    UprightPage,
    Verdict,
)
from schemas.report import OcrReport, PageReport, SecondsReport
from schemas.settings import Limits, QualityPolicy, Settings
from schemas.signing import SignatureOutcome

if TYPE_CHECKING:
    from pipeline.binding.signing import Signing


@dataclass(frozen=True, slots=True)
class Tools:
    """What digitising needs beside the scan; the engine inside belongs to one thread."""

    engine: Engine
    limits: Limits
    layout: Literal["own", "tesseract"]
    profile: Literal["compact", "faithful"]
    reading_timeout_s: float
    quality_policy: QualityPolicy


def open_tools(settings: Settings) -> Tools:
    """Load the engine and its model once. Raises `MissingDependencyError`."""
    engine = open_engine(settings.engine, settings.ocr_model)
    return Tools(
        engine,
        settings.limits,
        settings.layout,
        settings.profile,
        settings.reading_timeout_s,
        settings.quality_policy,
    )


def digitise_page(scan: ScanPage, tools: Tools) -> DigitisedPage:
    """Turn, read, judge and picture one page. Every page gets a verdict; none is dropped."""
    started = perf_counter()
    straight = straighten_and_survey(
        scan, lambda grey, dpi: weigh_strip(tools.engine.read_strip(grey, dpi=dpi))
    )
    upright = straight.page
    seen = look(upright)
    straightened = perf_counter()

    raw, stray_share = _read(upright, straight.found, tools)
    text = correct(raw)
    validity = syllable_validity(word.text for word in text.words)
    judgement = judge(
        seen,
        text,
        syllable_validity=validity,
        orientation_certain=upright.orientation.certain,
        skew_certain=upright.skew.certain,
        policy=tools.quality_policy,
    )
    trace = trace_page(upright, text, blank=judgement.verdict is Verdict.BLANK)
    read = perf_counter()

    picture = make_picture(scan, upright, tools.profile)
    bound = perf_counter()
    return DigitisedPage(
        report=_report_page(upright, judgement, raw, text, validity, stray_share).model_copy(
            update={"source_text": judge_own_text(scan.own_text), "trace": trace}
        ),
        text=text,
        picture=picture,
        born_digital=is_born_digital(scan.own_text),
        seconds=SecondsReport(
            image=straightened - started, reading=read - straightened, binding=bound - read, signing=0.0
        ),
    )


@dataclass(frozen=True, slots=True)
class BoundDocument:
    """A finished PDF; `signature` is None where it was not to be signed."""

    pdf: bytes
    signature: SignatureOutcome | None
    seconds: SecondsReport


def bind_document(
    pages: Sequence[DigitisedPage],
    info: DocumentInfo,
    signing: "Signing | None",
    attachment: Attachment | None = None,
) -> BoundDocument:
    """One searchable PDF/A-2u of all pages (3u with an attachment), signed unless `signing` is None.

    Raises `SigningError`.
    """
    started = perf_counter()
    pdf = compose([BoundPage(page.picture, page.text) for page in pages], info, attachment)
    composed = perf_counter()
    outcome = None
    if signing is not None:
        signed = signing.sign(pdf, info.scan_time)
        pdf, outcome = signed.pdf, signed.outcome
    seconds = SecondsReport(
        image=sum(page.seconds.image for page in pages),
        reading=sum(page.seconds.reading for page in pages),
        binding=sum(page.seconds.binding for page in pages) + composed - started,
        signing=perf_counter() - composed,
    )
    return BoundDocument(pdf, outcome, seconds)


def name_engines(pages: Sequence[DigitisedPage]) -> str:
    """What made the text, for the PDF's metadata: `sohoa 0.1.0; tesserocr 5.5.4 (vie)`."""
    engines = dict.fromkeys(f"{page.text.engine} ({page.text.model})" for page in pages)
    return "; ".join((f"sohoa {version('sohoa')}", *engines))


_WORST_FIRST = (Verdict.UNREADABLE, Verdict.REVIEW, Verdict.READABLE, Verdict.BLANK)


def judge_document(pages: Sequence[DigitisedPage]) -> Verdict:
    """The worst verdict among the pages; blank only where every page is."""
    return min((page.report.verdict for page in pages), key=_WORST_FIRST.index)


def check_document(pages: Sequence[DigitisedPage]) -> tuple[DossierFinding, ...]:
    """What is odd about the pages of one document as they follow each other."""
    return check_dossier((PaperTraces(1, tuple(page.report.trace for page in pages)),), None)


class _Size(TypedDict):
    width_px: int
    height_px: int


def _read(
    upright: UprightPage, found_print: Components | None, tools: Tools
) -> tuple[PageText, float | None]:
    """Read the page line by line, or whole where our layout doubts itself; and the stray ink's share.

    Both ways where the first went badly. Past the deadline the page counts as unread: the verdict tells.
    """
    engine, size = tools.engine, _Size(width_px=upright.width_px, height_px=upright.height_px)
    if tools.layout != "own":
        return _read_whole(upright, tools), None
    components = find_print(upright, found_print)
    found = find_layout(components)
    if not found.layout.certain:
        return _read_whole(upright, tools), found.layout.stray_share
    try:
        text = engine.read_runs(cut_runs(components, found), **size, timeout_s=tools.reading_timeout_s)
    except ReadingTimeoutError:
        text = PageText(**size, engine=engine.name, model=engine.model)
    if is_doubtful(text):
        text = choose_reading(text, _read_whole(upright, tools))
    return text, found.layout.stray_share


def _read_whole(upright: UprightPage, tools: Tools) -> PageText:
    engine, size = tools.engine, _Size(width_px=upright.width_px, height_px=upright.height_px)
    try:
        return engine.read(prepare_for_reading(upright), **size, timeout_s=tools.reading_timeout_s)
    except ReadingTimeoutError:
        return PageText(**size, engine=engine.name, model=engine.model)


def _report_page(
    upright: UprightPage,
    judgement: Judgement,
    raw: PageText,
    text: PageText,
    validity: float,
    stray_share: float | None,
) -> PageReport:
    words = text.words
    quality = {"p_unreadable": round(judgement.p_unreadable, 4), **judgement.signals}
    if stray_share is not None:
        quality["stray_share"] = stray_share
    return PageReport(
        number=upright.number,
        width_px=upright.width_px,
        height_px=upright.height_px,
        dpi=round(upright.dpi),
        quarter_turn=upright.orientation.quarter_turn,
        skew_deg=round(upright.skew.skew_deg, 3),
        flattened=upright.flattened,
        verdict=judgement.verdict,
        reasons=judgement.reasons,
        regions=judgement.regions,
        quality=quality,
        ocr=OcrReport(
            engine=text.engine,
            model=text.model,
            mean_confidence=round(sum(word.confidence for word in words) / len(words), 4) if words else 0.0,
            words=len(words),
            syllable_validity=round(validity, 4),
            raw_text=raw.text if raw.text != text.text else None,
        ),
        text=text.text,
    )
