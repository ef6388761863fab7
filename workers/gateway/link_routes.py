"""Files by their own long-lived address: the token in it is the right to one rendition, until it ends."""

import time
from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from starlette.concurrency import run_in_threadpool

from pipeline.ledger.access_keys import find_principal
from pipeline.ledger.holdings import read_file
from pipeline.ledger.links import find_link
from schemas.access import Principal
from schemas.api_delivery import ReceiptKeys
from schemas.errors import NotFoundError
from schemas.handover import FileEntry
from workers.delivery.links import TOKEN_PATTERN
from workers.gateway.file_routes import (
    FILE_ANSWERS,
    IfRangeHeader,
    MatchHeader,
    RangeHeader,
    give_out,
    tell_headers,
)
from workers.gateway.gate import GuardedRoute, name_address
from workers.gateway.problems import describe
from workers.gateway.service import Gateway, TheGateway

router = APIRouter(route_class=GuardedRoute, tags=["files"])

Token = Annotated[str, Path(pattern=TOKEN_PATTERN, description="Thẻ của một tệp. The token of one file.")]

_ASKED = ("not_found", "invalid_request", "rate_limited", "tls_required", "internal", "store")


@router.get(
    "/v1/links/{token}",
    summary="Tệp theo đường dẫn riêng (a file by its own address)",
    response_class=Response,
    responses={
        **{status: FILE_ANSWERS[status] for status in (200, 206, 304)},
        **describe(*_ASKED, "range_not_satisfiable"),
    },
)
def read_linked(
    token: Token,
    request: Request,
    gateway: TheGateway,
    byte_range: RangeHeader = None,
    if_none_match: MatchHeader = None,
    if_range: IfRangeHeader = None,
) -> Response:
    """Như nội dung tệp; thẻ có hạn, thu hồi được, chỉ mở đúng một bản; mỗi lần đọc được ghi vào nhật ký.

    As a file's content. The token opens one rendition alone, expires, can be revoked and ends with its
    client; every access is on the audit log.
    """
    principal, file = _open(gateway, request, token)
    return give_out(gateway, principal, file, request, (byte_range, if_none_match, if_range))


@router.head(
    "/v1/links/{token}",
    summary="Tiêu đề của tệp theo đường dẫn riêng (headers of a file by its own address)",
    response_class=Response,
    responses={
        200: {"description": "Cỡ và SHA-256. Size and SHA-256, without the bytes."},
        **describe(*_ASKED),
    },
)
def read_linked_headers(token: Token, request: Request, gateway: TheGateway) -> Response:
    """Như GET, không có nội dung.

    As GET, without the bytes.
    """
    _, file = _open(gateway, request, token)
    return tell_headers(file)


@router.get(
    "/v1/receipt-keys",
    response_model=ReceiptKeys,
    tags=["one-stop"],
    summary="Khóa công khai của biên nhận (public keys of receipts)",
    responses=describe("rate_limited", "tls_required", "internal"),
)
async def list_receipt_keys(gateway: TheGateway) -> ReceiptKeys:
    """Để bất kỳ ai kiểm tra chữ ký của biên nhận (`signed`), JWK Set theo RFC 7517.

    So that anyone can check the signature of a receipt: a JSON Web Key Set, also of earlier keys.
    """
    return ReceiptKeys.model_validate({"keys": await run_in_threadpool(gateway.receipts.list_public)})


def _open(gateway: Gateway, request: Request, token: str) -> tuple[Principal, FileEntry]:
    """The client the link was made for, and its file. Raises `NotFoundError` for whatever opens nothing."""
    link_id = gateway.links.read_token(token)
    with gateway.home.database.read() as connection:
        link = find_link(connection, link_id) if link_id is not None else None
        good = link is not None and link.revoked_at is None and link.expires_at > time.time()
        principal = find_principal(connection, link.client) if link is not None and good else None
        found = read_file(connection, link.file_id) if link is not None and principal else None
    if principal is None or found is None or not principal.serves(found[0].record_code):
        gateway.gate.note_failure(name_address(request))
        raise NotFoundError("the link opens nothing, or no longer", advice="ask for a new one")
    gateway.gate.note_use(principal.key_id)
    return principal, found[0]
