"""Reading order: rows, side-by-side blocks and table cells, as a person reads them.

Letterheads and tables go row by row; columns of body text and signature blocks go column by column.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

_GUTTER = 2.0
"""White between columns over letter height (4.7 mm at 13 pt): wider than any gap inside a run."""

_SAME_ROW = 0.5
"""Least overlap of cores over the smaller one."""

_FILLED = 0.8
_FILLED_ROWS = 4
"""Columns of body text are filled: the median row takes this share of its column, over so many rows."""

_HEAD_ROWS = 10
"""A letterhead has at most so many rows, and nothing but a page number above it."""

_HOLE = 4.5
"""White between rows over letter height: room for a signature (26 mm are 11); letterheads leave 3."""

_TABLE_ROWS, _TABLE_SHARE = 3, 0.7
"""Rows, and share of them with print in several columns, from which columns without rules are a table."""

_NEXT_ROW = 2.6
"""Rows with print on one side only belong to side-by-side blocks within this distance (letter heights,
white between rows)."""

_BLOCK_GAP = 1.6
"""White between rows (over letter height) that parts blocks of plain rows; ordinary leading leaves 1."""

_DEEPEST = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A run (or a whole table) to be put in order; edges in pixels, `core` the height of its letters."""

    number: int
    left: float
    top: float
    right: float
    bottom: float
    core_top: float
    core_bottom: float


@dataclass(frozen=True, slots=True)
class Placed:
    """An item in its place: numbers of block and row count up in reading order."""

    number: int
    block: int
    row: int


Row = tuple[Item, ...]
BlockOfRows = list[Row]


def order_items(items: Sequence[Item], height_px: float, *, whole_page: bool) -> list[BlockOfRows]:
    """Blocks of rows of items in reading order; every item comes exactly once.

    A `whole_page` may begin with a letterhead; a cell or column has none.
    """
    return list(_arrange(items, height_px, may_be_head=whole_page, depth=0))


def _arrange(
    items: Sequence[Item], height_px: float, *, may_be_head: bool, depth: int
) -> Iterator[BlockOfRows]:
    plain: list[Row] = []
    is_head = may_be_head
    for band in _find_bands(_find_rows(items), height_px):
        if not band.gutters or depth >= _DEEPEST:
            plain.extend(band.rows)
            is_head &= len(plain) <= 1  # a page number may stand above a letterhead
            continue
        yield from _part_blocks(plain, height_px)
        plain = []
        by_rows = _reads_by_rows(band, height_px, head=is_head)
        is_head = False
        if by_rows:
            yield list(band.rows)
        else:
            for column in band.columns():
                yield from _arrange(column, height_px, may_be_head=False, depth=depth + 1)
    yield from _part_blocks(plain, height_px)


def _find_rows(items: Sequence[Item]) -> list[Row]:
    """Items that share their height, left to right; rows from top to bottom."""
    rows: list[list[Item]] = []
    for item in sorted(items, key=lambda item: (item.core_top + item.core_bottom, item.left, item.number)):
        best = max(rows[-4:], key=lambda row: _shared(row, item), default=None)
        if best is not None and _shared(best, item) >= _SAME_ROW:
            best.append(item)
        else:
            rows.append([item])
    ordered = [tuple(sorted(row, key=lambda item: (item.left, item.number))) for row in rows]
    return sorted(
        ordered, key=lambda row: (float(np.mean([i.core_top + i.core_bottom for i in row])), row[0].left)
    )


def _shared(row: list[Item], item: Item) -> float:
    """Overlap of `item` with the row's least member, 0 where it stands over one of the row's items."""
    shares = []
    for other in row:
        if min(item.right, other.right) - max(item.left, other.left) > 0.3 * min(
            item.right - item.left, other.right - other.left
        ):
            return 0.0
        shared = min(item.core_bottom, other.core_bottom) - max(item.core_top, other.core_top)
        shares.append(
            shared / max(1.0, min(item.core_bottom - item.core_top, other.core_bottom - other.core_top))
        )
    return min(shares)


