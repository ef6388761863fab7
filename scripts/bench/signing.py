"""What a signature costs: CPU of one document, as a multiple of one raw RSA-2048 signature in the same run.

With a token (SoftHSM) it also counts what many documents leave open.
"""

import ctypes
import os
import resource
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import process_time

import numpy as np
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from pipeline.binding.compose import compose
from pipeline.binding.keys import open_signer
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import sign
from pipeline.binding.signer import Signer, load_or_create_local_signer
from schemas.page import BoundPage, DocumentInfo, Orientation, PageText, ScanPage, Skew, UprightPage
from schemas.settings import SigningSettings
from schemas.signing import AppearanceProfile
from scripts.samples.token import MODULE, describe_tokens, make_token

NAME, SCAN_TIME = "Nguyễn Thị Hường (thử nghiệm)", "2026-11-24T12:00:00+07:00"
WARM_UP = 5


@dataclass(frozen=True, slots=True)
class SigningCost:
    """CPU milliseconds of one signature of a kind."""

    kind: str
    cpu_ms: float


@dataclass(frozen=True, slots=True)
class Held:
    """What a process holds; `handle` is the token's next one (None: not told)."""

    files: int
    threads: int
    resident_mb: float
    handle: int | None


def measure_signing(documents: int) -> list[SigningCost]:
    """The raw signature first, then whole documents: key parsed and font read before the clock starts."""
    pdf = compose_page()
    with tempfile.TemporaryDirectory() as folder:
        signer = load_or_create_local_signer(Path(folder), NAME)
        key = _read_key(Path(folder))[0]
        kinds: dict[str, Callable[[], object]] = {
            "raw RSA-2048 signature": lambda: key.sign(pdf[:300], padding.PKCS1v15(), hashes.SHA256()),
            "invisible B-B": lambda: _sign(pdf, signer, "invisible"),
            "visible B-B (ca-nhan)": lambda: _sign(pdf, signer, "ca-nhan"),
        }
        return [SigningCost(kind, _measure(call, documents)) for kind, call in kinds.items()]


def measure_token(documents: int) -> tuple[SigningCost, Held, Held]:
    """Sign with one key in a token; what the process holds after the first few, and after all."""
    pdf = compose_page()
    with open_token() as signer:
        for _ in range(WARM_UP):
            _sign(pdf, signer, "invisible")
        before = look()
        cpu_ms = _measure(lambda: _sign(pdf, signer, "invisible"), documents)
        return SigningCost("invisible B-B, SoftHSM token", cpu_ms), before, look()


def tell_signing(costs: list[SigningCost], documents: int) -> str:
    """A table."""
    raw = costs[0].cpu_ms
    rows = [f"  {cost.kind}: {cost.cpu_ms:.2f} ms, {cost.cpu_ms / raw:.1f} x raw" for cost in costs]
    return "\n".join([f"CPU of one signature, mean of {documents} documents of one page", *rows])


def tell_token(before: Held, after: Held, documents: int) -> str:
    """What is held before and after."""
    made = "not told" if before.handle is None or after.handle is None else after.handle - before.handle - 1
    pairs = (
        ("open files", before.files, after.files),
        ("threads", before.threads, after.threads),
        ("resident MB", round(before.resident_mb), round(after.resident_mb)),
    )
    rows = [f"  {what}: {first} -> {last}" for what, first, last in pairs]
    return "\n".join(
        [
            f"held by the process, before and after {documents} documents through a token",
            *rows,
            f"  sessions and objects the token made in between: {made}",
        ]
    )


@contextmanager
def open_token() -> Iterator[Signer]:
    """A signer in a SoftHSM token of this process alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["SOFTHSM2_CONF"] = str(describe_tokens(folder))
        load_or_create_local_signer(folder, NAME)
        key, (leaf, root) = _read_key(folder)
        signer = open_signer(SigningSettings(pkcs11=make_token(folder, key, leaf, [root])), folder)
        try:
            yield signer
        finally:
            signer.close()


def compose_page() -> bytes:
    """An unsigned PDF/A of one page of paper grain."""
    pixels = np.random.default_rng(1).integers(200, 255, (1754, 1240), np.uint8)
    scan = ScanPage(1, pixels, 150.0, True, False, "image")
    upright = UprightPage(
        1, pixels, 150.0, True, False, Orientation(0, True), Skew(0.0, True), (1, 0, 0, 0, 1, 0)
    )
    text = PageText(width_px=1240, height_px=1754, engine="none", model="none")
    info = DocumentInfo(title="Đơn", scan_time=SCAN_TIME, source_sha256=("ab" * 32,), engine="none")
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], info)


def look() -> Held:
    """What this process holds now."""
    return Held(
        files=len(list(Path("/proc/self/fd").iterdir())),
        threads=threading.active_count(),
        resident_mb=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        handle=take_handle(),
    )


def take_handle() -> int | None:
    """The next handle the token gives out, taken with a session that is closed at once.

    SoftHSM numbers sessions and objects one by one, so two of these tell how many were made in between.
    """
    module = ctypes.CDLL(str(MODULE))
    slots, count, handle = (ctypes.c_ulong * 8)(), ctypes.c_ulong(8), ctypes.c_ulong()
    if module.C_GetSlotList(ctypes.c_ubyte(1), slots, ctypes.byref(count)) != 0:
        return None
    serial_session = ctypes.c_ulong(4)
    if module.C_OpenSession(ctypes.c_ulong(slots[0]), serial_session, None, None, ctypes.byref(handle)) != 0:
        return None
    module.C_CloseSession(handle)
    return int(handle.value)


def _sign(pdf: bytes, signer: Signer, profile: AppearanceProfile) -> bytes:
    return sign(pdf, signer, signer_name=NAME, scan_time=SCAN_TIME, profile=profile)


def _measure(call: Callable[[], object], times: int) -> float:
    for _ in range(WARM_UP):
        call()
    started = process_time()
    for _ in range(times):
        call()
    return (process_time() - started) / times * 1000


def _read_key(folder: Path) -> tuple[rsa.RSAPrivateKey, list[x509.Certificate]]:
    pem = next(folder.glob("test-signer-*.pem")).read_bytes()
    key = load_pem_private_key(pem, None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("the test signer's key is RSA")
    return key, x509.load_pem_x509_certificates(pem)
