"""The log of the long-running commands: one line an event, ids and counts, never page text."""

import logging


def log_to_stderr() -> None:
    """Everything from level INFO on."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s level=%(levelname)s at=%(name)s %(message)s")
    for name in ("alembic", "uvicorn", "uvicorn.error", "asyncio"):
        logging.getLogger(name).setLevel(logging.WARNING)
