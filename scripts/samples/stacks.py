"""Stacks as a clerk lays them and a feeder scans them, with what may happen to their sheets and pages.

Made of sample papers and real cover sheets, grey, 100 to 150 dpi; the truth of every page is kept.
"""

import os
import random
import tempfile
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import segno
from pdf2image import convert_from_bytes

from pipeline.binding.lettering import load_font
from pipeline.separation.drawing import draw_sheets
from pipeline.separation.payload import name_run
from pipeline.separation.run import PrintedSheet, list_sheets
from schemas.covers import CoveredDossier, CoveredPaper, SheetKind
from schemas.page import Pixels
from scripts.samples.page import PaperKind
from scripts.samples.papers import render_page
from scripts.samples.scanning import Conditions, scan
from scripts.samples.sheets import SPOILING, photocopy, skew

PAGE_DPI = 150
NEUTRAL = 100
KINDS = tuple(PaperKind)
SCANS_OF_EACH_KIND = 6
INTACT = ("intact", "upside down", "skewed", "photocopied", "low resolution", "drawn in twice")
"""Happenings that leave the sheets whole: these stacks are to be parted without help."""
HAPPENINGS = (
    *INTACT,
    *SPOILING,
    "missing",
    "missing end",
    "swapped",
    "moved",
    "foreign cover",
    "foreign code",
    "page missing",
    "page twice",
    "stray page",
    "codes of two sheets",
)
CACHE = Path(tempfile.gettempdir()) / "sohoa-stack-pages"
"""The scanned sample pages, which take most of the time to make."""


@dataclass(slots=True)
class Leaf:
    """One image of a stack and the truth: whose page it is (None for sheets), which paper of the dossier."""

    grey: Pixels
    record: str | None = None
    ordinal: int | None = None
    sheet: PrintedSheet | None = None


@dataclass(slots=True)
class Stack:
    """A stack with what happened to it."""

    seed: int
    happening: str
    dpi: int
    two_sided: bool
    leaves: list[Leaf] = field(default_factory=list)
    spoiled: list[int] = field(default_factory=list)
    """Positions of sheets that were spoiled."""


