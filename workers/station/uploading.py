"""The one thread that sends: one request at a time, each of which may be repeated, until all is there."""

import logging
import threading
import time
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from schemas.api import PieceView
from schemas.errors import SohoaError, StoreError
from schemas.station import ScanState, SpooledScan, StationSettings
from workers.station import tasks
from workers.station.disk import stamp
from workers.station.gateway_client import GatewayClient, GatewayError, Whole
from workers.station.line import Backoff, Pace, Throttle
from workers.station.spool import Spool

_IDLE_S = 1.0
_MOST_TURNS = 1000
"""Pieces and corrections of the offset in one go: 16 MB in the least pieces; then others have their turn."""

_KEY_PROBLEMS = frozenset({401, 403})
_LATER = frozenset({408, 425, 429})
_TRIES_OF_A_CONFLICT = 3

_log = logging.getLogger("sohoa.station")


class Uploader:
    """Sends what the spool holds. `growing` tells which dossiers have files that are not taken in yet."""

    def __init__(
        self,
        root: Path,
        spool: Spool,
        client: GatewayClient,
        settings: StationSettings,
        growing: Callable[[], Collection[int]],
    ) -> None:
        self._root, self._spool, self._client = root, spool, client
        self._growing = growing
        self._throttle = Throttle(settings.max_kbit_s)
        self._backoff = Backoff(settings.retry_first_s, settings.retry_most_s)
        self._pace = Pace()
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._thread = threading.Thread(target=self._run, name="upload", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def nudge(self) -> None:
        """There is something new to send."""
        self._wake.set()

    def stop(self, timeout_s: float = 5.0) -> None:
        """End after the request under way, or without it: whatever is cut short is sent on next time."""
        self._stopping.set()
        self._wake.set()
        self._thread.join(timeout_s)

    def send_one(self) -> bool:
        """Do the next thing that is due; False where there is none, or the line has to rest."""
        if self._backoff.left_s > 0:
            return False
        try:
            task = tasks.next_task(self._spool, time.time(), self._growing())
            if task is None:
                return False
            self._do(task)
        except GatewayError as error:
            self._note_failure(f"{error.title} [{error.code}]", error.retry_after_s)
        except StoreError as error:
            self._note_failure(error.what, 0.0)
        return True

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                worked = self.send_one()
            except SohoaError as error:  # the spool's own disk: nothing is lost, nothing can be noted
                _log.error("the spool fails: %s", error.problem_code)
                self._backoff.fail()
                worked = False
            if not worked:
                self._wake.wait(max(self._backoff.left_s, _IDLE_S) if self._backoff.left_s else _IDLE_S)
                self._wake.clear()

    def _do(self, task: tasks.Task) -> None:
        if isinstance(task, tasks.Send):
            self._send(task.scan, task.gateway_id)
        else:
            tasks.note_dossier_attempt(self._spool, task.dossier.id)
            try:
                self._ask_about(task)
            except GatewayError as error:
                if _is_the_line(error):
                    raise
                self._note_success()
                told = f"{error.title} [{error.code}]"
                missing = f": {', '.join(error.missing[:10])}" if error.missing else ""
                tasks.postpone_dossier(self._spool, task.dossier, told + missing, time.time())
            else:
                self._note_success()

    def _ask_about(self, task: tasks.Open | tasks.Submit) -> None:
        dossier = task.dossier
        if isinstance(task, tasks.Open):
            opened = self._client.open_dossier(
                dossier.record_code,
                tasks.to_papers(dossier),
                dossier.procedure_code,
                dossier.idempotency_key,
                kind=dossier.kind,
            )
            tasks.note_opened(self._spool, dossier.id, opened.id, time.time())
            _log.info("opened dossier=%s", opened.id)
        else:
            view = self._client.submit(task.gateway_id)
            tasks.note_submitted(self._spool, dossier.id, time.time())
            self._spool.note_view(dossier.id, view, time.time())
            _log.info("submitted dossier=%s", task.gateway_id)

    def _send(self, scan: SpooledScan, gateway_id: str) -> None:
        path = self._root / scan.path
        if stamp(path) != (scan.size, scan.mtime_ns):
            tasks.note_scan_state(self._spool, scan, ScanState.GONE, "file_gone", time.time())
            return
        place = f"/v1/dossiers/{gateway_id}/documents/{scan.ordinal}"
        place += f"/pages/{scan.number}" if scan.number else "/file"
        tasks.note_scan_attempt(self._spool, scan.id)
        try:
            receipt = self._send_pieces(scan, Whole(place, scan.size, scan.sha256), path)
        except OSError as error:
            tasks.postpone_scan(self._spool, scan, f"file_unreadable: {error.strerror}", time.time())
        except GatewayError as error:
            self._pace.fail()
            if _is_the_line(error):
                raise
            self._note_success()
            self._note_refusal(scan, error)
        except StoreError:
            self._pace.fail()
            raise
        else:
            if receipt is not None:
                tasks.note_received(self._spool, scan, receipt, time.time())
                self._note_success()
                _log.info("received dossier=%s page=%d:%d", gateway_id, scan.ordinal, scan.number)

    def _send_pieces(self, scan: SpooledScan, whole: Whole, path: Path) -> str | None:
        """The receipt; None where it is another's turn."""
        asking = scan.attempts > 0 or scan.sent_bytes > 0
        offset = 0
        with path.open("rb") as file:
            for _ in range(_MOST_TURNS):
                if self._stopping.is_set():
                    return None
                file.seek(offset)
                size = 0 if asking else min(self._pace.piece_bytes, whole.size - offset)
                begun = time.monotonic()
                try:
                    body = self._throttle.read(file, size)
                    answer = self._client.send_piece(whole, offset, self._read_while_wanted(body), size)
                except GatewayError as error:
                    if error.code != "upload_offset" or error.offset is None or error.offset > whole.size:
                        raise
                    offset, asking = error.offset, False
                    continue
                if not isinstance(answer, PieceView):
                    return answer
                if size:
                    self._pace.note(size, time.monotonic() - begun)
                offset, asking = answer.offset, False
                tasks.note_progress(self._spool, scan.id, offset)
                self._spool.note_contact(time.time())
        return None

    def _read_while_wanted(self, body: Iterator[bytes]) -> Iterator[bytes]:
        for chunk in body:
            if self._stopping.is_set():
                raise StoreError("the agent stops", advice="it goes on where it was at the next start")
            yield chunk

    def _note_refusal(self, scan: SpooledScan, error: GatewayError) -> None:
        now = time.time()
        told = f"{error.title} [{error.code}]"
        if error.code == "digest_mismatch":  # the file is another than was taken in: take it in anew
            tasks.note_scan_state(self._spool, scan, ScanState.GONE, "file_changed", now)
        elif error.status == 404 or (error.code == "conflict" and scan.attempts < _TRIES_OF_A_CONFLICT):
            tasks.postpone_scan(self._spool, scan, told, now)
        else:
            tasks.note_scan_state(self._spool, scan, ScanState.REFUSED, told, now)

    def _note_failure(self, failure: str, retry_after_s: float) -> None:
        self._backoff.fail(retry_after_s)
        self._spool.note_failure(failure, time.time())

    def _note_success(self) -> None:
        self._backoff.succeed()
        self._spool.note_contact(time.time())


def _is_the_line(error: GatewayError) -> bool:
    """Nothing is wrong with what was sent: the same will do later, or with a valid key."""
    return error.status >= 500 or error.status in _LATER or error.status in _KEY_PROBLEMS
