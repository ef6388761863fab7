"""What must hold after any harm: nothing lost, nothing twice, every finished PDF what the ledger says."""

from collections import Counter
from collections.abc import Mapping
from hashlib import sha256

from sqlalchemy import Connection, func, select

from pipeline.binding.keys import load_trust_roots
from pipeline.binding.verify import verify
from pipeline.ledger.audit import verify_audit
from schemas.dossier import DossierState, JobState
from schemas.errors import SohoaError
from schemas.tables import documents, dossiers, events, jobs, originals, pages, renditions
from workers.home import Home

REST = {DossierState.COMPLETE, DossierState.NEEDS_RESCAN, DossierState.FAILED}


def list_unrested(home: Home) -> list[str]:
    """Dossiers still at work. Raises `StoreError`."""
    with home.database.read() as connection:
        return list(connection.execute(select(dossiers.c.id).where(dossiers.c.state.not_in(REST))).scalars())


def check_dossiers(home: Home, promised: Mapping[str, int], *, since: float = 0.0) -> list[str]:
    """What does not hold, in words. `promised`: pages of each dossier whose hand-over was acknowledged.

    All dossiers handed in `since` then are looked at, also those that nobody got an answer for.
    """
    with home.database.read() as connection:
        found = list(connection.execute(select(dossiers).where(dossiers.c.submitted_at >= since)).mappings())
        wrong = [f"lost: dossier {one}" for one in set(promised) - {row["id"] for row in found}]
        for row in found:
            wrong += _check_dossier(connection, home, row["id"], row["state"], promised.get(row["id"]))
        stuck = connection.execute(
            select(func.count())
            .select_from(jobs)
            .where(jobs.c.dossier_id.in_([row["id"] for row in found]), jobs.c.state != JobState.DONE)
        ).scalar_one()
    return wrong + ([f"{stuck} jobs are not done"] if stuck else [])


def check_whole_ledger(home: Home) -> list[str]:
    """The audit chain, the numbers of events, and that the store holds no stranger. Raises `StoreError`."""
    wrong = []
    with home.database.read() as connection:
        broken = verify_audit(connection).broken_at
        if broken is not None:
            wrong.append(f"audit broken at {broken}")
        numbers = list(
            connection.execute(
                select(events.c.publish_seq)
                .where(events.c.publish_seq.is_not(None))
                .order_by(events.c.publish_seq)
            ).scalars()
        )
        if numbers != list(range(1, len(numbers) + 1)):
            wrong.append("event numbers have a gap or a double")
        registered = set(connection.execute(select(renditions.c.key)).scalars())
    stored = set(home.store.list("records/"))
    wrong += [f"stored and not registered: {key}" for key in stored - registered]
    wrong += [f"registered and not stored: {key}" for key in registered - stored]
    return wrong


def _check_dossier(
    connection: Connection, home: Home, dossier_id: str, state: str, promised: int | None
) -> list[str]:
    wrong = []
    if state != DossierState.COMPLETE:
        wrong.append(f"{dossier_id} is {state}")
    papers = connection.execute(select(documents).where(documents.c.dossier_id == dossier_id)).all()
    ids = [paper.id for paper in papers]
    rows = connection.execute(
        select(pages, originals.c.key.label("original_key"))
        .join(originals, originals.c.sha256 == pages.c.original_sha256)
        .where(pages.c.document_id.in_(ids))
    ).all()
    declared = sum(paper.page_count for paper in papers)
    if len(rows) != declared or (promised is not None and promised != declared):
        wrong.append(f"{dossier_id}: {len(rows)} pages of {promised or declared}")
    wrong += [f"{dossier_id}: page {row.id} has no verdict" for row in rows if row.verdict is None]
    told = connection.execute(
        select(func.count()).select_from(events).where(events.c.dossier_id == dossier_id)
    ).scalar_one()
    if told != 1:
        wrong.append(f"{dossier_id}: {told} events")
    made = connection.execute(select(renditions).where(renditions.c.document_id.in_(ids))).all()
    count = Counter(rendition.document_id for rendition in made)
    wrong += [f"{dossier_id}: {count[one]} renditions of paper {one}" for one in ids if count[one] != 1]
    for rendition in made:
        wrong += _check_pdf(home, rendition.key, rendition.sha256)
    for key, digest in {(row.original_key, row.original_sha256) for row in rows}:
        wrong += _check_object(home, key, digest)
    return wrong


def _check_object(home: Home, key: str, digest: str) -> list[str]:
    try:
        home.store.get(key, digest)
    except SohoaError as error:
        return [error.what]
    return []


def _check_pdf(home: Home, key: str, digest: str) -> list[str]:
    try:
        pdf = home.store.get(key, digest)
        roots = load_trust_roots(home.settings.signing, home.keys)
        report = verify(pdf, trust_roots=roots)
    except SohoaError as error:
        return [f"{key}: {error.what}"]
    if sha256(pdf).hexdigest() != digest:
        return [f"{key}: other bytes"]
    if not (report.intact and report.trusted and report.covers_whole_file) or report.problems:
        return [f"{key}: does not verify {report.problems}"]
    return []
