"""Real scans and hostile files of the development data (skipped without it)."""

import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from pipeline.intake.open import open_source
from schemas.errors import BadInputError
from schemas.page import Codec
from schemas.settings import Limits

HOSTILE_COUNT = 78


@pytest.mark.parametrize(
    ("name", "dpi", "signatures", "codecs"),
    [
        ("to_trinh_239", 300, 2, "jjj"),
        ("chi_thi_11_g4", 300, 1, "ggj"),
        ("chi_thi_01_100dpi", 100, 1, "jjj"),
        ("quyet_dinh_51", 300, 2, "jjj"),
    ],
)
def test_real_scans_give_their_own_images(
    shared: Path, name: str, dpi: int, signatures: int, codecs: str
) -> None:
    with open_source(shared / "real_scans" / f"{name}.pdf", Limits()) as source:
        assert (source.page_count, source.signatures) == (3, signatures)
        for number, codec in enumerate(codecs, start=1):
            page = source.read_page(number)
            assert page.origin == "embedded" and page.dpi_known
            assert page.dpi == pytest.approx(dpi, rel=0.005)
            assert page.stream is not None
            assert page.stream.codec is (Codec.G4 if codec == "g" else Codec.JPEG)
            assert page.bilevel == (codec == "g")
            assert page.pixels.mean() > 200


def hostile_files(shared: Path) -> list[Path]:
    folders = [shared / "hostile" / name for name in ("pikepdf", "pillow", "qpdf")]
    return sorted(path for folder in folders for path in folder.iterdir())


def test_every_hostile_file_ends_in_pages_or_in_a_refusal(shared: Path) -> None:
    """All pages of all files; one line per refusal."""
    files = hostile_files(shared)
    assert len(files) == HOSTILE_COUNT
    read = refused = 0
    for path in files:
        start = time.monotonic()
        try:
            with open_source(path, Limits()) as source:
                for number in range(1, min(source.page_count, 4) + 1):
                    try:
                        page = source.read_page(number)
                    except BadInputError as error:
                        assert str(error).isprintable()
                        refused += 1
                        continue
                    assert page.pixels.dtype == np.uint8 and page.pixels.size
                    read += 1
        except BadInputError as error:
            assert str(error).isprintable()
            refused += 1
        assert time.monotonic() - start < 60, path.name
    assert read > 40 and refused > 20


SCRIPT = """
import resource, sys
from pathlib import Path
from pipeline.intake.open import open_source
from schemas.errors import BadInputError
from schemas.settings import Limits
for name in sys.argv[1:]:
    try:
        with open_source(Path(name), Limits()) as source:
            source.read_page(1)
    except BadInputError:
        pass
"""


def test_hostile_files_print_nothing_and_stay_small(shared: Path) -> None:
    """Peak memory of any process of the sandbox, as the fork server's own children report it."""
    script = SCRIPT + (
        "from pipeline.intake import sandbox\n"
        "sandbox._servers.stop()\n"
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, hostile_files(shared))],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert int(done.stdout) < 2 * 2**20  # KiB
    print(f"peak of the sandbox: {int(done.stdout) // 1024} MiB")  # noqa: T201
