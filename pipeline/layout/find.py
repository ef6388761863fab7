"""The layout of a page: its runs of print in reading order, and how far they can be trusted."""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.image.components import Components, sort_by_size
from pipeline.image.shapes import label_shapes
from pipeline.layout.linking import (
    Boxes,
    Runs,
    find_leaders,
    gather_runs,
    link_letters,
    reach_into_strokes,
    renumber,
    unite,
)
from pipeline.layout.order import Item, order_items
from pipeline.layout.rules import Rules, cell_at, find_rules
from pipeline.layout.seals import belong_to_seals, find_seals
from schemas.page import Box, Layout, Pixels, TextRun

_BLOB_HEIGHTS = (0.6, 2.0)
_BLOB_FILL = (0.15, 0.8)
"""Shapes of a letter's height and a share of ink like print's are words grown together by blur."""

_FORM_BOX_MM, _FORM_BOX_RIM = 2.5, 0.9
"""Least side of a square to tick, and share of each side that is ink: 0.96 and more on 24 squares of 8 dev
forms; the worst side of `D`, `B` and `O` has up to 0.8."""

_THICK_RULE_PX = 10
"""A shape flatter than this (1.7 mm) that holds a rule is that rule."""

_MOST_LETTERS = 12_000
"""More on one page is noise (a full A4 page of 8 pt has 7,000)."""

_LEAST_IN_WORDS = 0.6
"""Share of letters in runs of three and more: from 0.966 on 64 pages that read well, up to 0.27 among 5,000
specks on A4."""

_MOST_STRAY = 0.15
"""Share of letter-like ink in no run: up to 0.013 on 64 pages that read well, 0.1 and 0.38 on smeared and
blurred ones."""


@dataclass(frozen=True, slots=True)
class Print:
    """What stands on the page, in small-image pixels: runs, and boxes of every component by kind."""

    letters: Boxes
    marks: Boxes
    leaders: Boxes
    other: Boxes
    runs: Runs
    rules: Rules


@dataclass(frozen=True, slots=True)
class FoundLayout:
    """A layout in page pixels, and the print it was made of: `order[i]` is the run of `layout.runs[i]`."""

    layout: Layout
    print: Print
    order: tuple[int, ...]


def find_layout(components: Components) -> FoundLayout:
    """Runs, columns, table cells and reading order from the components of an upright, straight page."""
    rules = find_rules(components.ink, components.dpi)
    letters, marks, other = _sort_components(components, rules)
    is_box = _are_form_boxes(letters, components)
    form_boxes, letters = letters[is_box], letters[~is_box]
    height_px = float(np.median(letters[:, 3] - letters[:, 1])) if len(letters) else 0.0
    if not 0 < len(letters) <= _MOST_LETTERS:
        return _no_layout(rules, stray_share=float(len(letters) > 0))
    letter_run = link_letters(letters, height_px, rules.upright)
    letters, letter_run, sealed = _without_seals(letters, letter_run, other, components)
    slight = (letter_run < 0) & (letters[:, 3] - letters[:, 1] < 1.5 * height_px)
    letters, letter_run, marks = letters[~slight], letter_run[~slight], np.vstack((marks, letters[slight]))
    leader = find_leaders(marks, height_px)
    runs = gather_runs(letters, letter_run, marks[~leader], height_px)
    runs = reach_into_strokes(runs, other, components.ink, height_px, rules.upright)
    found = Print(letters, marks[~leader], np.vstack((marks[leader], form_boxes, sealed)), other, runs, rules)
    blocks = _order_runs(found, height_px)
    return _describe(found, blocks, components.scale, height_px)


def _sort_components(components: Components, rules: Rules) -> tuple[Boxes, Boxes, Boxes]:
    """Letters, marks and other shapes as corner boxes; found anew where print hangs on rules."""
    letters, marks, large = components.boxes, components.marks, components.large
    hanging = _print_on_rules(large, rules)
    if len(hanging):
        boxes = np.vstack((letters, marks, large))
        first, last = int(hanging[:, 1].min()), int((hanging[:, 1] + hanging[:, 3]).max())
        outside = (boxes[:, 1] < first) | (boxes[:, 1] + boxes[:, 3] > last)
        boxes = np.vstack((boxes[outside], _find_bare(components.ink, rules.mask, first, last)))
        is_letter, is_mark, is_large = sort_by_size(boxes, components.dpi)
        letters, marks, large = boxes[is_letter], boxes[is_mark], boxes[is_large]
    corners = [_to_corners(boxes) for boxes in (letters, marks, large)]
    blob = _are_blobs(corners[2], components, rules)
    return np.vstack((corners[0], corners[2][blob])), corners[1], corners[2][~blob]


