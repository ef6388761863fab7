from collections.abc import Iterator
from pathlib import Path

import pytest
from office_outside import Office, Papers


@pytest.fixture(scope="session")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    from scripts.samples.dossier import write_scans
    from scripts.samples.papers import render_page
    from scripts.samples.scanning import scan

    folder = tmp_path_factory.mktemp("papers")
    page = render_page("letter", 6)
    made = Papers(folder / "good.jpg", folder / "bad.jpg", folder / "three.pdf")
    write_scans(made.good, [scan(page, seed=1, skew_deg=0.5)])
    write_scans(made.bad, [scan(page, seed=2, blur_px=18.0, noise=2.5)])
    write_scans(made.three, [scan(page, seed=n, dpi=200) for n in (3, 4, 5)])
    return made


@pytest.fixture
def office(tmp_path: Path) -> Iterator[Office]:
    made = Office(tmp_path / "home")
    yield made
    for server in made.servers:
        if server.poll() is None:
            made.kill(server)
