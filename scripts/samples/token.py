"""A signing token in software (SoftHSM) with a key and its certificates, for tests and measurements."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from schemas.settings import Pkcs11Settings

MODULE = Path("/usr/lib/softhsm/libsofthsm2.so")
TOKEN, KEY, PIN = "buu-cuc", "khoa-ky", "482915"


def describe_tokens(folder: Path) -> Path:
    """Write SoftHSM's configuration for tokens below `folder`; SOFTHSM2_CONF must name it before any use."""
    (folder / "tokens").mkdir()
    configuration = folder / "softhsm2.conf"
    configuration.write_text(f"directories.tokendir = {folder / 'tokens'}\n", encoding="utf-8")
    return configuration


def make_token(
    folder: Path, key: rsa.RSAPrivateKey, leaf: x509.Certificate, others: Sequence[x509.Certificate]
) -> Pkcs11Settings:
    """A token in SOFTHSM2_CONF; its PIN lies in a file in `folder`."""
    pem, pin = folder / "key.pem", folder / "pin"
    pem.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    pin.write_text(PIN + "\n", encoding="utf-8")
    _run("--init-token", "--free", "--label", TOKEN, "--so-pin", "73910264", "--pin", PIN)
    _run("--import", str(pem), "--token", TOKEN, "--label", KEY, "--id", "01", "--pin", PIN)
    pem.unlink()
    _store_certificates(leaf, others)
    return Pkcs11Settings(module=MODULE, token_label=TOKEN, key_label=KEY, pin_file=pin)


def _run(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)


def _store_certificates(leaf: x509.Certificate, others: Sequence[x509.Certificate]) -> None:
    import pkcs11

    token = pkcs11.lib(str(MODULE)).get_token(token_label=TOKEN)
    labelled = [(leaf, "chung-thu", b"\x01"), *((other, f"ca{n}", b"") for n, other in enumerate(others))]
    with token.open(rw=True, user_pin=PIN) as session:
        for certificate, label, identity in labelled:
            session.create_object(
                {
                    pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE,
                    pkcs11.Attribute.CERTIFICATE_TYPE: pkcs11.CertificateType.X_509,
                    pkcs11.Attribute.TOKEN: True,
                    pkcs11.Attribute.LABEL: label,
                    pkcs11.Attribute.ID: identity,
                    pkcs11.Attribute.SUBJECT: certificate.subject.public_bytes(),
                    pkcs11.Attribute.VALUE: certificate.public_bytes(Encoding.DER),
                }
            )
