"""A digitised page as bytes: what a page job stores and the document job binds."""

import json
import struct
from dataclasses import asdict, dataclass
from functools import cache

from pydantic import TypeAdapter

from schemas.errors import IntegrityError
from schemas.page import EncodedImage, PagePicture, PageText
from schemas.report import PageReport, SecondsReport

_MAGIC = b"sohoa/page@1\n"
_HEADER_LENGTH = struct.Struct(">I")
# They have served when a page is corrected.
_NOT_STORED = {"blocks": {"__all__": {"lines": {"__all__": {"words": {"__all__": {"alternatives"}}}}}}}


@dataclass(frozen=True, slots=True)
class DigitisedPage:
    """Everything a document needs of one page: no pixels, nothing to be read again. `born_digital`: the page
    of the source drew text rather than a picture of it."""

    report: PageReport
    text: PageText
    picture: PagePicture
    seconds: SecondsReport
    born_digital: bool = False


def pack_page(page: DigitisedPage) -> bytes:
    """One header of JSON, then the picture's stream as it goes into the PDF."""
    image = asdict(page.picture.image)
    data: bytes = image.pop("data")
    header = {
        "report": page.report.model_dump(mode="json"),
        "text": _page_text().dump_python(page.text, mode="json", exclude=_NOT_STORED),
        "picture": {**asdict(page.picture), "image": image},
        "born_digital": page.born_digital,
        "seconds": page.seconds.model_dump(mode="json"),
    }
    packed = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    return _MAGIC + _HEADER_LENGTH.pack(len(packed)) + packed + data


@cache
def _page_text() -> TypeAdapter[PageText]:
    """Built where it is first used (6 ms): the command line stores no pages."""
    return TypeAdapter(PageText)


def unpack_page(data: bytes) -> DigitisedPage:
    """The inverse of `pack_page`. Raises `IntegrityError` for bytes that are none."""
    start = len(_MAGIC) + _HEADER_LENGTH.size
    if len(data) < start or not data.startswith(_MAGIC):
        raise IntegrityError("a stored page result has an unknown format")
    (length,) = _HEADER_LENGTH.unpack_from(data, len(_MAGIC))
    header = json.loads(data[start : start + length])
    image = EncodedImage(**header["picture"]["image"], data=data[start + length :])
    picture = {**header["picture"], "image": image, "matrix": tuple(header["picture"]["matrix"])}
    return DigitisedPage(
        report=PageReport.model_validate(header["report"]),
        text=_page_text().validate_python(header["text"]),
        picture=PagePicture(**picture),
        born_digital=header.get("born_digital", False),
        seconds=SecondsReport.model_validate(header["seconds"]),
    )
