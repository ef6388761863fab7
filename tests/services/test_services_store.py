"""The object store on a real S3 server: the contract of every store, and what only S3 has."""

import hashlib
import threading
from pathlib import Path
from typing import Any

import pytest
from minio import Minio
from minio.deleteobjects import DeleteObject
from minio.error import S3Error
from test_storing_folder import (  # noqa: F401 -- the same contract, with the fixture `store` of this room
    test_a_file_is_stored_like_bytes,
    test_a_large_file_goes_in_and_out_without_lying_in_memory,
    test_a_large_file_other_than_announced_is_refused,
    test_bytes_other_than_announced_are_refused,
    test_keys_are_listed_in_order_by_prefix,
    test_keys_that_lead_elsewhere_are_refused,
    test_other_bytes_never_replace_an_object,
    test_reading_to_check_tells_sound_changed_and_missing,
    test_the_same_bytes_again_change_nothing,
    test_what_is_not_there_is_said_so,
    test_writers_at_once_leave_one_whole_object,
    write_large,
)

from pipeline.storing.s3 import S3Store
from schemas.errors import IntegrityError, NotFoundError, StoreError
from scripts.faults.site import name_s3


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def owner(s3_environment: dict[str, str]) -> Minio:
    """The store's own credentials, used without our store."""
    settings = name_s3(s3_environment)
    return Minio(
        settings.endpoint,
        access_key=settings.access_key_file.read_text(),
        secret_key=settings.secret_key_file.read_text(),
        secure=False,
        region=settings.region,
    )


def versions(owner: Minio, bucket: str, key: str) -> list[Any]:
    return list(owner.list_objects(bucket, prefix=key, include_version=True))


@pytest.fixture
def bucket(s3_environment: dict[str, str]) -> str:
    return s3_environment["SOHOA_S3__BUCKET"]


def test_a_large_object_comes_back_whole_and_by_file(store: S3Store, tmp_path: Path) -> None:
    data = bytes(range(256)) * 80_000  # 20 MB: more than one part of the SDK's own choosing
    put = store.put("originals/large", data, digest(data))
    assert put == store.stat("originals/large")
    assert put.size == len(data)
    store.fetch("originals/large", put.sha256, tmp_path / "fetched")
    assert (tmp_path / "fetched").read_bytes() == data


def test_a_large_file_is_one_locked_object_whoever_was_first(
    store: S3Store, owner: Minio, bucket: str, tmp_path: Path
) -> None:
    large, sha256 = write_large(tmp_path / "large", 20)
    answers: list[Any] = []
    writers = [
        threading.Thread(target=lambda: answers.append(store.put("originals/l", large, sha256)))
        for _ in range(3)
    ]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert [(answer.sha256, answer.size) for answer in answers] == [(sha256, large.stat().st_size)] * 3
    store.check("originals/l", sha256)
    first = versions(owner, bucket, "originals/l")[-1]
    with pytest.raises(S3Error) as refused:
        owner.remove_object(bucket, "originals/l", version_id=first.version_id)
    assert refused.value.code == "AccessDenied"


def test_parts_of_a_write_that_failed_are_not_left(
    store: S3Store, owner: Minio, bucket: str, tmp_path: Path
) -> None:
    large, _ = write_large(tmp_path / "large", 20)
    with pytest.raises(IntegrityError):
        store.put("originals/l", large, "0" * 64)
    assert not owner._list_multipart_uploads(bucket).uploads
    (rule,) = owner.get_bucket_lifecycle(bucket).rules
    assert rule.abort_incomplete_multipart_upload.days_after_initiation == 1


def test_a_locked_original_cannot_be_deleted_with_the_stores_own_credentials(
    store: S3Store, owner: Minio, bucket: str
) -> None:
    store.put("originals/k", b"scan", digest(b"scan"))
    (version,) = versions(owner, bucket, "originals/k")
    with pytest.raises(S3Error) as refused:
        owner.remove_object(bucket, "originals/k", version_id=version.version_id)
    assert refused.value.code == "AccessDenied"
    errors = list(owner.remove_objects(bucket, [DeleteObject("originals/k", version.version_id)]))
    assert [error.code for error in errors] == ["AccessDenied"]
    assert store.get("originals/k", digest(b"scan")) == b"scan"


