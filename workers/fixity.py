"""The store held against the ledger, batch by batch: hashes, signatures, strangers, and dossiers taken up
again from their manifests."""

import hashlib
import itertools
from collections.abc import Callable, Iterator

from pipeline.binding.keys import load_trust_roots
from pipeline.binding.verify import verify
from pipeline.ledger.fixity import (
    advance_check,
    begin_check,
    classify_keys,
    find_last_check,
    list_expected,
)
from pipeline.ledger.manifests import unpack_manifest
from pipeline.ledger.relinking import Relinked, find_relink, publish_after_gap, relink_dossier
from schemas.errors import BadInputError, IntegrityError, NotFoundError, StoreError
from schemas.fixity import (
    CheckedBatch,
    CheckKind,
    CheckOptions,
    CheckPhase,
    CheckStatus,
    ExpectedObject,
    FindingKind,
    StoreFinding,
)
from schemas.manifest import MANIFEST_KEY
from workers.home import Home
from workers.submit import name_actor

BATCH = 50
"""Objects between two notes of how far a check is; about a second's work."""

_KEYS_A_BATCH = 500


class StoreCheck:
    """One check at work. `step` does a batch; a killed one goes on where it was."""

    def __init__(self, home: Home, status: CheckStatus) -> None:
        self._home = home
        self.status = status
        self._roots = load_trust_roots(home.settings.signing, home.keys) if status.options.signatures else []
        self._listing: Iterator[str] | None = None
        self.relinked = 0
        self._jumped = False

    @property
    def done(self) -> bool:
        """Is there nothing more to look at?"""
        return self.status.phase is CheckPhase.DONE

    def step(self, limit: int = BATCH) -> int:
        """Look at up to `limit` objects (keys: ten times as many); returns how many. Raises `StoreError`."""
        phase, status = self.status.phase, self.status
        if phase is CheckPhase.MANIFESTS:
            batch = self._look_at_manifests(limit)
        elif phase is CheckPhase.KEYS:
            batch = self._look_at_keys(_KEYS_A_BATCH)
        else:
            batch = self._look_at_objects(limit)
        with self._home.database.write() as connection:
            moved = advance_check(connection, status, batch, self._home.now())
        if moved is None:
            raise StoreError(
                f"check {status.id} is being worked on by another process", advice="wait for it to end"
            )
        if batch.cursor is None:
            self._listing = None
        self.status = moved
        return batch.looked_at

    def _look_at_objects(self, limit: int) -> CheckedBatch:
        phase = self.status.phase
        with self._home.database.read() as connection:
            expected = list_expected(connection, phase, self.status.cursor, limit)
        findings, sound, looked_at = [], [], 0
        for one in expected:
            if not self._is_sampled(one.object.key):
                continue
            looked_at += 1
            finding = self._look_at(one)
            if finding is None:
                sound.append(one.object.key)
            else:
                findings.append(finding)
        cursor = expected[-1].cursor if len(expected) == limit else None
        return CheckedBatch(cursor, looked_at, tuple(findings), tuple(sound))

    def _look_at(self, expected: ExpectedObject) -> StoreFinding | None:
        key = expected.object.key
        signed = expected.what == CheckPhase.RENDITIONS and self.status.options.signatures
        try:
            if signed:
                data = self._home.store.get(key, expected.object.sha256)
            else:
                self._home.store.check(key, expected.object.sha256)
        except NotFoundError:
            return StoreFinding(key, FindingKind.MISSING, "it is not in the store; restore it from a backup")
        except IntegrityError:
            return StoreFinding(key, FindingKind.CHANGED, "its bytes changed; restore it from a backup")
        if not signed:
            return None
        try:
            report = verify(data, trust_roots=self._roots)
        except BadInputError as error:
            return StoreFinding(key, FindingKind.UNSIGNED, error.what)
        if report.intact and report.covers_whole_file:
            return None
        return StoreFinding(key, FindingKind.UNSIGNED, "its signatures do not hold (sohoa verify tells more)")

    def _look_at_manifests(self, limit: int) -> CheckedBatch:
        findings, sound, looked_at = [], [], 0
        last: str | None = None
        for dossier_id, keys in itertools.islice(self._list_dossiers(), limit):
            last, looked_at = dossier_id, looked_at + 1
            finding = self._look_at_manifest(dossier_id, keys[-1])
            if finding is not None:
                findings.append(finding)
            elif self._is_sampled(keys[-1]):
                sound.append(keys[-1])
        return CheckedBatch(last if looked_at == limit else None, looked_at, tuple(findings), tuple(sound))

    def _list_dossiers(self) -> Iterator[tuple[str, list[str]]]:
        """Dossiers after the cursor, with their manifests, the newest last."""
        if self._listing is None:
            self._listing = self._home.store.list("dossiers/")
            self._grouped = itertools.groupby(
                (key for key in self._listing if MANIFEST_KEY.match(key)), key=lambda key: key.split("/")[1]
            )
        for dossier_id, keys in self._grouped:
            if dossier_id > self.status.cursor:
                yield dossier_id, list(keys)

    def _look_at_manifest(self, dossier_id: str, key: str) -> StoreFinding | None:
        match = MANIFEST_KEY.match(key)
        changes = int(match["changes"]) if match else 0
        with self._home.database.read() as connection:
            known = find_relink(connection, dossier_id, changes) is Relinked.KNOWN
        if known and not self._is_sampled(key):
            return None
        stat = self._home.store.stat(key)
        try:
            if stat is None:
                return StoreFinding(key, FindingKind.MISSING, "it was listed and is gone")
            manifest = unpack_manifest(self._home.store.get(key, stat.sha256))
        except IntegrityError:
            return StoreFinding(key, FindingKind.CHANGED, "this manifest cannot be read")
        if known:
            return None
        if not self.status.options.relink:
            return StoreFinding(key, FindingKind.UNLINKED, "the ledger is behind this manifest (--relink)")
        with self._home.database.write() as connection:
            relink_dossier(connection, manifest, name_actor(), self._home.now())
            if not self._jumped:
                self._jumped = publish_after_gap(connection) > 0
        self.relinked += 1
        return None

    def _look_at_keys(self, limit: int) -> CheckedBatch:
        if self._listing is None:
            after = self.status.cursor
            self._listing = (key for key in self._home.store.list() if key > after)
        keys = list(itertools.islice(self._listing, limit))
        with self._home.database.read() as connection:
            findings = classify_keys(connection, keys)
        return CheckedBatch(keys[-1] if len(keys) == limit else None, len(keys), findings)

    def _is_sampled(self, key: str) -> bool:
        """The same objects throughout one check, others in the next."""
        share = self.status.options.sample
        if share >= 1.0:
            return True
        digest = hashlib.sha256(f"{self.status.id}:{key}".encode()).digest()
        return int.from_bytes(digest[:4], "big") < share * 2**32


def open_check(home: Home, kind: CheckKind, options: CheckOptions, *, restart: bool = False) -> StoreCheck:
    """The check that was not finished, or a new one; `options` are those of a new one."""
    with home.database.write() as connection:
        last = find_last_check(connection, kind)
        if (
            last is None
            or last.ended_at is not None
            or restart
            or (kind == "asked" and last.options != options)
        ):
            last = begin_check(connection, kind, options, home.now())
    return StoreCheck(home, last)


def run_check(check: StoreCheck, on_progress: Callable[[CheckStatus], None]) -> None:
    """To its end. Raises `StoreError`."""
    on_progress(check.status)
    while not check.done:
        check.step()
        on_progress(check.status)
