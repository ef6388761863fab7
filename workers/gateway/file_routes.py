"""Finished files: listed by record, given out whole or in part, every access on the audit log."""

import base64
import re
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from pipeline.ledger.holdings import list_files, note_access, read_file
from schemas.access import Principal
from schemas.api_delivery import (
    FileList,
)
from schemas.errors import InvalidRequestError, NotFoundError, RangeError
from schemas.handover import FileEntry
from workers.gateway.gate import GuardedRoute
from workers.gateway.problems import describe, name_request
from workers.gateway.sending import open_verified, send_part
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.views import tell_file
from workers.gateway.wording import ASKED, FileId, RecordCodePath

router = APIRouter(route_class=GuardedRoute, tags=["files"])

_RANGE = re.compile(r"bytes=([0-9]{0,18})-([0-9]{0,18})", re.ASCII)
_CURSOR = re.compile(r"[0-9]{1,15}", re.ASCII)

_PDF = {"content": {"application/pdf": {"schema": {"type": "string", "format": "binary"}}}}
FILE_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "Toàn bộ tệp. The whole file; `ETag` is its SHA-256.", **_PDF},
    206: {"description": "Một phần tệp. The part asked for.", **_PDF},
    304: {"description": "Chưa đổi. The file is the one of `If-None-Match`."},
    **describe(*ASKED, "forbidden", "not_found", "range_not_satisfiable"),
}

RangeHeader = Annotated[
    str | None,
    Header(
        alias="Range",
        max_length=100,
        description="Một khoảng byte. One range of bytes.",
        examples=["bytes=0-1023"],
    ),
]
MatchHeader = Annotated[str | None, Header(alias="If-None-Match", max_length=1000)]
IfRangeHeader = Annotated[str | None, Header(alias="If-Range", max_length=100)]


@router.get(
    "/v1/records/{record_code}/files",
    response_model=FileList,
    summary="Tệp của một hồ sơ (files of a record)",
    responses=describe(*ASKED, "forbidden", "not_found"),
)
def list_record_files(
    record_code: RecordCodePath,
    gateway: TheGateway,
    caller: Caller,
    renditions: Annotated[
        str, Query(pattern="^(newest|all)$", description="Bản mới nhất hay mọi bản. The newest or all.")
    ] = "newest",
    cursor: Annotated[str | None, Query(max_length=20, description="`next_cursor` của trang trước.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> FileList:
    """Các tệp PDF đã ký, mỗi giấy tờ một tệp.

    The signed PDFs of the record that the caller may see, one a paper.
    """
    if cursor is not None and not _CURSOR.fullmatch(cursor):
        raise InvalidRequestError("the cursor is not one of ours")
    after = int(cursor) if cursor else 0
    found = gateway.read(
        lambda connection: list_files(
            connection, caller, record_code, every=renditions == "all", after=after, limit=limit + 1
        )
    )
    shown = found[:limit]
    return FileList(
        record_code=record_code,
        files=tuple(tell_file(file) for file in shown),
        next_cursor=str(shown[-1].id) if len(found) > limit else None,
    )


@router.get(
    "/v1/files/{file_id}/content",
    summary="Nội dung tệp (content of a file)",
    response_class=Response,
    responses=FILE_ANSWERS,
)
def read_content(
    file_id: FileId,
    request: Request,
    gateway: TheGateway,
    caller: Caller,
    byte_range: RangeHeader = None,
    if_none_match: MatchHeader = None,
    if_range: IfRangeHeader = None,
) -> Response:
    """Các byte đúng như đã ký; mỗi lần đọc được ghi vào nhật ký kiểm toán.

    The bytes as they were signed, checked against the ledger's SHA-256 first. Every access is on the audit
    log.
    """
    file = _find(gateway, file_id)
    return give_out(gateway, caller, file, request, (byte_range, if_none_match, if_range))


@router.head(
    "/v1/files/{file_id}/content",
    summary="Tiêu đề của tệp (headers of a file)",
    response_class=Response,
    responses={
        200: {"description": "Cỡ và SHA-256. Size and SHA-256, without the bytes."},
        **describe(*ASKED, "forbidden", "not_found"),
    },
)
def read_headers(file_id: FileId, gateway: TheGateway, caller: Caller) -> Response:
    """Như GET, không có nội dung.

    As GET, without the bytes.
    """
    return tell_headers(_find(gateway, file_id))


def give_out(
    gateway: Gateway,
    reader: Principal,
    file: FileEntry,
    request: Request,
    asked: tuple[str | None, str | None, str | None],
) -> Response:
    """The file's bytes; `asked`: Range, If-None-Match, If-Range. Raises `RangeError`, `IntegrityError`."""
    byte_range, if_none_match, if_range = asked
    tag = f'"{file.sha256}"'
    headers = _headers(file, tag)
    if if_none_match is not None and _matches(if_none_match, tag):
        return Response(status_code=304, headers=headers)
    part = None
    if byte_range is not None and (if_range is None or if_range == tag):
        part = _read_range(byte_range, file.size)
    body = open_verified(gateway.home.store, file.key, file.sha256, file.size, gateway.incoming)
    _note(gateway, reader, file, "whole" if part is None else f"{part[0]}-{part[1]}", request)
    if part is None:
        digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
        headers["Content-Digest"] = f"sha-256=:{digest}:"
        return send_part(body, 0, file.size, 200, headers)
    headers["Content-Range"] = f"bytes {part[0]}-{part[1]}/{file.size}"
    return send_part(body, part[0], part[1] + 1 - part[0], 206, headers)


def tell_headers(file: FileEntry) -> Response:
    """Its headers, without the bytes."""
    headers = {**_headers(file, f'"{file.sha256}"'), "Content-Length": str(file.size)}
    return Response(headers=headers, media_type="application/pdf")


def _find(gateway: Gateway, file_id: int) -> FileEntry:
    found = gateway.read(lambda connection: read_file(connection, file_id))
    if found is None:
        raise NotFoundError("no such file", advice="take file ids from the record's files")
    return found[0]


def _headers(file: FileEntry, tag: str) -> dict[str, str]:
    digest = base64.b64encode(bytes.fromhex(file.sha256)).decode()
    return {
        "ETag": tag,
        "Repr-Digest": f"sha-256=:{digest}:",
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": f'attachment; filename="{file.name}"',
    }


def _note(gateway: Gateway, caller: Principal, file: FileEntry, part: str, request: Request) -> None:
    gateway.write(
        lambda connection: note_access(
            connection, caller, file, part, name_request(request), gateway.home.now()
        )
    )


def _matches(header: str, tag: str) -> bool:
    told = [entry.strip().removeprefix("W/") for entry in header.split(",")]
    return "*" in told or tag in told


def _read_range(header: str, size: int) -> tuple[int, int] | None:
    """First and last byte of a single range; None for anything else, which RFC 9110 lets be ignored."""
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    if match[1] == "":
        length = min(int(match[2]), size)
        first, last = size - length, size - 1
    else:
        first, last = int(match[1]), min(int(match[2] or size - 1), size - 1)
        if match[2] and int(match[2]) < first:
            return None
    if first >= size or first > last:
        raise RangeError(f"the file has {size} bytes")
    return first, last
