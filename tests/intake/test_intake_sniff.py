import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intake.sniff import HEAD_BYTES, MediaType, sniff
from schemas.errors import BadInputError, DamagedInputError, UnsupportedInputError


@pytest.mark.parametrize(
    ("head", "media_type"),
    [
        (b"%PDF-1.7\n", MediaType.PDF),
        (b"\r\n junk of a mail gateway \r\n%PDF-1.4\n", MediaType.PDF),
        (b"II*\0\x08\0\0\0", MediaType.TIFF),
        (b"MM\0*\0\0\0\x08", MediaType.TIFF),
        (b"II+\0\x08\0\0\0", MediaType.TIFF),
        (b"\xff\xd8\xff\xe0\0\x10JFIF", MediaType.JPEG),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", MediaType.PNG),
    ],
)
def test_known_heads(head: bytes, media_type: MediaType) -> None:
    assert sniff(head) is media_type


@pytest.mark.parametrize(
    "head", [b"GIF89a", b"BM", b"PK\x03\x04", b"hello", b"\0" * HEAD_BYTES + b"%PDF-1.7"]
)
def test_unknown_heads(head: bytes) -> None:
    with pytest.raises(UnsupportedInputError):
        sniff(head)


def test_empty() -> None:
    with pytest.raises(DamagedInputError, match="empty"):
        sniff(b"")


@given(st.binary(max_size=64))
def test_any_bytes_end_in_a_type_or_in_bad_input(head: bytes) -> None:
    try:
        assert isinstance(sniff(head), MediaType)
    except BadInputError as error:
        assert "\n" not in str(error)
