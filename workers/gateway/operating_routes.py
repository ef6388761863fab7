"""For those who run the gateway: is it alive, is it ready, what does it do."""

import shutil
import time
from collections.abc import Callable
from hashlib import sha256
from importlib.metadata import version

from fastapi import APIRouter
from sqlalchemy import func, select
from starlette.responses import JSONResponse, Response

from schemas.api_delivery import (
    CheckView,
    HealthView,
    ReadyView,
)
from schemas.dossier import JobState
from schemas.errors import SohoaError, StoreError
from schemas.fixity import PROBE_KEY
from schemas.tables import jobs
from workers.gateway.gate import GuardedRoute
from workers.gateway.metrics import CONTENT_TYPE
from workers.gateway.problems import describe
from workers.gateway.service import Caller, Gateway, TheGateway
from workers.gateway.wording import ASKED

router = APIRouter(route_class=GuardedRoute, tags=["operators"])

_PROBE = b"sohoa\n"
STALLED_AFTER_S = 300.0
"""A due job that waits longer says that no worker is at work; pages are taken all the same."""


@router.get("/healthz", summary="Tiến trình còn chạy (is the process alive)", responses=describe("internal"))
async def tell_health() -> HealthView:
    """Không hỏi gì ngoài chính tiến trình.

    Asks nothing but the process itself.
    """
    return HealthView(version=version("sohoa"))


@router.get(
    "/readyz",
    response_model=ReadyView,
    summary="Sẵn sàng nhận hồ sơ (can uploads be taken)",
    responses={
        503: {"model": ReadyView, "description": "Chưa sẵn sàng; nêu tên phần nào. Names what is not ready."}
    },
)
def tell_readiness(gateway: TheGateway) -> Response:
    """Sổ cái, kho tệp, chỗ trống, khóa ký thẻ, bộ giải mã; hàng đợi chỉ để biết.

    Ledger, store, free space, token key, decoders. The queue is told, too, but uploads are taken while it
    stands still.
    """
    checks = gateway.readiness.ask(time.monotonic(), lambda: _check_all(gateway))
    ready = all(check.ready for check in checks)
    told = ReadyView(ready=ready, checks=checks)
    return JSONResponse(told.model_dump(mode="json"), 200 if ready else 503)


@router.get(
    "/metrics",
    summary="Số đo cho Prometheus (figures for Prometheus)",
    response_class=Response,
    responses={
        200: {"description": "Prometheus.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **describe(*ASKED, "forbidden"),
    },
)
def tell_metrics(gateway: TheGateway, caller: Caller) -> Response:
    """Tuổi hàng đợi, thời gian mỗi trang, kết luận, độ trễ giao tệp.

    Queue age, page latency, verdicts, delivery lag. Scraped with an operator's key.
    """
    return Response(gateway.metrics.expose(), media_type=CONTENT_TYPE)


def _check_all(gateway: Gateway) -> tuple[CheckView, ...]:
    return (
        _check("ledger", lambda: _ask_ledger(gateway)),
        _check("store", lambda: _probe_store(gateway)),
        _check("space", lambda: _measure_space(gateway)),
        _check("token_key", gateway.tokens.name_key),
        _check("decoders", gateway.looker.check),
        CheckView(name="queue", ready=True, detail=_tell_queue(gateway)),
    )


def _check(name: str, ask: Callable[[], str]) -> CheckView:
    try:
        return CheckView(name=name, ready=True, detail=ask())
    except SohoaError as error:
        return CheckView(name=name, ready=False, detail=error.problem_code)


def _ask_ledger(gateway: Gateway) -> str:
    gateway.read(lambda connection: connection.execute(select(1)).scalar_one())
    return ""


def _probe_store(gateway: Gateway) -> str:
    gateway.home.store.put(PROBE_KEY, _PROBE, sha256(_PROBE).hexdigest())
    return ""


def _measure_space(gateway: Gateway) -> str:
    try:
        free = shutil.disk_usage(gateway.incoming).free
    except OSError as error:
        raise StoreError("the folder for uploads is gone") from error
    if free < gateway.home.settings.gateway.least_free_bytes:
        raise StoreError("too little free space for uploads")
    return f"{free // 2**20} MiB free"


def _tell_queue(gateway: Gateway) -> str:
    now = gateway.home.now()
    try:
        oldest = gateway.read(
            lambda connection: connection.execute(
                select(func.min(jobs.c.next_attempt_at)).where(
                    jobs.c.state == JobState.QUEUED, jobs.c.next_attempt_at <= now
                )
            ).scalar()
        )
    except StoreError:
        return "unknown"
    age = 0.0 if oldest is None else now - oldest
    return f"oldest due job {age:.0f} s" + (", stalled" if age > STALLED_AFTER_S else "")