@dataclass(frozen=True, slots=True)
class _Band:
    """Rows one below the other, with the white gutters (left, right) they have in common."""

    rows: tuple[Row, ...]
    gutters: tuple[tuple[float, float], ...]

    def columns(self) -> list[list[Item]]:
        """Items between the gutters, columns left to right."""
        columns: list[list[Item]] = [[] for _ in range(len(self.gutters) + 1)]
        for row in self.rows:
            for item in row:
                columns[self.column_of(item)].append(item)
        return columns

    def column_of(self, item: Item) -> int:
        """Number of the column an item stands in."""
        return _side(item, self.gutters)


def _find_bands(rows: list[Row], height_px: float) -> Iterator[_Band]:
    """Side-by-side rows as long as possible, plain rows in between one by one."""
    start = 0
    while start < len(rows):
        band = _grow_band(rows, start, height_px)
        if band is None:
            yield _Band((rows[start],), ())
            start += 1
        else:
            yield band
            start += len(band.rows)


def _grow_band(rows: list[Row], start: int, height_px: float) -> _Band | None:
    """The band that begins at row `start` with blocks side by side, if it does."""
    left, right = _edges(rows[start])
    gutters = [
        (a, b)
        for a, b in _narrow([(-np.inf, np.inf)], rows[start], _GUTTER * height_px)
        if left < a and b < right
    ]
    if not gutters:
        return None
    end = start + 1
    for row in rows[start + 1 :]:
        narrowed = _narrow(gutters, row, _GUTTER * height_px)
        if not narrowed:
            break
        gutters = narrowed
        end += 1
    end = _trim_end(rows, start, end, gutters, height_px)
    band = _Band(tuple(rows[start:end]), tuple(gutters))
    # one row of label and value is a plain row
    return band if min(len(column) for column in band.columns()) >= 2 else None


def _edges(row: Row) -> tuple[float, float]:
    return min(item.left for item in row), max(item.right for item in row)


def _narrow(gutters: list[tuple[float, float]], row: Row, least: float) -> list[tuple[float, float]]:
    """What is left of the gutters between the items of one more row."""
    for item in row:
        gutters = [
            part
            for left, right in gutters
            for part in ((left, min(right, item.left)), (max(left, item.right), right))
            if part[1] - part[0] >= least
        ]
    return gutters


def _trim_end(
    rows: list[Row], start: int, end: int, gutters: list[tuple[float, float]], height_px: float
) -> int:
    """Rows on one side only, after the last one on the other, belong while they follow closely."""
    sides = [{_side(item, gutters) for item in row} for row in rows[start:end]]
    last = max(index for index, side in enumerate(sides) if side != sides[-1] or len(side) > 1)
    last = start + last
    while last + 1 < end:
        bottom = max(item.bottom for item in rows[last])
        if min(item.top for item in rows[last + 1]) - bottom > _NEXT_ROW * height_px:
            break
        last += 1
    return last + 1


def _side(item: Item, gutters: Sequence[tuple[float, float]]) -> int:
    middle = (item.left + item.right) / 2
    return sum(middle > (left + right) / 2 for left, right in gutters)


def _reads_by_rows(band: _Band, height_px: float, *, head: bool) -> bool:
    if all(_is_filled(column) for column in band.columns()):
        return False
    tops = np.array([min(item.top for item in row) for row in band.rows])
    bottoms = np.maximum.accumulate([max(item.bottom for item in row) for row in band.rows])
    if float((tops[1:] - bottoms[:-1]).max(initial=0)) > _HOLE * height_px:
        return False
    if head and len(band.rows) <= _HEAD_ROWS:
        return True
    paired = [len({band.column_of(item) for item in row}) > 1 for row in band.rows]
    return len(paired) >= _TABLE_ROWS and float(np.mean(paired)) >= _TABLE_SHARE


def _is_filled(column: list[Item]) -> bool:
    rows = _find_rows(column)
    left, right = min(item.left for item in column), max(item.right for item in column)
    widths = [max(item.right for item in row) - min(item.left for item in row) for row in rows]
    return len(rows) >= _FILLED_ROWS and float(np.median(widths)) >= _FILLED * (right - left)


def _part_blocks(rows: list[Row], height_px: float) -> Iterator[BlockOfRows]:
    """Plain rows parted where the white between them is wide."""
    block: BlockOfRows = []
    for row in rows:
        top = min(item.top for item in row)
        if block and top - max(item.bottom for item in block[-1]) > _BLOCK_GAP * height_px:
            yield block
            block = []
        block.append(row)
    if block:
        yield block
