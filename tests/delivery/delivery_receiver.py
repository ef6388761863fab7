"""A one-stop system's receiver of webhooks, a process of its own: keeps what comes, answers as it is told.

    python delivery_receiver.py FOLDER [CERTIFICATE KEY]

`FOLDER/port` is where it listens. Each request is a line of `FOLDER/received`; `FOLDER/behaviour` (JSON)
says how to answer from now on: `status`, `headers`, `body`, `times` (as often; then 200), `only` (requests
whose body holds this), `wait_s` before the answer, `trickle_s` between its bytes.
"""

import json
import ssl
import sys
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

FOLDER = Path(sys.argv[1])
LOCK = threading.Lock()
ANSWERED: Counter[str] = Counter()
UNDER_WAY: Counter[str] = Counter()


def read_behaviour(body: str) -> dict[str, Any]:
    path = FOLDER / "behaviour"
    told = json.loads(path.read_text()) if path.exists() else {}
    if told.get("only", "") not in body:
        return {}
    key = json.dumps(told, sort_keys=True)
    if "times" in told and ANSWERED[key] >= told["times"]:
        return {}
    ANSWERED[key] += 1
    return dict(told)


class Receiver(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        headers = {name.lower(): value for name, value in self.headers.items()}
        name = headers.get("webhook-id", "")
        with LOCK:
            UNDER_WAY[name] += 1
            told = read_behaviour(body)
            line = {
                "path": self.path,
                "headers": headers,
                "body": body,
                "at_once": UNDER_WAY[name],
                "status": told.get("status", 200),
            }
            with (FOLDER / "received").open("a") as out:
                out.write(json.dumps(line) + "\n")
        try:
            time.sleep(told.get("wait_s", 0))
            self._answer(told)
        except (BrokenPipeError, ConnectionResetError):
            return
        finally:
            with LOCK:
                UNDER_WAY[name] -= 1

    do_GET = do_POST  # noqa: N815

    def _answer(self, told: dict[str, Any]) -> None:
        self.send_response(told.get("status", 200))
        for header, value in told.get("headers", {}).items():
            self.send_header(header, value)
        answer = str(told.get("body", "")).encode()
        self.send_header("Content-Length", str(len(answer)))
        if "trickle_s" not in told:
            self.end_headers()
            self.wfile.write(answer)
            return
        for _ in range(1000):
            self.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(told["trickle_s"])

    def log_message(self, *_: Any) -> None:
        return


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: Any) -> None:
        return


def main() -> None:
    server = Server(("127.0.0.1", 0), Receiver)
    if len(sys.argv) > 2:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(sys.argv[2], sys.argv[3])
        server.socket = context.wrap_socket(server.socket, server_side=True)
    draft = FOLDER / "port.draft"
    draft.write_text(str(server.server_port))
    draft.rename(FOLDER / "port")
    server.serve_forever()


if __name__ == "__main__":
    main()
