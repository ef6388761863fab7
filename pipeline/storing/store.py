"""The object store port: immutable objects under keys, checked by SHA-256 on the way in and out."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from schemas.errors import StoreError

INCOMING = ".incoming"
"""Half-written objects of a folder; no key may name it."""

_MAX_KEY_BYTES = 1024  # S3's limit, kept everywhere so that a folder can move to S3
_MAX_NAME_BYTES = 255  # ext4, XFS, NTFS


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
        Memory does not grow with a file given as a path.

        The same bytes again are accepted silently. Raises `IntegrityError` where `data` is not what
        `sha256` says, or where other bytes are there already.
        """

    def get(self, key: str, sha256: str) -> bytes:
        """The bytes under `key`. Raises `NotFoundError`, or `IntegrityError` where they changed."""

    def fetch(self, key: str, sha256: str, target: Path) -> None:
        """Write the bytes under `key` to the new file `target`. Raises as `get`, and leaves nothing then."""

    def check(self, key: str, sha256: str) -> None:
        """Read every byte under `key` and keep none. Raises as `get`."""

    def stat(self, key: str) -> ObjectStat | None:
        """What was put under `key`, or None. Whether the bytes are still those, only reading them tells."""

    def list(self, prefix: str = "") -> Iterator[str]:
        """Every key that starts with `prefix`, in order."""

    def local_path(self, key: str) -> Path | None:
        """Where the object lies as a (read-only) file, or None where the store has no files."""

    def locate(self, key: str) -> str:
        """The path or address by which a person finds the object."""

    def clear_stale(self) -> int:
        """Remove what half-done writes of the dead left; returns how many."""


def split_key(key: str) -> tuple[str, ...]:
    """The names in `key`. Raises `StoreError` where it is no plain relative path."""
    names = PurePosixPath(key).parts
    plain = (
        key != ""
        and "/".join(names) == key
        and not {"..", INCOMING}.intersection(names)
        and not any(char in key for char in "\0\\:")
        and len(key.encode()) <= _MAX_KEY_BYTES
        and all(len(name.encode()) <= _MAX_NAME_BYTES for name in names)
    )
    if not plain or key.startswith("/"):
        raise StoreError(
            f"not an object key: {key[:80]!r}", advice="report this; keys are made by the program"
        )
    return names
