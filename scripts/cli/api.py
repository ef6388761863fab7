"""`sohoa api`: the HTTP gateway alone, in production form; workers run beside it."""

from typing import Annotated

import typer


def api(
    host: Annotated[str, typer.Option(metavar="ADDRESS", help="what to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, metavar="N", help="0 takes any free port")] = 8443,
) -> None:
    """Take dossiers and give out files over HTTP (see /openapi.json) until stopped.

    TLS ends in front of it. On anything but loopback it answers only what came by TLS, as a trusted proxy
    says (SOHOA_GATEWAY__TRUSTED_PROXIES), unless SOHOA_GATEWAY__REQUIRE_TLS=false.
    """
    from schemas.settings import Settings
    from workers.gateway.listening import run_api
    from workers.gateway.logs import log_as_json

    log_as_json()
    run_api(Settings(), host, port, lambda url: print(f"listening on {url}", flush=True))
