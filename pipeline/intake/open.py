"""Open what came in: a PDF, TIFF, JPEG, PNG or a folder of page images, and give out its pages."""

import hashlib
import os
import re
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.intake.reply import read_description, read_page_reply, read_refusal
from pipeline.intake.sandbox import DecoderLostError, Sandbox
from pipeline.intake.sniff import HEAD_BYTES, MediaType, sniff
from schemas.errors import BadInputError, DamagedInputError, OverLimitError, UnsupportedInputError
from schemas.page import ScanPage
from schemas.settings import Limits

_IGNORED_NAMES = {"thumbs.db", "desktop.ini"}
"""Left by file managers; hidden files (leading dot) are skipped too."""

_CHUNK_BYTES = 1 << 20
_PAGE_IMAGES = {MediaType.TIFF, MediaType.JPEG, MediaType.PNG}


class _InputFile:
    """One regular file: what was hashed is what is decoded, or the difference is seen.

    It is open only while it is hashed and handed to the child: a folder may hold 2,000 of them.
    """

    def __init__(self, path: Path, limits: Limits, *, follow: bool = True) -> None:
        self._path = path
        self._flags = os.O_RDONLY | os.O_NONBLOCK | (0 if follow else os.O_NOFOLLOW)
        with self._open() as fd:
            self._stamp = _stamp(os.fstat(fd))
            self.size = self._stamp[1]
            if self.size > limits.max_bytes:
                raise OverLimitError(f"the file has {self.size} bytes, the limit is {limits.max_bytes}")
            self.media_type = sniff(os.pread(fd, HEAD_BYTES, 0))
            self.sha256 = _sha256(fd, self.size)

    @contextmanager
    def opened(self) -> Iterator[int]:
        """A descriptor of the file that was hashed. Raises `DamagedInputError` if it is another now."""
        with self._open() as fd:
            self._compare(os.fstat(fd))
            yield fd

    def check_unchanged(self) -> None:
        """Raise `DamagedInputError` where someone wrote to the file meanwhile or removed it."""
        try:
            self._compare(self._path.stat())
        except FileNotFoundError as error:
            raise _changed() from error

    def _compare(self, status: os.stat_result) -> None:
        if _stamp(status) != self._stamp:
            raise _changed()

    @contextmanager
    def _open(self) -> Iterator[int]:
        try:
            fd = os.open(self._path, self._flags)
        except OSError as error:
            raise BadInputError(
                f"the file cannot be opened: {error.strerror}", advice="check the path and its permissions"
            ) from error
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise UnsupportedInputError("this is no regular file")
            yield fd
        finally:
            os.close(fd)


def _stamp(status: os.stat_result) -> tuple[int, int, int]:
    return status.st_ino, status.st_size, status.st_mtime_ns


def _changed() -> DamagedInputError:
    return DamagedInputError(
        "the file was changed while it was being read", advice="wait until it is complete, then try again"
    )


def _sha256(fd: int, size: int) -> str:
    digest = hashlib.sha256()
    at = 0
    while at < size and (chunk := os.pread(fd, _CHUNK_BYTES, at)):
        digest.update(chunk)
        at += len(chunk)
    return digest.hexdigest()


class Source:
    """An open document. Safe to share between threads (pages are then decoded one after another).

    `sha256` is the file's; for a folder it is over its page files' hex digests in name order.
    `page_sha256s` holds the digest of every file, in page order: one for a single file.
    `signatures` counts the PDF signature fields that are already signed.
    """

    def __init__(self, path: Path, media_type: MediaType, files: list[_InputFile], limits: Limits) -> None:
        self.path = path
        self.media_type = media_type
        self.size = sum(file.size for file in files)
        self.page_sha256s = tuple(file.sha256 for file in files)
        self.sha256 = (
            hashlib.sha256("".join(self.page_sha256s).encode()).hexdigest()
            if media_type is MediaType.FOLDER
            else self.page_sha256s[0]
        )
        self._files = files
        self._limits = limits
        self._sandbox = Sandbox(limits)
        self._opened: _InputFile | None = None
        self._lock = threading.Lock()
        self.page_count, self.signatures = len(files), 0

    @property
    def page_sources(self) -> tuple[tuple[str, int], ...]:
        """For each page the SHA-256 of the file it is from, and its number in that file."""
        if self.media_type is MediaType.FOLDER:
            return tuple((digest, 1) for digest in self.page_sha256s)
        return tuple((self.sha256, number) for number in range(1, self.page_count + 1))

    def describe(self) -> None:
        """Fill `page_count` and `signatures`; `open_source` has done so."""
        if self.media_type is MediaType.FOLDER:
            self._check_single_pages()
        else:
            self.page_count, self.signatures = self._open(self._files[0])

    def read_bytes(self) -> bytes:
        """A single file whole, as it was hashed. Raises `DamagedInputError` if it is another now."""
        with self._files[0].opened() as fd:
            data = b"".join(iter(lambda: os.read(fd, _CHUNK_BYTES), b""))
        if hashlib.sha256(data).hexdigest() != self.sha256:
            raise _changed()
        return data

    def read_page(self, number: int) -> ScanPage:
        """Decode one page, 1-based.

        Raises `DamagedInputError`, `OverLimitError`, `UnsupportedInputError` for that page; other
        pages can still be read. Raises `ValueError` for a number the document does not have.
        """
        if not 1 <= number <= self.page_count:
            raise ValueError(f"no page {number} in a document of {self.page_count}")
        folder = self.media_type is MediaType.FOLDER
        file = self._files[number - 1 if folder else 0]
        place = 1 if folder else number
        with self._lock:
            try:
                answer, fds = self._ask_for_page(file, place)
            except DecoderLostError:  # it was dying when it was asked: once more, with a fresh one
                answer, fds = self._ask_for_page(file, place)
        try:
            return read_page_reply(answer, fds[0] if fds else None, number, self._limits)
        finally:
            for fd in fds:
                os.close(fd)

    def close(self) -> None:
        """End the decoding child; `open_source` does it."""
        self._sandbox.close()

    def _ask_for_page(self, file: _InputFile, number: int) -> tuple[dict[str, object], list[int]]:
        if self._opened is not file or not self._sandbox.alive:
            self._open(file)
        file.check_unchanged()
        return self._ask({"op": "read", "number": number})

    def _open(self, file: _InputFile) -> tuple[int, int]:
        self._opened = None
        with file.opened() as fd:
            answer, _ = self._ask({"op": "open", "media_type": file.media_type.value}, (fd,))
        described = read_description(answer)
        if described.page_count > self._limits.max_pages:
            raise OverLimitError(f"the file has more than {self._limits.max_pages} pages")
        self._opened = file
        return described.page_count, described.signatures

    def _ask(
        self, request: dict[str, object], fds: tuple[int, ...] = ()
    ) -> tuple[dict[str, object], list[int]]:
        message, received = self._sandbox.ask(request, fds)
        answer = message.get("ok")
        if isinstance(answer, dict):
            return answer, received
        for fd in received:
            os.close(fd)
        raise read_refusal(message.get("error"))

    def _check_single_pages(self) -> None:
        for position, file in enumerate(self._files, start=1):
            if file.media_type is MediaType.TIFF and self._open(file)[0] != 1:
                raise UnsupportedInputError(
                    f"page file {position} of the folder is a TIFF of several pages",
                    advice="give it as a document of its own or split it",
                )


@contextmanager
def open_source(path: Path, limits: Limits) -> Iterator[Source]:
    """Open a file or a folder of page images; everything is closed and removed at the end.

    Folders: page images in natural name order (`p2` before `p10`); hidden files and those left by
    file managers are skipped, anything else that is no page image is an error.
    Raises subclasses of `BadInputError`; `MissingDependencyError` without poppler.
    """
    if path.is_dir():
        source = Source(path, MediaType.FOLDER, _folder_files(path, limits), limits)
    else:
        file = _InputFile(path, limits)
        source = Source(path, file.media_type, [file], limits)
    try:
        source.describe()
        yield source
    finally:
        source.close()


def _folder_files(path: Path, limits: Limits) -> list[_InputFile]:
    try:
        entries = sorted(path.iterdir(), key=lambda entry: _natural(entry.name))
    except OSError as error:
        raise BadInputError(
            f"the folder cannot be opened: {error.strerror}", advice="check its permissions"
        ) from error
    entries = [e for e in entries if not e.name.startswith(".") and e.name.lower() not in _IGNORED_NAMES]
    if not entries:
        raise BadInputError("the folder holds no page images", advice="put JPEG, PNG or TIFF pages into it")
    if len(entries) > limits.max_pages:
        raise OverLimitError(f"the folder has {len(entries)} files, the limit is {limits.max_pages} pages")
    files: list[_InputFile] = []
    remaining = limits.max_bytes
    for position, entry in enumerate(entries, start=1):
        files.append(_open_page_file(entry, position, limits))
        remaining -= files[-1].size
        if remaining < 0:
            raise OverLimitError(f"the folder's files have more than {limits.max_bytes} bytes together")
    return files


def _open_page_file(entry: Path, position: int, limits: Limits) -> _InputFile:
    where = f"entry {position} of the folder"
    if entry.is_symlink() or entry.is_dir():
        raise UnsupportedInputError(
            f"{where} is a {'link' if entry.is_symlink() else 'folder'}, not a page image",
            advice="leave only page images in the folder",
        )
    try:
        file = _InputFile(entry, limits, follow=False)
    except BadInputError as error:
        raise type(error)(f"{where}: {error.what}", advice=error.advice) from error
    if file.media_type not in _PAGE_IMAGES:
        raise UnsupportedInputError(f"{where} is a PDF", advice="give it as a document of its own")
    return file


def _natural(name: str) -> tuple[tuple[tuple[int, str], ...], str]:
    """Digits compare as numbers, letters without case; the name itself settles ties."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((int(part), "") if part.isdecimal() else (-1, part) for part in parts), name
