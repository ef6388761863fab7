"""The object store port: immutable objects under keys, checked by SHA-256 on the way in and out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectStat:
    """What the store holds under a key."""

    key: str
    sha256: str
    size: int


class ObjectStore(Protocol):
    """A place for objects that are written once and never changed.

    Keys are relative paths of `/`-parted names. All methods raise `StoreError` where the store fails.
    """

    def put(self, key: str, data: bytes | Path, sha256: str) -> ObjectStat:
        """Keep `data` under `key`, durable and whole when this returns; nothing is visible before.

        The same bytes again are accepted silently. Raises `IntegrityError` where `data` is not what
        `sha256` says, or where other bytes are there already.
        """

    def get(self, key: str, sha256: str) -> bytes:
        """The bytes under `key`. Raises `NotFoundError`, or `IntegrityError` where they changed."""

    def stat(self, key: str) -> ObjectStat | None:
        """What is under `key`, or None."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with `prefix`, in order."""

    def local_path(self, key: str) -> Path | None:
        """Where the object lies as a (read-only) file, or None where the store has no files."""
