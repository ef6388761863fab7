"""`python -m scripts.bench.growth`: do claims, status and event reads stay flat when the ledger grows?

Ledgers are filled in the database itself (pages in papers of 4, dossiers of 3 papers; every job of theirs
done), a few thousand jobs are left to do, and the calls of the program are timed on them. Pages carry no
trace, which would be 0.7 KB each and is in no index.
"""

import json
import random
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer
from sqlalchemy import Connection, select, text

from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.ledger.fixity import list_expected
from pipeline.ledger.jobs import claim_job, has_due, release_job, take_due
from pipeline.ledger.manifests import list_undescribed
from pipeline.ledger.outbox import count_unpublished, read_events
from pipeline.ledger.renditions import find_newest
from pipeline.ledger.runs import create_run, feed_run
from pipeline.ledger.status import read_record
from schemas.dossier import JobKind
from schemas.fixity import CheckPhase
from schemas.reprocess import ComparePolicy, Selection
from schemas.tables import jobs

PAPERS_A_DOSSIER, PAGES_A_PAPER = 3, 4
OPEN_DOSSIERS = 500
"""The newest dossiers: their page jobs are still to be done."""

_COUNTED = (
    "(WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count) SELECT i FROM n)"
)
_NOW = 1_800_000_000.0


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one call. `cpu_ms`: this process's (median), with SQLite all there is; `tenth_ms`: the
    quickest tenth, which a busy machine touches least."""

    cpu_ms: float
    tenth_ms: float
    median_ms: float
    p95_ms: float


def fill(database: Database, pages: int) -> float:
    """Fill an empty ledger; returns the seconds it took. Everything is one INSERT a table."""
    started = time.monotonic()
    dossiers = max(pages // (PAPERS_A_DOSSIER * PAGES_A_PAPER), OPEN_DOSSIERS)
    with database.write() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:
            connection.execute(text("PRAGMA cache_size = -2000000"))  # KiB, for filling alone
        else:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            connection.execute(text("SET LOCAL session_replication_role = replica"))
        for table, columns, values, count in _rows(dossiers, sqlite=sqlite):
            source = _COUNTED if sqlite else "generate_series(1, :count) AS n(i)"
            insertion = f"INSERT INTO {table} ({columns}) SELECT {values} FROM {source}"  # noqa: S608 -- ours
            connection.execute(text(insertion), {"count": count, "open": dossiers - OPEN_DOSSIERS})
        if not sqlite:
            for table in ("documents", "pages", "renditions"):
                moved = f"SELECT setval('{table}_id_seq', (SELECT max(id) FROM {table}))"  # noqa: S608
                connection.execute(text(moved))
    with database.write() as connection:
        connection.execute(text("ANALYZE"))
    return time.monotonic() - started


def _rows(dossiers: int, *, sqlite: bool) -> list[tuple[str, str, str, int]]:
    """Table, columns, values and number of rows; `i` counts from 1. Ids are spread as random ones are."""
    papers, pages = dossiers * PAPERS_A_DOSSIER, dossiers * PAPERS_A_DOSSIER * PAGES_A_PAPER
    json_list = "'[]'" if sqlite else "CAST('[]' AS jsonb)"

    def hexed(value: str, width: int) -> str:
        return (
            f"printf('%0{width}x', {value})" if sqlite else f"lpad(to_hex(({value})::bigint), {width}, '0')"
        )

    def spread(value: str) -> str:
        return f"(({value}) * 2654435761) % 4294967296"

    def uuid(value: str, kind: int) -> str:
        return f"{hexed(spread(value), 8)} || '-000{kind}-4000-8000-' || {hexed(value, 12)}"

    def sha(value: str) -> str:
        return f"{hexed(spread(value), 16)} || {hexed(value, 48)}"

    def padded(value: str, width: int) -> str:
        return f"printf('%0{width}d', {value})" if sqlite else f"lpad(({value})::text, {width}, '0')"

    record = f"'H21.65-220914-' || {padded('i', 8)}"
    dossier_of_paper, paper_of_page = f"(i - 1) / {PAPERS_A_DOSSIER} + 1", f"(i - 1) / {PAGES_A_PAPER} + 1"
    dossier_of_page = f"(i - 1) / {PAPERS_A_DOSSIER * PAGES_A_PAPER} + 1"
    at = f"{_NOW - 1e7} + i"
    done = f"CASE WHEN {dossier_of_page} > :open THEN 'queued' ELSE 'done' END"
    true = "1" if sqlite else "true"
    result = f"CASE WHEN {dossier_of_page} > :open THEN NULL ELSE 'pages/' || {uuid(dossier_of_page, 1)}" \
             f" || '/1/1.1/' || {sha('i')} END"  # fmt: skip
    verdict = (
        f"CASE WHEN {dossier_of_page} > :open THEN NULL WHEN i % 9 = 0 THEN 'review' ELSE 'readable' END"
    )
    return [
        ("records", "code, created_at", f"{record}, {at}", dossiers),
        ("dossiers", "id, record_code, kind, procedure_code, state, priority, submitted_at, completions, "
         "changes, described", f"{uuid('i', 1)}, {record}, 'intake', '1.004', "
         f"CASE WHEN i > :open THEN 'submitted' ELSE 'complete' END, i % 2, {at}, 1, 2, 2", dossiers),
        ("documents", "id, dossier_id, ordinal, title, page_count, state",
         f"i, {uuid(dossier_of_paper, 1)}, (i - 1) % {PAPERS_A_DOSSIER} + 1, 'Đơn đề nghị', {PAGES_A_PAPER}, "
         f"CASE WHEN {dossier_of_paper} > :open THEN 'pending' ELSE 'complete' END", papers),
        ("originals", "sha256, size, media_type, key, created_at",
         f"{sha('i')}, 500000, 'image/jpeg', 'originals/00/' || {sha('i')}, {at}", papers),
        ("pages", "id, document_id, number, revision, is_current, original_sha256, source_page, verdict, "
         "reasons, result_key, result_sha256, result_size, reading, engine, mean_confidence, read_s, "
         "created_at",
         f"i, {paper_of_page}, (i - 1) % {PAGES_A_PAPER} + 1, 1, {true}, {sha(paper_of_page)}, "
         f"(i - 1) % {PAGES_A_PAPER} + 1, {verdict}, {json_list}, {result}, {sha('i')}, 300000, 1, "
         f"CASE WHEN i % 5 = 0 THEN 'tesserocr 5.3.0' ELSE 'tesserocr 5.5.4' END, 0.9, 1.0, {at}", pages),
        ("renditions", "id, document_id, number, key, sha256, size, page_ids, level, level_asked, created_at",
         f"i, i, 1, 'records/' || {uuid(dossier_of_paper, 1)} || '/' || i || '/1.pdf', {sha('i')}, 900000, "
         f"{json_list}, 'B-B', 'B-B', {at}", papers - OPEN_DOSSIERS * PAPERS_A_DOSSIER),
        ("jobs", "id, kind, dossier_id, document_id, page_id, state, priority, attempt, next_attempt_at, "
         "created_at, ended_at", f"{uuid('i', 2)}, 'page', {uuid(dossier_of_page, 1)}, {paper_of_page}, i, "
         f"{done}, ({dossier_of_page}) % 2, 1, {at}, {at}, {at}", pages),
        ("jobs", "id, kind, dossier_id, document_id, state, priority, attempt, next_attempt_at, created_at, "
         "ended_at", f"{uuid('i', 3)}, 'document', {uuid(dossier_of_paper, 1)}, i, 'done', 0, 1, {at}, {at}, "
         f"{at}", papers - OPEN_DOSSIERS * PAPERS_A_DOSSIER),
        ("events", "id, publish_seq, type, record_code, dossier_id, completion, payload, created_at",
         f"{uuid('i', 1)} || '.1', i, 'dossier.completed', {record}, {uuid('i', 1)}, 1, "
         + (f"'{_payload()}'" if sqlite else f"CAST('{_payload()}' AS jsonb)") + f", {at}",
         dossiers - OPEN_DOSSIERS),
        ("audit", "seq, at, actor, action, subject, details, prev_hash, hash",
         f"i, {at}, 'system', 'dossier.completed', {uuid('i', 1)}, '{{}}', {sha('i')}, {sha('i')}", dossiers),
    ]  # fmt: skip


def _payload() -> str:
    return json.dumps(
        {"record_code": "H21.65-220914-0001", "dossier_id": "d", "kind": "intake", "documents": []}
    )


def measure(database: Database, repeats: int, seed: int = 1) -> dict[str, Latency]:
    """Each call `repeats` times on random rows, its transaction and commit included."""
    rng = random.Random(seed)
    with database.read() as connection:
        queued = select(jobs.c.id).where(jobs.c.state == "queued", jobs.c.run_id.is_(None))
        waiting = list(connection.execute(queued).scalars())
        dossiers = connection.execute(text("SELECT count(*) FROM dossiers")).scalar_one()
    rng.shuffle(waiting)
    codes = [f"H21.65-220914-{rng.randint(1, dossiers):08d}" for _ in range(repeats)]
    afters = [rng.randint(0, dossiers) for _ in range(repeats)]
    papers = [rng.randint(1, dossiers * PAPERS_A_DOSSIER) for _ in range(repeats)]
    with database.write() as connection:
        run_id = create_run(
            connection, Selection(engine="tesserocr 5.3.0"), ComparePolicy(), None, "uid:0", _NOW
        )

    def claim(connection: Connection, number: int) -> None:
        held = claim_job(connection, waiting[number % len(waiting)], "bench", 60.0, _NOW + number)
        assert held is not None  # noqa: S101 -- a bench that measured nothing would be worse
        release_job(connection, held)

    calls: dict[str, tuple[bool, Callable[[Connection, int], object]]] = {
        "claim and give back": (True, claim),
        "hints (take_due)": (True, lambda c, n: take_due(c, JobKind.PAGE, 4, _NOW + 400 * n)),
        "anything due?": (False, lambda c, _: has_due(c, _NOW)),
        "events unpublished?": (False, lambda c, _: count_unpublished(c)),
        "status of a record": (False, lambda c, n: read_record(c, codes[n], str, lambda *_: ())),
        "100 events": (False, lambda c, n: read_events(c, afters[n], 100)),
        "newest rendition": (False, lambda c, n: find_newest(c, papers[n])),
        "manifests due?": (False, lambda c, _: list_undescribed(c, 100)),
        "feed a run": (True, lambda c, n: feed_run(c, run_id, 8 * (n + 1), _NOW + n)),
        "50 objects to check": (False, lambda c, n: list_expected(c, CheckPhase.PAGES, str(papers[n]), 50)),
    }
    return {name: _time(database, call, repeats, writes=writes) for name, (writes, call) in calls.items()}


def _time(
    database: Database, call: Callable[[Connection, int], object], repeats: int, *, writes: bool
) -> Latency:
    took, cpu = [], []
    for number in range(repeats):
        started, cpu_started = time.perf_counter(), time.thread_time()
        with database.write() if writes else database.read() as connection:
            call(connection, number)
        took.append(1000 * (time.perf_counter() - started))
        cpu.append(1000 * (time.thread_time() - cpu_started))
    took.sort()
    return Latency(
        statistics.median(cpu), took[len(took) // 10], statistics.median(took), took[int(0.95 * len(took))]
    )


def main(
    folder: Annotated[Path, typer.Argument(help="for the SQLite ledgers and the answers")],
    sizes: Annotated[str, typer.Option(help="pages, comma between")] = "100000,10000000",
    postgresql: Annotated[
        str | None, typer.Option(help="URL of a throw-away server, e.g. postgresql://bench@127.0.0.1:5999/")
    ] = None,
    repeats: int = 200,
    keep: Annotated[bool, typer.Option("--keep", help="ledgers that are there: measure only")] = False,
) -> None:
    """CPU, quickest tenth, median and 95th percentile of each call; how they grew from least to most."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = "postgresql" if postgresql else "sqlite"
    told: dict[int, dict[str, Latency]] = {}
    for size in map(int, sizes.split(",")):
        path = folder / f"growth-{size}.sqlite3"
        if postgresql:
            url: object = _make_database(postgresql, f"growth_{size}", keep=keep)
        else:
            url = sqlite_url(path)
            if not keep:
                path.unlink(missing_ok=True)
        database = open_database(url)  # type: ignore[arg-type]
        filled = keep and _has_rows(database)
        took_s = 0.0 if filled else fill(database, size)
        told[size] = measure(database, repeats)
        database.close()
        print(f"{kind} {size:,} pages: filled in {took_s:.0f} s", flush=True)
        for name, one in told[size].items():
            columns = "".join(f" {value:8.2f}" for value in asdict(one).values())
            print(f"  {name:22s}{columns} ms", flush=True)
    least, most = min(told), max(told)
    for name in told[least]:
        small, large = told[least][name], told[most][name]
        cpu, tenth = large.cpu_ms / small.cpu_ms, large.tenth_ms / small.tenth_ms
        median = large.median_ms / small.median_ms
        print(f"  {name:22s} x {cpu:.2f} (CPU)  x {tenth:.2f} (quickest tenth)  x {median:.2f} (median)")
    answer = {size: {name: asdict(one) for name, one in rows.items()} for size, rows in told.items()}
    (folder / f"growth-{kind}.json").write_text(json.dumps(answer, indent=1))


def _has_rows(database: Database) -> bool:
    with database.read() as connection:
        return connection.execute(text("SELECT id FROM dossiers LIMIT 1")).first() is not None


def _make_database(server: str, name: str, *, keep: bool) -> str:
    from sqlalchemy import create_engine

    engine = create_engine(f"{server}postgres", isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        named = text("SELECT 1 FROM pg_database WHERE datname = :name")
        if not (keep and connection.execute(named, {"name": name}).first()):
            connection.execute(text(f"DROP DATABASE IF EXISTS {name}"))
            connection.execute(text(f"CREATE DATABASE {name}"))
    engine.dispose()
    return f"{server}{name}"


if __name__ == "__main__":
    typer.run(main)
