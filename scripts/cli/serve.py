"""`sohoa serve`: ledger, queue, workers and store in one process."""


def serve() -> None:
    """Work the dossiers of this SOHOA_HOME until stopped (Ctrl-C or SIGTERM).

    One server per SOHOA_HOME; whatever a killed server left is taken over.
    """
    import logging

    from schemas.settings import Settings
    from workers.serve import serve as serve_home

    logging.basicConfig(level=logging.INFO, format="%(asctime)s level=%(levelname)s at=%(name)s %(message)s")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    serve_home(Settings())
