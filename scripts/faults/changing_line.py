"""A man in the middle who changes a byte of every PDF."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx


def open_changing_line(upstream: str) -> ThreadingHTTPServer:
    """Listens on loopback and passes everything on to `upstream`; the caller shuts it down."""

    class Changing(BaseHTTPRequestHandler):
        def _pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            answer = httpx.request(self.command, upstream + self.path, content=body, headers=headers)
            data = bytearray(answer.content)
            if data.startswith(b"%PDF"):
                data[len(data) // 2] ^= 1
            self.send_response(answer.status_code)
            self.send_header("Content-Type", answer.headers["content-type"])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _pass_on  # noqa: N815

        def log_message(self, *_: Any) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Changing)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server
