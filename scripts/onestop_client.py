"""A reference client of the one-stop system: pulls, checks, keeps and acknowledges; may die at any point.

    python -m scripts.onestop_client --url URL --client-id ID --secret-file FILE --folder DIR [--once]

It imports nothing of Sohoa: it shows all that another system needs. A file is acknowledged when it lies
whole on disk, its SHA-256 is the event's and `sohoa verify` says that its signature holds. The cursor moves
after that, so that whatever was under way when the client died is done again, to the same end.
"""

import argparse
import contextlib
import hashlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx

WAIT_S = 20
PAUSE_S = 1.0
ATTEMPTS = 30
EARLY_S = 30.0
"""A token is renewed this long before it expires."""


class RefusedError(Exception):
    """A file is not what was announced, or its signature does not hold: a person must look."""


class Gateway:
    """The gateway as a one-stop client sees it; a dropped line or a restart costs time only."""

    def __init__(self, url: str, client_id: str, secret: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=httpx.Timeout(60.0, connect=10.0))
        self._credentials = (client_id, secret)
        self._token, self._good_until = "", 0.0

    def read_events(self, after: int, wait_s: int) -> dict[str, Any]:
        """Events above the cursor."""
        answer = self._ask("GET", "/v1/events", params={"after": after, "wait": wait_s})
        return dict(answer.json())

    def acknowledge(self, event: dict[str, Any], files: list[dict[str, Any]]) -> dict[str, Any]:
        """Say that these files are here; the receipt is the same however often it is said."""
        return dict(self._ask("POST", "/v1/acks", json={"event_id": event["id"], "files": files}).json())

    def fetch(self, path: str, sha256: str, part: Path) -> None:
        """Bring `part` to the whole file, going on where an earlier attempt stopped."""
        for _ in range(ATTEMPTS):
            have = part.stat().st_size if part.exists() else 0
            headers = {"Range": f"bytes={have}-", "If-Range": f'"{sha256}"'} if have else {}
            with contextlib.suppress(httpx.TransportError), self._stream(path, headers) as answer:
                if answer.status_code in {200, 206}:
                    mode = "ab" if answer.status_code == 206 else "wb"
                    with part.open(mode) as out:
                        for chunk in answer.iter_bytes():
                            out.write(chunk)
                        out.flush()
                        os.fsync(out.fileno())
                    return
                if answer.status_code == 416:  # whole already
                    return
                if answer.status_code < 500:
                    raise RefusedError(f"{path}: HTTP {answer.status_code}")
            time.sleep(PAUSE_S)
        raise RefusedError(f"{path}: cannot be fetched")

    @contextlib.contextmanager
    def _stream(self, path: str, headers: dict[str, str]) -> Iterator[httpx.Response]:
        authorised = headers | {"Authorization": f"Bearer {self._have_token()}"}
        with self._http.stream("GET", path, headers=authorised) as answer:
            yield answer

    def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        for _ in range(ATTEMPTS):
            try:
                headers = {"Authorization": f"Bearer {self._have_token()}"}
                answer = self._http.request(method, path, headers=headers, **arguments)
            except httpx.TransportError:
                time.sleep(PAUSE_S)
                continue
            if answer.status_code == 401:
                self._good_until = 0.0
            elif answer.status_code < 400:
                return answer
            elif answer.status_code not in {408, 429} and answer.status_code < 500:
                raise RefusedError(f"{method} {path}: {answer.json().get('code')}")
            time.sleep(PAUSE_S)
        raise RefusedError(f"{method} {path}: no answer")

    def _have_token(self) -> str:
        if time.monotonic() >= self._good_until:
            answer = self._http.post(
                "/v1/oauth/token", data={"grant_type": "client_credentials"}, auth=self._credentials
            )
            if answer.status_code == 401:
                raise RefusedError("client id or secret is wrong")
            answer.raise_for_status()
            told = answer.json()
            self._token = told["access_token"]
            self._good_until = time.monotonic() + told["expires_in"] - EARLY_S
        return self._token


