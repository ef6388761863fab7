"""What a station knows of its scans: one small SQLite file, durable before anything is said or sent.

The scans themselves stay in the folder until the gateway's receipt is in here, too. Works from any thread.
"""

import json
import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

from schemas.api import DossierView
from schemas.errors import ConflictError, StoreError
from schemas.page import Reason, Verdict
from schemas.station import (
    DossierStage,
    Glance,
    PageVerdict,
    ScanState,
    SpooledDossier,
    SpooledScan,
    SpoolSummary,
)
from workers.station.folders import FolderDossier, FolderScan, find_gap

STATE_FOLDER = ".sohoa"
SPOOL_FILE = "spool.sqlite3"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS dossiers (
  id INTEGER PRIMARY KEY, folder TEXT NOT NULL, round INTEGER NOT NULL, record_code TEXT NOT NULL,
  procedure_code TEXT, kind TEXT NOT NULL, papers TEXT NOT NULL, idempotency_key TEXT NOT NULL UNIQUE,
  stage TEXT NOT NULL, ready INTEGER NOT NULL, gateway_id TEXT,
  gateway_state TEXT NOT NULL DEFAULT '', declared INTEGER,
  problem TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at REAL NOT NULL DEFAULT 0, created_at REAL NOT NULL, changed_at REAL NOT NULL,
  UNIQUE (folder, round));
CREATE TABLE IF NOT EXISTS scans (
  id INTEGER PRIMARY KEY, dossier_id INTEGER NOT NULL REFERENCES dossiers(id), ordinal INTEGER NOT NULL,
  number INTEGER NOT NULL, path TEXT NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
  sha256 TEXT NOT NULL, state TEXT NOT NULL, looks TEXT NOT NULL, thumbnail BLOB, pages INTEGER,
  sent_bytes INTEGER NOT NULL DEFAULT 0, attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at REAL NOT NULL DEFAULT 0, problem TEXT NOT NULL DEFAULT '', receipt TEXT,
  archive_path TEXT, seen_at REAL NOT NULL, received_at REAL, archived_at REAL);
CREATE INDEX IF NOT EXISTS ix_scans_state ON scans (state, seen_at);
CREATE INDEX IF NOT EXISTS ix_scans_place ON scans (dossier_id, ordinal, number);
CREATE INDEX IF NOT EXISTS ix_scans_path ON scans (path);
CREATE TABLE IF NOT EXISTS verdicts (
  dossier_id INTEGER NOT NULL REFERENCES dossiers(id), ordinal INTEGER NOT NULL, number INTEGER NOT NULL,
  revision INTEGER NOT NULL, verdict TEXT, reasons TEXT NOT NULL, flagged INTEGER NOT NULL,
  PRIMARY KEY (dossier_id, ordinal, number));
CREATE TABLE IF NOT EXISTS contact (
  id INTEGER PRIMARY KEY CHECK (id = 1), last_at REAL, failing_since REAL,
  failure TEXT NOT NULL DEFAULT '');
