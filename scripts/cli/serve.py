"""`sohoa serve`: ledger, queue, workers and store in one process."""


def serve() -> None:
    """Work the dossiers of this SOHOA_HOME until stopped (Ctrl-C or SIGTERM).

    One server per SOHOA_HOME; whatever a killed server left is taken over.
    """
    from schemas.settings import Settings
    from scripts.cli.logs import log_to_stderr
    from workers.serve import serve as serve_home

    log_to_stderr()
    serve_home(Settings())
