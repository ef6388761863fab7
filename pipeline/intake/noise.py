"""What decoding libraries print on stderr, caught in a memory file instead of on the user's screen."""

import os
import tempfile
from dataclasses import dataclass

_LISTEN_BYTES = 65536


@dataclass(frozen=True, slots=True)
class Noise:
    """The child's stderr. libjpeg says only there that data was missing and grey was filled in."""

    fd: int

    @classmethod
    def capture(cls) -> "Noise":
        """Put a memory file in the place of this process's stderr; a temporary one where there are none."""
        if hasattr(os, "memfd_create"):
            fd = os.memfd_create("sohoa-stderr", os.MFD_CLOEXEC)
            os.dup2(fd, 2)
            os.close(fd)
        else:
            with tempfile.TemporaryFile() as file:
                os.dup2(file.fileno(), 2)
        return cls(2)

    def clear(self) -> None:
        """Forget what was said."""
        os.ftruncate(self.fd, 0)
        os.lseek(self.fd, 0, os.SEEK_SET)

    def heard(self) -> str:
        """The first lines said since `clear`."""
        os.lseek(self.fd, 0, os.SEEK_SET)
        return os.read(self.fd, _LISTEN_BYTES).decode("utf-8", "replace")
