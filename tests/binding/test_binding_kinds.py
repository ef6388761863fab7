"""Every kind of page image that scanners and phones deliver, in both profiles: valid, same picture."""

import io
import shutil
import subprocess
from pathlib import Path
from typing import Literal

import numpy as np
import pikepdf
import pypdfium2
import pytest
from PIL import Image

from pipeline.binding.compose import compose
from pipeline.binding.conformance import check_conformance
from pipeline.binding.picture import make_picture
from pipeline.intake.open import open_source
from schemas.page import BoundPage, Codec, Orientation, PagePicture, PageText, ScanPage, Skew, UprightPage
from schemas.settings import Limits
from scripts.bench.preflight import find_preflight, make_twin, run_preflight
from scripts.samples.drawn import INFO, draw_page
from scripts.samples.input_kinds import A5, KINDS, LANDSCAPE, PAGE, write_input

Profile = Literal["compact", "faithful"]
needs_preflight = pytest.mark.skipif(
    find_preflight() is None, reason="Preflight is missing (scripts/apt-packages-test.txt)"
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("kinds")
    return {kind: write_input(kind, folder) for kind in KINDS}


@pytest.fixture(scope="module")
def originals(files: dict[str, Path]) -> dict[str, bytes]:
    return {kind: path.read_bytes() for kind, path in files.items()}


@pytest.fixture(scope="module")
def scans(files: dict[str, Path]) -> dict[str, ScanPage]:
    found = {}
    for kind, path in files.items():
        with open_source(path, Limits()) as source:
            found[kind] = source.read_page(1)
    return found


def _picture(scan: ScanPage, profile: Profile) -> PagePicture:
    upright = UprightPage(
        scan.number, scan.pixels, scan.dpi, scan.dpi_known, scan.bilevel,
        Orientation(0, certain=True), Skew(0.0, certain=True), (1, 0, 0, 0, 1, 0),
    )  # fmt: skip
    return make_picture(scan, upright, profile)


@pytest.fixture(scope="module", params=["compact", "faithful"])
def bound(
    scans: dict[str, ScanPage], request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """All kinds in one document: mixed sizes, colour spaces and codecs."""
    pages = []
    for scan in scans.values():
        text = draw_page(1)[2]
        if scan.pixels.shape[:2] != (1754, 1240):
            text = PageText(scan.pixels.shape[1], scan.pixels.shape[0], "e", "m")
        pages.append(BoundPage(_picture(scan, request.param), text))
    path = tmp_path_factory.mktemp("bound") / f"{request.param}.pdf"
    path.write_bytes(compose(pages, INFO))
    return path


def test_every_kind_keeps_our_own_rules(bound: Path) -> None:
    assert check_conformance(bound.read_bytes()) == []


@pytest.mark.skipif(shutil.which("qpdf") is None, reason="qpdf is missing")
def test_qpdf_finds_nothing(bound: Path) -> None:
    said = subprocess.run(["qpdf", "--check", str(bound)], capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stderr
    assert "No syntax or stream encoding errors" in said.stdout


@needs_preflight
def test_preflight_finds_the_1b_twin_valid(bound: Path, tmp_path: Path) -> None:
    (twin := tmp_path / "twin.pdf").write_bytes(make_twin(bound.read_bytes()))
    assert run_preflight(twin) == []


@needs_preflight
def test_preflight_is_awake(bound: Path, tmp_path: Path) -> None:
    """A twin without its output intent is refused: an empty list above means something."""
    with pikepdf.open(io.BytesIO(make_twin(bound.read_bytes()))) as pdf:
        del pdf.Root.OutputIntents
        pdf.save(path := tmp_path / "broken.pdf")
    assert run_preflight(path)


def test_every_kind_shows_its_picture(bound: Path, scans: dict[str, ScanPage]) -> None:
    """Colours right way round (CMYK!), sizes of the paper kept."""
    with pypdfium2.PdfDocument(bound) as pdf:
        assert len(pdf) == len(KINDS)
        for page, kind in zip(pdf, KINDS, strict=True):
            original = {"landscape": LANDSCAPE, "a5": A5}.get(kind, PAGE)
            inches = [pixels / 150 for pixels in original.size]
            assert [side / 72 for side in page.get_size()] == pytest.approx(inches, abs=0.01), kind
            shown = page.render(scale=1.0).to_pil().convert("RGB")
            wanted = original.convert("L" if scans[kind].pixels.ndim == 2 else "RGB").convert("RGB")
            wanted = wanted.resize(shown.size, Image.Resampling.BOX)
            difference = np.abs(np.asarray(shown, float) - np.asarray(wanted, float))
            assert difference.mean() < 4, kind


def test_codecs_are_those_of_the_profile(scans: dict[str, ScanPage]) -> None:
    def codecs(profile: Profile) -> dict[str, Codec]:
        return {kind: _picture(scan, profile).image.codec for kind, scan in scans.items()}

    bilevel = {"g4-tiff", "1-bit-png"}
    for kind, codec in codecs("compact").items():
        assert codec is (Codec.G4 if kind in bilevel else Codec.JPEG), kind
    kept = {"grey-jpeg", "rgb-jpeg", "progressive-jpeg", "landscape", "a5"}
    for kind, codec in codecs("faithful").items():
        expected = Codec.G4 if kind == "g4-tiff" else Codec.JPEG if kind in kept else Codec.FLATE
        assert codec is expected, kind


@pytest.mark.parametrize("kind", [
    "grey-jpeg", "rgb-jpeg", "progressive-jpeg", "g4-tiff", "rgb-png", "1-bit-png", "landscape", "a5"
])  # fmt: skip
def test_faithful_carries_the_original_s_own_bytes(
    kind: str, scans: dict[str, ScanPage], originals: dict[str, bytes]
) -> None:
    """The file is no larger than the scan by more than its text, fonts and metadata."""
    picture = _picture(scans[kind], "faithful")
    original = originals[kind]
    if kind.endswith("-png"):
        original = _join(original)
    assert picture.image.data in original
    pdf = compose([BoundPage(picture, PageText(10, 10, "e", "m"))], INFO)
    with pikepdf.open(io.BytesIO(pdf)) as opened:
        assert opened.pages[0].obj.Resources.XObject.Im0.read_raw_bytes() == picture.image.data
    assert len(pdf) <= len(originals[kind]) + 10_000


def _join(png: bytes) -> bytes:
    """The IDAT chunks of a PNG one after another."""
    at, rows = 8, b""
    while at < len(png):
        length = int.from_bytes(png[at : at + 4], "big")
        rows += png[at + 8 : at + 8 + length] if png[at + 4 : at + 8] == b"IDAT" else b""
        at += 12 + length
    return rows


def test_compact_keeps_a_fax_as_it_is(scans: dict[str, ScanPage], originals: dict[str, bytes]) -> None:
    assert _picture(scans["g4-tiff"], "compact").image.data in originals["g4-tiff"]
