# mypy: disable-error-code="import-untyped"
"""The key a deployment signs with: a PKCS#11 token, a PKCS#12 file, or the local test key."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, pkcs12

from pipeline.binding.signer import KeySigner, Signer, load_local_trust_roots, load_or_create_local_signer
from schemas.errors import SigningError
from schemas.settings import SigningSettings


def open_signer(settings: SigningSettings, test_keys: Path) -> Signer:
    """The signer that `settings` name; the test signer kept in `test_keys` where they name none.

    A key is parsed, and a token's session opened, once a process; `Signer.close` gives the session back.
    Raises `SigningError`, and `MissingDependencyError` for a token without python-pkcs11.
    """
    if settings.pkcs11 is not None:
        from pipeline.binding.token import open_token_signer  # noqa: PLC0415 -- few deployments have a token

        return open_token_signer(settings.pkcs11)
    if settings.pkcs12_file is not None:
        return load_pkcs12_signer(settings.pkcs12_file, settings.pkcs12_password_file)
    return load_or_create_local_signer(test_keys, settings.signer_name)


def load_pkcs12_signer(file: Path, password_file: Path | None = None) -> Signer:
    """The key (RSA or elliptic), certificate and chain of a .p12 file. Raises `SigningError`."""
    try:
        password = password_file.read_text(encoding="utf-8").rstrip("\r\n") if password_file else None
        return _parse_pkcs12(file.read_bytes(), password.encode() if password else None)
    except OSError as error:
        raise SigningError(f"{error.filename}: cannot be read: {error.strerror}") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise SigningError(
            f"{file}: no key can be taken from it", advice="check pkcs12_file and pkcs12_password_file"
        ) from error


@lru_cache(maxsize=4)
def _parse_pkcs12(data: bytes, password: bytes | None) -> Signer:
    held = pkcs12.load_pkcs12(data, password)
    if held.cert is None or not isinstance(held.key, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ValueError("no RSA or elliptic key with a certificate")
    others = [other.certificate for other in held.additional_certs]
    leaf = encode(held.cert.certificate)
    return Signer(
        pyhanko=KeySigner(
            held.key,
            asn1_x509.Certificate.load(leaf),
            [asn1_x509.Certificate.load(encode(other)) for other in others],
        ),
        certificate=leaf,
        trust_root=next((encode(other) for other in others if other.subject == other.issuer), None),
    )


def load_trust_roots(settings: SigningSettings, test_keys: Path) -> tuple[bytes, ...]:
    """Whom `verify` trusts: the folder that `settings` name, and the test signers in `test_keys`.

    Raises `SigningError` as `load_roots`.
    """
    named = load_roots(settings.trust_roots) if settings.trust_roots else ()
    return (*named, *load_local_trust_roots(test_keys))


def load_roots(folder: Path) -> tuple[bytes, ...]:
    """The certificates (DER) of all .pem, .crt, .cer and .der files in `folder`, each once.

    Raises `SigningError` where the folder cannot be read, a file holds no certificate, or there is none.
    """
    advice = "check trust_roots: one or more certificates a file, PEM or DER"
    roots: dict[bytes, bytes] = {}
    try:
        files = sorted(path for path in folder.iterdir() if path.suffix in {".pem", ".crt", ".cer", ".der"})
        for file in files:
            data = file.read_bytes()
            try:
                found = (
                    x509.load_pem_x509_certificates(data)
                    if b"-----BEGIN" in data
                    else [x509.load_der_x509_certificate(data)]
                )
            except ValueError as error:
                raise SigningError(f"{file}: no certificate", advice=advice) from error
            roots |= {sha256(encode(root)).digest(): encode(root) for root in found}
    except OSError as error:
        raise SigningError(f"{folder}: cannot be read: {error.strerror}", advice=advice) from error
    if not roots:
        raise SigningError(f"{folder}: no root certificate in it", advice=advice)
    return tuple(roots.values())


def encode(certificate: x509.Certificate) -> bytes:
    """DER."""
    return certificate.public_bytes(Encoding.DER)
