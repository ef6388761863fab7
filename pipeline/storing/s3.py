"""The production object store: one S3 bucket with versions and an object lock.

What a lock does and does not: a locked version cannot be deleted or changed, but whoever has the credentials
may put a newer version, or a delete marker, over it. So objects are asked for by the bytes that are wanted:
where the newest version is not those, the older versions are looked through.
"""

import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

import urllib3
from minio import Minio
from minio.commonconfig import ENABLED, Filter
from minio.error import InvalidResponseError, MinioException, S3Error
from minio.lifecycleconfig import AbortIncompleteMultipartUpload, LifecycleConfig, Rule
from minio.retention import Retention

from pipeline.storing.store import ObjectStat, split_key
from schemas.errors import IntegrityError, NotFoundError, SohoaError, StoreError
from schemas.settings import S3Settings

_SHA256 = "sha256"
_META_SHA256 = "x-amz-meta-sha256"
_LOCKED_UNTIL = "x-amz-object-lock-retain-until-date"
_RENEW_LOCK_AFTER = timedelta(days=1)
_PART_BYTES = 8 * 2**20
"""An object up to this size is written by one request; of a larger one two parts are in memory at a time."""
_ABORT_AFTER_DAYS = 1
_CHUNK_BYTES = 1 << 20
_ABSENT = {
    "NoSuchKey",
    "NoSuchVersion",
    "MethodNotAllowed",
}  # the last: the newest "version" is a delete marker
_NOT_OFFERED = {"NotImplemented", "MethodNotAllowed"}
_TAKEN = {"PreconditionFailed", "ConditionalRequestConflict"}
_REFUSED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch"}


class _WriteOncePool(urllib3.PoolManager):
    """Adds `If-None-Match: *` to what makes an object: the SDK has no way to say so. An unsigned header is
    allowed. That is the PUT, or the POST that joins the parts (their own PUTs make none).
    """

    def urlopen(  # type: ignore[override]
        self, method: str, url: str, redirect: bool = True, **options: Any
    ) -> urllib3.BaseHTTPResponse:
        if method == ("POST" if "uploadId=" in url else "PUT"):
            options["headers"]["If-None-Match"] = "*"
        return super().urlopen(method, url, redirect, **options)


class _AnnouncedBytes:
    """A stream that is `size` bytes long, with the digest that was announced, or its last part never comes.

    The SDK joins the parts only when it has read all of them, so nothing else ever becomes an object.
    """

    def __init__(self, key: str, source: BinaryIO, sha256: str) -> None:
        self.size = source.seek(0, os.SEEK_END)
        source.seek(0)
        self._key, self._source, self._sha256 = key, source, sha256
        self._digest = hashlib.sha256()
        self._left = self.size
        if self.size == 0:
            self._compare()

    def read(self, size: int) -> bytes:
        """The next bytes. Raises `IntegrityError` where they are not what was announced."""
        chunk = self._source.read(min(size, self._left))
        self._digest.update(chunk)
        self._left -= len(chunk)
        if self._left == 0 or not chunk:
            self._compare()
        return chunk

    def _compare(self) -> None:
        if self._source.read(1) or self._digest.hexdigest() != self._sha256:
            raise IntegrityError(
                f"the bytes for {self._key} are not what was announced", advice="send them again"
            )


class _Nowhere(io.RawIOBase):
    """Takes bytes and keeps none."""

    def seek(self, offset: int, whence: int = 0) -> int:
        return 0

    def truncate(self, size: int | None = None) -> int:
        return 0

    def write(self, data: Any) -> int:
        return len(data)


