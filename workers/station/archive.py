"""Where received scans go, for some days, and how a finished dossier's folder is tidied up."""

import contextlib
import logging
from collections.abc import Iterator
from pathlib import Path

from schemas.dossier import DossierState
from schemas.station import DossierStage, ScanState, SpooledDossier, SpooledScan
from workers.station import tasks
from workers.station.disk import move, stamp
from workers.station.folders import MARKS, RECORD_FILE
from workers.station.spool import Spool

ARCHIVE_FOLDER = "_archive"
_DAY_S = 86400.0

_log = logging.getLogger("sohoa.station")


class Archive:
    """The archive of one watched folder. A scan comes here after its receipt, never before."""

    def __init__(self, root: Path, spool: Spool, keep_days: float) -> None:
        self._root, self._spool = root, spool
        self._keep_s = keep_days * _DAY_S

    def take_received(self, now: float) -> None:
        """Move every scan that the gateway has. One that cannot be moved (in use) is tried again later."""
        for scan in self._spool.list_state(ScanState.RECEIVED):
            source = self._root / scan.path
            if stamp(source) != (scan.size, scan.mtime_ns):
                place = self._find_moved(scan)
                tasks.note_archived(self._spool, scan, place, now)
                continue
            target = self._root / _name(scan)
            with _later("a received scan"):
                move(source, target)
                tasks.note_archived(self._spool, scan, _name(scan), now)

    def purge(self, now: float) -> None:
        """Delete what has been here long enough. Only what has a receipt ever comes here."""
        self._spool.forget_thumbnails(now - _DAY_S)
        for scan_id, place in tasks.list_expired(self._spool, now - self._keep_s):
            with _later("an archived scan"):
                (self._root / place).unlink(missing_ok=True)
                tasks.note_purged(self._spool, scan_id)

    def close_finished(self) -> None:
        """Tidy up after dossiers that are complete at the gateway and have nothing left to send or move."""
        for dossier in self._spool.list_dossiers(DossierStage.SUBMITTED):
            waiting = {ScanState.SPOOLED, ScanState.RECEIVED}
            scans = self._spool.list_scans(dossier.id)
            if dossier.gateway_state == DossierState.COMPLETE and not any(
                scan.state in waiting for scan in scans
            ):
                self._tidy(dossier)
                tasks.note_closed(self._spool, dossier.id)

    def _find_moved(self, scan: SpooledScan) -> str | None:
        """It was moved, and the power went before that was noted; None: someone took the file away."""
        return _name(scan) if (self._root / _name(scan)).is_file() else None

    def _tidy(self, dossier: SpooledDossier) -> None:
        folder = self._root / dossier.folder
        if not folder.is_dir() or folder.is_symlink():
            return
        with _later("a finished folder"):
            for entry in list(folder.iterdir()):
                if entry.is_dir() and not entry.is_symlink():
                    with contextlib.suppress(OSError):  # something is left in it: it stays
                        entry.rmdir()
                elif entry.name.casefold() in MARKS | {RECORD_FILE}:
                    kept = f"{entry.stem}.{dossier.id}{entry.suffix}"
                    move(entry, self._root / ARCHIVE_FOLDER / dossier.folder / kept)
            with contextlib.suppress(OSError):
                folder.rmdir()


def _name(scan: SpooledScan) -> str:
    path = Path(scan.path)
    return str(
        Path(ARCHIVE_FOLDER) / path.parent / f"{path.stem}.{scan.id}.{scan.sha256[:8]}{path.suffix}"
    ).replace("\\", "/")


@contextlib.contextmanager
def _later(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        _log.warning("%s cannot be moved yet: %s", what, error.strerror)
