"""The gateway as an ASGI application: everything joined, every route behind the gate or it does not start."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any

import anyio.to_thread
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from schemas.api import (
    Problem,
)
from schemas.errors import SohoaError
from workers.delivery.links import open_link_key
from workers.gateway import (
    dossier_routes,
    feed_routes,
    file_routes,
    link_routes,
    milestone_routes,
    operating_routes,
    piece_routes,
    statistics_routes,
    upload_routes,
)
from workers.gateway.gate import Gate
from workers.gateway.guards import Doorkeeper
from workers.gateway.limits import Seats
from workers.gateway.looking import Looker
from workers.gateway.metrics import Metrics
from workers.gateway.pieces import Pieces
from workers.gateway.problems import on_http_error, on_invalid_request, on_sohoa_error
from workers.gateway.proofs import Proofs
from workers.gateway.readiness import Readiness
from workers.gateway.receiving import clear_stale
from workers.gateway.rules import RULES
from workers.gateway.service import Gateway
from workers.gateway.tokens import TokenKeys, Tokens
from workers.gateway.watching import Watchtower
from workers.gateway.wording import DESCRIPTION, TAGS, TITLE
from workers.home import Home
from workers.receipts import open_receipts

_ROOMS = (
    dossier_routes,
    upload_routes,
    piece_routes,
    file_routes,
    link_routes,
    milestone_routes,
    feed_routes,
    statistics_routes,
    operating_routes,
)

LEDGER_THREADS = 12
"""Requests at the ledger at once: under the 15 connections of SQLAlchemy's pool."""


def create_app(
    home: Home, now: float, *, require_tls: bool = False, on_change: Callable[[], None] = lambda: None
) -> FastAPI:
    """A gateway over an opened home. Raises `SohoaError` where it could not work."""
    gateway = _open_gateway(home, now, on_change)
    app = FastAPI(
        title=TITLE,
        version=version("sohoa"),
        description=DESCRIPTION,
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=_live,
    )
    app.state.gateway = gateway
    app.add_middleware(
        Doorkeeper, settings=home.settings.gateway, metrics=gateway.metrics, require_tls=require_tls
    )
    app.add_exception_handler(SohoaError, on_sohoa_error)
    app.add_exception_handler(RequestValidationError, on_invalid_request)
    app.add_exception_handler(HTTPException, on_http_error)
    for room in _ROOMS:
        app.router.routes.extend(room.router.routes)
    described = _describe(app)

    async def tell_openapi(_: Request) -> Response:
        return JSONResponse(described)

    app.add_route("/openapi.json", tell_openapi, ["GET"])
    _check_rules(app)
    return app


def list_endpoints(app: FastAPI) -> set[tuple[str, str]]:
    """Every method and path that the application answers."""
    found: set[tuple[str, str]] = set()
    for route in app.routes:
        methods = getattr(route, "methods", None) or set()
        is_api = isinstance(route, APIRoute)
        found |= {(method, getattr(route, "path", "?")) for method in methods if is_api or method != "HEAD"}
    return found


def _open_gateway(home: Home, now: float, on_change: Callable[[], None]) -> Gateway:
    settings = home.settings.gateway
    tokens = Tokens(TokenKeys(settings.token_keys or home.keys / "tokens"), settings)
    proofs = Proofs()
    clear_stale(home.settings.home / "incoming", now)
    pieces = Pieces(home.settings.home / "pieces", settings, home.settings.limits.max_bytes)
    pieces.clear_stale(now)
    looker = Looker(home.settings)
    looker.warm_up()
    return Gateway(
        home=home,
        gate=Gate(home, tokens, proofs),
        tokens=tokens,
        proofs=proofs,
        looker=looker,
        pieces=pieces,
        metrics=Metrics(home.database),
        tower=Watchtower(home.database, settings.look_every_s),
        seats=Seats(settings.streams_per_key),
        readiness=Readiness(),
        receipts=open_receipts(home.settings),
        links=open_link_key(home.settings),
        on_change=on_change,
    )


@asynccontextmanager
async def _live(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = LEDGER_THREADS
    yield
    app.state.gateway.looker.close()


def _check_rules(app: FastAPI) -> None:
    """An endpoint without a row in the table would be open to nobody knows whom."""
    if (found := list_endpoints(app)) != set(RULES):
        raise RuntimeError(f"endpoints and rules differ: {sorted(found ^ set(RULES))}")


def _describe(app: FastAPI) -> dict[str, Any]:
    described = get_openapi(
        title=app.title, version=app.version, description=app.description, routes=app.routes, tags=TAGS
    )
    schemas = described["components"]["schemas"]
    schemas["Problem"] = Problem.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(schemas["Problem"].pop("$defs", {}))
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    described["components"]["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "Khóa của trạm, người vận hành, người giám sát; hoặc thẻ của hệ thống một cửa. "
            "A station's, operator's or supervisor's key; or a one-stop client's token.",
        },
        "client": {"type": "http", "scheme": "basic", "description": "client_id, client_secret"},
    }
    for path, methods in described["paths"].items():
        for method, told in methods.items():
            rule = RULES[method.upper(), path]
            if not rule.public:
                told["security"] = [{"key": []}]
                told["x-roles"] = {
                    role: scope
                    for role in ("station", "onestop", "operator", "supervisor")
                    if (scope := getattr(rule, role).value) != "none"
                }
    return described