class Shelf:
    """Where files are kept, and how far the client has come."""

    def __init__(self, folder: Path, sohoa: str) -> None:
        self._folder = folder
        self._sohoa = sohoa
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def cursor(self) -> int:
        """The sequence of the last event that is done with."""
        path = self._folder / "cursor.json"
        return int(json.loads(path.read_text())["after"]) if path.exists() else 0

    def move_cursor(self, after: int) -> None:
        """Durably: written aside, synced, renamed."""
        draft = self._folder / "cursor.json.draft"
        with draft.open("w") as out:
            json.dump({"after": after}, out)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(self._folder / "cursor.json")
        _sync(self._folder)

    def keep_receipt(self, event: dict[str, Any], receipt: dict[str, Any]) -> None:
        """Beside the files; the same however often it comes."""
        draft = self._folder / event["record_code"] / f"{event['id']}.receipt.draft"
        draft.write_text(json.dumps(receipt, ensure_ascii=False, indent=1), encoding="utf-8")
        draft.rename(draft.with_suffix(".json"))

    def take(self, gateway: Gateway, event: dict[str, Any], file: dict[str, Any]) -> Path:
        """The file in its place, whole and checked. Raises `RefusedError`; then it is set aside."""
        home = self._folder / event["record_code"]
        home.mkdir(exist_ok=True)
        place = home / f"{event['dossier_id']}.{file['ordinal']}.r{file['rendition']}.pdf"
        if place.exists() and _sha256(place) == file["sha256"]:
            return place
        part = place.with_suffix(".part")
        gateway.fetch(file["content"], file["sha256"], part)
        try:
            self._check(part, file)
        except RefusedError:
            part.rename(place.with_suffix(".refused"))
            raise
        part.rename(place)
        _sync(home)
        return place

    def _check(self, part: Path, file: dict[str, Any]) -> None:
        if _sha256(part) != file["sha256"]:
            raise RefusedError(f"{part.name}: its SHA-256 is not the event's")
        verified = subprocess.run(
            [self._sohoa, "verify", part, "--json"], capture_output=True, text=True, check=False
        )
        if verified.returncode != 0:
            raise RefusedError(f"{part.name}: its signature does not hold")


def pull(gateway: Gateway, shelf: Shelf, wait_s: int) -> int:
    """Take what is new; returns how many events are done with. Raises `RefusedError`."""
    done = 0
    page = gateway.read_events(shelf.cursor, wait_s)
    for event in page["events"]:
        if not event["files"]:  # a milestone: nothing to fetch, nothing to acknowledge
            shelf.move_cursor(event["sequence"])
            done += 1
            continue
        files = []
        for file in event["files"]:
            shelf.take(gateway, event, file)
            files.append({name: file[name] for name in ("ordinal", "rendition", "sha256")})
        receipt = gateway.acknowledge(event, files)
        if not receipt["complete"]:
            raise RefusedError(f"event {event['id']}: the receipt is not for all its files")
        shelf.keep_receipt(event, receipt)
        shelf.move_cursor(event["sequence"])
        print(f"acknowledged {event['id']}", flush=True)
        done += 1
    return done


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main() -> None:
    """As the module says; exit code 1 where a file was refused."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--client-id", required=True)
    parser.add_argument("--secret-file", type=Path, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--sohoa", default=str(Path(sys.executable).with_name("sohoa")))
    parser.add_argument("--once", action="store_true", help="end when nothing is new")
    asked = parser.parse_args()
    gateway = Gateway(asked.url, asked.client_id, asked.secret_file.read_text().strip())
    shelf = Shelf(asked.folder, asked.sohoa)
    try:
        while pull(gateway, shelf, 0 if asked.once else WAIT_S) or not asked.once:
            pass
    except RefusedError as error:
        print(f"refused: {error}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
