"""The child that decodes one scan, looks at it and ends. Believe nothing it says: see `glance`."""

import base64
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from PIL import Image, ImageFile

from pipeline.fast_look import look_at_page
from pipeline.intake.decode_jpeg import JpegDocument
from pipeline.intake.decode_png import PngDocument
from pipeline.intake.decode_tiff import TiffDocument
from pipeline.intake.noise import Noise
from pipeline.intake.sniff import HEAD_BYTES, MediaType, sniff
from pipeline.intake.wire import DecodeLimits
from schemas.errors import BadInputError, DamagedInputError, OverLimitError
from schemas.page import Pixels, ScanPage
from workers.station.glance import READY

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]

_THUMBNAIL_PX = 220
_MOST_PAGES = 2000


class _Document(Protocol):
    page_count: int

    def read_page(self, number: int) -> ScanPage:
        """Decode one page, 1-based."""


def main(told: dict[str, Any]) -> None:
    """Answer one request on standard input, `{"path": ...}`, with one JSON object on standard output."""
    out = os.dup(1)
    os.write(out, READY)
    request = json.loads(sys.stdin.buffer.readline())
    limits = DecodeLimits(
        max_bytes=told["max_bytes"],
        max_pages=_MOST_PAGES,
        max_pixels=told["max_pixels"],
        memory_bytes=told["memory_bytes"],
        cpu_s=int(told["timeout_s"]),
        timeout_s=told["timeout_s"],
    )
    noise = Noise.capture()
    _limit_self(limits)
    cv2.setNumThreads(1)
    Image.MAX_IMAGE_PIXELS = None  # every size is checked against `limits` before decoding
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    try:
        answer = _look(Path(request["path"]), limits, noise, told)
    except BadInputError as error:
        answer = {"kind": "refused", "code": error.problem_code}
    except MemoryError:
        answer = {"kind": "refused", "code": OverLimitError.problem_code}
    except cv2.error:
        answer = {"kind": "refused", "code": DamagedInputError.problem_code}
    with os.fdopen(out, "wb") as file:
        file.write(json.dumps(answer).encode())
    os._exit(0)


def _look(path: Path, limits: DecodeLimits, noise: Noise, told: dict[str, Any]) -> dict[str, Any]:
    with path.open("rb") as file:
        fd = file.fileno()
        if os.fstat(fd).st_size > limits.max_bytes:
            raise OverLimitError("the scan is too large")
        document = _open(sniff(file.read(HEAD_BYTES)), fd, limits, noise)
        if document is None:
            return {"kind": "seen", "pages": None, "looks": [], "thumbnail": None}
        if document.page_count > limits.max_pages:
            raise OverLimitError("the scan has too many pages")
        looks, thumbnail = [], None
        for number in range(1, min(document.page_count, told["looks"]) + 1):
            page = document.read_page(number)
            judged = look_at_page(page, told["policy"])
            looks.append(
                {
                    "verdict": judged.verdict,
                    "reasons": list(judged.reasons),
                    "p_unreadable": judged.p_unreadable,
                }
            )
            thumbnail = thumbnail or _shrink(page.pixels, told["thumbnail_bytes"])
        return {"kind": "seen", "pages": document.page_count, "looks": looks, "thumbnail": thumbnail}


def _open(kind: MediaType, fd: int, limits: DecodeLimits, noise: Noise) -> _Document | None:
    """None for a PDF on a machine that has not what it takes; the gateway looks at it then."""
    if kind is MediaType.JPEG:
        return JpegDocument(fd, limits, noise)
    if kind is MediaType.PNG:
        return PngDocument(fd, limits)
    if kind is MediaType.TIFF:
        return TiffDocument(fd, limits, noise)
    try:
        from pipeline.intake.decode_pdf import PdfDocument  # noqa: PLC0415 -- a station may lack it
    except ImportError:
        return None
    return PdfDocument(fd, limits, noise)


def _shrink(pixels: Pixels, most_bytes: int) -> str | None:
    height, width = pixels.shape[:2]
    scale = _THUMBNAIL_PX / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(np.ascontiguousarray(pixels), size, interpolation=cv2.INTER_AREA)
    shown = small if small.ndim == 2 else cv2.cvtColor(small, cv2.COLOR_RGB2BGR)
    done, packed = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, 70])
    if not done or packed.size > most_bytes:
        return None
    return base64.b64encode(packed.tobytes()).decode()


def _limit_self(limits: DecodeLimits) -> None:
    if resource is None:
        return
    with contextlib.suppress(OSError, ValueError):  # macOS does not limit address space
        used = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * resource.getpagesize()
        most = used + limits.memory_bytes
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
    file_bytes = 3 * limits.max_pixels + limits.max_bytes
    for kind, value in (
        (resource.RLIMIT_CPU, limits.cpu_s),
        (resource.RLIMIT_FSIZE, file_bytes),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(kind, (value, value))
