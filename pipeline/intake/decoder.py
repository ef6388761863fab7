"""The decoding child: answers `open` and `read` requests over one socket until it closes.

Runs after the fork, under limits. Everything it decodes is hostile; the parent believes none of its
figures unchecked. What the libraries print goes into a memory file, where `Noise` finds warnings of
lost data that they do not report otherwise.
"""

import fcntl
import os
import resource
import socket
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
from PIL import Image, ImageFile

from pipeline.intake import decode_jpeg, decode_pdf, decode_png, decode_tiff
from pipeline.intake.noise import Noise
from pipeline.intake.sniff import MediaType
from pipeline.intake.wire import DecodeLimits, Message, receive, send
from schemas.errors import DamagedInputError, OverLimitError, SohoaError
from schemas.page import ScanPage

MAX_OPEN_FILES = 64
"""poppler and pipes need about a dozen."""


class Document(Protocol):
    """An open file of any kind."""

    page_count: int
    signatures: int

    def read_page(self, number: int) -> ScanPage:
        """Decode one page, 1-based."""


@dataclass(slots=True)
class _Desk:
    limits: DecodeLimits
    noise: Noise
    document: Document | None = None
    fd: int = -1

    def open(self, media_type: str, fd: int) -> Message:
        if self.fd >= 0:
            os.close(self.fd)
        self.document, self.fd = None, fd
        kind = MediaType(media_type)
        if kind is MediaType.PDF:
            self.document = decode_pdf.PdfDocument(fd, self.limits, self.noise)
        elif kind is MediaType.TIFF:
            self.document = decode_tiff.TiffDocument(fd, self.limits, self.noise)
        elif kind is MediaType.PNG:
            self.document = decode_png.PngDocument(fd, self.limits)
        else:
            self.document = decode_jpeg.JpegDocument(fd, self.limits, self.noise)
        if self.document.page_count > self.limits.max_pages:
            raise OverLimitError(
                f"the file has {self.document.page_count} pages, the limit is {self.limits.max_pages}"
            )
        return {"page_count": self.document.page_count, "signatures": self.document.signatures}

    def read(self, number: int) -> ScanPage:
        if self.document is None or not 1 <= number <= self.document.page_count:
            raise DamagedInputError(f"the file has no page {number}")
        return self.document.read_page(number)


def answer(channel: socket.socket, limits: DecodeLimits) -> None:
    """Serve requests until the parent closes `channel`."""
    _limit_self(limits)
    cv2.setNumThreads(1)
    Image.MAX_IMAGE_PIXELS = None  # every size is checked against `limits` before decoding
    ImageFile.LOAD_TRUNCATED_IMAGES = False
    desk = _Desk(limits, Noise.capture())
    while True:
        request, fds = receive(channel)
        if request is None:
            return
        _allow_cpu(limits.cpu_s)
        try:
            if request["op"] == "open":
                send(channel, {"ok": desk.open(request["media_type"], fds[0])})
            else:
                page = desk.read(request["number"])
                _send_page(channel, page)
        except SohoaError as error:
            send(channel, _refusal(error))
        except (MemoryError, cv2.error) as error:
            send(channel, _refusal(_translate(error)))


def _translate(error: Exception) -> SohoaError:
    if isinstance(error, MemoryError) or getattr(error, "code", 0) == cv2.Error.StsNoMem:
        return OverLimitError("decoding needs more memory than the limit allows")
    return DamagedInputError("the image data is corrupt")


def _refusal(error: SohoaError) -> Message:
    return {"error": {"kind": type(error).__name__, "what": error.what, "advice": error.advice}}


def _send_page(channel: socket.socket, page: ScanPage) -> None:
    """Pixels, then the stream, in one sealed memory file the parent can map without copying."""
    pixels = np.ascontiguousarray(page.pixels)
    stream = page.stream
    header: Message = {
        "shape": list(pixels.shape),
        "dpi": page.dpi,
        "dpi_known": page.dpi_known,
        "bilevel": page.bilevel,
        "origin": page.origin,
        "stream_turn": page.stream_turn,
        "stream": None,
        "own_text": None if page.own_text is None else asdict(page.own_text),
    }
    if stream is not None:
        header["stream"] = {
            "codec": stream.codec.value,
            "size": len(stream.data),
            "width_px": stream.width_px,
            "height_px": stream.height_px,
            "components": stream.components,
            "bits_per_component": stream.bits_per_component,
            "black_is_1": stream.black_is_1,
        }
    fd = os.memfd_create("sohoa-page", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        _write_all(fd, pixels.reshape(-1).data)
        if stream is not None:
            _write_all(fd, memoryview(stream.data))
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE)
        send(channel, {"ok": header}, (fd,))
    finally:
        os.close(fd)


def _write_all(fd: int, data: memoryview) -> None:
    while data:
        data = data[os.write(fd, data) :]


def _limit_self(limits: DecodeLimits) -> None:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages * resource.getpagesize() + limits.memory_bytes
    file_bytes = 3 * limits.max_pixels + limits.max_bytes
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MAX_OPEN_FILES, MAX_OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _allow_cpu(cpu_s: int) -> None:
    """The limit counts from the child's start, so it moves with each request; the hard limit stays."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    used_s = int(usage.ru_utime + usage.ru_stime) + 1
    resource.setrlimit(resource.RLIMIT_CPU, (used_s + cpu_s, resource.RLIM_INFINITY))
