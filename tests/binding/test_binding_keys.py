"""Keys from PKCS#12 files, and folders of trust roots."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    pkcs12,
)
from cryptography.x509.oid import NameOID

from pipeline.binding.compose import compose
from pipeline.binding.keys import load_roots, open_signer
from pipeline.binding.picture import make_picture
from pipeline.binding.sign import sign
from pipeline.binding.verify import verify
from schemas.errors import SigningError
from schemas.page import BoundPage
from schemas.settings import SigningSettings
from scripts.samples.drawn import INFO, SCAN_TIME, draw_page

NAME = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Nguyễn Thị Hường")])
Key = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@pytest.fixture(scope="module")
def unsigned() -> bytes:
    scan, upright, text = draw_page(1)
    return compose([BoundPage(make_picture(scan, upright, "compact"), text)], INFO)


def certify(key: Key) -> x509.Certificate:
    now = datetime.now(UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(NAME)
        .issuer_name(NAME)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )


def write_package(folder: Path, key: Key, password: bytes | None = None) -> Path:
    encryption = BestAvailableEncryption(password) if password else NoEncryption()
    file = folder / "key.p12"
    file.write_bytes(pkcs12.serialize_key_and_certificates(b"key", key, certify(key), None, encryption))
    return file


@pytest.mark.parametrize("curve", [None, ec.SECP256R1(), ec.SECP384R1()])
def test_rsa_and_elliptic_keys_sign(curve: ec.EllipticCurve | None, unsigned: bytes, tmp_path: Path) -> None:
    key = ec.generate_private_key(curve) if curve else rsa.generate_private_key(65537, 3072)
    signer = open_signer(SigningSettings(pkcs12_file=write_package(tmp_path, key)), tmp_path)
    signed = sign(unsigned, signer, signer_name="Nguyễn Thị Hường", scan_time=SCAN_TIME)
    assert verify(signed).intact


def test_a_key_file_is_parsed_once(tmp_path: Path) -> None:
    file = write_package(tmp_path, ec.generate_private_key(ec.SECP256R1()))
    settings = SigningSettings(pkcs12_file=file)
    assert open_signer(settings, tmp_path) is open_signer(settings, tmp_path)


def test_what_is_no_usable_key_is_told_without_the_password(tmp_path: Path) -> None:
    good = write_package(tmp_path, ec.generate_private_key(ec.SECP256R1()), "mật khẩu".encode())
    (tmp_path / "wrong").write_text("nhầm", encoding="utf-8")
    (tmp_path / "binary").write_bytes(bytes(range(128, 255)))
    (tmp_path / "garbage.p12").write_bytes(b"garbage")
    (tmp_path / "other").mkdir()
    other = write_package(tmp_path / "other", ed25519.Ed25519PrivateKey.generate())
    for file, password in (
        (good, None),
        (good, "wrong"),
        (good, "binary"),
        (good, "missing"),
        (tmp_path / "garbage.p12", None),
        (tmp_path / "missing.p12", None),
        (other, None),
    ):
        settings = SigningSettings(
            pkcs12_file=file, pkcs12_password_file=tmp_path / password if password else None
        )
        with pytest.raises(SigningError) as raised:
            open_signer(settings, tmp_path)
        assert "nhầm" not in str(raised.value)


def test_roots_come_from_a_folder_in_pem_or_der_each_once(tmp_path: Path) -> None:
    first, second = (certify(ec.generate_private_key(ec.SECP256R1())) for _ in range(2))
    (tmp_path / "a.pem").write_bytes(first.public_bytes(Encoding.PEM) + second.public_bytes(Encoding.PEM))
    (tmp_path / "b.der").write_bytes(first.public_bytes(Encoding.DER))
    (tmp_path / "note.txt").write_text("no certificate")
    assert load_roots(tmp_path) == tuple(root.public_bytes(Encoding.DER) for root in (first, second))
    (tmp_path / "c.crt").write_text("no certificate")
    with pytest.raises(SigningError, match="no certificate"):
        load_roots(tmp_path)


def test_a_folder_without_roots_is_refused(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(SigningError):
            load_roots(folder)
