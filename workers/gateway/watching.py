"""Dossiers that someone watches: one look at the ledger for all of them, a wake-up for whom it concerns."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager

from starlette.concurrency import run_in_threadpool

from pipeline.ledger.database import Database
from pipeline.ledger.holdings import read_marks
from schemas.api import (
    DossierView,
)
from schemas.dossier import DossierState
from schemas.errors import StoreError

HEARTBEAT_S = 15.0
"""Proxies cut connections that are silent for a minute or less."""

AT_REST = frozenset({DossierState.COMPLETE, DossierState.NEEDS_RESCAN, DossierState.FAILED})


class Watchtower:
    """Looks every `every_s` while anyone watches, and not at all otherwise."""

    def __init__(self, database: Database, every_s: float) -> None:
        self._database = database
        self._every_s = every_s
        self._watchers: dict[str, set[asyncio.Event]] = {}
        self._task: asyncio.Task[None] | None = None

    @contextmanager
    def watch(self, dossier_id: str) -> Iterator[asyncio.Event]:
        """An event that is set after every change; read the dossier after this, clear before reading."""
        woken = asyncio.Event()
        self._watchers.setdefault(dossier_id, set()).add(woken)
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())
        try:
            yield woken
        finally:
            watchers = self._watchers[dossier_id]
            watchers.discard(woken)
            if not watchers:
                del self._watchers[dossier_id]

    async def pause(self, seconds: float) -> None:
        """Until it is worth looking again."""
        await asyncio.sleep(max(0.0, seconds))

    async def _run(self) -> None:
        marks: dict[str, tuple[object, ...]] = {}
        while self._watchers:
            ids = list(self._watchers)
            try:
                now = await run_in_threadpool(self._look, ids)
            except StoreError:
                now = marks
            for dossier_id in ids:
                if marks.get(dossier_id) != now.get(dossier_id):
                    for woken in self._watchers.get(dossier_id, ()):
                        woken.set()
            marks = now
            await asyncio.sleep(self._every_s)

    def _look(self, ids: list[str]) -> dict[str, tuple[object, ...]]:
        with self._database.read() as connection:
            return read_marks(connection, ids)


async def wait_for_change(woken: asyncio.Event, timeout_s: float) -> bool:
    """False where nothing changed in time."""
    try:
        await asyncio.wait_for(woken.wait(), max(0.0, timeout_s))
    except TimeoutError:
        return False
    woken.clear()
    return True


async def stream_dossier(
    read: Callable[[], Awaitable[DossierView]], woken: asyncio.Event, max_s: float
) -> AsyncIterator[str]:
    """Server-sent events: `page` for every verdict, `dossier` for every state, `end` when it rests.

    A new connection is told everything there is, so that nothing is lost between two.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + max_s
    told: dict[tuple[int, int], tuple[int, str]] = {}
    state = ""
    while True:
        view = await read()
        for ordinal, number, revision, verdict, data in _judged(view):
            if told.get((ordinal, number)) != (revision, verdict):
                told[ordinal, number] = (revision, verdict)
                yield _event("page", data)
        if view.state != state:
            state = view.state
            yield _event("dossier", {"id": view.id, "state": view.state, "label": view.label})
        if view.state in AT_REST:
            yield _event("end", {"id": view.id, "state": view.state, "flagged_pages": view.flagged_pages})
            return
        while not await wait_for_change(woken, min(HEARTBEAT_S, deadline - loop.time())):
            if loop.time() >= deadline:
                return
            yield ": still here\n\n"


def _judged(view: DossierView) -> Iterator[tuple[int, int, int, str, dict[str, object]]]:
    for document in view.documents:
        for page in document.pages:
            if page.verdict is None and page.failure is None:
                continue
            data = {"ordinal": document.ordinal, **page.model_dump(mode="json", exclude={"fast_look"})}
            told = f"{page.verdict}{page.accepted}{page.failure is not None}"
            yield document.ordinal, page.number, page.revision, told, data


def _event(kind: str, data: dict[str, object]) -> str:
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n"
