"""PDF: the scanner's own image where a page is exactly one, else a drawing by poppler.

qpdf (pikepdf) reads the structure; pages it could read only after repair are handed to poppler as a
file of their own, so that both agree on which page is which.
"""

import math
import os
import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pdf2image
import pikepdf
from pdf2image.exceptions import PDFInfoNotInstalledError, PDFPageCountError, PDFPopplerTimeoutError
from PIL import Image

from pipeline.intake import pdf_page
from pipeline.intake.decode_pillow import PILLOW_ERRORS, check_size
from pipeline.intake.noise import Noise
from pipeline.intake.pdf_image import decode_pdf_image
from pipeline.intake.pdf_page import PageLook, PlacedImage, TooComplexError
from pipeline.intake.placement import Placement, place
from pipeline.intake.resolution import MAX_PAPER_IN, settle_resolution, square_pixels
from pipeline.intake.wire import MAX_OWN_TEXT, DecodeLimits
from schemas.errors import DamagedInputError, EncryptedInputError, MissingDependencyError, OverLimitError
from schemas.page import OwnText, Pixels, ScanPage

MIN_DRAWN_DPI, MAX_DRAWN_DPI, DEFAULT_DRAWN_DPI = 200, 400, 300
"""Below 200 small print is lost on the engine, above 400 nothing is gained (facts/image-and-ocr.md:
OCR wants 200-300 dpi)."""

TELLING_SHARE = 0.25
"""An image sets the resolution of a drawn page only if it covers this share of it: a 96-dpi logo
beside text does not."""

CHECKED_SHARE = 0.02
"""Smaller images on a drawn page (bullets, logos) are not checked for damage: decoding costs time."""

_MAX_CHECKED_IMAGES = 50
_POINTS_PER_INCH = 72
_MAX_FIELDS = 10_000
_CROP_TOLERANCE = 0.01
_STRAIGHT = 0.01
_PDF_ERRORS = (pikepdf.PdfError, ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError,
               OverflowError, NotImplementedError, RecursionError, ArithmeticError)  # fmt: skip
"""What pikepdf and plain look-ups raise on objects of the wrong kind (decimal.InvalidOperation included)."""


