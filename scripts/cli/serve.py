"""`sohoa serve`: ledger, queue, workers and store in one process."""

from typing import Annotated

import typer


def serve(
    port: Annotated[
        int | None,
        typer.Option(
            min=0, max=65535, metavar="N", help="also the HTTP gateway, on loopback; 0 takes any free port"
        ),
    ] = None,
) -> None:
    """Work the dossiers of this SOHOA_HOME until stopped (Ctrl-C or SIGTERM).

    One server per SOHOA_HOME; whatever a killed server left is taken over.
    """
    from schemas.settings import Settings
    from scripts.cli.logs import log_to_stderr
    from workers.serve import serve as serve_home

    log_to_stderr()
    if port is not None:
        from workers.gateway.logs import log_as_json

        log_as_json()
    serve_home(Settings(), port, lambda url: print(f"listening on {url}", flush=True))
