"""What the decoding child answers, checked field by field before anything is believed or allocated."""

import fcntl
import math
import mmap
import os
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipeline.intake.wire import MAX_OWN_TEXT, Message
from schemas.errors import (
    BadInputError,
    DamagedInputError,
    EncryptedInputError,
    MissingDependencyError,
    OverLimitError,
    SohoaError,
    UnsupportedInputError,
)
from schemas.page import Codec, EncodedImage, OwnText, QuarterTurn, ScanPage
from schemas.settings import Limits

_Positive = Annotated[int, Field(ge=1)]
_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
_LINE_CHARS = 300
_KINDS: dict[str, type[SohoaError]] = {
    kind.__name__: kind
    for kind in (
        BadInputError,
        DamagedInputError,
        EncryptedInputError,
        MissingDependencyError,
        OverLimitError,
        UnsupportedInputError,
    )
}


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class Description(_Reply):
    """An opened file."""

    page_count: _Positive
    signatures: Annotated[int, Field(ge=0)]


class _Stream(_Reply):
    codec: Annotated[Codec, Field(strict=False)]
    size: _Positive
    width_px: _Positive
    height_px: _Positive
    components: Literal[1, 3]
    bits_per_component: Literal[1, 8]
    black_is_1: bool


class _OwnText(_Reply):
    text: Annotated[str, Field(max_length=MAX_OWN_TEXT)]
    visible: bool


class _Page(_Reply):
    shape: Annotated[list[_Positive], Field(min_length=2, max_length=3)]
    dpi: Annotated[float, Field(gt=0, lt=1e5)]
    dpi_known: bool
    bilevel: bool
    origin: Literal["embedded", "rasterised", "image"]
    stream: _Stream | None
    stream_turn: QuarterTurn
    own_text: _OwnText | None = None


def read_description(answer: Message) -> Description:
    """Raises `DamagedInputError` where the child's answer makes no sense."""
    try:
        return Description.model_validate(answer)
    except ValidationError as error:
        raise _nonsense() from error


def read_page_reply(answer: Message, fd: int | None, number: int, limits: Limits) -> ScanPage:
    """Map the child's sealed memory file as the page's pixels (private, nothing is copied).

    Raises `DamagedInputError` where header and file do not agree, `OverLimitError` beyond the limits.
    """
    try:
        header = _Page.model_validate(answer)
    except ValidationError as error:
        raise _nonsense() from error
    if fd is None or header.shape[2:] not in ([], [3]):
        raise _nonsense()
    if header.shape[0] * header.shape[1] > limits.max_pixels:
        raise OverLimitError(f"the page has more than {limits.max_pixels} pixels")
    pixel_bytes = math.prod(header.shape)
    stream_bytes = header.stream.size if header.stream else 0
    if stream_bytes > limits.max_bytes or not _is_sealed(fd, pixel_bytes + stream_bytes):
        raise _nonsense()
    memory = mmap.mmap(
        fd, pixel_bytes + stream_bytes, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_WRITE
    )
    stream = None
    if header.stream is not None:
        described = header.stream
        stream = EncodedImage(
            described.codec,
            memory[pixel_bytes:],
            described.width_px,
            described.height_px,
            described.components,
            described.bits_per_component,
            described.black_is_1,
        )
    return ScanPage(
        number=number,
        pixels=np.frombuffer(memory, np.uint8, pixel_bytes).reshape(header.shape),
        dpi=header.dpi,
        dpi_known=header.dpi_known,
        bilevel=header.bilevel,
        origin=header.origin,
        stream=stream,
        stream_turn=header.stream_turn if stream else 0,
        own_text=None if header.own_text is None else OwnText(**header.own_text.model_dump()),
    )


def read_refusal(refusal: object) -> SohoaError:
    """The child's refusal as an error of ours; its text is cut to one printable line."""
    if not isinstance(refusal, dict):
        return _nonsense()
    kind = _KINDS.get(str(refusal.get("kind")), DamagedInputError)
    return kind(_line(refusal.get("what")), advice=_line(refusal.get("advice")))


def _line(text: object) -> str:
    return "".join(c if c.isprintable() else " " for c in str(text)[:_LINE_CHARS])


def _is_sealed(fd: int, size: int) -> bool:
    """A memory file that nobody can write, shrink or grow any more: mapping it cannot fault later."""
    try:
        seals = fcntl.fcntl(fd, fcntl.F_GET_SEALS)
    except OSError:
        return False
    return seals & _SEALS == _SEALS and os.fstat(fd).st_size == size


def _nonsense() -> DamagedInputError:
    return DamagedInputError("the decoder gave an answer that makes no sense on this file")