class S3Store:
    """Objects in the bucket that `settings` name; made at first use. Safe to share between threads.

    Raises `StoreError` where the service cannot be used, or the bucket has no versions or no object lock.
    """

    def __init__(self, settings: S3Settings) -> None:
        self._settings = settings
        self._bucket = settings.bucket
        keys = (_read_secret(settings.access_key_file), _read_secret(settings.secret_key_file))
        self._client = _connect(settings, keys, urllib3.PoolManager)
        self._writer = _connect(settings, keys, _WriteOncePool)
        with _s3_errors(f"open the bucket {self._bucket}"):
            self._open_bucket()

    def put(self, key: str, data: bytes | Path, sha256: str) -> ObjectStat:
        """See `ObjectStore.put`. The first version of a key is the object; what comes later never counts."""
        split_key(key)
        with _s3_errors(f"store {key}"):
            held = self._head(key)
            if held is None:
                with _open(data) as source:
                    announced = _AnnouncedBytes(key, source, sha256)
                    written = self._write(key, announced, sha256)
                first = self._first_version(key)
                if written is not None and written == first and announced.size <= _PART_BYTES:
                    return ObjectStat(key, sha256, announced.size)
                # one of several parts: Ceph RGW 16 forgets the lock that was asked for with the first
                held = self._head(key, first)
            if held is None:
                raise StoreError(f"cannot store {key}: the service takes it neither as new nor as there")
            found = self._tell(key, held)
            if found.sha256 != sha256:
                raise IntegrityError(
                    f"{key} holds other bytes already",
                    advice="objects are never replaced; compare both and restore the right one",
                )
            self._prolong_lock(key, held)
            return found

    def get(self, key: str, sha256: str) -> bytes:
        """See `ObjectStore.get`."""
        out = io.BytesIO()
        self._read(key, sha256, out)
        return out.getvalue()

    def fetch(self, key: str, sha256: str, target: Path) -> None:
        """See `ObjectStore.fetch`; memory does not grow with the object."""
        with _s3_errors(f"keep {key} on this machine"), target.open("xb") as out:
            try:
                self._read(key, sha256, out)
            except SohoaError:
                target.unlink()
                raise

    def check(self, key: str, sha256: str) -> None:
        """See `ObjectStore.check`."""
        self._read(key, sha256, _Nowhere())  # type: ignore[arg-type]

    def stat(self, key: str) -> ObjectStat | None:
        """See `ObjectStore.stat`."""
        split_key(key)
        with _s3_errors(f"look at {key}"):
            held = self._head(key)
            return None if held is None else self._tell(key, held)

    def list(self, prefix: str = "") -> Iterator[str]:
        """See `ObjectStore.list`."""
        with _s3_errors("list the store"):
            for found in self._client.list_objects(self._bucket, prefix=prefix, recursive=True):
                if found.object_name is not None:
                    yield found.object_name

    def local_path(self, key: str) -> None:
        """None: see `ObjectStore.local_path`."""
        split_key(key)

    def locate(self, key: str) -> str:
        """See `ObjectStore.locate`."""
        return f"s3://{self._bucket}/{key}"

    def clear_stale(self) -> int:
        """Nothing: an object appears whole or not at all. Parts of large ones whose writer died are the
        service's to drop, after a day, where this store made the bucket (`docs/production.md`)."""
        return 0

    def _open_bucket(self) -> None:
        if not self._client.bucket_exists(self._bucket):
            try:
                self._client.make_bucket(self._bucket, self._settings.region, object_lock=True)
                self._drop_half_writes()
            except S3Error as error:
                if error.code not in {"BucketAlreadyOwnedByYou", "BucketAlreadyExists"}:
                    raise
        try:
            self._client.get_object_lock_config(self._bucket)
        except S3Error as error:
            if error.code != "ObjectLockConfigurationNotFoundError":
                raise
            raise StoreError(
                f"the bucket {self._bucket} has no object lock",
                advice="a lock comes only with a new bucket: name another one in the settings",
            ) from error
        if self._client.get_bucket_versioning(self._bucket).status != ENABLED:
            raise StoreError(f"the bucket {self._bucket} keeps no versions", advice="turn versioning on")

    def _drop_half_writes(self) -> None:
        """Let the service drop parts whose writer died; one without lifecycle rules keeps them."""
        rule = Rule(
            ENABLED,
            rule_filter=Filter(prefix=""),
            rule_id="half-written",
            abort_incomplete_multipart_upload=AbortIncompleteMultipartUpload(_ABORT_AFTER_DAYS),
        )
        try:
            self._client.set_bucket_lifecycle(self._bucket, LifecycleConfig([rule]))
        except S3Error as error:
            if error.code not in _NOT_OFFERED:
                raise

    def _write(self, key: str, content: "_AnnouncedBytes", sha256: str) -> str | None:
        """The new version; None where something is there already. Writers of one moment may all get one."""
        try:
            written = self._writer.put_object(
                self._bucket,
                key,
                content,  # type: ignore[arg-type]  # all that the SDK calls is read
                content.size,
                metadata={_SHA256: sha256},
                part_size=_PART_BYTES,
                num_parallel_uploads=1,
                retention=Retention(self._settings.retention_mode, self._lock_end()),
            )
        except S3Error as error:
            if error.code in _TAKEN:
                return None
            raise
        return written.version_id

    def _first_version(self, key: str) -> str | None:
        """The version that counts. Ceph RGW 16 lets all writers of one moment through: measured, it heeds
        `If-None-Match` in buckets without versions only."""
        versions = list(self._list_versions(key))
        return versions[-1] if versions else None

    def _lock_end(self) -> datetime:
        return datetime.now(UTC) + timedelta(days=self._settings.retention_days)

    def _prolong_lock(self, key: str, held: Any) -> None:
        """The same bytes were handed in again: they are to be kept as long as if they were new."""
        until = held.metadata.get(_LOCKED_UNTIL)
        if until is None or self._lock_end() - _read_time(until) > _RENEW_LOCK_AFTER:
            lock = Retention(self._settings.retention_mode, self._lock_end())
            self._client.set_object_retention(self._bucket, key, lock, version_id=held.version_id)

    def _head(self, key: str, version: str | None = None) -> Any | None:
        try:
            return self._client.stat_object(self._bucket, key, version_id=version)
        except S3Error as error:
            if error.code in _ABSENT:
                return None
            raise

    def _tell(self, key: str, held: Any) -> ObjectStat:
        """The digest it was stored under; of what others put there, the digest of its bytes."""
        known = held.metadata.get(_META_SHA256)
        if known is None:
            known = self._copy(key, io.BytesIO(), held.version_id)
        return ObjectStat(key, str(known), int(held.size))

    def _read(self, key: str, sha256: str, out: BinaryIO) -> None:
        split_key(key)
        with _s3_errors(f"read {key}"):
            try:
                is_there = True
                if self._copy(key, out) == sha256:
                    return
            except S3Error as error:
                if error.code not in _ABSENT:
                    raise
                is_there = False
            for version in self._list_versions(key):
                is_there = True
                if self._copy(key, out, version) == sha256:
                    return
        if not is_there:
            raise NotFoundError(f"the store has no {key}")
        raise IntegrityError(f"the bytes of {key} have changed")

    def _list_versions(self, key: str) -> Iterator[str]:
        """Those that are no delete markers, newest first."""
        found = self._client.list_objects(self._bucket, prefix=key, recursive=True, include_version=True)
        for version in found:
            if version.object_name == key and not version.is_delete_marker and version.version_id:
                yield version.version_id

    def _copy(self, key: str, out: BinaryIO, version: str | None = None) -> str:
        """Write one version to `out` from its start; returns the digest of what was written."""
        out.seek(0)
        out.truncate()
        digest = hashlib.sha256()
        response = self._client.get_object(self._bucket, key, version_id=version)
        try:
            for chunk in response.stream(_CHUNK_BYTES):
                digest.update(chunk)
                out.write(chunk)
        finally:
            response.close()
            response.release_conn()
        return digest.hexdigest()


