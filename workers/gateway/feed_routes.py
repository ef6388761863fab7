"""The one-stop system's endpoints: tokens, events by cursor, acknowledgements and their receipts."""

import base64
import binascii
import time
from typing import Annotated
from urllib.parse import parse_qs, unquote_plus

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from pipeline.ledger.access_keys import check_client
from pipeline.ledger.acks import acknowledge, read_feed, read_receipts
from pipeline.ledger.audit import append_audit
from pipeline.ledger.holdings import find_file_ids
from schemas.access import Principal
from schemas.api_delivery import (
    AckRequest,
    EventPage,
    ReceiptList,
    ReceiptView,
    TokenAnswer,
    TokenProblem,
)
from schemas.errors import RateLimitedError, UnauthenticatedError
from schemas.handover import AckedFile
from workers.gateway.gate import GuardedRoute, name_address
from workers.gateway.problems import describe
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.views import tell_ack, tell_event
from workers.gateway.wording import ASKED

router = APIRouter(route_class=GuardedRoute, tags=["one-stop"])

_POLL_EVERY_S = 0.5

_TOKEN_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/x-www-form-urlencoded": {
                "schema": {
                    "type": "object",
                    "required": ["grant_type"],
                    "properties": {
                        "grant_type": {"type": "string", "enum": ["client_credentials"]},
                        "client_id": {"type": "string"},
                        "client_secret": {"type": "string"},
                    },
                }
            }
        },
    },
    "security": [{"client": []}, {}],
}


@router.post(
    "/v1/oauth/token",
    response_model=TokenAnswer,
    summary="Lấy thẻ truy cập (get a token)",
    responses={
        400: {"model": TokenProblem, "description": "Yêu cầu sai (RFC 6749, 5.2). A wrong request."},
        401: {"model": TokenProblem, "description": "Sai mã hoặc bí mật. Client or secret is wrong."},
        **describe("rate_limited", "tls_required", "over_limit", "slow_request", "internal", "store"),
    },
    openapi_extra=_TOKEN_BODY,
)
async def give_token(request: Request, gateway: TheGateway) -> Response:
    """OAuth 2.0, client credentials (RFC 6749, 4.4); mã và bí mật theo Basic hoặc trong thân.

    Client id and secret come by HTTP Basic or in the body. With a `DPoP` proof (RFC 9449) the token is bound
    to the proof's key: who copies it cannot use it.
    """
    body = await request.body()
    fields = {
        name: values[-1]
        for name, values in parse_qs(body.decode("utf-8", "replace"), max_num_fields=20).items()
    }
    if fields.get("grant_type") != "client_credentials":
        return _refuse(400, "unsupported_grant_type", "only client_credentials is given here")
    client_id, secret = _read_basic(request) or (fields.get("client_id", ""), fields.get("client_secret", ""))
    principal = await run_in_threadpool(
        gateway.read, lambda connection: check_client(connection, client_id[:200], secret[:200])
    )
    if principal is None:
        gateway.gate.note_failure(name_address(request))
        return _refuse(401, "invalid_client", "client id or secret is wrong")
    gateway.gate.note_use(principal.key_id)
    thumbprint = None
    if "dpop" in request.headers:
        try:
            thumbprint = gateway.proofs.check(request, None)
        except UnauthenticatedError as error:
            return _refuse(400, "invalid_dpop_proof", error.what)
    token = gateway.tokens.issue(principal.key_id, thumbprint)
    await run_in_threadpool(_note_token, gateway, principal)
    answer = TokenAnswer(
        access_token=token,
        token_type="DPoP" if thumbprint else "Bearer",
        expires_in=gateway.home.settings.gateway.token_lifetime_s,
        scope=" ".join(principal.agencies),
    )
    return JSONResponse(answer.model_dump(mode="json"), headers={"Cache-Control": "no-store"})


