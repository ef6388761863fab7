"""How long the report takes over many records.

    python -m scripts.bench.report [--records 1000000] [--backend sqlite|postgres]

Fills a ledger of its own with made-up records of one year (no scan, no person), then makes the report of a
month and of the year by every dimension, and prints the seconds of each.
"""

import argparse
import random
import time
from collections.abc import Iterator
from datetime import date
from itertools import islice
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, insert, text

from pipeline.ledger.database import Database, open_database, sqlite_url
from pipeline.ledger.milestones import compare_days
from schemas.onestop_tables import record_histories
from schemas.statistics import Dimension, PeriodKind
from schemas.tables import dossiers, records
from scripts.services.postgres import Postgres
from scripts.services.process import make_folder, remove_folder
from workers.statistics import make_report

YEAR_START = 1_767_200_400.0
"""2026-01-01 in Viet Nam."""

DAY = 86400.0
_CHUNK = 20_000
_OFFICES, _PROCEDURES, _AGENCIES = 220, 300, 18

Rows = tuple[dict[str, Any], dict[str, Any], dict[str, Any] | None]


def make_rows(count: int, seed: int) -> Iterator[Rows]:
    """Rows of `records`, `record_histories` and `dossiers`, spread over 2026."""
    rng = random.Random(seed)
    for number in range(count):
        agency = f"H21.{rng.randrange(_AGENCIES) + 1}"
        code = f"{agency}-26{number // 10_000:04}-{number % 10_000:04}"
        received = YEAR_START + rng.random() * 360 * DAY
        due = received + rng.randrange(3, 20) * DAY
        result = due + rng.gauss(-1, 2) * DAY
        done, returned = rng.random() < 0.9, rng.random() < 0.8
        channel = rng.choice((1, 2, 3, 3))
        office = f"60{rng.randrange(_OFFICES):04}" if channel == 3 else None
        procedure = f"1.{rng.randrange(_PROCEDURES):06}"
        latency_s = rng.lognormvariate(4.5, 1.2)
        scanned = channel == 3
        history = {
            "record_code": code,
            "agency": agency,
            "procedure_code": procedure,
            "office": office,
            "channel": channel,
            "received_at": received,
            "due_at": due,
            "result_at": result if done else None,
            "timeliness": compare_days(result, due) if done else None,
            "returned_at": result + DAY if done and returned else None,
            "return_channel": rng.choice((1, 3)) if done and returned else None,
            "return_office": office,
            "failed_deliveries": int(rng.random() < 0.03),
            "supplements": int(rng.random() < 0.1),
            "digitised_at": received + latency_s / 2 if scanned else None,
        }
        dossier = {
            "id": str(UUID(int=rng.getrandbits(128))),
            "record_code": code,
            "kind": "intake",
            "procedure_code": procedure,
            "office": office,
            "station": "1",
            "state": "complete",
            "priority": 0,
            "submitted_at": received,
            "completed_at": received + latency_s / 2,
            "first_completed_at": received + latency_s / 2,
            "attached_at": received + latency_s if rng.random() < 0.97 else None,
            "completions": 1,
            "described": 1,
            "page_total": (total := rng.randrange(1, 20)),
            "rescans": rng.randrange(0, 1 + total // 6),
        }
        yield {"code": code, "created_at": received}, history, dossier if scanned else None


def fill_ledger(connection: Connection, count: int, seed: int) -> None:
    """Write them."""
    rows = make_rows(count, seed)
    while chunk := list(islice(rows, _CHUNK)):
        connection.execute(insert(records), [row[0] for row in chunk])
        connection.execute(insert(record_histories), [row[1] for row in chunk])
        connection.execute(insert(dossiers), [row[2] for row in chunk if row[2] is not None])


def measure(database: Database) -> None:
    """Make reports and say how long each took."""
    month, year = (date(2026, 5, 1), date(2026, 5, 31)), (date(2026, 1, 1), date(2026, 12, 31))
    for what, days, kind, by in (
        ("month, as a whole", month, PeriodKind.ALL, []),
        ("month by agency and channel", month, PeriodKind.ALL, [Dimension.AGENCY, Dimension.CHANNEL]),
        ("month by everything", month, PeriodKind.MONTH, list(Dimension)),
        ("year by month", year, PeriodKind.MONTH, [Dimension.PERIOD]),
        ("year by month and office", year, PeriodKind.MONTH, [Dimension.PERIOD, Dimension.OFFICE]),
    ):
        began = time.perf_counter()
        report = make_report(database, *days, kind, by)
        took = time.perf_counter() - began
        counts = report.total.counts
        print(f"{what:<28} {took:7.2f} s  lines={len(report.lines)} received={counts.received}", flush=True)


def main() -> None:
    """As the module says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--backend", choices=["sqlite", "postgres"], default="sqlite")
    asked = parser.parse_args()
    folder = make_folder("report")
    postgres = Postgres(folder) if asked.backend == "postgres" else None
    try:
        if postgres is not None:
            postgres.start()
        url = postgres.make_database() if postgres else sqlite_url(folder / "ledger.sqlite3")
        database = open_database(url)
        began = time.perf_counter()
        with database.write() as connection:
            if postgres is not None:
                connection.execute(text("SET LOCAL statement_timeout = 0"))
            fill_ledger(connection, asked.records, 1)
        with database.write() as connection:
            connection.execute(text("ANALYZE"))
        print(f"{asked.backend}: {asked.records} records in {time.perf_counter() - began:.0f} s", flush=True)
        measure(database)
        database.close()
    finally:
        if postgres is not None:
            postgres.stop()
        remove_folder(folder)


if __name__ == "__main__":
    main()
