"""One page of HTML that a clerk looks at: every scanned page, its verdict, why, and what to do about it."""

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import cv2

from schemas.errors import OutputError
from schemas.page import Outline, Pixels, Reason, Verdict
from schemas.report import REASON_ADVICE, REASON_LABELS, VERDICT_LABELS

PICTURE_PX = 900
"""Longer side of a page's picture: 12 pt print can just be read, 40 to 90 KB each."""

_JPEG_QUALITY = 60


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One page as it is shown. `picture` is grey or RGB of any size, upright; `outlines` lie on it."""

    number: int
    picture: Pixels
    verdict: Verdict
    reasons: tuple[Reason, ...] = ()
    outlines: tuple[Outline, ...] = ()
    facts: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ShownDocument:
    """One paper; `facts` say where it came from and what was made of it. `notices`: what is odd about its
    pages together, and what to do about it."""

    title: str
    facts: str
    pages: tuple[ShownPage, ...]
    notices: tuple[tuple[str, str], ...] = ()


_PAGE = Template("""<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>$heading</title>
<style>
:root { color-scheme: light dark; --ground: #eef0f3; --card: #fff; --text: #1c2028; --soft: #5d6673;
  --edge: #ced3da; --readable: #1a7f42; --review: #a35f00; --unreadable: #c02026; --blank: #68707c; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --card: #1e2229; --text: #e8eaee;
  --soft: #a2abb8; --edge: #3a414c; --readable: #2c9a58; --review: #c98218; --unreadable: #e0484e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1500px; padding: 2rem 1.5rem 4rem; background: var(--ground);
  color: var(--text); font: 16px/1.5 system-ui, "Noto Sans", sans-serif; }
h1 { font-size: 1.7rem; margin: 0; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.2rem 0 .1rem; overflow-wrap: anywhere; }
p { margin: .2rem 0; }
.soft { color: var(--soft); font-size: .9rem; overflow-wrap: anywhere; }
.counts { display: flex; flex-wrap: wrap; gap: .5rem 1.2rem; margin: 1rem 0 0; padding: 0; list-style: none; }
.counts b { font-variant-numeric: tabular-nums; }
.pages { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 330px), 1fr)); gap: 1.2rem;
  margin: .8rem 0 0; padding: 0; list-style: none; }
.page { background: var(--card); border: 1px solid var(--edge); border-top: 5px solid var(--tone);
  border-radius: 10px; padding: .9rem; min-width: 0; }
.frame { display: flex; align-items: center; justify-content: center; height: 450px;
  background: var(--ground); }
.shown { position: relative; border: 1px solid var(--edge); }
.shown img { display: block; max-width: 100%; max-height: 448px; }
.shown svg { position: absolute; inset: 0; width: 100%; height: 100%; }
.shown polygon { fill: #e0002b22; stroke: #e0002b; stroke-width: 3; vector-effect: non-scaling-stroke;
  stroke-linejoin: round; }
.verdict { display: inline-block; border-radius: 1rem; padding: .05rem .8rem; color: #fff;
  background: var(--tone); font-weight: 600; }
.line { display: flex; align-items: center; justify-content: space-between; gap: .8rem;
  margin: .7rem 0 .3rem; }
ul.why { margin: .3rem 0; padding-left: 1.1rem; }
ul.why b::first-letter, .notices b::first-letter { text-transform: uppercase; }
.notices { margin: .6rem 0 0; padding: .5rem 1rem; list-style: none; background: var(--card);
  border: 1px solid var(--edge); border-left: 5px solid var(--review); border-radius: 6px; }
.notices b { display: inline-block; }
details pre { white-space: pre-wrap; overflow-wrap: anywhere; font: .85rem/1.45 inherit; max-height: 22rem;
  overflow: auto; }
summary { cursor: pointer; color: var(--soft); font-size: .9rem; }
.readable { --tone: var(--readable); } .review { --tone: var(--review); }
.unreadable { --tone: var(--unreadable); } .blank { --tone: var(--blank); }
</style></head><body>
<h1>$heading</h1>
<p class="soft">$subheading</p>
<ul class="counts">$counts</ul>
$documents
</body></html>
""")


def write_html_report(
    documents: Sequence[ShownDocument], path: Path, *, heading: str, subheading: str = ""
) -> None:
    """Write the page, self-contained, whole or not at all. Raises `OutputError`."""
    counts = Counter(page.verdict for document in documents for page in document.pages)
    html = _PAGE.substitute(
        heading=escape(heading),
        subheading=escape(subheading),
        counts="".join(_render_count(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]),
        documents="\n".join(_render_document(document) for document in documents),
    )
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(html, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise OutputError(f"cannot write {path}: {error.strerror}") from error
    finally:
        draft.unlink(missing_ok=True)


def _render_count(verdict: Verdict, count: int) -> str:
    return f'<li class="{verdict}"><span class="verdict">{VERDICT_LABELS[verdict]}</span> <b>{count}</b></li>'


def _render_document(document: ShownDocument) -> str:
    pages = "\n".join(_render_page(page) for page in document.pages)
    notices = "".join(
        f"<li><b>{escape(what)}</b>. {escape(advice[:1].upper() + advice[1:])}.</li>"
        for what, advice in document.notices
    )
    return (
        f'<section><h2>{escape(document.title)}</h2><p class="soft">{escape(document.facts)}</p>'
        + (f'<ul class="notices">{notices}</ul>' if notices else "")
        + f'<ol class="pages">{pages}</ol></section>'
    )


def _render_page(page: ShownPage) -> str:
    why = "".join(
        f"<li><b>{escape(REASON_LABELS[reason])}</b>: {escape(REASON_ADVICE[reason])}</li>"
        for reason in page.reasons
    )
    parts = (
        f'<li class="page {page.verdict}">{_render_picture(page)}',
        f'<div class="line"><b>Trang {page.number}</b>',
        f'<span class="verdict">{VERDICT_LABELS[page.verdict]}</span></div>',
        f'<ul class="why">{why}</ul>' if why else "",
        f'<p class="soft">{escape(page.facts)}</p>',
        f"<details><summary>Chữ đã đọc</summary><pre>{escape(page.text)}</pre></details>"
        if page.text
        else "",
        "</li>",
    )
    return "".join(parts)


def _render_picture(page: ShownPage) -> str:
    height_px, width_px = page.picture.shape[:2]
    polygons = "".join(
        '<polygon points="{}"/>'.format(
            " ".join(f"{x * width_px:.0f},{y * height_px:.0f}" for x, y in outline)
        )
        for outline in page.outlines
    )
    over = (
        f'<svg viewBox="0 0 {width_px} {height_px}" preserveAspectRatio="none">{polygons}</svg>'
        if polygons
        else ""
    )
    image = f'<img alt="Trang {page.number}" src="data:image/jpeg;base64,{_encode(page.picture)}">'
    return f'<div class="frame"><div class="shown">{image}{over}</div></div>'


def _encode(picture: Pixels) -> str:
    factor = min(1.0, PICTURE_PX / max(picture.shape[:2]))
    small = cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    shown = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    return base64.b64encode(packed.tobytes()).decode()
