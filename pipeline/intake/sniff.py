"""What a file is, told from its first bytes and never from its name."""

from enum import StrEnum

from schemas.errors import DamagedInputError, UnsupportedInputError

HEAD_BYTES = 1024
"""How much `sniff` needs. ISO 32000-1 Annex H (implementation note 13): readers accept the PDF header
anywhere in the first 1024 bytes."""

_PDF_HEADER = b"%PDF-"
_TIFF_HEADERS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


class MediaType(StrEnum):
    """What intake can open."""

    PDF = "application/pdf"
    TIFF = "image/tiff"
    JPEG = "image/jpeg"
    PNG = "image/png"
    FOLDER = "inode/directory"


def sniff(head: bytes) -> MediaType:
    """Tell the media type from the first `HEAD_BYTES` bytes of a file.

    Raises `DamagedInputError` for an empty file and `UnsupportedInputError` for anything unknown.
    """
    if not head:
        raise DamagedInputError("the file is empty")
    if head.startswith(b"\xff\xd8\xff"):
        return MediaType.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return MediaType.PNG
    if head.startswith(_TIFF_HEADERS):
        return MediaType.TIFF
    if _PDF_HEADER in head[:HEAD_BYTES]:
        return MediaType.PDF
    raise UnsupportedInputError("the file is no PDF, TIFF, JPEG or PNG, whatever its name says")
