"""The board as a small HTML page on loopback that refreshes itself; and figures for Prometheus.

Whoever sits at this machine sees the dossier at hand, as on the terminal, and nothing of any other. There is
no script and nothing can be changed. A browser page of another origin gets nowhere: the name it asks by is
not ours (rebinding), and frames and cross-origin loads are refused.
"""

import threading
import time
from collections.abc import Callable
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from schemas.errors import OutputError
from workers.station.board import Board, tell_age

LOOPBACK = "127.0.0.1"
_REFRESH_S = 2
_IDLE_S = 10.0

_STYLE = """
body { font: 16px sans-serif; margin: 1em; } h1 { font-size: 1.3em; }
table { border-collapse: collapse; width: 100%; } td, th { border: 1px solid #bbb; padding: .4em;
text-align: left; vertical-align: top; } img { max-width: 110px; max-height: 150px; border: 1px solid #ddd; }
.good { color: #0a6b2d; } .care { color: #8a5a00; } .bad { color: #b00020; font-weight: bold; }
.none { color: #666; } .line-bad { background: #fde8ea; padding: .5em; } .line-good { padding: .5em; }
"""
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}


class StatusPage:
    """Serves on loopback in threads of its own. `board` and `thumbnail` are asked at each request."""

    def __init__(
        self, port: int, board: Callable[[], Board], thumbnail: Callable[[int], tuple[int, bytes] | None]
    ) -> None:
        class Handler(_Handler):
            ask_board = staticmethod(board)
            ask_thumbnail = staticmethod(thumbnail)

        try:
            self._server = ThreadingHTTPServer((LOOPBACK, port), Handler)
        except OSError as error:
            raise OutputError(
                f"port {port} cannot be used: {error.strerror}", advice="choose another"
            ) from error
        self._server.daemon_threads = True
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}/"
        self._thread = threading.Thread(target=self._server.serve_forever, name="page", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._server.shutdown()
        self._server.server_close()


def render(board: Board) -> str:
    """The page."""
    rows = "".join(
        f"<tr><td>{_picture(row.scan_id) if row.has_thumbnail else ''}<br>{escape(row.page)}</td>"
        f"<td class={row.look_colour}>{escape(row.look)}</td>"
        f"<td class={row.verdict_colour}>{escape(row.verdict)}</td>"
        f"<td>{'<br>'.join(escape(one) for one in row.advice)}</td><td>{escape(row.transfer)}</td></tr>"
        for row in board.rows
    )
    notes = "".join(f"<li class=care>{escape(note)}</li>" for note in board.notes)
    strays = "".join(
        f"<li class=bad>{escape(path)}: {escape(why)} [{escape(code)}]</li>"
        for path, code, why in board.strays[:20]
    )
    others = (
        f"<li class=bad>{len(board.others)} hồ sơ khác cần quét lại; xem 'sohoa station status'</li>"
        if board.others
        else ""
    )
    oldest = board.summary.oldest_unsent_at
    waiting = f", lâu nhất {tell_age(time.time() - oldest)}" if oldest is not None else ""
    return (
        "<!doctype html><html lang=vi><head><meta charset=utf-8>"
        f"<meta http-equiv=refresh content={_REFRESH_S}>"
        "<title>Trạm quét</title><link rel=stylesheet href=/style.css></head><body>"
        f"<h1>{escape(board.folder)} {escape(board.state)}</h1>"
        f"<p class=line-{'good' if board.line_works else 'bad'}>{escape(board.line)}; "
        f"còn {board.summary.unsent} trang chưa gửi{waiting}</p><ul>{notes}{strays}{others}</ul>"
        "<table><tr><th>trang</th><th>xem nhanh</th><th>kết luận</th><th>lý do và việc cần làm</th>"
        f"<th>gửi</th></tr>{rows}</table></body></html>"
    )


def expose(board: Board) -> str:
    """The spool's figures in Prometheus' text format."""
    now, told = time.time(), board.summary
    figures = (
        ("sohoa_station_spool_scans", "Scans not received by the gateway", told.unsent),
        ("sohoa_station_spool_bytes", "Their bytes that are still to be sent", told.unsent_bytes),
        (
            "sohoa_station_oldest_unsent_seconds",
            "Age of the oldest of them",
            0 if told.oldest_unsent_at is None else now - told.oldest_unsent_at,
        ),
        (
            "sohoa_station_last_contact_seconds",
            "Since the gateway last answered; -1: never",
            -1 if told.last_contact_at is None else now - told.last_contact_at,
        ),
        ("sohoa_station_dossiers_open", "Dossiers not handed in", told.unsubmitted),
        ("sohoa_station_strays", "Files that belong to no dossier", len(board.strays)),
    )
    return "".join(
        f"# HELP {name} {what}\n# TYPE {name} gauge\n{name} {value:g}\n" for name, what, value in figures
    )


def _picture(scan_id: int) -> str:
    return f"<img src=/thumbnails/{scan_id}.jpg alt=''>"


class _Handler(BaseHTTPRequestHandler):
    ask_board: Callable[[], Board]
    ask_thumbnail: Callable[[int], tuple[int, bytes] | None]
    timeout = _IDLE_S
    server_version, sys_version = "sohoa", ""

    def do_GET(self) -> None:
        port = self.server.server_address[1]
        if self.headers.get("Host", "") not in {f"{LOOPBACK}:{port}", f"localhost:{port}"}:
            self._answer(421, "text/plain", b"ask by the address that the agent told\n")
            return
        path = urlsplit(self.path).path
        if path == "/":
            self._answer(200, "text/html; charset=utf-8", render(self.ask_board()).encode())
        elif path == "/style.css":
            self._answer(200, "text/css", _STYLE.encode())
        elif path == "/metrics":
            self._answer(200, "text/plain; version=0.0.4; charset=utf-8", expose(self.ask_board()).encode())
        else:
            self._answer_thumbnail(path)

    def _answer_thumbnail(self, path: str) -> None:
        name = path.removeprefix("/thumbnails/").removesuffix(".jpg")
        found = (
            self.ask_thumbnail(int(name)) if name.isascii() and name.isdigit() and len(name) < 12 else None
        )
        if found is None or found[0] != self.ask_board().dossier_id:
            self._answer(404, "text/plain", b"nothing here\n")
        else:
            self._answer(200, "image/jpeg", found[1])

    def _answer(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        for name, value in (_HEADERS | {"Content-Type": kind, "Content-Length": str(len(body))}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing: the terminal is the operator's."""