class PdfDocument:
    """An open PDF."""

    def __init__(self, fd: int, limits: DecodeLimits, noise: Noise) -> None:
        self._path = Path(f"/proc/{os.getpid()}/fd/{fd}")
        self._limits = limits
        self._noise = noise
        try:
            self._pdf = pikepdf.open(self._path, suppress_warnings=True)
            self.page_count = len(self._pdf.pages)
            self._repaired = bool(self._pdf.get_warnings())
        except pikepdf.PasswordError as error:
            raise EncryptedInputError("the PDF asks for a password") from error
        except _PDF_ERRORS as error:
            raise DamagedInputError("the PDF is too damaged to be opened") from error
        if self.page_count < 1:
            raise DamagedInputError("the PDF has no pages")
        self.signatures = _count_signatures(self._pdf)

    def read_page(self, number: int) -> ScanPage:
        """The embedded image where the page is exactly that, else drawn."""
        broken = f"page {number} of the PDF is damaged"
        try:
            page = self._pdf.pages[number - 1]
            size = _content_bytes(page)
            box, rotate = pdf_page.visible_box(page), pdf_page.rotation(page)
        except _PDF_ERRORS as error:
            raise DamagedInputError(broken) from error
        try:
            look = pdf_page.look_at_page(page) if size <= pdf_page.MAX_CONTENT_BYTES else None
        except (TooComplexError, *_PDF_ERRORS):  # stray operators: poppler shows what can be shown
            look = None
        if look is None:
            look = PageLook(box, rotate, 1.0, None, (), "visible" if size > 0 else "none")
        taken = None
        try:
            if look.only_image is not None:
                taken = self._take_image(number, look, look.only_image)
        except _PDF_ERRORS as error:
            raise DamagedInputError(broken) from error
        scan = taken if taken is not None else self._draw(number, look)
        text = None if look.text == "none" else self._read_own_text(number)
        return replace(scan, own_text=OwnText(text, look.text == "visible")) if text else scan

    def _read_own_text(self, number: int) -> str | None:
        """The page's text without annotations; None where there is none, or poppler cannot tell."""
        with tempfile.NamedTemporaryFile(suffix=".pdf") as alone, pikepdf.new() as single:
            try:
                single.pages.append(self._pdf.pages[number - 1])
                if "/Annots" in single.pages[0].obj:
                    del single.pages[0].obj["/Annots"]
                single.save(alone.name)
                ran = subprocess.run(
                    ("pdftotext", "-enc", "UTF-8", "-nopgbrk", alone.name, "-"),
                    capture_output=True,
                    timeout=max(1, int(self._limits.timeout_s) - 1),
                    check=False,
                )
            except (*_PDF_ERRORS, OSError, subprocess.TimeoutExpired):  # the picture is what counts
                return None
        return ran.stdout.decode("utf-8", "replace")[:MAX_OWN_TEXT].strip() or None

    def _take_image(self, number: int, look: PageLook, placed: PlacedImage) -> ScanPage | None:
        placement = _placement(placed)
        decoded = decode_pdf_image(placed.image, self._limits, self._noise) if placement else None
        if placement is None or decoded is None:
            return None
        a, b, c, d, _, _ = placed.matrix
        inches = look.user_unit / _POINTS_PER_INCH
        height, width = decoded.pixels.shape[:2]
        said = (width / (math.hypot(a, b) * inches), height / (math.hypot(c, d) * inches))
        resolution = settle_resolution(said, width, height)
        pixels = _cropped(decoded.pixels, look, placed)
        exact = pixels.shape == decoded.pixels.shape and resolution.square
        stream = decoded.stream if exact and not placement.mirrored else None
        pixels, dpi = square_pixels(pixels, resolution, bilevel=decoded.bilevel)
        placement = placement.turned(look.rotate)
        return ScanPage(
            number=number,
            pixels=place(pixels, placement),
            dpi=dpi,
            dpi_known=resolution.known,
            bilevel=decoded.bilevel,
            origin="embedded",
            stream=stream,
            stream_turn=placement.turn if stream is not None else 0,
        )

    def _draw(self, number: int, look: PageLook) -> ScanPage:
        self._check_large_images(look)
        dpi = _drawing_dpi(look, self._limits)
        width_pt, height_pt = look.box[2] - look.box[0], look.box[3] - look.box[1]
        scale = look.user_unit * dpi / _POINTS_PER_INCH
        check_size(math.ceil(width_pt * scale), math.ceil(height_pt * scale), self._limits)
        image = None if self._repaired else self._run_poppler(self._path, number, dpi)
        if image is None:
            with tempfile.NamedTemporaryFile(suffix=".pdf") as alone, pikepdf.new() as single:
                try:
                    single.pages.append(self._pdf.pages[number - 1])
                    single.save(alone.name)
                except _PDF_ERRORS as error:
                    raise DamagedInputError(f"page {number} of the PDF is damaged") from error
                image = self._run_poppler(Path(alone.name), 1, dpi)
        if image is None:
            raise DamagedInputError(f"page {number} of the PDF cannot be drawn")
        check_size(*image.size, self._limits)
        pixels = _without_idle_colour(np.asarray(image.convert("RGB")))
        return ScanPage(number, pixels, float(dpi), dpi_known=True, bilevel=False, origin="rasterised")

    def _run_poppler(self, path: Path, page: int, dpi: int) -> Image.Image | None:
        """None where poppler cannot open the file or draws nothing."""
        try:
            images = pdf2image.convert_from_path(
                path, dpi=dpi, first_page=page, last_page=page, use_cropbox=True,
                timeout=max(1, int(self._limits.timeout_s) - 1),
            )  # fmt: skip
        except PDFInfoNotInstalledError as error:
            raise MissingDependencyError("poppler (pdftoppm) is not installed") from error
        except PDFPopplerTimeoutError as error:
            raise OverLimitError("a page of the PDF takes too long to draw") from error
        except (PDFPageCountError, *PILLOW_ERRORS):
            return None
        return images[0] if len(images) == 1 else None

    def _check_large_images(self, look: PageLook) -> None:
        """poppler draws what it can of a cut-short image and says nothing: decode them to see."""
        for placed in look.images[:_MAX_CHECKED_IMAGES]:
            if pdf_page.area(placed.box) < CHECKED_SHARE * pdf_page.area(look.box):
                continue
            try:
                decode_pdf_image(placed.image, self._limits, self._noise)
            except _PDF_ERRORS as error:
                raise DamagedInputError("a page image in the PDF is damaged") from error


