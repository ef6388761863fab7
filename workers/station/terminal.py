"""The board on a terminal: a table that redraws itself, or a line a change where there is no terminal."""

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from workers.station.board import Board, Colour

_STYLES = {Colour.GOOD: "green", Colour.CARE: "yellow", Colour.BAD: "bold red", Colour.NONE: "dim"}


class Terminal:
    """Shows boards on standard output. `close` it."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False, soft_wrap=True)
        self._live: Live | None = None
        self._told: dict[str, str] = {}
        if self._console.is_terminal:
            self._live = Live(console=self._console, auto_refresh=False, transient=False)
            self._live.start()

    def show(self, board: Board) -> None:
        """The board as it is now."""
        if self._live is not None:
            self._live.update(_draw(board), refresh=True)
            return
        for key, line in _list_lines(board):
            if self._told.get(key) != line:
                self._told[key] = line
                self._console.print(line, markup=False)

    def close(self) -> None:
        """Leave the last board standing."""
        if self._live is not None:
            self._live.stop()


def _draw(board: Board) -> Group:
    table = Table(title=f"{board.folder}  {board.state}".strip(), expand=True)
    for name in ("trang", "xem nhanh", "kết luận", "lý do và việc cần làm", "gửi"):
        table.add_column(name)
    for row in board.rows:
        table.add_row(
            row.page,
            Text(row.look, _STYLES[row.look_colour]),
            Text(row.verdict, _STYLES[row.verdict_colour]),
            Text("\n".join(row.advice)),
            Text(row.transfer),
        )
    notes = [Text(f"! {note}", "yellow") for note in board.notes]
    strays = [Text(f"✗ {path}: {why} [{code}]", "red") for path, code, why in board.strays[:10]]
    strays += [Text(f"✗ {name}: CẦN QUÉT LẠI [needs_rescan]", "red") for name in board.others[:10]]
    line = Text(f"{board.line}; còn {board.summary.unsent} trang chưa gửi", "" if board.line_works else "red")
    return Group(table, *notes, *strays, line)


def _list_lines(board: Board) -> list[tuple[str, str]]:
    """A key and a line of everything that may change."""
    lines = [(f"dossier {board.folder}", f"{board.folder}: {board.state}")] if board.folder else []
    for row in board.rows:
        advice = f"; {'; '.join(row.advice)}" if row.advice else ""
        text = f"{board.folder} trang {row.page}: {row.verdict or row.look}{advice}; {row.transfer}"
        lines.append((f"row {row.scan_id}", text))
    lines += [(f"note {board.folder} {note}", f"{board.folder}: {note}") for note in board.notes]
    lines += [(f"stray {path}", f"{path}: {why} [{code}]") for path, code, why in board.strays]
    lines += [(f"other {name}", f"{name}: CẦN QUÉT LẠI [needs_rescan]") for name in board.others]
    lines.append(("line", "mất liên lạc với máy chủ" if not board.line_works else "liên lạc với máy chủ tốt"))
    return lines if board.summary.last_contact_at or not board.line_works else lines[:-1]
