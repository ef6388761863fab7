"""Manifests: each dossier's state written into the store beside its papers, soon after it changed."""

from hashlib import sha256
from logging import getLogger

from pipeline.ledger.manifests import (
    describe_dossier,
    list_undescribed,
    mark_changed,
    mark_described,
    pack_manifest,
)
from schemas.errors import IntegrityError
from schemas.manifest import DossierManifest, name_manifest
from workers.home import Home

DESCRIBED_A_ROUND = 100

_log = getLogger("sohoa.keeper")


def describe_changed(home: Home, limit: int = DESCRIBED_A_ROUND) -> int:
    """Write the manifests that are due; returns how many. Raises `StoreError`."""
    with home.database.read() as connection:
        due = list_undescribed(connection, limit)
        manifests = [describe_dossier(connection, dossier_id) for dossier_id in due]
    for manifest in manifests:
        data = pack_manifest(manifest)
        try:
            home.store.put(
                name_manifest(manifest.dossier_id, manifest.changes), data, sha256(data).hexdigest()
            )
        except IntegrityError:
            _take_new_number(home, manifest)
            continue
        with home.database.write() as connection:
            mark_described(connection, manifest.dossier_id, manifest.changes)
    return len(manifests)


def _take_new_number(home: Home, manifest: DossierManifest) -> None:
    """A process died over a manifest of the same change but another moment, or the ledger was restored from
    a backup: where the store knows later changes, theirs must be taken up first, so nothing is written."""
    newest = max(home.store.list(f"dossiers/{manifest.dossier_id}/"))
    if newest > name_manifest(manifest.dossier_id, manifest.changes):
        _log.warning(
            "the ledger is behind the store dossier=%s: stop the server, run sohoa check-store --relink",
            manifest.dossier_id,
        )
        return
    with home.database.write() as connection:
        mark_changed(connection, manifest.dossier_id)
