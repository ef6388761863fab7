"""Tokens of links to files: a link's id and its HMAC under a key that lies in a file.

The ledger has no token, and whoever has the ledger alone can make none.
"""

import hashlib
import hmac
import os
import re
import secrets
from pathlib import Path

from schemas.errors import StoreError
from schemas.settings import Settings

_TOKEN = re.compile(r"(?P<id>[0-9a-f]{32})(?P<mac>[0-9a-f]{64})", re.ASCII)
_KEY_BYTES = 32
TOKEN_PATTERN = r"^[0-9a-f]{96}$"  # noqa: S105 -- the form of tokens


class LinkKey:
    """Makes and checks tokens."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def make_token(self, link_id: str) -> str:
        """The token of a link."""
        return link_id + self._mac(link_id)

    def read_token(self, token: str) -> str | None:
        """The link's id, if the token is one of ours."""
        match = _TOKEN.fullmatch(token)
        if match is None or not hmac.compare_digest(match["mac"], self._mac(match["id"])):
            return None
        return match["id"]

    def _mac(self, link_id: str) -> str:
        return hmac.new(self._key, f"sohoa link {link_id}".encode(), hashlib.sha256).hexdigest()


def open_link_key(settings: Settings) -> LinkKey:
    """The key of a home, made at first use. Raises `StoreError`."""
    path = settings.delivery.link_key or settings.home.absolute() / "keys" / "links.key"
    try:
        key = _read_or_make(path)
    except (OSError, ValueError) as error:
        raise StoreError("the key of file links cannot be read", advice=f"check {path}") from error
    if len(key) < _KEY_BYTES:
        raise StoreError("the key of file links is too short", advice=f"check {path}")
    return LinkKey(key)


def _read_or_make(path: Path) -> bytes:
    """Two processes that make it at once end with the same one: a hard link is made once."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f".{path.name}.{os.getpid()}.draft")
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(secrets.token_hex(_KEY_BYTES) + "\n")
            out.flush()
            os.fsync(out.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink()
    return bytes.fromhex(path.read_text().strip())
