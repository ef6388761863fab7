# mypy: disable-error-code="no-untyped-call, import-untyped, abstract"
"""Who signs; and the local test signer: a key and certificate made on first use, plainly named as a test."""

import hashlib
import os
import secrets
import unicodedata
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from asn1crypto import cms
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.x509.oid import NameOID
from pyhanko.sign.signers import Signer as PyHankoSigner
from pyhanko_certvalidator.registry import SimpleCertificateStore

from schemas.errors import SigningError

TEST_MARK = "THỬ NGHIỆM"
"""In CN and O of every certificate made here; `verify` names such a certificate as a test."""
TEST_ORGANISATION = f"Sohoa - {TEST_MARK}, không có giá trị pháp lý"
VALID_DAYS = 3650
LONGEST_COMMON_NAME = 64
"""RFC 5280, ub-common-name; counted in bytes of UTF-8, as `cryptography` does."""

_HASHES = {"sha256": hashes.SHA256, "sha384": hashes.SHA384, "sha512": hashes.SHA512}


class FlatSigner(PyHankoSigner):
    """Hands on signed attributes as bytes: asn1crypto would encode their tree again at every level."""

    async def signed_attrs(self, *arguments: Any, **options: Any) -> cms.CMSAttributes:
        """PyHanko's door. It saves 1.5 of 21 ms of a signature."""
        attributes = await super().signed_attrs(*arguments, **options)
        return cms.CMSAttributes.load(attributes.dump())


class KeySigner(FlatSigner):
    """Signs with a key parsed once (pyHanko's SimpleSigner parses it at each signature)."""

    def __init__(
        self,
        key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey,
        leaf: asn1_x509.Certificate,
        chain: Iterable[asn1_x509.Certificate] = (),
    ) -> None:
        self._key = key
        store = SimpleCertificateStore.from_certs(chain)
        super().__init__(signing_cert=leaf, cert_registry=store, embed_roots=False)

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """PyHanko's door."""
        if dry_run:
            return bytes(self._key.key_size // 4)
        digest = _HASHES[digest_algorithm.lower()]()
        if isinstance(self._key, rsa.RSAPrivateKey):
            return self._key.sign(data, padding.PKCS1v15(), digest)
        return self._key.sign(data, ec.ECDSA(digest))


def _nothing() -> None:
    return None


@dataclass(frozen=True, slots=True)
class Signer:
    """Who signs: pyHanko's signer, its certificate (DER) and the others it sends along.

    `trust_root` is the self-signed end of the chain where it is known. `close` gives a token's session back.
    """

    pyhanko: Any
    certificate: bytes
    trust_root: bytes | None = None
    close: Callable[[], None] = _nothing

    def check_date(self) -> None:
        """Raises `SigningError` where the certificate is not valid today."""
        leaf = self.pyhanko.signing_cert
        if not leaf.not_valid_before <= datetime.now(UTC) <= leaf.not_valid_after:
            raise SigningError(
                f"the signing certificate is valid from {leaf.not_valid_before:%Y-%m-%d} "
                f"to {leaf.not_valid_after:%Y-%m-%d} only",
                advice="renew the certificate, or correct this machine's clock",
            )

    @property
    def chain_bytes(self) -> int:
        """Size of all certificates a signature carries."""
        return len(self.certificate) + sum(len(other.dump()) for other in self.pyhanko.cert_registry)


_loaded: dict[Path, Signer] = {}


def load_or_create_local_signer(folder: Path, name: str) -> Signer:
    """The test signer of `name` in `folder`, made on first use (RSA-2048, a root of its own).

    One file of mode 0600 holds key, certificate and root; it appears whole or not at all, and of
    processes that race the first one wins. The key is parsed once a process.
    Raises `SigningError` where the folder cannot be written or the file is damaged.
    """
    digest = hashlib.sha256(unicodedata.normalize("NFC", name).encode("utf-8", "replace")).hexdigest()
    path = folder.absolute() / f"test-signer-{digest[:16]}.pem"
    signer = _loaded.get(path)
    if signer is None:
        try:
            if not path.exists():
                _write_once(path, _make_credentials(name))
            signer = _parse(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SigningError(
                f"the test signing key {path} cannot be used: {type(error).__name__}",
                advice="check the folder, or delete the file: a new test key is made",
            ) from error
        _loaded[path] = signer
    return signer


def load_local_trust_roots(folder: Path) -> tuple[bytes, ...]:
    """Roots (DER) of all test signers in `folder`, for `verify`; damaged files are left out."""
    roots = []
    for path in sorted(folder.glob("test-signer-*.pem")):
        try:
            roots.append(_parse(path.read_bytes()).trust_root)
        except (OSError, ValueError):
            continue
    return tuple(root for root in roots if root is not None)


def _write_once(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        try:
            # a link fails where the name exists: another process was first, and its key stands
            os.link(draft, path)
        except FileExistsError:
            return
    finally:
        draft.unlink(missing_ok=True)


def _parse(data: bytes) -> Signer:
    key = serialization.load_pem_private_key(data, password=None)
    leaf, root = x509.load_pem_x509_certificates(data)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("not an RSA key")
    der = leaf.public_bytes(serialization.Encoding.DER)
    return Signer(
        pyhanko=KeySigner(key, asn1_x509.Certificate.load(der)),
        certificate=der,
        trust_root=root.public_bytes(serialization.Encoding.DER),
    )


def _make_credentials(name: str) -> bytes:
    root_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    root_name = _name("Gốc cục bộ")
    root = _certify(root_name, root_name, root_key, root_key, ca=True)
    leaf = _certify(_name(name), root_name, key, root_key, ca=False)
    # the root's key is dropped here: nothing else can ever be issued under it
    return b"".join(
        (
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
            leaf.public_bytes(serialization.Encoding.PEM),
            root.public_bytes(serialization.Encoding.PEM),
        )
    )


def _certify(
    subject: x509.Name, issuer: x509.Name, key: rsa.RSAPrivateKey, issuer_key: rsa.RSAPrivateKey, *, ca: bool
) -> x509.Certificate:
    now = datetime.now(UTC)
    usage = dict.fromkeys(
        ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only"), False
    )
    public = key.public_key()
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=VALID_DAYS))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=0 if ca else None), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=not ca,
                content_commitment=not ca,
                key_cert_sign=ca,
                crl_sign=ca,
                **usage,
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key()), critical=False
        )
        .sign(issuer_key, hashes.SHA256())
    )


def _name(name: str) -> x509.Name:
    shown = " ".join(
        "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", name)).split()
    )
    mark = f" ({TEST_MARK})"
    room = LONGEST_COMMON_NAME - len(mark.encode())
    common_name = shown.encode()[:room].decode(errors="ignore").rstrip() + mark
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "VN"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, TEST_ORGANISATION),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )
