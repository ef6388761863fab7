"""Stations' endpoints: open a dossier, send its pages, hand it in, see how it stands."""

import base64
import binascii
import json
import math
import re
import time
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated
from unicodedata import normalize

from fastapi import APIRouter, Header, Query, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from pipeline.ledger.dossiers import accept_page, retry_failed
from pipeline.ledger.handover import forget_idempotency_keys, open_dossier, submit_opened
from pipeline.ledger.holdings import list_dossiers, read_handover
from pipeline.ledger.status import read_dossier
from pipeline.quality.dossier_checks import check_dossier
from schemas.access import Principal
from schemas.api import (
    DOSSIER_ID_PATTERN,
    AcceptanceRequest,
    DossierLine,
    DossierList,
    DossierView,
    NewDossierRequest,
    RetriedView,
    SubmitRequest,
    to_time,
)
from schemas.dossier import DossierState
from schemas.errors import ConflictError, InvalidRequestError, RateLimitedError
from schemas.handover import OpenedDossier, OpenedPaper
from workers.gateway.gate import GuardedRoute
from workers.gateway.problems import describe
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.views import STATE_LABELS, tell_dossier
from workers.gateway.watching import stream_dossier, wait_for_change
from workers.gateway.wording import ASKED, STREAM, DossierId, Ordinal, PageNumber

_DOSSIER_ID = re.compile(DOSSIER_ID_PATTERN, re.ASCII)

router = APIRouter(route_class=GuardedRoute, tags=["stations"])


@router.post(
    "/v1/dossiers",
    status_code=201,
    response_model=DossierView,
    summary="Mở hồ sơ (open a dossier)",
    responses={
        200: {"model": DossierView, "description": "Đã mở bằng cùng khóa. Opened by the same key before."},
        **describe(
            *ASKED,
            "forbidden",
            "conflict",
            "idempotency_conflict",
            "procedure_not_accepted",
            "over_limit",
            "slow_request",
        ),
    },
)
def open_new_dossier(
    body: NewDossierRequest,
    response: Response,
    gateway: TheGateway,
    caller: Caller,
    idempotency_key: Annotated[
        str,
        Header(
            pattern=r"^[A-Za-z0-9._~-]{8,128}$",
            description="Khóa do trạm đặt; gửi lại với cùng khóa không mở hồ sơ thứ hai. "
            "Chosen by the station; a repeated request opens nothing twice.",
        ),
    ],
) -> DossierView:
    """Khai báo mã hồ sơ, thủ tục và các giấy tờ trước khi gửi trang.

    Announces the record, the procedure and the papers. Repeat it with the same `Idempotency-Key` after a
    dropped line: the answer is the same dossier.
    """
    new = OpenedDossier(
        record_code=body.record_code,
        papers=tuple(
            OpenedPaper(normalize("NFC", paper.title), paper.type_code, paper.pages, paper.not_digitised)
            for paper in body.papers
        ),
        office=caller.office,
        station=caller.station,
        procedure_code=body.procedure_code,
        kind=body.kind,
    )
    now = gateway.home.now()
    oldest = now - gateway.home.settings.gateway.idempotency_days * 86400

    def note(connection: Connection) -> tuple[str, bool]:
        forget_idempotency_keys(connection, oldest)
        return open_dossier(connection, new, caller.actor, now, idempotency_key)

    dossier_id, repeated = gateway.write(note)
    if repeated:
        response.status_code = 200
    response.headers["Location"] = f"/v1/dossiers/{dossier_id}"
    return _read(gateway, dossier_id)


