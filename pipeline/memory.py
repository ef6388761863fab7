"""What the C library does with memory that a page gives back: keep it for the next page."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt` (glibc's malloc.h)."""

_KEPT_BYTES = 512 << 20
_LARGEST_KEPT_BYTES = 32 << 20
"""A page of A4 at 300 dpi has 26 MB; glibc takes no more than 32 here."""

_FEW_THREADS = 4
"""A guess: one page at a time was measured; many threads would wait for the lock of the one heap."""


def keep_freed_memory(threads: int) -> None:
    """Keep freed memory in this process, for up to `threads` pages at a time; nothing without glibc.

    By default large pictures go back to the system and come again as pages to be cleared: 20,600 page faults
    and 0.14 to 0.17 CPU s in the kernel a page (A4, 300 dpi, five pages), 14,200 and 0.09 to 0.12 s so.
    Heaps of other threads than the first are given back whatever the thresholds say, so all share the
    first one's.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is None:
        return
    mallopt(_MMAP_THRESHOLD, _LARGEST_KEPT_BYTES)
    mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    if threads <= _FEW_THREADS:
        mallopt(_ARENA_MAX, 1)
