"""Errors as RFC 9457 problem documents: `code` is that of `schemas/errors.py`, the status follows from it."""

import logging
from collections.abc import Mapping
from typing import Any

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from schemas.api import (
    FieldProblem,
    Problem,
)
from schemas.errors import (
    InvalidRequestError,
    NotFoundError,
    PagesMissingError,
    RateLimitedError,
    SlowRequestError,
    SohoaError,
    UnauthenticatedError,
    UploadOffsetError,
)

MEDIA_TYPE = "application/problem+json"

STATUSES: Mapping[str, int] = {
    "invalid_request": 422,
    "usage": 422,
    "bad_input": 422,
    "encrypted_input": 422,
    "damaged_input": 422,
    "digest_mismatch": 422,
    "procedure_not_accepted": 422,
    "unsupported_input": 415,
    "over_limit": 413,
    "unauthenticated": 401,
    "forbidden": 403,
    "tls_required": 403,
    "not_found": 404,
    "method_not_allowed": 405,
    "slow_request": 408,
    "conflict": 409,
    "idempotency_conflict": 409,
    "pages_missing": 409,
    "page_not_flagged": 409,
    "ack_mismatch": 409,
    "upload_offset": 409,
    "lease_lost": 409,
    "range_not_satisfiable": 416,
    "rate_limited": 429,
    "internal": 500,
    "store": 503,
    "integrity": 503,
    "missing_dependency": 503,
    "decoder_lost": 503,
}

TITLES: Mapping[int, str] = {
    401: "Chưa xác thực (unauthenticated)",
    403: "Không được phép (forbidden)",
    404: "Không tìm thấy (not found)",
    405: "Phương thức không dùng được (method not allowed)",
    408: "Gửi quá chậm (request timeout)",
    409: "Trái với trạng thái hiện có (conflict)",
    413: "Quá lớn (over a limit)",
    415: "Không phải ảnh quét hay PDF (unsupported file)",
    416: "Ngoài phạm vi tệp (range not satisfiable)",
    422: "Yêu cầu hoặc tệp không hợp lệ (not valid)",
    429: "Quá nhiều yêu cầu (too many requests)",
    500: "Lỗi bên trong (internal error)",
    503: "Tạm thời chưa phục vụ được (not available now)",
}

CLOSING = frozenset({"over_limit", "slow_request", "rate_limited", "unauthenticated", "tls_required"})
"""After these the connection is closed: what is left of the body is not read."""

_log = logging.getLogger("sohoa.gateway")


class MethodNotAllowedError(SohoaError):
    """The path exists, the method is not one of its own."""

    problem_code = "method_not_allowed"
    advice = "use a method that Allow names"


def make_problem(
    error: SohoaError, request_id: str, errors: tuple[FieldProblem, ...] | None = None
) -> Problem:
    """The document for an error. What is wrong inside is for the log, not for who asks."""
    status = STATUSES.get(error.problem_code, 500)
    inside = status >= 500
    return Problem(
        type=f"urn:sohoa:problem:{error.problem_code}",
        title=TITLES[status],
        status=status,
        detail=TITLES[status] if inside else error.what,
        code=error.problem_code,
        advice="thử lại sau (try again later)" if inside else error.advice,
        request_id=request_id,
        errors=errors,
        missing=error.missing if isinstance(error, PagesMissingError) else None,
        offset=error.offset if isinstance(error, UploadOffsetError) else None,
    )


def respond(error: SohoaError, request_id: str, errors: tuple[FieldProblem, ...] | None = None) -> Response:
    """The document as an answer, with the headers that belong to it."""
    problem = make_problem(error, request_id, errors)
    headers = {}
    if isinstance(error, UnauthenticatedError):
        headers["WWW-Authenticate"] = 'Bearer realm="sohoa", error="invalid_token"'
    if isinstance(error, RateLimitedError):
        headers["Retry-After"] = "5"
    if problem.status == 503:
        headers["Retry-After"] = "10"
    if isinstance(error, SlowRequestError) or error.problem_code in CLOSING:
        headers["Connection"] = "close"
    content = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(content, problem.status, headers, MEDIA_TYPE)


def name_request(request: Request) -> str:
    """The id given to this request by `guards.Doorkeeper`."""
    return str(request.scope.get("sohoa_request_id", "-"))


async def on_sohoa_error(request: Request, error: Exception) -> Response:
    """One of our own errors."""
    assert isinstance(error, SohoaError)  # noqa: S101 -- so registered
    if STATUSES.get(error.problem_code, 500) >= 500:
        _log.error("failed", extra={"request_id": name_request(request), "code": error.problem_code})
    return respond(error, name_request(request))


async def on_invalid_request(request: Request, error: Exception) -> Response:
    """Pydantic's findings, without the values that were sent."""
    assert isinstance(error, RequestValidationError)  # noqa: S101 -- so registered
    errors = tuple(
        FieldProblem(where=".".join(_name_step(step) for step in found["loc"]), what=_tell(found))
        for found in error.errors()[:50]
    )
    return respond(
        InvalidRequestError("the request does not have the form asked for"), name_request(request), errors
    )


async def on_http_error(request: Request, error: Exception) -> Response:
    """What the framework itself refuses: unknown paths and methods, bodies that are no JSON."""
    assert isinstance(error, HTTPException)  # noqa: S101 -- so registered
    if error.status_code == 404:
        return respond(NotFoundError("no such address", advice="see /openapi.json"), name_request(request))
    if error.status_code == 405:
        answer = respond(MethodNotAllowedError("no such method here"), name_request(request))
        answer.headers["Allow"] = ", ".join(sorted(_list_methods(request)))
        return answer
    return respond(InvalidRequestError("the body cannot be read"), name_request(request))


def _list_methods(request: Request) -> set[str]:
    """Every method of the path, whichever route has it."""
    return {
        method
        for route in request.app.routes
        if isinstance(route, Route | APIRoute) and route.path_regex.match(request.url.path)
        for method in route.methods or ()
    }


def describe(*codes: str) -> dict[int | str, dict[str, Any]]:
    """For OpenAPI: the answers that these problem codes give, with an example each."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        status = STATUSES[code]
        entry = by_status.setdefault(
            status,
            {
                "description": TITLES[status],
                "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}},
            },
        )
        entry["content"][MEDIA_TYPE]["examples"][code] = {
            "value": {
                "type": f"urn:sohoa:problem:{code}",
                "title": TITLES[status],
                "status": status,
                "detail": "…",
                "code": code,
                "advice": "…",
                "request_id": "0d9b0a8f6a11",
            }
        }
    return by_status


def _name_step(step: object) -> str:
    """A place in the request; names of unknown fields are the sender's words, and are not repeated."""
    text = str(step)
    return text if (len(text) <= 40 and text.replace("-", "_").isidentifier()) or text.isdigit() else "…"


def _tell(found: Mapping[str, Any]) -> str:
    kind = str(found["type"])
    told = {"missing": "is missing", "extra_forbidden": "is not known", "json_invalid": "is no JSON"}
    return told.get(kind, kind.replace("_", " "))