@router.get(
    "/v1/events",
    response_model=EventPage,
    summary="Sự kiện (events)",
    responses=describe(*ASKED, "forbidden"),
)
async def read_events(
    gateway: TheGateway,
    caller: Caller,
    after: Annotated[
        int, Query(ge=0, le=2**53, description="Con trỏ: `next_after` lần trước. The cursor, 0 at first.")
    ] = 0,
    limit: Annotated[int, Query(ge=1, le=500)] = 100,
    wait: Annotated[int, Query(ge=0, le=25, description="Chờ tối đa số giây này. Long poll.")] = 0,
) -> EventPage:
    """Hồ sơ đã hoàn thành, theo thứ tự; không sự kiện nào bị bỏ sót dù đọc lại từ đâu.

    Dossiers that are complete, of the caller's agencies, in one order for ever: whoever keeps the last
    `next_after` misses nothing, whatever happens on either side.
    """
    deadline = time.monotonic() + wait
    if wait and not gateway.seats.free(caller.key_id):
        raise RateLimitedError("too many open streams of one key", advice="close one first")
    with gateway.seats.sit(caller.key_id) if wait else gateway.seats.stand():
        page = await run_in_threadpool(_read_page, gateway, caller, after, limit)
        while not page.events and time.monotonic() < deadline:
            await gateway.tower.pause(min(_POLL_EVERY_S, deadline - time.monotonic()))
            page = await run_in_threadpool(_read_page, gateway, caller, after, limit)
    return page


@router.post(
    "/v1/acks",
    response_model=ReceiptView,
    summary="Xác nhận đã nhận (acknowledge)",
    responses=describe(*ASKED, "forbidden", "not_found", "ack_mismatch", "over_limit", "slow_request"),
)
def acknowledge_event(body: AckRequest, gateway: TheGateway, caller: Caller) -> ReceiptView:
    """Biên nhận gắn sự kiện, SHA-256 của từng tệp và hệ thống nhận; gửi lại thì nhận đúng biên nhận cũ.

    The receipt ties event, files and client together. Sent again, the answer is the receipt of the first
    time. A SHA-256 other than the event's is refused: the file was changed on the way. `signed` proves the
    receipt to anyone who has the keys of `/v1/receipt-keys`.
    """
    files = tuple(AckedFile(file.ordinal, file.rendition, file.sha256) for file in body.files)
    now = gateway.home.now()
    receipt = gateway.write(lambda connection: acknowledge(connection, caller, body.event_id, files, now))
    return tell_ack(receipt, gateway.receipts.sign(receipt))


@router.get(
    "/v1/acks",
    response_model=ReceiptList,
    summary="Biên nhận của một sự kiện (receipts of an event)",
    responses=describe(*ASKED, "forbidden", "not_found"),
)
def list_receipts(
    gateway: TheGateway,
    caller: Caller,
    event_id: Annotated[str, Query(pattern=r"^[0-9a-f-]{36}\.[0-9]{1,9}$")],
) -> ReceiptList:
    """Ai đã nhận những tệp nào; hệ thống một cửa chỉ thấy biên nhận của mình.

    Who has which files; a one-stop client sees its own receipt only.
    """
    found = gateway.read(lambda connection: read_receipts(connection, caller, event_id))
    return ReceiptList(receipts=tuple(tell_ack(receipt, gateway.receipts.sign(receipt)) for receipt in found))


def _read_page(gateway: Gateway, caller: Principal, after: int, limit: int) -> EventPage:
    with gateway.home.database.read() as connection:
        found = read_feed(connection, caller, after, limit + 1)
        shown = found[:limit]
        keys = [document.key for event in shown for document in event.files]
        file_ids = find_file_ids(connection, keys)
    return EventPage(
        events=tuple(tell_event(event, file_ids) for event in shown),
        next_after=shown[-1].sequence if shown else after,
        more=len(found) > limit,
    )


def _read_basic(request: Request) -> tuple[str, str] | None:
    scheme, _, packed = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        client_id, _, secret = base64.b64decode(packed, validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return unquote_plus(client_id), unquote_plus(secret)


def _note_token(gateway: Gateway, principal: Principal) -> None:
    gateway.write(
        lambda connection: append_audit(
            connection, principal.actor, "token.issued", principal.key_id, gateway.home.now()
        )
    )


def _refuse(status: int, error: str, why: str) -> Response:
    """RFC 6749, 5.2; a problem document at once."""
    problem = TokenProblem(
        type=f"urn:sohoa:problem:{error}",
        title="Không cấp thẻ (no token)",
        status=status,
        detail=why,
        code=error,
        error=error,
        error_description=why,
    )
    headers = {"Cache-Control": "no-store"}
    if status == 401:
        headers["WWW-Authenticate"] = 'Basic realm="sohoa"'
    return JSONResponse(problem.model_dump(mode="json"), status, headers)
