"""What schemathesis does not know by itself: a scan's bytes, and that a digest is of what is sent.

Loaded by `scripts/fuzz_gateway.py`, whose `SOHOA_FUZZ_SCAN` names a small page.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import Any

import schemathesis

_SCAN = Path(os.environ["SOHOA_FUZZ_SCAN"]).read_bytes()
_SCAN_EVERY = 3
_sent = 0


@schemathesis.hook
def before_call(context: Any, case: Any, kwargs: Any) -> None:
    """Uploads: every third body is a page, and whatever has a digest of the right form has the right one."""
    global _sent  # noqa: PLW0603 -- hooks are plain functions
    field = {"PUT": "Content-Digest", "PATCH": "Repr-Digest"}.get(case.method.upper())
    if field is None:
        return
    _sent += 1
    given = (case.headers or {}).get(field, "")
    if not isinstance(given, str) or not given.startswith("sha-256=:") or len(given) != 54:
        return
    if _sent % _SCAN_EVERY == 0:
        case.body = _SCAN
        case.media_type = "application/octet-stream"
    if isinstance(case.body, bytes):
        digest = base64.b64encode(hashlib.sha256(case.body).digest()).decode()
        case.headers[field] = f"sha-256=:{digest}:"
        if field == "Repr-Digest" and _sent % _SCAN_EVERY == 0:  # a file whole in one piece
            case.headers["Upload-Offset"], case.headers["Upload-Length"] = "0", str(len(case.body))