@router.get(
    "/v1/dossiers",
    response_model=DossierList,
    summary="Danh sách hồ sơ (list dossiers)",
    responses=describe(*ASKED, "forbidden"),
)
def list_own_dossiers(
    gateway: TheGateway,
    caller: Caller,
    state: Annotated[
        DossierState | None, Query(description="Chỉ trạng thái này. Only of this state.")
    ] = None,
    cursor: Annotated[
        str | None, Query(max_length=200, description="`next_cursor` của trang trước. Of the page before.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> DossierList:
    """Hồ sơ của trạm, cũ nhất trước; người vận hành thấy tất cả.

    A station's own dossiers, oldest first; operators and supervisors see all.
    """
    after = _read_cursor(cursor)
    found = gateway.read(
        lambda connection: list_dossiers(connection, caller, state=state, after=after, limit=limit + 1)
    )
    shown = found[:limit]
    return DossierList(
        dossiers=tuple(
            DossierLine(
                id=row.id,
                record_code=row.record_code,
                kind=row.kind,
                procedure_code=row.procedure_code,
                office=row.office,
                station=row.station,
                state=DossierState(row.state),
                label=STATE_LABELS[DossierState(row.state)],
                opened_at=to_time(place),
            )
            for place, row in shown
        ),
        next_cursor=_make_cursor(shown[-1][0], shown[-1][1].id) if len(found) > limit else None,
    )


@router.get(
    "/v1/dossiers/{dossier_id}",
    response_model=DossierView,
    summary="Tình trạng hồ sơ (state of a dossier)",
    responses={
        304: {"description": "Chưa có gì mới. Nothing changed since the ETag."},
        **describe(*ASKED, "forbidden", "not_found"),
    },
)
async def read_one_dossier(
    dossier_id: DossierId,
    gateway: TheGateway,
    caller: Caller,
    wait: Annotated[
        int, Query(ge=0, le=25, description="Chờ tối đa số giây này. Waits so long for a change (long poll).")
    ] = 0,
    if_none_match: Annotated[str | None, Header(max_length=200)] = None,
) -> Response:
    """Trang còn thiếu, trang cần quét lại, kết luận từng trang.

    Missing pages, flagged pages, every verdict. With `wait` and the last answer's `ETag` in `If-None-Match`
    the answer comes as soon as something has changed, or 304 when the time is over.
    """
    if wait:
        _check_seat(gateway, caller)
    with gateway.seats.sit(caller.key_id) if wait else gateway.seats.stand():
        view, etag = await _read_tagged(gateway, dossier_id)
        if wait and etag == if_none_match:
            deadline = time.monotonic() + wait
            with gateway.tower.watch(dossier_id) as woken:
                view, etag = await _read_tagged(gateway, dossier_id)
                while etag == if_none_match and await wait_for_change(woken, deadline - time.monotonic()):
                    view, etag = await _read_tagged(gateway, dossier_id)
    headers = {"ETag": etag, "Cache-Control": "private, no-cache"}
    if etag == if_none_match:
        return Response(status_code=304, headers=headers)
    return Response(view, headers=headers, media_type="application/json")


@router.post(
    "/v1/dossiers/{dossier_id}/submit",
    response_model=DossierView,
    summary="Nộp hồ sơ (submit)",
    responses=describe(
        *ASKED, "forbidden", "not_found", "conflict", "pages_missing", "over_limit", "slow_request"
    ),
)
def submit_dossier(
    dossier_id: DossierId, gateway: TheGateway, caller: Caller, body: SubmitRequest | None = None
) -> DossierView:
    """Báo đã gửi đủ; nộp lại không đổi gì.

    Says that everything has come; again it changes nothing. Pages that are missing are named in the problem.
    """
    fewer = body is not None and body.fewer_pages
    now = gateway.home.now()
    gateway.write(
        lambda connection: submit_opened(connection, dossier_id, caller.actor, now, fewer_pages=fewer)
    )
    gateway.on_change()
    return _read(gateway, dossier_id)


@router.get(
    "/v1/dossiers/{dossier_id}/events",
    summary="Theo dõi hồ sơ (watch a dossier)",
    response_class=StreamingResponse,
    responses={200: STREAM, **describe(*ASKED, "forbidden", "not_found")},
)
async def watch_dossier(dossier_id: DossierId, gateway: TheGateway, caller: Caller) -> StreamingResponse:
    """Kết luận đầy đủ được đẩy về trạm ngay khi đọc xong (server-sent events).

    The full verdicts, pushed as they come: `page`, `dossier`, and `end` when the dossier rests. Connect
    again at any time: everything there is is told first.
    """
    _check_seat(gateway, caller)

    async def read() -> DossierView:
        return await run_in_threadpool(_read, gateway, dossier_id)

    async def tell() -> AsyncIterator[str]:
        with gateway.seats.sit(caller.key_id), gateway.tower.watch(dossier_id) as woken:
            async for event in stream_dossier(read, woken, gateway.home.settings.gateway.stream_max_s):
                yield event

    return StreamingResponse(tell(), media_type="text/event-stream", headers={"X-Accel-Buffering": "no"})


@router.post(
    "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}/acceptance",
    response_model=DossierView,
    summary="Chấp nhận trang không đọc được (accept a page as it is)",
    tags=["supervisors"],
    responses=describe(*ASKED, "forbidden", "not_found", "conflict", "over_limit", "slow_request"),
)
def accept_one_page(
    dossier_id: DossierId,
    ordinal: Ordinal,
    number: PageNumber,
    body: AcceptanceRequest,
    gateway: TheGateway,
    caller: Caller,
) -> DossierView:
    """Người giám sát nhận trang như hiện có, kèm lý do, ghi vào nhật ký kiểm toán.

    A supervisor takes an unreadable page as it is; the reason is kept on the audit log.
    """
    now = gateway.home.now()

    def accept(connection: Connection) -> None:
        if read_dossier(connection, dossier_id, str, check_dossier).state is DossierState.OPEN:
            raise ConflictError("the dossier is not submitted yet", advice="scan the page again")
        accept_page(connection, dossier_id, (ordinal, number), body.reason, caller.actor, now)

    gateway.write(accept)
    gateway.on_change()
    return _read(gateway, dossier_id)


@router.post(
    "/v1/dossiers/{dossier_id}/retry",
    response_model=RetriedView,
    summary="Thử lại việc bị lỗi (retry failed jobs)",
    tags=["operators"],
    responses=describe(*ASKED, "forbidden", "not_found", "conflict"),
)
def retry_dossier(dossier_id: DossierId, gateway: TheGateway, caller: Caller) -> RetriedView:
    """Xếp hàng lại các việc đã lỗi của hồ sơ.

    Queues the dossier's failed jobs anew, with all their attempts.
    """
    now = gateway.home.now()
    count = gateway.write(lambda connection: retry_failed(connection, dossier_id, caller.actor, now))
    gateway.on_change()
    return RetriedView(dossier_id=dossier_id, jobs=count)


def _read(gateway: Gateway, dossier_id: str) -> DossierView:
    with gateway.home.database.read() as connection:
        status = read_dossier(connection, dossier_id, str, check_dossier)
        return tell_dossier(status, read_handover(connection, dossier_id))


async def _read_tagged(gateway: Gateway, dossier_id: str) -> tuple[bytes, str]:
    view = await run_in_threadpool(_read, gateway, dossier_id)
    packed = view.model_dump_json().encode()
    return packed, f'"{sha256(packed).hexdigest()}"'


def _check_seat(gateway: Gateway, caller: Principal) -> None:
    if not gateway.seats.free(caller.key_id):
        raise RateLimitedError("too many open streams of one key", advice="close one first")


def _make_cursor(place: float, dossier_id: str) -> str:
    return base64.urlsafe_b64encode(json.dumps([place, dossier_id]).encode()).decode()


def _read_cursor(cursor: str | None) -> tuple[float, str] | None:
    if cursor is None:
        return None
    try:
        place, dossier_id = json.loads(base64.urlsafe_b64decode(cursor.encode("ascii")))
    except (ValueError, TypeError, binascii.Error, UnicodeError, RecursionError) as error:
        raise InvalidRequestError("the cursor is not one of ours") from error
    known = isinstance(place, float) and math.isfinite(place) and isinstance(dossier_id, str)
    if not known or not _DOSSIER_ID.fullmatch(dossier_id):
        raise InvalidRequestError("the cursor is not one of ours")
    return place, dossier_id
