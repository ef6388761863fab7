"""What somebody does to a signed file is found, and named."""

import io
import random
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Literal

import pikepdf
import pytest
from asn1crypto import x509 as asn1_x509
from pikepdf import Pdf, Stream
from PIL import Image
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.validation.dss import DocumentSecurityStore

from pipeline.binding.compose import compose
from pipeline.binding.originals import find_sources
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import Signer, load_or_create_local_signer, sign
from pipeline.binding.verify import verify
from pipeline.intake.open import open_source
from schemas.errors import BadInputError
from schemas.page import BoundPage, DocumentInfo
from schemas.settings import Limits
from scripts.bench.tampering import change_bytes, find_signed_spots
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    return load_or_create_local_signer(tmp_path_factory.mktemp("keys"), "Người ký")


@pytest.fixture(scope="module")
def signed(signer: Signer) -> bytes:
    pages = []
    for number in (1, 2, 3):
        scan, upright, text = draw_page(number, bilevel=number == 2)
        pages.append(BoundPage(make_picture(scan, upright, "compact"), text))
    return sign(compose(pages, INFO), signer, signer_name="Người ký", scan_time=SCAN_TIME)


def problems(pdf: bytes, signer: Signer) -> str:
    report = verify(pdf, trust_roots=[signer.trust_root])
    assert not report.ok
    return "; ".join(report.problems)


def rewritten(signed: bytes, change: Callable[[Pdf], object]) -> bytes:
    """The file saved anew by a tool that cares about no signature."""
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(signed)) as pdf:
        change(pdf)
        pdf.save(out)
    return out.getvalue()


def swap(pdf: Pdf) -> None:
    one, other = (pdf.pages[number].obj.Resources.XObject for number in (0, 2))
    one.Im0, other.Im0 = other.Im0, one.Im0


def forge_text(pdf: Pdf) -> None:
    page = pdf.pages[1].obj
    page.Contents = pdf.make_indirect(Stream(pdf, page.Contents.read_bytes().replace(b"<0001", b"<0002")))


def test_a_sound_file_says_its_pages_are_the_bound_ones(signed: bytes, signer: Signer) -> None:
    report = verify(signed, trust_roots=[signer.trust_root])
    assert report.ok, report
    assert report.pages == 3
    assert report.pages_recorded
    assert len(report.signatures[0].chain) == 2


@pytest.mark.parametrize(("change", "named"), [
    (lambda pdf: pdf.pages.__delitem__(1), "1 of 3 pages were removed (page 2)"),
    (lambda pdf: pdf.pages.append(pdf.pages[0]), "1 pages were added to the 3"),
    (swap, "page 1 shows another picture"),
    (swap, "page 3 shows another picture"),
    (forge_text, "page 2 carries another text layer"),
])  # fmt: skip
def test_a_rewritten_file_is_named(
    signed: bytes, signer: Signer, change: Callable[[Pdf], object], named: str
) -> None:
    said = problems(rewritten(signed, change), signer)
    assert named in said
    assert "changed after signing" in said or "signatures cannot be read" in said


def test_a_swapped_scan_is_named_without_its_neighbours(signed: bytes, signer: Signer) -> None:
    assert "page 2 shows" not in problems(rewritten(signed, swap), signer)


def test_an_update_that_forges_text_is_named(signed: bytes, signer: Signer) -> None:
    """Added after the signature, which still holds for what it covers; the record it covers tells."""
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    page = writer.find_page_for_modification(0)[0].get_object()
    old = page["/Contents"].data
    page["/Contents"] = writer.add_object(generic.StreamObject(stream_data=old.replace(b"<0001", b"<0002")))
    writer.update_container(page)
    writer.write(out := io.BytesIO())
    said = problems(out.getvalue(), signer)
    assert "page 1 carries another text layer" in said
    assert "in a way the signature forbids" in said


def test_an_empty_update_is_found(signed: bytes, signer: Signer) -> None:
    writer = IncrementalPdfFileWriter(io.BytesIO(signed))
    writer.add_object(generic.StreamObject(stream_data=b"what nobody sees"))
    writer.write(out := io.BytesIO())
    assert "bytes were added after the last signature" in problems(out.getvalue(), signer)


def test_validation_data_may_be_added(signed: bytes, signer: Signer) -> None:
    """As PAdES B-LT does after signing; but nothing else beside it."""
    with_store = add_validation_data(signed, signer)
    report = verify(with_store, trust_roots=[signer.trust_root])
    assert report.ok, report
    assert report.only_validation_data_added
    writer = IncrementalPdfFileWriter(io.BytesIO(with_store))
    writer.add_object(generic.StreamObject(stream_data=b"what nobody sees"))
    writer.write(out := io.BytesIO())
    assert "bytes were added after the last signature" in problems(out.getvalue(), signer)


def add_validation_data(signed: bytes, signer: Signer) -> bytes:
    writer = _QuietUpdate(io.BytesIO(signed))
    root = asn1_x509.Certificate.load(signer.trust_root)
    DocumentSecurityStore.supply_dss_in_writer(writer, sig_contents=None, certs=[root])
    writer.write(out := io.BytesIO())
    return out.getvalue()


class _QuietUpdate(IncrementalPdfFileWriter):
    """pyHanko would write document info and XMP anew, so that they disagree (our own rules then say so)."""

    def _update_meta(self) -> None:
        return


@pytest.mark.parametrize("tail", [b"\n", b"x", b"\n%%EOF\n"])
def test_appended_bytes_are_named(signed: bytes, signer: Signer, tail: bytes) -> None:
    assert "bytes were added after the last signature" in problems(signed + tail, signer)


def test_single_bytes_of_the_signed_range_are_guarded(signed: bytes, signer: Signer) -> None:
    """A sample; `python -m scripts.bench.tampering` makes 500."""
    source = random.Random(11)
    missed = [
        spot
        for spot, changed in change_bytes(signed, find_signed_spots(signed), source, 25)
        if verify(changed, trust_roots=[signer.trust_root]).ok
    ]
    assert missed == []


def test_no_broken_pdf_breaks_verify(shared: Path) -> None:
    """Encrypted, looped, cut short, fuzzed: each is answered, none holds."""
    files = sorted((shared / "data" / "hostile").rglob("*.pdf"))
    assert len(files) > 20
    for path in files:
        pdf = path.read_bytes()
        try:
            assert not verify(pdf).ok, path
        except BadInputError:
            assert b"%PDF-" not in pdf[:1024], path
        assert all(page.state == "untold" for page in find_sources(pdf, {}.get)), path


def test_the_originals_of_a_faithful_file_are_recognised(tmp_path: Path) -> None:
    Image.fromarray(draw_page(1)[1].pixels).save(path := tmp_path / "scan.jpg", quality=85, dpi=(150, 150))
    original = path.read_bytes()
    with open_source(path, Limits()) as source:
        scan, told = source.read_page(1), source.page_sources
    info = DocumentInfo("t", SCAN_TIME, (sha256(original).hexdigest(),), "e", page_sources=told)

    def state(profile: Literal["compact", "faithful"], kept: dict[str, bytes]) -> str:
        pdf = compose([BoundPage(make_picture(scan, draw_page(1)[1], profile), draw_page(1)[2])], info)
        (page,) = find_sources(pdf, kept.get)
        assert (page.sha256, page.source_page) == told[0]
        return page.state

    known = {info.source_sha256[0]: original}
    assert state("faithful", known) == "equal"
    assert state("compact", known) == "re_encoded"
    assert state("faithful", {}) == "missing"
