"""Logs as lines of JSON: a time, a level, where from, what, and ids. Never names, numbers or page text."""

import json
import logging
import sys
from datetime import UTC, datetime

FIELDS = (
    "request_id",
    "method",
    "route",
    "status",
    "ms",
    "bytes_in",
    "bytes_out",
    "key",
    "role",
    "code",
    "kind",
    "where",
)
"""What a line may carry beside its message; anything else that is attached to it is left out."""


class JsonLines(logging.Formatter):
    """One object a line. Of an exception its kind and place are told, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        """See `logging.Formatter.format`."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "event": record.getMessage(),
        }
        told = {name: getattr(record, name, None) for name in FIELDS}
        line.update({name: value for name, value in told.items() if value is not None})
        if record.exc_info and record.exc_info[0] is not None:
            line["exception"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def log_as_json() -> None:
    """From now on this process logs so, on stderr; foreign libraries only from warnings on."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("sohoa").setLevel(logging.INFO)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers[:] = []
        logger.propagate = True
    logging.getLogger("uvicorn.access").disabled = True
