"""The result of a run as a table for the terminal."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean

from scripts.bench.result import PageResult, RunResult, Score
from scripts.bench.scores import fold

_HEAD = (
    f"{'kind':<22}{'n':>3} | {'CER':>6} {'words':>6} {'turn':>5} {'skew':>6} {'max':>6} {'CPU s':>6}"
    f" | {'CER':>6} {'CPU s':>6} | {'CER':>6} {'words':>6} {'turn':>5} {'skew':>6} {'max':>6} {'CPU s':>6}"
)
_OVER = f"{'':<25} | {'Sohoa':<40} | {'bare':<13} | OCRmyPDF"


@dataclass(frozen=True, slots=True)
class Summary:
    """Means of one reader over some pages; None where there is nothing to take a mean of."""

    pages: int
    cer: float
    word_recall: float
    orientation_right: float | None
    skew_error_mean_deg: float | None
    skew_error_max_deg: float | None
    cpu_s: float


def summarise(scores: Sequence[Score]) -> Summary:
    """Means over pages. Raises ValueError for none."""
    if not scores:
        raise ValueError("no pages")
    turned = [score.orientation_right for score in scores if score.orientation_right is not None]
    skews = [score.skew_error_deg for score in scores if score.skew_error_deg is not None]
    return Summary(
        pages=len(scores),
        cer=fmean(score.cer for score in scores),
        word_recall=fmean(score.word_recall for score in scores),
        orientation_right=fmean(turned) if turned else None,
        skew_error_mean_deg=fmean(skews) if skews else None,
        skew_error_max_deg=max(skews) if skews else None,
        cpu_s=fmean(score.cpu_s for score in scores),
    )


def group_by_kind(pages: Iterable[PageResult]) -> dict[str, list[PageResult]]:
    """Pages by kind, in the order kinds come."""
    grouped: dict[str, list[PageResult]] = {}
    for page in pages:
        grouped.setdefault(page.kind, []).append(page)
    return grouped


def render_table(result: RunResult) -> str:
    """One line a kind, ours beside the floor and the peer; means and ratios at the end."""
    lines = [_OVER, _HEAD, "-" * len(_HEAD)]
    lines += [_render_row(kind, pages) for kind, pages in group_by_kind(result.pages).items()]
    lines += ["-" * len(_HEAD), _render_row("all", result.pages), ""]
    lines += [_render_verdicts(result.pages), *_render_ratios(result)]
    return "\n".join(lines)


def _render_row(name: str, pages: Sequence[PageResult]) -> str:
    theirs = [page.ocrmypdf for page in pages if page.ocrmypdf is not None]
    bare = summarise([page.bare for page in pages])
    ours = _render_scores(summarise([page.sohoa for page in pages]))
    peer = _render_scores(summarise(theirs)) if theirs else "not measured"
    return f"{name:<22}{len(pages):>3} | {ours} | {bare.cer:6.4f} {bare.cpu_s:6.2f} | {peer}"


def _render_scores(summary: Summary) -> str:
    turn = "-" if summary.orientation_right is None else f"{summary.orientation_right:.0%}"
    mean, most = summary.skew_error_mean_deg, summary.skew_error_max_deg
    skew = f"{'-' if mean is None else f'{mean:.3f}':>6} {'-' if most is None else f'{most:.3f}':>6}"
    return f"{summary.cer:6.4f} {summary.word_recall:6.4f} {turn:>5} {skew} {summary.cpu_s:6.2f}"


def _render_verdicts(pages: Sequence[PageResult]) -> str:
    """How Sohoa judged the pages, all of which a person can read, and which it took for photos."""
    verdicts = Counter(page.verdict or "none" for page in pages)
    photos = [page for page in pages if page.kind.startswith("photo")]
    flat = sum(page.sohoa.flattened for page in pages if page not in photos)
    judged = ", ".join(f"{count} {verdict}" for verdict, count in verdicts.most_common())
    flattened = sum(page.sohoa.flattened for page in photos)
    return (
        f"Sohoa's verdicts: {judged}; flattened: {flattened} of {len(photos)} photos, "
        f"{flat} of {len(pages) - len(photos)} flat scans"
    )


def _render_ratios(result: RunResult) -> list[str]:
    """Whole calls: one start-up over all pages is counted on top of the pages' own seconds."""
    count = len(result.pages)
    ours = sum(page.sohoa.cpu_s for page in result.pages) + result.sohoa_start_up_s
    bare = sum(page.bare.cpu_s for page in result.pages)
    lines = [
        "CPU seconds: all processes of a call; a page's are its file's without start-up, shared evenly.",
        f"sohoa digitize: {ours / count:.3f} CPU s a page with one start-up ({result.sohoa_start_up_s:.2f} s)"
        f" over {count} pages; bare recognition {bare / count:.3f}; ours/bare {ours / bare:.2f}",
    ]
    both = [page for page in result.pages if page.ocrmypdf is not None]
    if not both or result.ocrmypdf_start_up_s is None:
        return [*lines, "OCRmyPDF was not measured."]
    return [*lines, *_compare_with_peer(result, both, result.ocrmypdf_start_up_s)]


def _count_missed(truth: str, score: Score) -> int:
    return round((1 - score.word_recall) * len(fold(truth).split()))


def _compare_with_peer(result: RunResult, both: Sequence[PageResult], peer_start_up_s: float) -> list[str]:
    """Ratios over the pages that both have read."""
    theirs = [page.ocrmypdf for page in both if page.ocrmypdf is not None]
    ours_s = sum(page.sohoa.cpu_s for page in both) + result.sohoa_start_up_s
    peer_s = sum(score.cpu_s for score in theirs) + peer_start_up_s
    worse = [
        kind
        for kind, pages in group_by_kind(both).items()
        if fmean(page.sohoa.cer for page in pages)
        >= fmean(page.ocrmypdf.cer for page in pages if page.ocrmypdf is not None)
    ]
    lines = [
        f"OCRmyPDF {result.ocrmypdf_version}: {peer_s / len(both):.3f} CPU s a page (start-up "
        f"{peer_start_up_s:.2f} s) over {len(both)} pages; peer/ours {peer_s / ours_s:.2f} on the same pages",
        f"mean CER on these {fmean(page.sohoa.cer for page in both):.4f} against "
        f"{fmean(score.cer for score in theirs):.4f}; kinds not better than OCRmyPDF: "
        f"{', '.join(worse) or 'none'}",
    ]
    ours_missed = sum(_count_missed(page.truth, page.sohoa) for page in both)
    theirs_missed = sum(_count_missed(page.truth, score) for page, score in zip(both, theirs, strict=True))
    if theirs_missed:
        lines.append(
            f"printed words not found: {ours_missed} against {theirs_missed}, "
            f"{1 - ours_missed / theirs_missed:.1%} fewer"
        )
    if result.ocrmypdf_cached_kinds:
        kinds = ", ".join(result.ocrmypdf_cached_kinds)
        lines.append(f"OCRmyPDF's part, CPU seconds too, was kept from an earlier run for: {kinds}")
    return lines