def test_an_object_hidden_or_covered_by_others_is_still_given_out(
    store: S3Store, owner: Minio, bucket: str
) -> None:
    import io

    store.put("k", b"true", digest(b"true"))
    owner.put_object(bucket, "k", io.BytesIO(b"false"), 5)
    assert store.get("k", digest(b"true")) == b"true"
    owner.remove_object(bucket, "k")  # a delete marker; the locked version lies below
    assert store.get("k", digest(b"true")) == b"true"
    with pytest.raises(IntegrityError):
        store.get("k", digest(b"other"))


def test_bytes_that_changed_in_the_store_are_never_given_out(
    store: S3Store, owner: Minio, bucket: str, tmp_path: Path
) -> None:
    import io

    sha256 = digest(b"true")
    owner.put_object(bucket, "k", io.BytesIO(b"trUe"), 4, metadata={"sha256": sha256})  # as rot would show
    assert store.stat("k") is not None
    with pytest.raises(IntegrityError):
        store.get("k", sha256)
    with pytest.raises(IntegrityError):
        store.fetch("k", sha256, tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()


def test_the_digest_of_what_others_put_there_is_that_of_its_bytes(
    store: S3Store, owner: Minio, bucket: str
) -> None:
    import io

    owner.put_object(bucket, "k", io.BytesIO(b"foreign"), 7)
    found = store.stat("k")
    assert found is not None and found.sha256 == digest(b"foreign")
    with pytest.raises(IntegrityError):
        store.put("k", b"ours", digest(b"ours"))


def test_every_object_is_locked_and_handed_in_again_for_longer(
    store: S3Store, owner: Minio, bucket: str, s3_environment: dict[str, str]
) -> None:
    name = "x-amz-object-lock-retain-until-date"
    store.put("k", b"scan", digest(b"scan"))
    metadata = owner.stat_object(bucket, "k").metadata
    assert metadata is not None
    first = metadata[name]
    longer = S3Store(name_s3(s3_environment | {"SOHOA_S3__RETENTION_DAYS": "30"}))
    longer.put("k", b"scan", digest(b"scan"))
    metadata = owner.stat_object(bucket, "k").metadata
    assert metadata is not None
    assert metadata[name] > first
    assert len(versions(owner, bucket, "k")) == 1


def test_writers_of_the_same_bytes_at_once_are_all_served(store: S3Store) -> None:
    body = b"x" * 500_000
    failed: list[Exception] = []

    def write() -> None:
        try:
            store.put("k", body, digest(body))
        except StoreError as error:
            failed.append(error)

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert store.get("k", digest(body)) == body


def test_the_first_writer_of_one_moment_is_the_only_one(
    store: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.put("k", b"one", digest(b"one"))
    look = S3Store._head
    with monkeypatch.context() as between:  # looked before the first one wrote, and writes after it
        between.setattr(
            S3Store, "_head", lambda self, key, version=None: version and look(self, key, version)
        )
        with pytest.raises(IntegrityError):
            store.put("k", b"two", digest(b"two"))
        assert store.put("k", b"one", digest(b"one")).size == 3
    assert store.get("k", digest(b"one")) == b"one"


def test_a_bucket_without_lock_is_refused(owner: Minio, s3_environment: dict[str, str]) -> None:
    owner.make_bucket("no-lock-here")
    with pytest.raises(StoreError, match="no object lock"):
        S3Store(name_s3(s3_environment | {"SOHOA_S3__BUCKET": "no-lock-here"}))


def test_wrong_keys_and_a_service_that_is_away_are_told_without_the_keys(
    s3_environment: dict[str, str], tmp_path: Path
) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-secret-key")
    with pytest.raises(StoreError, match="keys") as refused:
        S3Store(name_s3(s3_environment | {"SOHOA_S3__SECRET_KEY_FILE": str(wrong)}))
    assert "not-the-secret" not in str(refused.value)
    with pytest.raises(StoreError, match="cannot open the bucket"):
        S3Store(name_s3(s3_environment | {"SOHOA_S3__ENDPOINT": "127.0.0.1:9"}))
    with pytest.raises(StoreError, match="cannot be read"):
        S3Store(name_s3(s3_environment | {"SOHOA_S3__SECRET_KEY_FILE": str(tmp_path / "none")}))


def test_an_object_nobody_put_is_not_found(store: S3Store, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        store.fetch("nothing", digest(b""), tmp_path / "fetched")
    assert not (tmp_path / "fetched").exists()
    assert store.locate("a/b").endswith("/a/b")
