"""A lost ledger rebuilt from manifests, and an old one brought forward, know what the lost one knew."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_bench import Bench, original

from pipeline.ledger.database import open_database, sqlite_url
from pipeline.ledger.dossiers import replace_page
from pipeline.ledger.manifests import (
    describe_dossier,
    list_undescribed,
    mark_changed,
    mark_described,
    pack_manifest,
    unpack_manifest,
)
from pipeline.ledger.outbox import publish_events, read_events
from pipeline.ledger.relinking import EVENT_GAP, Relinked, publish_after_gap, relink_dossier
from schemas.dossier import DossierState, JobKind
from schemas.manifest import MANIFEST_KEY, DossierManifest, name_manifest
from schemas.page import Verdict


@pytest.fixture
def restored(tmp_path: Path) -> Iterator[Bench]:
    database = open_database(sqlite_url(tmp_path / "restored.sqlite3"))
    yield Bench(database)
    database.close()


def describe(bench: Bench, dossier_id: str) -> DossierManifest:
    """As it comes back from the store."""
    with bench.database.read() as connection:
        manifest = describe_dossier(connection, dossier_id)
    return unpack_manifest(pack_manifest(manifest))


def relink(bench: Bench, manifest: DossierManifest) -> Relinked:
    with bench.database.write() as connection:
        return relink_dossier(connection, manifest, "uid:1", bench.now)


def test_a_complete_dossier_is_taken_up_as_it_was_and_told_of_once_more(
    bench: Bench, restored: Bench
) -> None:
    dossier_id = bench.register(2, 1)
    bench.work_all(dossier_id)
    manifest = describe(bench, dossier_id)
    assert relink(restored, manifest) is Relinked.ADDED
    assert restored.status(dossier_id) == bench.status(dossier_id)
    assert relink(restored, manifest) is Relinked.KNOWN
    with restored.database.write() as connection:
        assert publish_after_gap(connection) == 1
        (event,) = read_events(connection)
    with bench.database.write() as connection:
        publish_events(connection)
        (lost,) = read_events(connection)
    assert (event.id, event.payload) == (lost.id, lost.payload)
    assert event.sequence >= EVENT_GAP > lost.sequence
    assert restored.open_jobs(dossier_id, JobKind.PAGE) == []


def test_a_dossier_that_was_under_way_goes_on(bench: Bench, restored: Bench) -> None:
    dossier_id = bench.register(3)
    claim = bench.claim(bench.open_jobs(dossier_id, JobKind.PAGE)[0])
    assert claim is not None
    bench.finish_page(claim)
    relink(restored, describe(bench, dossier_id))
    assert len(restored.open_jobs(dossier_id, JobKind.PAGE)) == 2
    restored.work_all(dossier_id)
    assert restored.status(dossier_id).state is DossierState.COMPLETE


def test_an_old_ledger_is_brought_forward_and_its_old_jobs_end(bench: Bench, restored: Bench) -> None:
    dossier_id = bench.register(2)
    relink(restored, describe(bench, dossier_id))  # the backup: handed in, nothing read
    bench.work_all(dossier_id, lambda _: Verdict.UNREADABLE)
    with bench.database.write() as connection:
        for number in (1, 2):
            replace_page(connection, dossier_id, (1, number), original(f"again {number}"), "uid:1", bench.now)
    bench.work_all(dossier_id)
    assert relink(restored, describe(bench, dossier_id)) is Relinked.BROUGHT_FORWARD
    assert restored.status(dossier_id) == bench.status(dossier_id)
    assert restored.open_jobs(dossier_id, JobKind.PAGE) == []
    assert restored.open_jobs(dossier_id, JobKind.DOCUMENT) == []


def test_a_manifest_is_due_after_each_change_and_once(bench: Bench) -> None:
    dossier_id = bench.register(1)
    with bench.database.write() as connection:
        assert list_undescribed(connection, 10) == [dossier_id]
        mark_described(connection, dossier_id, 1)
        assert list_undescribed(connection, 10) == []
        mark_changed(connection, dossier_id)
        mark_described(connection, dossier_id, 1)  # late, by another process
        assert list_undescribed(connection, 10) == [dossier_id]
    bench.work_all(dossier_id)
    assert describe(bench, dossier_id).changes == 3


@given(st.uuids(), st.lists(st.integers(1, 2_000_000), min_size=1, unique=True))
def test_names_of_manifests_sort_as_their_numbers_and_are_read_back(
    dossier: object, numbers: list[int]
) -> None:
    names = [name_manifest(str(dossier), number) for number in sorted(numbers) if number < 1_000_000]
    assert names == sorted(names)
    for number in numbers:
        match = MANIFEST_KEY.match(name_manifest(str(dossier), number))
        assert match is not None and (match["dossier"], int(match["changes"])) == (str(dossier), number)