def _find_bare(ink: Pixels, rules: Pixels, first: int, last: int) -> NDArray[np.int32]:
    """Boxes of the components of ink that lie wholly between two rows of pixels, rules taken out."""
    start = max(0, first - 1)  # what reaches beyond reaches into the rows around
    window = np.s_[start : last + 1]
    bare = cv2.subtract(ink[window], cv2.dilate(rules[window], np.ones((3, 3), np.uint8)))
    _, stats = label_shapes(np.asarray(bare, dtype=np.uint8))
    boxes = stats[1:, :4]
    boxes[:, 1] += start
    return np.asarray(boxes[(boxes[:, 1] >= first) & (boxes[:, 1] + boxes[:, 3] <= last)])


def _without_seals(
    letters: Boxes, letter_run: NDArray[np.intp], other: Boxes, components: Components
) -> tuple[Boxes, NDArray[np.intp], Boxes]:
    """Letters and their runs without those of seals; the seals' letters apart."""
    seals = find_seals(components.ink, other, components.dpi)
    if not seals:
        return letters, letter_run, letters[:0]
    count = int(letter_run.max(initial=-1)) + 1
    members = np.bincount(letter_run[letter_run >= 0], minlength=count)
    boxes = unite(letters, letter_run, count)
    gone = np.append(belong_to_seals(boxes, members, seals), np.False_)[letter_run]
    return letters[~gone], renumber(letter_run[~gone]), letters[gone]


def _are_form_boxes(letters: Boxes, components: Components) -> NDArray[np.bool_]:
    """Squares to tick: nearly as wide as high, straight ink along all four sides."""
    width, height = letters[:, 2] - letters[:, 0], letters[:, 3] - letters[:, 1]
    box = np.abs(width - height) <= np.maximum(2, 0.15 * height)
    box &= height >= _FORM_BOX_MM * components.dpi / 25.4
    for number in np.flatnonzero(box):
        left, top, right, bottom = letters[number]
        inside = components.ink[top:bottom, left:right] > 0
        rims = (inside[:2], inside[-2:], inside[:, :2].T, inside[:, -2:].T)
        box[number] = all(rim.any(axis=0).mean() >= _FORM_BOX_RIM for rim in rims)
    squares = letters[box]
    middle = (letters[:, :2] + letters[:, 2:])[:, None] / 2
    ticked = ((middle > squares[:, :2]) & (middle < squares[:, 2:])).all(axis=2).any(axis=1)
    return np.asarray(box | ticked)


def _to_corners(boxes: NDArray[np.int32]) -> Boxes:
    corners = np.hstack((boxes[:, :2], boxes[:, :2] + boxes[:, 2:4])).astype(np.int32)
    # whatever order they were found in, the same print gives the same layout
    return corners[np.lexsort(corners.T)]


def _print_on_rules(large: NDArray[np.int32], rules: Rules) -> NDArray[np.int32]:
    """Shapes that hold a rule and are no bare rule themselves."""
    hanging = [
        min(width, height) > _THICK_RULE_PX
        and cv2.countNonZero(rules.mask[top : top + height, left : left + width]) > 0
        for left, top, width, height in large
    ]
    return np.asarray(large[np.array(hanging, np.bool_)])


def _are_blobs(large: Boxes, components: Components, rules: Rules) -> NDArray[np.bool_]:
    height_px = components.median_height_px
    blob = np.zeros(len(large), np.bool_)
    for number, (left, top, right, bottom) in enumerate(large):
        if not _BLOB_HEIGHTS[0] * height_px <= bottom - top <= _BLOB_HEIGHTS[1] * height_px:
            continue
        if cv2.countNonZero(rules.mask[top:bottom, left:right]):
            continue
        fill = cv2.countNonZero(components.ink[top:bottom, left:right]) / ((bottom - top) * (right - left))
        blob[number] = right - left > bottom - top and _BLOB_FILL[0] <= fill <= _BLOB_FILL[1]
    return blob


