"""A PKCS#11 token (SoftHSM) signs: one session a process, given back, and the PIN is said nowhere."""

import ctypes
import logging
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import pkcs12
from pydantic import SecretStr

from pipeline.binding.compose import compose
from pipeline.binding.keys import open_signer
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import Signer, sign
from pipeline.binding.verify import verify
from schemas.errors import SigningError
from schemas.page import BoundPage
from schemas.settings import SigningSettings
from scripts.samples.authority import PASSWORD, Trust, start_trust
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page
from scripts.samples.token import MODULE, PIN, describe_tokens, make_token

pytestmark = pytest.mark.skipif(
    shutil.which("softhsm2-util") is None or not MODULE.exists(), reason="softhsm2 is missing"
)


@pytest.fixture(scope="module")
def trust(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trust]:
    made, server = start_trust(tmp_path_factory.mktemp("authority"))
    server.shutdown()
    server.server_close()
    yield made


@pytest.fixture(scope="module")
def settings(trust: Trust, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningSettings]:
    """A token with the clerk's key, certificate and issuer, and its PIN in a file."""
    folder = tmp_path_factory.mktemp("token")
    package, _ = trust.write_pkcs12("clerk", folder)
    held = pkcs12.load_pkcs12(package.read_bytes(), PASSWORD.encode())
    others = [other.certificate for other in held.additional_certs]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOFTHSM2_CONF", str(describe_tokens(folder)))
        yield SigningSettings(pkcs11=make_token(folder, held.key, held.cert.certificate, others))


@pytest.fixture
def signer(settings: SigningSettings, tmp_path: Path) -> Iterator[Signer]:
    opened = open_signer(settings, tmp_path)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


def sign_once(pdf: bytes, signer: Signer) -> bytes:
    return sign(pdf, signer, signer_name="Nguyễn Thị Hường", scan_time=SCAN_TIME)


def test_a_token_signs_with_its_chain(unsigned: bytes, signer: Signer, trust: Trust) -> None:
    report = verify(sign_once(unsigned, signer), trust_roots=[trust.certificate("root")])
    assert report.ok, report
    assert report.trusted
    assert report.signatures[0].signer_common_name == "clerk (THỬ NGHIỆM)"


def test_documents_share_one_session_and_threads_take_turns(
    unsigned: bytes, signer: Signer, settings: SigningSettings, tmp_path: Path
) -> None:
    assert open_signer(settings, tmp_path) is signer
    open_files = len(list(Path("/proc/self/fd").iterdir()))
    with ThreadPoolExecutor(4) as pool:
        signed = list(pool.map(lambda _: sign_once(unsigned, signer), range(24)))
    assert all(verify(pdf).intact for pdf in signed)
    assert len(list(Path("/proc/self/fd").iterdir())) <= open_files + 1


def test_a_closed_token_is_opened_anew(unsigned: bytes, settings: SigningSettings, tmp_path: Path) -> None:
    first = open_signer(settings, tmp_path)
    first.close()
    first.close()
    again = open_signer(settings, tmp_path)
    assert again is not first
    assert verify(sign_once(unsigned, again)).intact
    again.close()
    with pytest.raises(SigningError, match="did not sign"):
        sign_once(unsigned, again)


def test_after_the_token_was_gone_the_next_signature_logs_in_anew(unsigned: bytes, signer: Signer) -> None:
    close_all_sessions()
    with pytest.raises(SigningError, match="did not sign"):
        sign_once(unsigned, signer)
    assert verify(sign_once(unsigned, signer)).intact


def close_all_sessions() -> None:
    """What pulling the token out does to a process."""
    module, slots, count = ctypes.CDLL(str(MODULE)), (ctypes.c_ulong * 8)(), ctypes.c_ulong(8)
    assert module.C_GetSlotList(ctypes.c_ubyte(1), slots, ctypes.byref(count)) == 0
    assert module.C_CloseAllSessions(ctypes.c_ulong(slots[0])) == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"module": Path("/no/such/module.so")},
        {"token_label": "khac"},
        {"key_label": "khac"},
        {"pin_file": Path("/no/such/pin")},
        {"pin_file": None, "pin": SecretStr("000000")},
    ],
)
def test_what_is_wrong_is_told_without_the_pin(
    wrong: dict[str, object], settings: SigningSettings, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    assert settings.pkcs11 is not None
    token = settings.pkcs11.model_copy(update=wrong)
    for _ in range(2):
        with pytest.raises(SigningError) as raised:
            open_signer(settings.model_copy(update={"pkcs11": token}), tmp_path)
        told = f"{raised.value} {raised.value.__cause__!r} {caplog.text} {token!r}"
        assert PIN not in told
        assert "000000" not in told


def test_a_refused_pin_is_not_tried_again(settings: SigningSettings, tmp_path: Path) -> None:
    """A token locks after a few wrong ones, and a queue would try one for each document."""
    assert settings.pkcs11 is not None
    token = settings.pkcs11.model_copy(update={"pin_file": None, "pin": SecretStr("111111")})
    wrong = settings.model_copy(update={"pkcs11": token})
    with pytest.raises(SigningError):
        open_signer(wrong, tmp_path)
    with pytest.raises(SigningError, match="refused this PIN"):
        open_signer(wrong, tmp_path)
    open_signer(settings, tmp_path).close()
