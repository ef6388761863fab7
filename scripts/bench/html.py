"""One self-contained HTML page: the table, and the worst pages of each kind with what was misread."""

import base64
from collections.abc import Iterator
from html import escape
from pathlib import Path
from string import Template

from rapidfuzz.distance import Levenshtein

from scripts.bench.annex import find_annexes
from scripts.bench.result import PageResult, RunResult, Score
from scripts.bench.scores import fold
from scripts.bench.table import group_by_kind, render_table

WORST_PAGES = 2
"""Pages shown of each kind."""

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sohoa bench</title>
<style>
:root { color-scheme: light dark; --line: #8884; --gone: #d33; --new: #2a7; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1500px; padding: 0 1.5rem; }
pre.table { font: 13px/1.45 ui-monospace, monospace; overflow-x: auto; }
nav a { margin-right: .8em; white-space: nowrap; }
section { border-top: 1px solid var(--line); margin-top: 2rem; }
article { display: grid; grid-template-columns: minmax(240px, 26rem) 1fr 1fr 1fr; gap: 1.2rem; }
article { margin: 1rem 0 2rem; }
article > * { min-width: 0; }
img { width: 100%; border: 1px solid var(--line); }
h4 { margin: 0 0 .4em; font-weight: 600; }
.text { font-size: 13px; max-height: 560px; overflow: auto; border: 1px solid var(--line); padding: .6em; }
mark { background: none; font-weight: 700; text-decoration: underline; }
mark.gone { color: var(--gone); }
mark.new { color: var(--new); }
.facts { grid-column: 1 / -1; margin: 0; }
@media (max-width: 1000px) { article { grid-template-columns: 1fr; } }
</style></head><body>
<h1>Sohoa bench</h1>
<p>$about</p>
<pre class="table">$table</pre>
$annexes
<p>Below, the worst pages of each kind. In the truth <mark class="gone">words we did not read</mark>,
in a reading <mark class="new">words that are not in the truth there</mark>.</p>
<nav>$links</nav>
$kinds
</body></html>
""")


def render_html(result: RunResult, pictures: Path) -> str:
    """The page; `pictures` is the folder that holds each page's JPEG and the annexes. What is missing is
    left out."""
    grouped = group_by_kind(result.pages)
    links = " ".join(f'<a href="#{escape(kind)}">{escape(kind)}</a>' for kind in grouped)
    kinds = "\n".join(_render_kind(kind, pages, pictures) for kind, pages in grouped.items())
    about = escape(f"{len(result.pages)} pages, {result.seeds}, made {result.made_at}")
    annexes = "\n".join(_render_annex(path) for path in find_annexes(pictures))
    return _PAGE.substitute(
        about=about, table=escape(render_table(result)), annexes=annexes, links=links, kinds=kinds
    )


def _render_annex(path: Path) -> str:
    told = escape(path.read_text(encoding="utf-8").rstrip())
    return f'<h2>{escape(path.stem)}</h2><pre class="table">{told}</pre>'


def _render_kind(kind: str, pages: list[PageResult], pictures: Path) -> str:
    worst = sorted(pages, key=lambda page: page.sohoa.cer, reverse=True)[:WORST_PAGES]
    shown = "\n".join(_render_page(page, pictures) for page in worst)
    return f'<section id="{escape(kind)}"><h2>{escape(kind)}</h2>{shown}</section>'


def _render_page(page: PageResult, pictures: Path) -> str:
    readings = [("Sohoa", page.sohoa)] + ([("OCRmyPDF", page.ocrmypdf)] if page.ocrmypdf else [])
    truth, read = _mark_differences(page.truth, page.sohoa.text)
    columns = [f'<div><h4>Truth</h4><div class="text">{truth}</div></div>']
    for name, score in readings:
        marked = read if score is page.sohoa else _mark_differences(page.truth, score.text)[1]
        columns.append(f'<div><h4>{name}: {_tell(score)}</h4><div class="text">{marked}</div></div>')
    skew = "photo" if page.skew_deg is None else f"skew {page.skew_deg:+.2f}°"
    facts = (
        f"seed {page.seed}, severity {page.severity:.2f}, {page.dpi} dpi, turn {page.quarter_turn}°, {skew}"
    )
    facts += f"; verdict {page.verdict or 'none'}"
    return (
        f'<article><p class="facts">{escape(facts)}</p><div>{_embed(pictures / page.picture)}</div>'
        f"{''.join(columns)}</article>"
    )


def _tell(score: Score) -> str:
    if score.failure:
        return f"failed ({escape(score.failure)})"
    turn = {True: "", False: ", wrong way up", None: ""}[score.orientation_right]
    skew = "" if score.skew_error_deg is None else f", skew off by {score.skew_error_deg:.3f}°"
    return f"CER {score.cer:.4f}, words {score.word_recall:.3f}{turn}{skew}"


def _embed(picture: Path) -> str:
    if not picture.is_file():
        return ""
    data = base64.b64encode(picture.read_bytes()).decode()
    return f'<img alt="the page as scanned" src="data:image/jpeg;base64,{data}">'


def _mark_differences(truth: str, read: str) -> tuple[str, str]:
    """Both texts as HTML, the words in which they differ marked."""
    wanted, found = fold(truth).split(), fold(read).split()
    left: list[str] = []
    right: list[str] = []
    for step in Levenshtein.opcodes(wanted, found):
        left += _mark(wanted[step.src_start : step.src_end], "gone", same=step.tag == "equal")
        right += _mark(found[step.dest_start : step.dest_end], "new", same=step.tag == "equal")
    return " ".join(left), " ".join(right)


def _mark(words: list[str], name: str, *, same: bool) -> Iterator[str]:
    for word in words:
        yield escape(word) if same else f'<mark class="{name}">{escape(word)}</mark>'
