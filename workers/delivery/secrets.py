"""Signing secrets of webhooks: files of a folder, one below for each endpoint; never in the ledger.

Several are good at once, and every one of them signs, so that a receiver may change to the new one at any
moment between `make` and `retire`.
"""

import base64
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from schemas.errors import StoreError, UsageError
from schemas.settings import Settings

PREFIX = "whsec_"
_BYTES = 32
_LEAST_BYTES, _MOST_BYTES = 24, 64  # as the Standard Webhooks specification has it

_T = TypeVar("_T")


class WebhookSecrets:
    """The secrets of every endpoint. Raises `StoreError` where the folder cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def make(self, endpoint_id: str) -> str:
        """A new secret, `whsec_...`, which signs from now on beside the earlier ones."""
        secret = PREFIX + base64.b64encode(secrets.token_bytes(_BYTES)).decode()
        self.keep(endpoint_id, secret)
        return secret

    def keep(self, endpoint_id: str, secret: str) -> None:
        """Take in one that the receiver chose. Raises `UsageError` for one that is none."""
        try:
            length = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
        except ValueError as error:
            raise UsageError("a webhook secret is whsec_ and base64") from error
        if not secret.startswith(PREFIX) or not _LEAST_BYTES <= length <= _MOST_BYTES:
            raise UsageError(
                f"a webhook secret is whsec_ and {_LEAST_BYTES} to {_MOST_BYTES} bytes in base64"
            )
        _guard(lambda: self._write(endpoint_id, secret))

    def read(self, endpoint_id: str) -> tuple[str, ...]:
        """All that sign now, newest first. Raises `UsageError` where there is none."""
        found = _guard(lambda: tuple(path.read_text().strip() for path in self._list(endpoint_id)))
        if not found:
            raise UsageError(
                f"endpoint {endpoint_id} has no secret", advice="run 'sohoa deliver endpoints rotate'"
            )
        return found

    def retire(self, endpoint_id: str) -> int:
        """Keep the newest alone; returns how many are gone."""
        old = _guard(lambda: self._list(endpoint_id)[1:])
        for path in old:
            _guard(lambda path=path: path.unlink(missing_ok=True))
        return len(old)

    def _write(self, endpoint_id: str, secret: str) -> None:
        home = self._folder / endpoint_id
        home.mkdir(parents=True, exist_ok=True, mode=0o700)
        numbers = [int(path.stem) for path in home.glob("*.secret")]
        place = home / f"{max(numbers, default=0) + 1:06}.secret"
        draft = home / f".{place.stem}.{os.getpid()}.draft"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as out:
            out.write(f"{secret}\n")
            out.flush()
            os.fsync(out.fileno())
        draft.rename(place)

    def _list(self, endpoint_id: str) -> list[Path]:
        return sorted((self._folder / endpoint_id).glob("*.secret"), reverse=True)


def open_secrets(settings: Settings) -> WebhookSecrets:
    """Those of a home, or of the folder the settings name."""
    return WebhookSecrets(settings.delivery.secrets or settings.home.absolute() / "keys" / "webhooks")


def _guard(ask: Callable[[], _T]) -> _T:
    try:
        return ask()
    except OSError as error:
        raise StoreError(f"the webhook secrets cannot be used: {error.strerror}") from error
