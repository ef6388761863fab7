"""Where scans come in: a page at a time, or a document whole; durable before it is answered."""

import time
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from pipeline.ledger.receiving import check_place, find_received_file, receive_file, receive_page
from schemas.access import Principal
from schemas.api import (
    FileReceiptView,
    PageReceiptView,
    to_time,
)
from schemas.errors import BadInputError
from schemas.handover import PageReceipt
from schemas.ledger import Original
from workers.gateway.gate import GuardedRoute
from workers.gateway.looking import Looked
from workers.gateway.problems import describe
from workers.gateway.receiving import Upload, receive_upload
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.views import tell_receipt
from workers.gateway.wording import ASKED, UPLOAD_BODY, UPLOAD_PROBLEMS, DossierId, Ordinal, PageNumber

router = APIRouter(route_class=GuardedRoute, tags=["stations"])

Digest = Annotated[
    str,
    Header(
        alias="Content-Digest",
        pattern=r"^sha-256=:[A-Za-z0-9+/]{43}=:$",
        description="RFC 9530: `sha-256=:<base64>:` của phần thân. Over the body.",
    ),
]


@router.put(
    "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}",
    status_code=201,
    response_model=PageReceiptView,
    summary="Gửi một trang (send a page)",
    responses={
        200: {"model": PageReceiptView, "description": "Đã nhận từ trước. These bytes had come before."},
        **describe(*ASKED, *UPLOAD_PROBLEMS, "page_not_flagged"),
    },
    openapi_extra={"requestBody": UPLOAD_BODY},
)
async def put_page(  # noqa: PLR0913, PLR0917 -- one parameter a part of the request
    request: Request,
    response: Response,
    dossier_id: DossierId,
    ordinal: Ordinal,
    number: PageNumber,
    content_digest: Digest,
    gateway: TheGateway,
    caller: Caller,
) -> PageReceiptView:
    """Ảnh một trang (JPEG, PNG, TIFF hoặc PDF một trang); trả lời ngay kết luận nhanh theo ảnh.

    One page's image. Answers once the bytes and the ledger's line are durable, with the verdict of the image
    alone. The same bytes again change nothing and answer the same. Other bytes are a new scan of the page:
    freely before the dossier is submitted, afterwards only of a flagged page.
    """
    page = (ordinal, number)
    clock = _Clock(gateway)
    limit = gateway.home.settings.gateway.max_page_bytes
    async with receive_upload(request, gateway.incoming, limit, gateway.home.settings.gateway) as upload:
        clock.lap("receive")
        known = await run_in_threadpool(
            gateway.read, lambda connection: check_place(connection, dossier_id, page, upload.sha256)
        )
        receipt = known or await take_page(gateway, dossier_id, page, upload, caller)
    if receipt.replayed:
        response.status_code = 200
    return tell_receipt(dossier_id, ordinal, receipt)


async def take_page(
    gateway: Gateway, dossier_id: str, page: tuple[int, int], upload: Upload, caller: Principal
) -> PageReceipt:
    """Look at a page whose bytes are here, keep them, note it. Raises as `receive_page`, `BadInputError`."""
    clock = _Clock(gateway)
    looked = await gateway.looker.look(upload.path, 1)
    clock.lap("look")
    (look,) = looked.looks if len(looked.looks) == 1 else (None,)
    if look is None:
        raise BadInputError(
            f"the file has {len(looked.looks)} pages", advice="send a whole document to .../file"
        )
    original = await run_in_threadpool(_keep, gateway, upload, looked)
    clock.lap("store")

    def note(connection: Connection) -> PageReceipt:
        return receive_page(connection, dossier_id, page, original, look, caller.actor, gateway.home.now())

    receipt = await run_in_threadpool(gateway.write, note)
    clock.lap("ledger")
    gateway.metrics.note_look(look.verdict)
    gateway.on_change()
    return receipt


@router.put(
    "/v1/dossiers/{dossier_id}/documents/{ordinal}/file",
    status_code=201,
    response_model=FileReceiptView,
    summary="Gửi cả giấy tờ trong một tệp (send a whole document)",
    responses={
        200: {"model": FileReceiptView, "description": "Đã nhận từ trước. These bytes had come before."},
        **describe(*ASKED, *UPLOAD_PROBLEMS),
    },
    openapi_extra={"requestBody": UPLOAD_BODY},
)
async def put_file(
    request: Request,
    response: Response,
    dossier_id: DossierId,
    ordinal: Ordinal,
    content_digest: Digest,
    gateway: TheGateway,
    caller: Caller,
) -> FileReceiptView:
    """PDF hoặc TIFF nhiều trang; thay mọi trang đã gửi của giấy tờ này.

    A PDF or TIFF of several pages, in place of whatever had come of this document. The first pages' fast
    look comes with the answer, the rest with the full verdicts.
    """
    settings = gateway.home.settings
    async with receive_upload(
        request, gateway.incoming, settings.limits.max_bytes, settings.gateway
    ) as upload:
        known = await run_in_threadpool(
            gateway.read,
            lambda connection: find_received_file(connection, dossier_id, ordinal, upload.sha256),
        )
        if known:
            response.status_code = 200
            return tell_file(dossier_id, ordinal, known)
        receipts = await take_file(gateway, dossier_id, ordinal, upload, caller)
    if receipts[0].replayed:
        response.status_code = 200
    return tell_file(dossier_id, ordinal, receipts)


async def take_file(
    gateway: Gateway, dossier_id: str, ordinal: int, upload: Upload, caller: Principal
) -> tuple[PageReceipt, ...]:
    """Look at a document whose bytes are here, keep it, note it. Raises as `take_page`."""
    looked = await gateway.looker.look(upload.path, gateway.home.settings.gateway.looks_per_file)
    original = await run_in_threadpool(_keep, gateway, upload, looked)

    def note(connection: Connection) -> tuple[PageReceipt, ...]:
        return receive_file(
            connection, dossier_id, ordinal, original, looked.looks, caller.actor, gateway.home.now()
        )

    receipts = await run_in_threadpool(gateway.write, note)
    for look in looked.looks:
        if look is not None:
            gateway.metrics.note_look(look.verdict)
    gateway.on_change()
    return receipts


class _Clock:
    """Where an upload's time goes."""

    def __init__(self, gateway: Gateway) -> None:
        self._metrics = gateway.metrics
        self._at = time.perf_counter()

    def lap(self, stage: str) -> None:
        """A stage is over."""
        now = time.perf_counter()
        self._metrics.note_stage(stage, now - self._at)
        self._at = now


def _keep(gateway: Gateway, upload: Upload, looked: Looked) -> Original:
    """Into the store, durable. What was looked at must be what was hashed on the way in."""
    if looked.sha256 != upload.sha256:
        raise BadInputError("the upload changed while it was looked at")
    key = f"originals/{upload.sha256[:2]}/{upload.sha256}"
    gateway.home.store.put(key, upload.path, upload.sha256)
    return Original(upload.sha256, upload.size, looked.media_type, key)


def tell_file(dossier_id: str, ordinal: int, receipts: tuple[PageReceipt, ...]) -> FileReceiptView:
    """What a station gets for a whole document."""
    first = receipts[0]
    return FileReceiptView(
        dossier_id=dossier_id,
        ordinal=ordinal,
        sha256=first.sha256,
        size=first.size,
        media_type=first.media_type,
        received_at=to_time(first.received_at),
        pages=tuple(tell_receipt(dossier_id, ordinal, receipt) for receipt in receipts),
    )