INSERT OR IGNORE INTO contact (id) VALUES (1);
"""
_SCAN = (
    "id, dossier_id, ordinal, number, path, size, mtime_ns, sha256, state, looks, pages, sent_bytes, "
    "attempts, problem, seen_at"
)
_DOSSIER = (
    "id, folder, record_code, procedure_code, kind, papers, idempotency_key, stage, gateway_id, "
    "gateway_state, declared, problem, changed_at"
)
_CURRENT = "state IN ('spooled', 'received', 'archived', 'purged', 'refused')"
"""Scans that count for their page; of several, the newest."""

WHEN_COUNTED, AT_ONCE = 1, 2
"""When a dossier may be opened (`ready`): papers that nobody announced are known once all pages are there."""

_BUSY_S = 10.0
_LOCK_S = 1.0


class Spool:
    """The spool of one folder. Raises `StoreError` where its disk fails."""

    def __init__(self, folder: Path) -> None:
        place = folder / STATE_FOLDER
        with _store_errors():
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(
                place / SPOOL_FILE, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
            )
            for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
                self._connection.execute(f"PRAGMA {pragma}")
            self._connection.executescript(_SCHEMA)
        self._lock = threading.RLock()

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()

    @contextmanager
    def change(self) -> Iterator[sqlite3.Connection]:
        """One transaction, durable at its end."""
        with self._lock, _store_errors():
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def ask(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Rows of a query."""
        with self._lock, _store_errors():
            return self._connection.execute(query, values).fetchall()

    def note_folder(self, found: FolderDossier, declared: int | None, now: float) -> SpooledDossier:
        """The dossier that works on this folder now; after a complete one, another begins.

        Papers are those of the folder until the dossier was opened.
        """
        papers = json.dumps([asdict(paper) for paper in found.papers], ensure_ascii=False)
        asked = (found.record_code, found.procedure_code, found.kind, papers)
        ready = AT_ONCE if found.announced else WHEN_COUNTED if declared is not None else 0
        ready = 0 if find_gap(found) is not None else ready
        row = self.find_folder(found.name)
        if row is None or row.stage is DossierStage.CLOSED:
            with self.change() as connection:
                connection.execute(
                    "INSERT INTO dossiers (folder, round, record_code, procedure_code, kind, papers, "
                    "declared, ready, idempotency_key, stage, created_at, changed_at) VALUES (?, (SELECT "
                    "1 + count(*) FROM dossiers WHERE folder = ?), ?, ?, ?, ?, ?, ?, ?, 'gathering', ?, ?)",
                    (found.name, found.name, *asked, declared, ready, uuid4().hex, now, now),
                )
        elif row.stage is DossierStage.GATHERING:
            with self.change() as connection:
                # Another request than was tried is another dossier: a key is for one request.
                connection.execute(
                    "UPDATE dossiers SET idempotency_key = ? WHERE id = ? AND attempts > 0 AND NOT "
                    "(record_code = ? AND procedure_code IS ? AND kind = ? AND papers = ?)",
                    (uuid4().hex, row.id, *asked),
                )
                connection.execute(
                    "UPDATE dossiers SET record_code = ?, procedure_code = ?, kind = ?, papers = ?, "
                    "declared = ?, ready = ?, changed_at = ?, problem = '', next_attempt_at = 0 WHERE id = ? "
                    "AND NOT (record_code = ? AND procedure_code IS ? AND kind = ? AND papers = ? AND "
                    "declared IS ? AND ready = ?)",
                    (*asked, declared, ready, now, row.id, *asked, declared, ready),
                )
        elif row.stage is DossierStage.OPEN and row.declared_pages != declared:
            with self.change() as connection:
                connection.execute(
                    "UPDATE dossiers SET declared = ?, changed_at = ?, problem = '', next_attempt_at = 0 "
                    "WHERE id = ?",
                    (declared, now, row.id),
                )
        kept = self.find_folder(found.name)
        if kept is None:
            raise StoreError("the spool lost a dossier it was just told of")
        return kept

    def find_folder(self, name: str) -> SpooledDossier | None:
        """The last dossier of a folder."""
        rows = self.ask(
            f"SELECT {_DOSSIER} FROM dossiers WHERE folder = ? ORDER BY round DESC LIMIT 1",  # noqa: S608
            name,
        )
        return _to_dossier(rows[0]) if rows else None

    def find_dossier(self, dossier_id: int) -> SpooledDossier | None:
        """One dossier by its number in the spool."""
        rows = self.ask(f"SELECT {_DOSSIER} FROM dossiers WHERE id = ?", dossier_id)  # noqa: S608
        return _to_dossier(rows[0]) if rows else None

    def find_last_scanned(self) -> SpooledDossier | None:
        """The dossier that the last scan belongs to."""
        rows = self.ask("SELECT dossier_id FROM scans ORDER BY id DESC LIMIT 1")
        return self.find_dossier(int(str(rows[0][0]))) if rows else None

    def forget_thumbnails(self, before: float) -> None:
        """Small pictures of scans older than that: nobody looks at them any more."""
        with self.change() as connection:
            connection.execute(
                "UPDATE scans SET thumbnail = NULL WHERE thumbnail IS NOT NULL AND seen_at < ?", (before,)
            )

    def list_dossiers(self, *stages: DossierStage) -> list[SpooledDossier]:
        """Of these stages, the last changed first."""
        marks = ", ".join("?" * len(stages))
        rows = self.ask(
            f"SELECT {_DOSSIER} FROM dossiers WHERE stage IN ({marks}) ORDER BY changed_at DESC, id DESC",  # noqa: S608
            *stages,
        )
        return [_to_dossier(row) for row in rows]

    def knows(self, path: str, stamp: tuple[int, int]) -> bool:
        """Was this very file taken in? One that was gone is taken in anew."""
        return bool(
            self.ask(
                "SELECT 1 FROM scans WHERE path = ? AND size = ? AND mtime_ns = ? AND state != 'gone'",
                *(path, *stamp),
            )
        )

    def add_scan(  # noqa: PLR0913 -- one parameter a column
        self,
        dossier_id: int,
        scan: FolderScan,
        path: str,
        bytes_of: tuple[str, int, int],
        *,
        looks: Sequence[Glance],
        pages: int | None,
        thumbnail: bytes | None,
        refusal: str,
        now: float,
    ) -> None:
        """A finished scan was looked at; `bytes_of`: SHA-256, size, time of change. What had not been sent
        of the same page is superseded."""
        state = ScanState.REFUSED if refusal else ScanState.SPOOLED
        told = json.dumps([look.model_dump(mode="json") for look in looks])
        with self.change() as connection:
            connection.execute(
                "UPDATE scans SET state = 'superseded' WHERE dossier_id = ? AND ordinal = ? AND number = ? "
                "AND state IN ('spooled', 'refused')",
                (dossier_id, scan.ordinal, scan.number),
            )
            connection.execute(
                "INSERT INTO scans (dossier_id, ordinal, number, path, sha256, size, mtime_ns, state, looks, "
                "thumbnail, pages, problem, seen_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(dossier_id, scan.ordinal, scan.number, path, *bytes_of, state, told),
                    *(thumbnail, pages, refusal, now),
                ),
            )
            connection.execute(
                "UPDATE dossiers SET changed_at = ?, problem = '', next_attempt_at = 0 WHERE id = ?",
                (now, dossier_id),
            )

    def list_scans(self, dossier_id: int) -> list[SpooledScan]:
        """The scan that counts, of every page of a dossier."""
        rows = self.ask(
            f"SELECT {_SCAN} FROM scans WHERE id IN (SELECT max(id) FROM scans WHERE dossier_id = ? AND "  # noqa: S608
            f"{_CURRENT} GROUP BY ordinal, number) ORDER BY ordinal, number",
            dossier_id,
        )
        return [_to_scan(row) for row in rows]

    def list_state(self, state: ScanState) -> list[SpooledScan]:
        """Every scan of one state, the oldest first."""
        rows = self.ask(f"SELECT {_SCAN} FROM scans WHERE state = ? ORDER BY id", state)  # noqa: S608
        return [_to_scan(row) for row in rows]

    def read_thumbnail(self, scan_id: int) -> tuple[int, bytes] | None:
        """The dossier of a scan and its small picture."""
        rows = self.ask("SELECT dossier_id, thumbnail FROM scans WHERE id = ?", scan_id)
        if not rows or rows[0][1] is None:
            return None
        return int(str(rows[0][0])), bytes(rows[0][1])  # type: ignore[call-overload]

    def list_verdicts(self, dossier_id: int) -> dict[tuple[int, int], PageVerdict]:
        """The gateway's full verdicts by (ordinal, number)."""
        rows = self.ask(
            "SELECT ordinal, number, revision, verdict, reasons, flagged FROM verdicts WHERE dossier_id = ?",
            dossier_id,
        )
        found = {}
        for ordinal, number, revision, verdict, reasons, flagged in rows:
            found[int(str(ordinal)), int(str(number))] = PageVerdict(
                int(str(ordinal)),
                int(str(number)),
                int(str(revision)),
                Verdict(verdict) if verdict else None,
                tuple(Reason(reason) for reason in json.loads(str(reasons))),
                bool(flagged),
            )
        return found

    def note_view(self, dossier_id: int, view: DossierView, now: float) -> bool:
        """The gateway's dossier as it stands; whether anything of it was new."""
        pages = [
            (
                *(dossier_id, paper.ordinal, page.number, page.revision),
                *(page.verdict, json.dumps([reason.code for reason in page.reasons]), int(page.flagged)),
            )
            for paper in view.documents
            for page in paper.pages
        ]
        before = self.list_verdicts(dossier_id), self.find_dossier(dossier_id)
        with self.change() as connection:
            connection.execute("DELETE FROM verdicts WHERE dossier_id = ?", (dossier_id,))
            connection.executemany("INSERT INTO verdicts VALUES (?, ?, ?, ?, ?, ?, ?)", pages)
            connection.execute("UPDATE dossiers SET gateway_state = ? WHERE id = ?", (view.state, dossier_id))
            new = (self.list_verdicts(dossier_id), self.find_dossier(dossier_id)) != before
            if new:
                connection.execute("UPDATE dossiers SET changed_at = ? WHERE id = ?", (now, dossier_id))
        return new

    def note_contact(self, now: float) -> None:
        """The gateway answered."""
        with self.change() as connection:
            connection.execute("UPDATE contact SET last_at = ?, failing_since = NULL, failure = ''", (now,))

    def note_failure(self, failure: str, now: float) -> None:
        """It did not, or not usefully."""
        with self.change() as connection:
            connection.execute(
                "UPDATE contact SET failing_since = coalesce(failing_since, ?), failure = ?", (now, failure)
            )

    def summarise(self) -> SpoolSummary:
        """How far behind the station is."""
        ((unsent, unsent_bytes, oldest),) = self.ask(
            "SELECT count(*), coalesce(sum(size - sent_bytes), 0), min(seen_at) FROM scans "
            "WHERE state = 'spooled'"
        )
        ((last, failing, failure),) = self.ask("SELECT last_at, failing_since, failure FROM contact")
        ((dossiers, unsubmitted),) = self.ask(
            "SELECT count(*), coalesce(sum(stage IN ('gathering', 'open')), 0) FROM dossiers "
            "WHERE stage != 'closed'"
        )
        return SpoolSummary(
            *(int(str(unsent)), int(str(unsent_bytes)), _to_time(oldest), _to_time(last)),
            *(_to_time(failing), str(failure), int(str(dossiers)), int(str(unsubmitted))),
        )


