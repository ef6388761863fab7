"""The command `sohoa`, as tests call it."""

import subprocess
from collections.abc import Callable

Sohoa = Callable[..., "subprocess.CompletedProcess[str]"]