@contextmanager
def _open(data: bytes | Path) -> Iterator[BinaryIO]:
    with io.BytesIO(data) if isinstance(data, bytes) else data.open("rb") as source:
        yield source


def _connect(settings: S3Settings, keys: tuple[str, str], pool: type[urllib3.PoolManager]) -> Minio:
    http = pool(
        timeout=urllib3.Timeout(connect=settings.connect_timeout_s, read=settings.read_timeout_s),
        retries=urllib3.Retry(
            total=settings.attempts - 1, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]
        ),
        maxsize=10,
    )
    return Minio(
        settings.endpoint,
        access_key=keys[0],
        secret_key=keys[1],
        secure=settings.secure,
        region=settings.region,
        http_client=http,
    )


def _read_secret(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise StoreError(
            f"the S3 key {path} cannot be read: {error.strerror}",
            advice="check s3.*_key_file in the settings",
        ) from error


def _read_time(text: str) -> datetime:
    """S3's time; some services write nine digits of a second, which the SDK does not read."""
    return datetime.strptime(text.rstrip("Z").partition(".")[0], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=UTC)


@contextmanager
def _s3_errors(doing: str) -> Iterator[None]:
    try:
        yield
    except S3Error as error:
        advice = "check the S3 keys and their rights" if error.code in _REFUSED else None
        raise StoreError(f"cannot {doing}: {error.code}", advice=advice) from error
    except InvalidResponseError as error:
        raise StoreError(f"cannot {doing}: the answer is not that of an S3 service") from error
    except (MinioException, urllib3.exceptions.HTTPError) as error:
        raise StoreError(f"cannot {doing}: {_tell_cause(error)}") from error
    except OSError as error:
        raise StoreError(f"cannot {doing}: {error.strerror or type(error).__name__}") from error


def _tell_cause(error: Exception) -> str:
    """Without addresses: what urllib3 says names the whole request."""
    reason = getattr(error, "reason", None)
    return type(reason if isinstance(reason, Exception) else error).__name__
