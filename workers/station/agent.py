"""The station's agent: watches a folder, looks at every scan at once, and sees it to the gateway."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from schemas.errors import BadInputError, DamagedInputError, UsageError
from schemas.station import DossierStage, SpooledDossier, StationSettings
from workers.station.archive import Archive
from workers.station.board import Board, make_board
from workers.station.disk import hash_steady, stamp
from workers.station.folders import FolderDossier, FolderScan, MapFolder, Stray, map_folder, read_mark
from workers.station.following import Follower
from workers.station.gateway_client import GatewayClient
from workers.station.glance import Glancer
from workers.station.line import TIMEOUT, make_transport
from workers.station.page import StatusPage
from workers.station.spool import AgentLock, Spool
from workers.station.steadiness import Readiness, Steadiness
from workers.station.terminal import Terminal
from workers.station.uploading import Uploader

_PURGE_EVERY_S = 600.0

_log = logging.getLogger("sohoa.station")


@dataclass(frozen=True, slots=True)
class Errand:
    """What an agent is started for. `page_port` None: no page; 0: any free port."""

    root: Path
    server: str
    key: str
    settings: StationSettings
    page_port: int | None = 0
    map_folder: MapFolder = map_folder


class Watcher:
    """The part that looks at the folder. Not for use by two threads at once."""

    def __init__(self, root: Path, spool: Spool, glancer: Glancer, settings: StationSettings) -> None:
        self._root, self._spool, self._glancer, self._settings = root, spool, glancer, settings
        self._steadiness = Steadiness(settings.settle_s, settings.give_up_s, time.monotonic)
        self.growing: frozenset[int] = frozenset()
        self.strays: tuple[Stray, ...] = ()

    def look(self, mapper: MapFolder) -> int:
        """Once over the folder; returns how many scans were taken in. Raises `StoreError`.

        A folder that cannot be listed (a drive that went away) is tried again the next time.
        """
        try:
            mapped = mapper(self._root)
        except OSError as error:
            self.strays = (Stray(self._root, "folder_away", f"không mở được thư mục: {error.strerror}"),)
            return 0
        taken, growing = 0, set()
        for found in mapped.dossiers:
            count, dossier, waits = self._look_into(found)
            taken += count
            if waits and dossier is not None:
                growing.add(dossier.id)
        self.growing = frozenset(growing)
        self.strays = mapped.strays
        seen = {scan.path for found in mapped.dossiers for scan in found.scans}
        self._steadiness.forget_all_but(seen | {found.mark for found in mapped.dossiers if found.mark})
        return taken

    def _look_into(self, found: FolderDossier) -> tuple[int, SpooledDossier | None, bool]:
        """Scans taken in, the dossier, and whether files of it are not finished yet."""
        fresh = [scan for scan in found.scans if self._is_fresh(scan)]
        judged = [(scan, self._steadiness.judge(scan.path)) for scan in fresh]
        done = [(scan, how) for scan, how in judged if how is not Readiness.WAIT]
        dossier = self._spool.find_folder(found.name)
        if (dossier is None or dossier.stage is DossierStage.CLOSED) and not done:
            return 0, None, bool(fresh)
        dossier = self._spool.note_folder(found, self._read_mark(found), time.time())
        for scan, how in done:
            self._take_in(dossier, scan, how)
        return len(done), dossier, len(done) < len(fresh)

    def _is_fresh(self, scan: FolderScan) -> bool:
        found = stamp(scan.path)
        return found is not None and not self._spool.knows(self._name(scan.path), found)

    def _take_in(self, dossier: SpooledDossier, scan: FolderScan, how: Readiness) -> None:
        try:
            bytes_of = hash_steady(scan.path, self._settings.max_bytes)
        except DamagedInputError:  # it changed under our hands: it is looked at again as what it is now
            return
        except BadInputError as error:
            _log.warning("a scan cannot be read yet: %s", error.problem_code)
            return
        refusal, glimpse = "", None
        if how is Readiness.CUT_SHORT:
            refusal = "cut_short"
        elif bytes_of[1] > self._settings.max_bytes:
            refusal = "over_limit"
        else:
            glimpse = self._glancer.look(scan.path)
            refusal = glimpse.refusal
        self._spool.add_scan(
            dossier.id,
            scan,
            self._name(scan.path),
            bytes_of,
            looks=glimpse.looks if glimpse else (),
            pages=1 if scan.number else (glimpse.pages if glimpse else None),
            thumbnail=glimpse.thumbnail if glimpse else None,
            refusal=refusal,
            now=time.time(),
        )

    def _read_mark(self, found: FolderDossier) -> int | None:
        """What the mark declares, once it is finished."""
        if found.mark is None or self._steadiness.judge(found.mark, _is_filled) is Readiness.WAIT:
            known = self._spool.find_folder(found.name)
            return known.declared_pages if known is not None and found.mark is not None else None
        try:
            return read_mark(found.mark)
        except OSError:
            return None

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix()


def _check_server(url: str, *, plain_http: bool) -> None:
    told = urlsplit(url)
    local = told.hostname in {"localhost", "127.0.0.1", "::1"}
    if told.scheme == "http" and not local and not plain_http:
        raise UsageError(
            "over http:// the station's key could be read on the way",
            advice="give the gateway's https:// address",
        )


def _is_filled(mark: Path) -> bool:
    return read_mark(mark) is not None


class Agent:
    """Watcher, uploader, follower and displays of one folder, joined."""

    def __init__(self, errand: Errand) -> None:
        if not errand.root.is_dir():
            raise UsageError(f"{errand.root} is no folder", advice="make it, and scan into it")
        _check_server(errand.server, plain_http=errand.settings.plain_http)
        self._errand = errand
        self._lock = AgentLock(errand.root)
        settings = errand.settings
        self.spool = Spool(errand.root)
        self._glancer = Glancer(settings)
        self._watcher = Watcher(errand.root, self.spool, self._glancer, settings)
        self._client = self._connect()
        self._uploader = Uploader(
            errand.root, self.spool, self._client, settings, lambda: self._watcher.growing
        )
        self._wake = threading.Event()
        self._follower = Follower(self.spool, self._connect, settings, self._wake.set)
        self._archive = Archive(errand.root, self.spool, settings.keep_days)
        self._page = (
            StatusPage(errand.page_port, self.make_board, self.spool.read_thumbnail)
            if errand.page_port is not None
            else None
        )

    @property
    def page_url(self) -> str | None:
        """Where the page is."""
        return self._page.url if self._page else None

    def make_board(self) -> Board:
        """What there is to show. Raises `StoreError`."""
        return make_board(self.spool, self._errand.root, self._watcher.strays)

    def run(self, stopping: threading.Event, terminal: Terminal | None) -> None:
        """Until `stopping` is set. Raises `StoreError` where the folder's disk fails."""
        if self._page is not None:
            self._page.start()
        self._uploader.start()
        self._follower.start()
        purge_at = 0.0
        try:
            while not stopping.is_set():
                if self._watcher.look(self._errand.map_folder):
                    self._uploader.nudge()
                self._archive.take_received(time.time())
                self._archive.close_finished()
                if time.monotonic() >= purge_at:
                    self._archive.purge(time.time())
                    purge_at = time.monotonic() + _PURGE_EVERY_S
                if terminal is not None:
                    terminal.show(self.make_board())
                self._wake.wait(self._errand.settings.look_every_s)
                self._wake.clear()
        finally:
            self.close()

    def close(self) -> None:
        """Let go of everything; what was under way is gone on with next time."""
        self._follower.stop()
        self._uploader.stop()
        if self._page is not None:
            self._page.stop()
        self._glancer.close()
        self._lock.release()

    def _connect(self) -> GatewayClient:
        return GatewayClient(
            self._errand.server,
            self._errand.key,
            attempts=1,
            timeout=TIMEOUT,
            transport=make_transport(),
        )


def watch(errand: Errand, stopping: threading.Event, tell: Callable[[str], object]) -> None:
    """Watch until told to stop; `tell` hears where the page is.

    Raises `UsageError`, `ConflictError` where another agent is at it, `OutputError`, `StoreError`.
    """
    agent = Agent(errand)
    if agent.page_url is not None:
        tell(agent.page_url)
    terminal = Terminal()
    try:
        agent.run(stopping, terminal)
    finally:
        terminal.close()