class AgentLock:
    """One agent a folder: SQLite's own lock, which every system lets go of however the agent ends."""

    def __init__(self, folder: Path) -> None:
        place = folder / STATE_FOLDER
        with _store_errors():
            place.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._connection = sqlite3.connect(
                place / "agent.lock", timeout=_LOCK_S, isolation_level=None, check_same_thread=False
            )
        try:
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            self._connection.close()
            raise ConflictError(
                "another agent watches this folder", advice="stop it first, or watch another folder"
            ) from error

    def release(self) -> None:
        """Let another agent in."""
        self._connection.close()


def _to_dossier(row: tuple[object, ...]) -> SpooledDossier:
    values = list(row)
    values[5] = tuple(json.loads(str(values[5])))
    values[7] = DossierStage(str(values[7]))
    return SpooledDossier(*values)  # type: ignore[arg-type]


def _to_scan(row: tuple[object, ...]) -> SpooledScan:
    values = list(row)
    values[8] = ScanState(str(values[8]))
    values[9] = tuple(Glance.model_validate(look) for look in json.loads(str(values[9])))
    return SpooledScan(*values)  # type: ignore[arg-type]


def _to_time(value: object) -> float | None:
    return None if value is None else float(str(value))


@contextmanager
def _store_errors() -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StoreError(
            f"the station's spool cannot be used: {type(error).__name__}",
            advice="check the folder's disk; scans stay where they are",
        ) from error
