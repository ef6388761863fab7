"""Scans in pieces, as in the IETF's Resumable Uploads for HTTP: a dropped line costs what was under way."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from starlette.concurrency import run_in_threadpool

from pipeline.ledger.receiving import check_place, find_received_file
from schemas.api import FileReceiptView, PageReceiptView, PieceView
from schemas.errors import OverLimitError
from workers.gateway.gate import GuardedRoute
from workers.gateway.problems import describe
from workers.gateway.receiving import Upload, read_content_digest
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.upload_routes import take_file, take_page, tell_file
from workers.gateway.views import tell_receipt
from workers.gateway.wording import (
    ASKED,
    PIECE_BODY,
    UPLOAD_PROBLEMS,
    DossierId,
    Ordinal,
    PageNumber,
)

router = APIRouter(route_class=GuardedRoute, tags=["stations"])

Offset = Annotated[
    int,
    Header(
        alias="Upload-Offset",
        ge=0,
        le=2**40,
        description="Phần thân bắt đầu ở byte này. Where in the file the body begins.",
    ),
]
Length = Annotated[
    int,
    Header(alias="Upload-Length", ge=1, le=2**40, description="Số byte của cả tệp. Bytes of the whole file."),
]
WholeDigest = Annotated[
    str,
    Header(
        alias="Repr-Digest",
        pattern=r"^sha-256=:[A-Za-z0-9+/]{43}=:$",
        description="RFC 9530: `sha-256=:<base64>:` của cả tệp. Over the whole file.",
    ),
]

_PARTLY = {202: {"model": PieceView, "description": "Còn thiếu phần sau. The rest is still to come."}}


@router.patch(
    "/v1/dossiers/{dossier_id}/documents/{ordinal}/pages/{number}",
    status_code=201,
    response_model=PageReceiptView | PieceView,
    summary="Gửi một trang từng phần (send a page in pieces)",
    responses={
        200: {"model": PageReceiptView, "description": "Đã nhận từ trước. These bytes had come before."},
        201: {"model": PageReceiptView, "description": "Đã đủ. The page is whole and durable."},
        **_PARTLY,
        **describe(*ASKED, *UPLOAD_PROBLEMS, "page_not_flagged", "upload_offset"),
    },
    openapi_extra={"requestBody": PIECE_BODY},
)
async def patch_page(  # noqa: PLR0913, PLR0917 -- one parameter a part of the request
    request: Request,
    response: Response,
    dossier_id: DossierId,
    ordinal: Ordinal,
    number: PageNumber,
    upload_offset: Offset,
    upload_length: Length,
    repr_digest: WholeDigest,
    gateway: TheGateway,
    caller: Caller,
) -> PageReceiptView | PieceView:
    """Phần thân được nối vào `Upload-Offset`; đứt đường truyền thì gửi tiếp từ chỗ đã nhận.

    The body goes in at `Upload-Offset`. Whatever came before a line dropped is kept: an empty body at
    offset 0 tells where to go on, as 202 or as `offset` of the problem `upload_offset`. The last piece is
    answered as the page sent whole, and so is every repetition of it.
    """
    _check_length(upload_length, gateway.home.settings.gateway.max_page_bytes)
    page, sha256 = (ordinal, number), read_content_digest([repr_digest], "Repr-Digest").hex()
    receipt = await run_in_threadpool(
        gateway.read, lambda connection: check_place(connection, dossier_id, page, sha256)
    )
    if receipt is None:
        place = f"{dossier_id} {ordinal}:{number}"
        came = await _receive(request, gateway, caller, place, sha256, upload_offset, upload_length)
        if isinstance(came, PieceView):
            return _tell_partly(response, came)
        receipt = await take_page(gateway, dossier_id, page, came, caller)
        gateway.pieces.forget(came.path)
    if receipt.replayed:
        response.status_code = 200
    return tell_receipt(dossier_id, ordinal, receipt)


@router.patch(
    "/v1/dossiers/{dossier_id}/documents/{ordinal}/file",
    status_code=201,
    response_model=FileReceiptView | PieceView,
    summary="Gửi cả giấy tờ từng phần (send a document in pieces)",
    responses={
        200: {"model": FileReceiptView, "description": "Đã nhận từ trước. These bytes had come before."},
        201: {"model": FileReceiptView, "description": "Đã đủ. The document is whole and durable."},
        **_PARTLY,
        **describe(*ASKED, *UPLOAD_PROBLEMS, "upload_offset"),
    },
    openapi_extra={"requestBody": PIECE_BODY},
)
async def patch_file(  # noqa: PLR0913, PLR0917 -- one parameter a part of the request
    request: Request,
    response: Response,
    dossier_id: DossierId,
    ordinal: Ordinal,
    upload_offset: Offset,
    upload_length: Length,
    repr_digest: WholeDigest,
    gateway: TheGateway,
    caller: Caller,
) -> FileReceiptView | PieceView:
    """Như gửi trang từng phần, cho PDF hoặc TIFF nhiều trang.

    As a page in pieces, for a PDF or TIFF of several pages.
    """
    _check_length(upload_length, gateway.home.settings.limits.max_bytes)
    sha256 = read_content_digest([repr_digest], "Repr-Digest").hex()
    receipts = await run_in_threadpool(
        gateway.read, lambda connection: find_received_file(connection, dossier_id, ordinal, sha256)
    )
    if not receipts:
        place = f"{dossier_id} {ordinal}"
        came = await _receive(request, gateway, caller, place, sha256, upload_offset, upload_length)
        if isinstance(came, PieceView):
            return _tell_partly(response, came)
        receipts = await take_file(gateway, dossier_id, ordinal, came, caller)
        gateway.pieces.forget(came.path)
    if receipts[0].replayed:
        response.status_code = 200
    return tell_file(dossier_id, ordinal, receipts)


async def _receive(
    request: Request,
    gateway: Gateway,
    caller: Caller,
    place: str,
    sha256: str,
    offset: int,
    length: int,
) -> Upload | PieceView:
    path = gateway.pieces.name(caller, place, sha256)
    here = await gateway.pieces.receive(request, path, offset, length)
    if here < length:
        return PieceView(offset=here, length=length)
    return await gateway.pieces.check(path, sha256, length)


def _tell_partly(response: Response, came: PieceView) -> PieceView:
    response.status_code = 202
    response.headers["Upload-Offset"] = str(came.offset)
    return came


def _check_length(length: int, most: int) -> None:
    if length > most:
        raise OverLimitError(f"the file has more than {most} bytes", advice="scan at a lower resolution")