def _content_bytes(page: pikepdf.Page) -> int:
    """Decoded length of the page's operators; raises pikepdf's errors where they cannot be decoded."""
    contents = page.obj.get("/Contents")
    parts = contents if isinstance(contents, pikepdf.Array) else [contents]
    return sum(len(part.read_bytes()) for part in parts if isinstance(part, pikepdf.Stream))


def _placement(placed: PlacedImage) -> Placement | None:
    """How the image lies on the page before /Rotate; None where it is slanted."""
    a, b, c, d, _, _ = placed.matrix
    across, up = math.hypot(a, b), math.hypot(c, d)
    if across == 0 or up == 0:
        return None
    directions = {(1, 0): 0, (0, -1): 90, (-1, 0): 180, (0, 1): 270}
    turn = directions.get((round(a / across), round(b / across)))
    off = min(abs(a), abs(b)) / across + min(abs(c), abs(d)) / up
    if turn is None or off > _STRAIGHT:
        return None
    return Placement(0, mirrored=a * d - b * c < 0).turned(turn)


def _cropped(pixels: Pixels, look: PageLook, placed: PlacedImage) -> Pixels:
    """The part of the image within the visible box, in the image's own orientation."""
    seen = pdf_page.intersection(placed.box, look.box)
    if pdf_page.area(seen) >= (1 - _CROP_TOLERANCE) * pdf_page.area(placed.box):
        return pixels
    a, b, c, d, e, f = placed.matrix
    determinant = a * d - b * c
    inverse = (d / determinant, -b / determinant, -c / determinant, a / determinant,
               (c * f - d * e) / determinant, (b * e - a * f) / determinant)  # fmt: skip
    left, bottom, right, top = pdf_page.transformed(seen, inverse)
    height, width = pixels.shape[:2]
    rows = slice(max(0, round((1 - top) * height)), min(height, round((1 - bottom) * height)))
    return pixels[rows, max(0, round(left * width)) : min(width, round(right * width))]


def _drawing_dpi(look: PageLook, limits: DecodeLimits) -> int:
    inches = look.user_unit / _POINTS_PER_INCH
    width_in, height_in = (look.box[2] - look.box[0]) * inches, (look.box[3] - look.box[1]) * inches
    telling = [
        placed for placed in look.images
        if pdf_page.area(placed.box) >= TELLING_SHARE * (width_in * height_in) / inches**2
    ]  # fmt: skip
    dpi = float(DEFAULT_DRAWN_DPI)
    if telling:
        largest = max(telling, key=lambda placed: pdf_page.area(placed.box))
        a, b, _, _, _, _ = largest.matrix
        native = int(largest.image.get("/Width", 0)) / max(math.hypot(a, b) * inches, 1e-6)
        dpi = min(max(native, MIN_DRAWN_DPI), MAX_DRAWN_DPI)
        if max(width_in, height_in) > MAX_PAPER_IN:  # one point a pixel and the like: keep its pixels
            dpi = min(max(native, 36.0), dpi)
    fitting = math.sqrt(limits.max_pixels / max(width_in * height_in, 1e-6)) * 0.99
    if fitting < dpi and fitting >= MIN_DRAWN_DPI:
        dpi = fitting
    return round(dpi)


def _without_idle_colour(pixels: Pixels) -> Pixels:
    """One channel where all three are the same everywhere (a coarse look first)."""
    coarse = pixels[::16, ::16]
    if not (coarse == coarse[..., :1]).all():
        return pixels
    red, green, blue = cv2.split(pixels)
    same = np.array_equal(red, green) and np.array_equal(green, blue)
    return red if same else pixels  # type: ignore[return-value]


def _count_signatures(pdf: pikepdf.Pdf) -> int:
    """Signature fields that hold a signature (ISO 32000-1, 12.7.4.5), anywhere in the field tree."""
    found = 0
    try:
        form: Any = pdf.Root.get("/AcroForm", pikepdf.Dictionary())
        waiting: list[tuple[Any, Any]] = [(node, None) for node in form.get("/Fields", [])]
        for _ in range(_MAX_FIELDS):
            if not waiting:
                break
            node, inherited = waiting.pop()
            kind = node.get("/FT", inherited)
            found += kind == pikepdf.Name.Sig and isinstance(node.get("/V"), pikepdf.Dictionary)
            waiting.extend((kid, kind) for kid in node.get("/Kids", []))
    except _PDF_ERRORS:  # a broken form has no signatures anyone could check
        return found
    return found