def make_stack(seed: int, number: int) -> Stack:
    """The same arguments give the same stack."""
    rng = random.Random(f"sohoa stacks {seed} {number}")
    happening = HAPPENINGS[number % len(HAPPENINGS)] if number % 3 else INTACT[number // 3 % len(INTACT)]
    dpi = rng.choice((100, 110, 125)) if happening == "low resolution" else PAGE_DPI
    stack = Stack(number, happening, dpi, rng.random() < 0.3)
    dossiers = [_draw_dossier(rng, seed, number, at) for at in range(rng.randint(2, 6))]
    separators = rng.choice(("auto", "auto", "always"))
    sheets = list_sheets(dossiers, name_run(f"{seed} {number}".encode()), separators)
    pictures = _render(sheets, dpi)
    for dossier in dossiers:
        own = [(s, p) for s, p in zip(sheets, pictures, strict=True) if s.dossier is dossier]
        _lay_dossier(stack, rng, dossier, own)
    _let_happen(stack, rng, sheets, seed)
    for leaf in stack.leaves:
        leaf.grey = _scan(leaf, rng, stack)
    if stack.two_sided:
        stack.leaves = [side for leaf in stack.leaves for side in _both_sides(leaf, rng)]
    return stack


def _draw_dossier(rng: random.Random, seed: int, number: int, at: int) -> CoveredDossier:
    counted = rng.random() < 0.7
    papers = tuple(
        CoveredPaper(f"Giấy tờ thứ {n}", pages if counted or rng.random() < 0.5 else None)
        for n, pages in enumerate((rng.choice((1, 1, 2, 3)) for _ in range(rng.randint(1, 4))), 1)
    )
    if not counted and all(paper.pages for paper in papers):
        papers = (CoveredPaper(papers[0].title), *papers[1:])
    shape = rng.choice(("H21.65", "000.00.01.H21"))
    return CoveredDossier(f"{shape}-22{seed % 90 + 10:02d}{at + 10:02d}-{number:04d}", papers)


def _lay_dossier(
    stack: Stack, rng: random.Random, dossier: CoveredDossier, own: list[tuple[PrintedSheet, Pixels]]
) -> None:
    """Its sheets and pages in the order a clerk lays them."""
    by_place = {(s.sheet.kind, s.sheet.ordinal): Leaf(p, sheet=s) for s, p in own}
    stack.leaves.append(by_place[SheetKind.COVER, None])
    for ordinal, paper in enumerate(dossier.papers, 1):
        if (leaf := by_place.get((SheetKind.SEPARATOR, ordinal))) is not None:
            stack.leaves.append(leaf)
        for _ in range(paper.pages or rng.choice((1, 2, 3))):
            grey = _draw_page(rng, stack.dpi)
            if rng.random() < 0.1:
                grey = _stamp_receipt(grey, dossier.record_code, stack.dpi)
            stack.leaves.append(Leaf(grey, dossier.record_code, ordinal))
    if (leaf := by_place.get((SheetKind.END, None))) is not None:
        stack.leaves.append(leaf)


def _let_happen(stack: Stack, rng: random.Random, sheets: tuple[PrintedSheet, ...], seed: int) -> None:  # noqa: PLR0912 - one branch a happening
    """What the stack is named after, to one of its sheets or pages."""
    leaves, what = stack.leaves, stack.happening
    at_sheets = [at for at, leaf in enumerate(leaves) if leaf.sheet]
    at_covers = [at for at in at_sheets if _kind(leaves[at]) is SheetKind.COVER]
    at_pages = [at for at, leaf in enumerate(leaves) if not leaf.sheet]
    victim = rng.choice(at_sheets)
    if what in SPOILING:
        leaves[victim].grey = SPOILING[what](leaves[victim].grey, rng, rng.random() ** 0.5)
        stack.spoiled.append(victim)
    elif what == "missing":
        del leaves[rng.choice(at_covers)]
    elif what == "missing end":
        del leaves[rng.choice([at for at in at_sheets if _kind(leaves[at]) is SheetKind.END] or at_sheets)]
    elif what == "swapped" and len(at_covers) > 1:
        a, b = rng.sample(at_covers, 2)
        leaves[a], leaves[b] = leaves[b], leaves[a]
    elif what == "moved":
        leaf = leaves.pop(victim)
        leaves.insert(max(0, min(len(leaves), victim + rng.choice((-2, -1, 1, 2)))), leaf)
    elif what == "foreign cover":
        leaves.insert(rng.randrange(len(leaves) + 1), _foreign_cover(rng, stack.dpi, seed))
    elif what == "foreign code":
        leaves[victim].grey = _foreign_code(leaves[victim].grey)
        stack.spoiled.append(victim)
    elif what == "page missing":
        del leaves[rng.choice(at_pages)]
    elif what == "page twice":
        at = rng.choice(at_pages)
        leaves.insert(at, Leaf(leaves[at].grey, leaves[at].record, leaves[at].ordinal))
    elif what == "stray page":
        a, b = rng.sample(at_pages, 2)
        leaf = leaves[a]
        if leaf.record != leaves[b].record:
            leaf.grey = _stamp_receipt(leaf.grey, leaf.record or "", stack.dpi)
            leaves.insert(b, leaves.pop(a))
    elif what == "codes of two sheets":
        other = rng.choice([at for at in at_sheets if at != victim])
        half = leaves[victim].grey.shape[0] // 2
        leaves[victim].grey = np.vstack([leaves[victim].grey[:half], leaves[other].grey[half:]])
        del leaves[other]
    elif what == "drawn in twice":
        leaves.insert(victim, Leaf(leaves[victim].grey, sheet=leaves[victim].sheet))


def _kind(leaf: Leaf) -> SheetKind | None:
    return leaf.sheet.sheet.kind if leaf.sheet else None


def _scan(leaf: Leaf, rng: random.Random, stack: Stack) -> Pixels:
    """Through the feeder: a little askew, soft, noisy; sheets as the happening says."""
    grey = leaf.grey
    if leaf.sheet and stack.happening == "photocopied":
        grey = photocopy(grey, rng, rng.random())
    far = leaf.sheet is not None and stack.happening == "skewed"
    grey = skew(grey, rng.uniform(-15, 15) if far else rng.gauss(0, 0.8), 18 if rng.random() < 0.2 else 236)
    grey = cv2.GaussianBlur(grey, (0, 0), rng.uniform(0.3, 0.8))
    light, noise = rng.uniform(0.85, 1.0), rng.uniform(1.5, 5)
    scanned = cv2.addWeighted(grey, light, _grain(rng, grey.shape), noise, -NEUTRAL * noise)
    turned = leaf.sheet is not None and stack.happening == "upside down"
    quarter = rng.choice((1, 2, 2, 3)) if turned else 2 if rng.random() < 0.03 else 0
    return np.ascontiguousarray(np.rot90(scanned, quarter))


def _grain(rng: random.Random, shape: tuple[int, ...]) -> Pixels:
    """Noise around `NEUTRAL` with a standard deviation of 1, cut from a larger piece."""
    top, left = rng.randrange(256), rng.randrange(256)
    return np.asarray(_load_grain()[top : top + shape[0], left : left + shape[1]], np.uint8)


@cache
def _load_grain() -> Pixels:
    grain = np.random.default_rng(1).normal(NEUTRAL, 1, (PAGE_DPI * 12 + 256,) * 2)
    return np.rint(grain).astype(np.uint8)


def _both_sides(leaf: Leaf, rng: random.Random) -> list[Leaf]:
    """The front and a blank back on which the front may shine through; sheets lie either way round."""
    shine = rng.choice((0.0, 0.0, 0.04, 0.08)) if leaf.sheet else rng.choice((0.0, 0.05, 0.15))
    behind = cv2.blur(np.fliplr(leaf.grey), (5, 5))
    paper = 250 - 255 * shine - NEUTRAL * 2.5
    shown = cv2.addWeighted(behind, shine, _grain(rng, behind.shape), 2.5, paper)
    back = Leaf(np.asarray(shown, np.uint8), leaf.record, leaf.ordinal)
    return [back, leaf] if leaf.sheet and rng.random() < 0.3 else [leaf, back]


def _stamp_receipt(grey: Pixels, record: str, dpi: int) -> Pixels:
    """The QR code of a one-stop receipt at the page's top left."""
    code = segno.make_qr(f"{record}|1.004884|Phiếu tiếp nhận|Một cửa điện tử|14/09/2022", error="m")
    module = max(2, round(dpi / 25.4 * 0.6))
    matrix = np.array([list(row) for row in code.matrix], np.uint8)
    dark = np.kron(matrix, np.ones((module, module), np.uint8))
    stamped = grey.copy()
    side, margin = len(dark), round(dpi / 25.4 * 8)
    stamped[margin : margin + side + 8 * module, margin : margin + side + 8 * module] = 250
    start = margin + 4 * module
    stamped[start : start + side, start : start + side] = np.where(dark, 15, 250)
    return stamped


def _foreign_cover(rng: random.Random, dpi: int, seed: int) -> Leaf:
    """A good cover sheet of another day."""
    papers = (CoveredPaper("Đơn", rng.choice((1, 2))),)
    sheets = list_sheets(
        [CoveredDossier(f"H21.65-2309{rng.randint(10, 28)}-{rng.randint(1000, 9999)}", papers)],
        name_run(f"foreign {seed} {rng.random()}".encode()),
    )
    return Leaf(_render(sheets, dpi)[0], sheet=sheets[0])


def _foreign_code(grey: Pixels) -> Pixels:
    """Bars like ours, the codes of someone else."""
    height, width = grey.shape
    changed = grey.copy()
    changed[round(height * 0.08) : round(height * 0.92), round(width * 0.12) : round(width * 0.88)] = 250
    matrix = np.array([list(row) for row in segno.make_qr("ASN00042", error="h").matrix], np.uint8)
    dark = np.kron(matrix, np.ones((8, 8), np.uint8))
    changed[height // 2 : height // 2 + len(dark), width // 3 : width // 3 + len(dark)] = np.where(
        dark, 10, 250
    )
    return changed


def _render(sheets: tuple[PrintedSheet, ...], dpi: int) -> list[Pixels]:
    pages = convert_from_bytes(draw_sheets(sheets, load_font()), dpi=dpi, grayscale=True)
    return [np.asarray(page, np.uint8) for page in pages]


def _draw_page(rng: random.Random, dpi: int) -> Pixels:
    grey = _load_page(rng.choice(KINDS), rng.randrange(SCANS_OF_EACH_KIND))
    factor = dpi / PAGE_DPI
    if factor == 1:
        return grey
    return np.asarray(cv2.resize(grey, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


@cache
def _load_page(kind: PaperKind, number: int) -> Pixels:
    kept = CACHE / f"{kind}-{number}-{PAGE_DPI}.png"
    if kept.is_file():
        return np.asarray(cv2.imread(str(kept), cv2.IMREAD_GRAYSCALE), np.uint8)
    rng = random.Random(f"sohoa stacks page {kind} {number}")
    conditions = Conditions(
        dpi=PAGE_DPI, grey=True, noise=rng.uniform(0, 4), fade=rng.choice((0, 0, 0.3, 0.6))
    )
    grey = scan(render_page(kind, 6000 + number), seed=number, **conditions).pixels
    CACHE.mkdir(exist_ok=True)
    draft = kept.with_name(f"{os.getpid()}-{kept.name}")
    cv2.imwrite(str(draft), grey)
    draft.replace(kept)
    return grey
