"""The fast look at what came in, on a few threads whose decoders are warm.

Bytes are decoded in the sandboxed children of intake's fork server; the pixels' work releases Python's lock.
"""

import asyncio
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np

from pipeline.fast_look import look_at_page
from pipeline.intake.open import Source, open_source
from schemas.errors import BadInputError, DamagedInputError
from schemas.handover import FastLook
from schemas.settings import Settings


@dataclass(frozen=True, slots=True)
class Looked:
    """A file that can be opened: what it is, and what was seen of its pages (None: not looked at)."""

    media_type: str
    sha256: str
    size: int
    looks: tuple[FastLook | None, ...]


class Looker:
    """Looks at files, as many at once as there are cores. `close` it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        count = settings.gateway.decoders or len(os.sched_getaffinity(0))
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="look")

    async def look(self, path: Path, most_pages: int) -> Looked:
        """What the image alone tells of the first `most_pages` pages. Raises `BadInputError`."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, self._look, path, most_pages)

    def warm_up(self) -> None:
        """Start the fork server and load the model now, not for the first citizen. Raises `SohoaError`."""
        cv2.setNumThreads(1)
        self.check()

    def check(self) -> str:
        """Look at a small blank page. Raises `SohoaError` where that fails."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "blank.png"
            cv2.imwrite(str(path), np.full((400, 300), 255, np.uint8))
            (look,) = self._look(path, 1).looks
        return str(look.verdict) if look else ""

    def close(self) -> None:
        """End the threads after what they are at."""
        self._pool.shutdown(cancel_futures=True)

    def _look(self, path: Path, most_pages: int) -> Looked:
        with open_source(path, self._settings.limits) as source:
            looks = [
                self._look_at(source, number) if number <= most_pages else None
                for number in range(1, source.page_count + 1)
            ]
            return Looked(str(source.media_type), source.sha256, source.size, tuple(looks))

    def _look_at(self, source: Source, number: int) -> FastLook:
        try:
            seen = look_at_page(source.read_page(number), self._settings.quality_policy)
        except cv2.error as error:
            raise DamagedInputError("the page's picture cannot be measured") from error
        except BadInputError as error:
            if source.page_count == 1:
                raise
            raise type(error)(f"page {number}: {error.what}", advice=error.advice) from error
        return FastLook(seen.verdict, seen.reasons, seen.p_unreadable)
