"""One page of HTML: what of a stack waits, why, what to do, and small pictures of the pages."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from string import Template

import cv2
import numpy as np

from schemas.covers import STOP_ADVICE, STOP_LABELS, Stop, StopCode, WaitingStretch
from schemas.page import Pixels

PICTURE_PX = 520
"""Longer side: what kind of page it is, and a title, can be read; 10 to 30 KB each."""
_JPEG_QUALITY = 55


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One page; `pixels`, small already (`shrink`), are None where it cannot be decoded."""

    number: int
    pixels: Pixels | None


@dataclass(frozen=True, slots=True)
class ShownStretch:
    """A stretch, its file beside the HTML, its pages."""

    file: str
    stretch: WaitingStretch
    pages: tuple[ShownPage, ...]


_PAGE = Template("""<!doctype html>
<html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Trang chờ xử lý</title>
<style>
:root { color-scheme: light dark; --ground: #eef0f3; --card: #fff; --text: #1c2028; --soft: #5d6673;
  --edge: #ced3da; --stop: #c02026; }
@media (prefers-color-scheme: dark) { :root { --ground: #14171c; --card: #1e2229; --text: #e8eaee;
  --soft: #a2abb8; --edge: #3a414c; --stop: #e0484e; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1400px; padding: 2rem 1.5rem 4rem; background: var(--ground);
  color: var(--text); font: 16px/1.5 system-ui, "Noto Sans", sans-serif; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.15rem; margin: 2rem 0 .3rem; }
.soft { color: var(--soft); font-size: .9rem; margin: .1rem 0; overflow-wrap: anywhere; }
.why { margin: .4rem 0; padding: .6rem 1rem; list-style: none; background: var(--card);
  border: 1px solid var(--edge); border-left: 5px solid var(--stop); border-radius: 6px; }
.why b::first-letter { text-transform: uppercase; }
.pages { display: grid; grid-template-columns: repeat(auto-fill, minmax(190px, 1fr)); gap: .9rem;
  margin: .8rem 0 0; padding: 0; list-style: none; }
.pages li { background: var(--card); border: 1px solid var(--edge); border-radius: 8px; padding: .6rem; }
.pages li.at { border: 3px solid var(--stop); }
.pages img { display: block; width: 100%; border: 1px solid var(--edge); }
</style></head><body>
<h1>Trang chờ xử lý</h1>
<p class="soft">Pages of the stack that wait for the operator. Không có trang nào bị chuyển đi hay mất.</p>
$stretches
</body></html>
""")


def write_waiting_sheet(stretches: Sequence[ShownStretch], path: Path) -> None:
    """Write it, self-contained. Raises `OSError`."""
    path.write_text(_PAGE.substitute(stretches="\n".join(map(_render, stretches))), encoding="utf-8")


def shrink(pixels: Pixels) -> Pixels:
    """A page as small as it is shown."""
    factor = min(1.0, PICTURE_PX / max(pixels.shape[:2]))
    return np.asarray(cv2.resize(pixels, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def tell_stop(stop: Stop) -> tuple[str, str]:
    """What is wrong, and where, in Vietnamese and in English."""
    label = STOP_LABELS[stop.code]
    pages = f" ({name_pages(stop.pages, 'trang')})" if stop.pages else ""
    pages_en = f" ({name_pages(stop.pages, 'page')})" if stop.pages else ""
    detail, detail_en = _tell_numbers(stop)
    return f"{label.vi}{detail}{pages}", f"{label.en}{detail_en}{pages_en}"


def tell_advice(stop: Stop) -> tuple[str, str]:
    """What to do about it."""
    advice = STOP_ADVICE[stop.code]
    return advice.vi, advice.en


def _tell_numbers(stop: Stop) -> tuple[str, str]:
    codes = f": {', '.join(stop.record_codes)}" if stop.record_codes else ""
    if stop.code is StopCode.PAGE_COUNT_DIFFERS:
        declared, counted = stop.numbers
        return f": khai {declared}, quét {counted}", f": {declared} declared, {counted} scanned"
    if stop.code is StopCode.SHEET_MISSING:
        listed = ", ".join(map(str, stop.numbers))
        return f": tờ {listed}", f": sheet {listed}"
    return codes, codes


def name_pages(pages: Sequence[int], word: str) -> str:
    """`trang 3-7, 9`: pages of the stack."""
    runs: list[list[int]] = []
    for page in pages:
        if runs and page == runs[-1][1] + 1:
            runs[-1][1] = page
        else:
            runs.append([page, page])
    return f"{word} " + ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in runs)


def _render(shown: ShownStretch) -> str:
    stretch = shown.stretch
    marked = {page for stop in stretch.stops if len(stop.pages) < len(stretch.pages) for page in stop.pages}
    why = "".join(
        f"<li><b>{escape(tell_stop(stop)[0])}</b>. {escape(tell_advice(stop)[0].capitalize())}."
        f'<p class="soft">{stop.code}: {escape(tell_stop(stop)[1])}; {escape(tell_advice(stop)[1])}</p></li>'
        for stop in stretch.stops
    )
    pages = "".join(_render_page(page, at=page.number in marked) for page in shown.pages)
    codes = ", ".join(stretch.record_codes) or "chưa rõ hồ sơ"
    return (
        f"<section><h2>{name_pages(stretch.pages, 'Trang')} · {escape(codes)}</h2>"
        f'<p class="soft"><a href="{escape(shown.file)}">{escape(shown.file)}</a></p>'
        f'<ul class="why">{why}</ul><ol class="pages">{pages}</ol></section>'
    )


def _render_page(page: ShownPage, *, at: bool) -> str:
    picture = "<p>không mở được</p>" if page.pixels is None else _picture(page.number, page.pixels)
    return f"<li{' class=at' if at else ''}>{picture}<b>Trang {page.number}</b></li>"


def _picture(number: int, pixels: Pixels) -> str:
    shown = pixels if pixels.ndim == 2 else cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR)
    _, packed = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    data = base64.b64encode(packed.tobytes()).decode()
    return f'<img alt="Trang {number}" src="data:image/jpeg;base64,{data}">'
