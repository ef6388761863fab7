from collections.abc import Iterator
from pathlib import Path

import pytest
from ledger_bench import Bench

from pipeline.ledger.database import open_database, sqlite_url


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    database = open_database(sqlite_url(tmp_path / "ledger.sqlite3"))
    yield Bench(database)
    database.close()
