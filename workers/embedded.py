"""An office in one object: hand in, wait, look, rescan. Works by itself or beside a running server."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.status import read_dossier, read_record
from pipeline.quality.dossier_checks import check_dossier
from schemas.dossier import DocumentStatus, DossierState, DossierStatus, RecordStatus
from schemas.ledger import Event
from schemas.settings import Settings
from workers.home import is_server_running, open_home, read_broker_url
from workers.serve import Server
from workers.submit import PageName, submit_acceptance, submit_dossier, submit_replacement

AT_REST = {DossierState.COMPLETE, DossierState.NEEDS_RESCAN, DossierState.FAILED}

_LOOK_EVERY_S = 0.1


class EmbeddedOffice:
    """A home in use. A server is started in this process when there is work and none runs."""

    def __init__(self, settings: Settings) -> None:
        self._home = open_home(settings)
        self._server: Server | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.stop()
        self._home.close()

    def submit(
        self,
        record_code: str,
        files: Sequence[Path],
        *,
        titles: Sequence[str] = (),
        declared_pages: Sequence[int] = (),
        procedure_code: str | None = None,
    ) -> str:
        """See `workers.submit.submit_dossier`; returns the dossier's id."""
        return submit_dossier(
            self._home,
            record_code,
            files,
            titles=titles,
            declared_pages=declared_pages,
            procedure_code=procedure_code,
        )

    def replace_page(self, record_code: str, ordinal: int, number: int, path: Path) -> str:
        """See `workers.submit.submit_replacement`; returns the dossier's id."""
        return submit_replacement(self._home, PageName(record_code, ordinal, number), path)

    def accept_page(self, record_code: str, ordinal: int, number: int, reason: str) -> str:
        """See `workers.submit.submit_acceptance`; returns the dossier's id."""
        return submit_acceptance(self._home, PageName(record_code, ordinal, number), reason)

    def wait(
        self, dossier_id: str, on_progress: Callable[[DossierStatus], None] | None = None
    ) -> DossierStatus:
        """Until the dossier rests: complete, needs_rescan or failed. `on_progress` hears every change.

        Raises `NotFoundError`, and as `Server.start` where no server runs and none can be started.
        """
        last = None
        while True:
            status = self.read_dossier(dossier_id)
            if status != last and on_progress is not None:
                on_progress(status)
            last = status
            if status.state in AT_REST:
                self._relay()
                return status
            self.ensure_server()
            time.sleep(_LOOK_EVERY_S)

    def read_dossier(self, dossier_id: str) -> DossierStatus:
        """One hand-over as it stands. Raises `NotFoundError`."""
        with self._home.database.read() as connection:
            return read_dossier(connection, dossier_id, self._home.locate, check_dossier)

    def status(self, record_code: str) -> RecordStatus:
        """A record as it stands. Raises `NotFoundError`."""
        with self._home.database.read() as connection:
            return read_record(connection, record_code, self._home.locate, check_dossier)

    def record_files(self, record_code: str) -> tuple[DocumentStatus, ...]:
        """The finished documents attached to a record; the newest rendition is the last of each."""
        dossiers = self.status(record_code).dossiers
        return tuple(
            document for dossier in dossiers for document in dossier.documents if document.renditions
        )

    def events(self, after: int = 0) -> tuple[Event, ...]:
        """Published events above the cursor, oldest first."""
        with self._home.database.read() as connection:
            return read_events(connection, after)

    def _relay(self) -> None:
        """Publish now instead of at the sweeper's next round; one transaction at a time numbers events."""
        self._home.database.transact(publish_events)

    def ensure_server(self) -> None:
        """Start one in this process where none runs, and no broker brings jobs to workers elsewhere.

        Raises as `Server.start`.
        """
        if read_broker_url(self._home.settings) is not None:
            return
        if self._server is None and not is_server_running(self._home.settings.home):
            server = Server(self._home)
            server.start()
            self._server = server
