"""What decoding libraries print on stderr, caught in a memory file instead of on the user's screen."""

import os
from dataclasses import dataclass

_LISTEN_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Noise:
    """The child's stderr. libjpeg says only there that data was missing and grey was filled in."""

    fd: int

    @classmethod
    def capture(cls) -> "Noise":
        """Put a memory file in the place of this process's stderr."""
        fd = os.memfd_create("sohoa-stderr", os.MFD_CLOEXEC)
        os.dup2(fd, 2)
        os.close(fd)
        return cls(2)

    def clear(self) -> None:
        """Forget what was said."""
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def heard(self) -> str:
        """The first lines said since `clear`."""
        return os.pread(self.fd, _LISTEN_BYTES, 0).decode("utf-8", "replace")