def _order_runs(found: Print, height_px: float) -> list[list[tuple[int, ...]]]:
    """Blocks of rows of run numbers: tables stand in the order as one item, then open cell by cell."""
    runs, rules = found.runs, found.rules
    cells: dict[int, list[Item]] = {}
    free: list[Item] = []
    for number, ((left, top, right, bottom), (core_top, core_bottom)) in enumerate(
        zip(runs.boxes, runs.cores, strict=True)
    ):
        item = Item(number, *(float(v) for v in (left, top, right, bottom, core_top, core_bottom)))
        cell = cell_at(rules, (item.left + item.right) / 2, (item.core_top + item.core_bottom) / 2)
        (free if cell < 0 else cells.setdefault(cell, [])).append(item)
    tables = sorted({int(rules.cells[cell, 4]) for cell in cells})
    stand_ins = [
        Item(-1 - table, left, top, right, bottom, top, bottom)
        for table in tables
        for left, top, right, bottom in (tuple(float(edge) for edge in rules.tables[table]),)
    ]
    blocks: list[list[tuple[int, ...]]] = []
    for block in order_items([*free, *stand_ins], height_px, whole_page=True):
        rows: list[tuple[int, ...]] = []
        for row in block:
            plain = tuple(item.number for item in row if item.number >= 0)
            if plain:
                rows.append(plain)
            for item in row:
                if item.number < 0:
                    blocks.append(rows)
                    rows = []
                    blocks.extend(_read_table(-1 - item.number, cells, rules, height_px))
        blocks.append(rows)
    return [block for block in blocks if block]


def _read_table(
    table: int, cells: dict[int, list[Item]], rules: Rules, height_px: float
) -> list[list[tuple[int, ...]]]:
    """Cells row by row, each read whole; a row of one-line cells is one printed line."""
    members = [cell for cell in cells if rules.cells[cell, 4] == table]
    members.sort(key=lambda cell: (rules.cells[cell, 1], rules.cells[cell, 0]))
    table_rows: list[list[int]] = []
    for cell in members:
        if table_rows and rules.cells[cell, 1] - rules.cells[table_rows[-1][0], 1] <= 0.5 * height_px:
            table_rows[-1].append(cell)
        else:
            table_rows.append([cell])
    blocks = []
    for table_row in table_rows:
        table_row.sort(key=lambda cell: int(rules.cells[cell, 0]))
        rows = [
            tuple(item.number for item in row)
            for cell in table_row
            for block in order_items(cells[cell], height_px, whole_page=False)
            for row in block
        ]
        blocks.append(
            [tuple(number for row in rows for number in row)] if _one_line(cells, table_row) else rows
        )
    return blocks


def _one_line(cells: dict[int, list[Item]], table_row: Sequence[int]) -> bool:
    items = [item for cell in table_row for item in cells[cell]]
    middles = [(item.core_top + item.core_bottom) / 2 for item in items]
    return all(item.core_top <= middle <= item.core_bottom for item in items for middle in middles)


def _describe(
    found: Print, blocks: list[list[tuple[int, ...]]], scale: float, height_px: float
) -> FoundLayout:
    runs, order = [], []
    row_number = 0
    for block_number, block in enumerate(blocks):
        for row in block:
            for number in row:
                left, top, right, bottom = (float(edge) / scale for edge in found.runs.boxes[number])
                runs.append(TextRun(Box(left, top, right, bottom), block_number, row_number))
                order.append(number)
            row_number += 1
    counts = np.bincount(found.runs.letter_run[found.runs.letter_run >= 0], minlength=1)
    sizes = (found.letters[:, 2:] - found.letters[:, :2]).prod(axis=1)
    stray = float(sizes[found.runs.letter_run < 0].sum() / max(1, sizes.sum()))
    in_words = float(counts[counts >= 3].sum() / max(1, len(found.letters)))
    certain = stray <= _MOST_STRAY and in_words >= _LEAST_IN_WORDS
    return FoundLayout(Layout(tuple(runs), certain, round(stray, 4)), found, tuple(order))


def _no_layout(rules: Rules, stray_share: float) -> FoundLayout:
    """No runs, and no certainty either: print may be too faint for components, or drown in noise."""
    nothing = np.zeros(0, np.intp)
    none = np.zeros((0, 4), np.int32)
    runs = Runs(none, np.zeros((0, 2)), nothing - 1, nothing - 1)
    return FoundLayout(
        Layout((), certain=False, stray_share=stray_share), Print(none, none, none, none, runs, rules), ()
    )
