"""A dossier as a scanning station has it on disk: files, some of them scanned badly, and one rescan."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pikepdf
from PIL import Image, TiffImagePlugin

from scripts.samples.page import SamplePage
from scripts.samples.papers import render_dossier
from scripts.samples.photo import Photo
from scripts.samples.scanning import Conditions, Scan, scan
from scripts.samples.texts import draw_case

_GOOD: Conditions = {}
_SKEWED: Conditions = {"skew_deg": -2.1}
_TILTED: Conditions = {"skew_deg": 1.4, "uneven_light": 0.12}
_UPSIDE_DOWN: Conditions = {"quarter_turn": 180, "skew_deg": 0.8}
_DIM: Conditions = {"dim": 0.62, "noise": 3.0, "uneven_light": 0.3, "skew_deg": -0.7}
_ON_ITS_SIDE_BILEVEL: Conditions = {"quarter_turn": 90, "bilevel": True, "skew_deg": 0.9}
_BILEVEL: Conditions = {"bilevel": True, "skew_deg": -0.6}
_OUT_OF_FOCUS: Conditions = {"blur_px": 18.0, "noise": 2.5, "skew_deg": 0.6, "jpeg_quality": 75}
"""Glass not flat: a spread of 18 px over type with an x-height of 25 px leaves grey bars; at 11 px
headings could still be guessed."""


@dataclass(frozen=True, slots=True)
class DemoPage:
    """One page as it was scanned: its number, what is wrong with it (English), and the truth."""

    number: int
    condition: str
    truth: SamplePage
    scan: Scan


@dataclass(frozen=True, slots=True)
class DemoDocument:
    """One paper and the file it was scanned into."""

    ordinal: int
    type_code: str
    title: str
    file: Path
    pages: tuple[DemoPage, ...]


@dataclass(frozen=True, slots=True)
class DemoDossier:
    """The files of one hand-over. Page `bad_page` of document `bad_ordinal` cannot be read;
    `rescan_file` is the same page scanned again, well."""

    record_code: str
    procedure_code: str
    procedure_name: str
    documents: tuple[DemoDocument, ...]
    bad_ordinal: int
    bad_page: int
    rescan_file: Path
    rescan: DemoPage


def write_demo_dossier(folder: Path, seed: int = 6) -> DemoDossier:
    """Write five papers into `folder` (made if missing); the same seed gives the same bytes.

    1 application: JPEG, skewed. 2 declaration: JPEG, dim and noisy. 3 letter: JPEG, upside down.
    4 contract: three-page PDF whose second page is out of focus. 5 receipt: two-page bilevel TIFF, the
    first page on its side. Every file tells its resolution.
    """
    folder.mkdir(parents=True, exist_ok=True)
    case = draw_case(seed)
    application, declaration, letter, contract, receipt = render_dossier(seed)
    plan: tuple[tuple[str, tuple[tuple[str, Conditions], ...]], ...] = (
        ("01-don.jpg", (("skewed", _SKEWED),)),
        ("02-to-khai.jpg", (("dim", _DIM),)),
        ("03-cong-van.jpg", (("upside down", _UPSIDE_DOWN),)),
        ("04-hop-dong.pdf", (("good", _GOOD), ("out of focus", _OUT_OF_FOCUS), ("tilted", _TILTED))),
        ("05-giay-tiep-nhan.tif", (("on its side", _ON_ITS_SIDE_BILEVEL), ("good", _BILEVEL))),
    )
    documents = []
    papers = (application, declaration, letter, contract, receipt)
    for ordinal, ((name, conditions), paper) in enumerate(zip(plan, papers, strict=True), 1):
        scanned = tuple(
            _scan_page(page, number, conditions[min(number, len(conditions)) - 1], seed * 100 + ordinal * 10)
            for number, page in enumerate(paper.pages, 1)
        )
        write_scans(folder / name, [page.scan for page in scanned])
        documents.append(DemoDocument(ordinal, paper.type_code, paper.title, folder / name, scanned))
    again = scan(contract.pages[1], seed=seed * 100 + 99, skew_deg=0.5)
    rescan_file = folder / "04-hop-dong-trang-2-quet-lai.jpg"
    write_scans(rescan_file, [again])
    return DemoDossier(
        record_code=f"{case.place.agency_code}-261124-{case.number:04d}",
        procedure_code=case.procedure.code,
        procedure_name=case.procedure.name,
        documents=tuple(documents),
        bad_ordinal=4,
        bad_page=2,
        rescan_file=rescan_file,
        rescan=DemoPage(2, "rescanned", contract.pages[1], again),
    )


def _scan_page(page: SamplePage, number: int, how: tuple[str, Conditions], seed: int) -> DemoPage:
    condition, conditions = how
    return DemoPage(number, condition, page, scan(page, seed=seed + number, **conditions))


def write_scans(path: Path, scans: Sequence[Scan | Photo]) -> None:
    """Write scans as a file of the kind its name says: `.jpg` (one page), `.pdf`, `.tif`, `.png` (one page).

    JPEG and PDF carry the scanner's own JPEG bytes (bilevel pages in a PDF: G4); TIFF pages are G4 where
    bilevel, else LZW. Raises ValueError for another name or several pages in one JPEG or PNG.
    """
    suffix = path.suffix.lower()
    if suffix in (".jpg", ".jpeg", ".png") and len(scans) == 1:
        path.write_bytes(_pack_image(scans[0], suffix))
    elif suffix == ".pdf":
        _write_pdf(path, scans)
    elif suffix in (".tif", ".tiff"):
        _write_tiff(path, scans)
    else:
        raise ValueError(f"cannot write {len(scans)} pages as {suffix}")


def _pack_image(page: Scan | Photo, suffix: str) -> bytes:
    if page.jpeg is not None and suffix != ".png":
        return page.jpeg
    packed = io.BytesIO()
    kind = "PNG" if suffix == ".png" else "JPEG"
    _to_image(page).save(packed, kind, dpi=(page.dpi, page.dpi))
    return packed.getvalue()


def _to_image(page: Scan | Photo) -> Image.Image:
    image = Image.fromarray(page.pixels)
    return image.convert("1", dither=Image.Dither.NONE) if page.bilevel else image


def _write_tiff(path: Path, scans: Sequence[Scan | Photo]) -> None:
    with TiffImagePlugin.AppendingTiffWriter(path, new=True) as tiff:
        for page in scans:
            compression = "group4" if page.bilevel else "tiff_lzw"
            _to_image(page).save(tiff, "TIFF", compression=compression, dpi=(page.dpi, page.dpi))
            tiff.newFrame()


def _write_pdf(path: Path, scans: Sequence[Scan | Photo]) -> None:
    """One full-page image a page, as scanners write it."""
    with pikepdf.new() as pdf:
        for page in scans:
            height, width = page.pixels.shape[:2]
            size_pt = (width * 72 / page.dpi, height * 72 / page.dpi)
            image = pdf.make_stream(*_pdf_image(page))
            content = f"q {size_pt[0]:.4f} 0 0 {size_pt[1]:.4f} 0 0 cm /Scan Do Q".encode()
            pdf.add_blank_page(page_size=size_pt)
            written = pdf.pages[-1].obj
            written.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=image))
            written.Contents = pdf.make_stream(content)
        pdf.save(path, deterministic_id=True)


def _pdf_image(page: Scan | Photo) -> tuple[bytes, pikepdf.Dictionary]:
    height, width = page.pixels.shape[:2]
    shape = {
        "/Type": pikepdf.Name.XObject,
        "/Subtype": pikepdf.Name.Image,
        "/Width": width,
        "/Height": height,
    }
    if page.jpeg is not None:
        space = pikepdf.Name.DeviceGray if page.pixels.ndim == 2 else pikepdf.Name.DeviceRGB
        about = {"/ColorSpace": space, "/BitsPerComponent": 8, "/Filter": pikepdf.Name.DCTDecode}
        return page.jpeg, pikepdf.Dictionary({**shape, **about})
    packed = io.BytesIO()
    _to_image(page).save(packed, "TIFF", compression="group4", tiffinfo={278: height})
    packed.seek(0)
    with TiffImagePlugin.TiffImageFile(packed) as tiff:
        start, length = int(tiff.tag_v2[273][0]), int(tiff.tag_v2[279][0])
        white_is_0 = tiff.tag_v2[262] == 0
    parms = pikepdf.Dictionary(K=-1, Columns=width, Rows=height, BlackIs1=not white_is_0)
    about = {
        "/ColorSpace": pikepdf.Name.DeviceGray,
        "/BitsPerComponent": 1,
        "/Filter": pikepdf.Name.CCITTFaxDecode,
    }
    return packed.getvalue()[start : start + length], pikepdf.Dictionary(
        {**shape, **about, "/DecodeParms": parms}
    )
