# mypy: disable-error-code="no-untyped-call, import-untyped, abstract"
"""A signing token or HSM through PKCS#11: the key never leaves it, one session serves the process.

Calls to a session take turns: a PKCS#11 session belongs to one thread at a time.
"""

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from threading import Lock
from typing import Any

from asn1crypto import x509
from pyhanko_certvalidator.registry import SimpleCertificateStore

from pipeline.binding.signer import FlatSigner, Signer
from schemas.errors import MissingDependencyError, SigningError
from schemas.settings import Pkcs11Settings

try:
    import pkcs11
    from pkcs11.util.ec import encode_ecdsa_signature
except ImportError as error:
    raise MissingDependencyError(
        "python-pkcs11 is missing", advice="pip install 'sohoa[token]', or sign with pkcs12_file"
    ) from error

_RSA = {
    "sha256": pkcs11.Mechanism.SHA256_RSA_PKCS,
    "sha384": pkcs11.Mechanism.SHA384_RSA_PKCS,
    "sha512": pkcs11.Mechanism.SHA512_RSA_PKCS,
}
_ROOM_BYTES = 512


@dataclass(frozen=True, slots=True)
class _Login:
    """An open session, the key in it, and the certificates beside it."""

    session: Any
    key: Any
    leaf: x509.Certificate
    others: list[x509.Certificate]


class TokenSigner(FlatSigner):
    """Signs with a private key inside a token. After a failure the next signature logs in anew."""

    def __init__(self, settings: Pkcs11Settings) -> None:
        self._settings = settings
        self._turn = Lock()
        self._login: _Login | None = _log_in(settings)
        self._closed = False
        self.leaf, self.others = self._login.leaf, tuple(self._login.others)
        super().__init__(
            signing_cert=self.leaf,
            cert_registry=SimpleCertificateStore.from_certs(self.others),
            embed_roots=False,
        )

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:
        """PyHanko's door. Raises `SigningError` where the token refuses."""
        if dry_run:
            return bytes(_ROOM_BYTES)
        with self._turn:
            if self._closed:
                raise SigningError("the token did not sign (it is closed)", advice="open it again")
            try:
                self._login = self._login or _log_in(self._settings)
                return _sign(self._login.key, data, digest_algorithm.lower())
            except pkcs11.PKCS11Error as error:
                self._log_out()
                raise SigningError(
                    f"the token did not sign ({type(error).__name__})", advice="check that it is plugged in"
                ) from error

    def close(self) -> None:
        """Give the session back; no signature comes after."""
        with self._turn:
            self._closed = True
            self._log_out()

    def _log_out(self) -> None:
        login, self._login = self._login, None
        if login is not None:
            with suppress(pkcs11.PKCS11Error):  # the token may be gone, and its session with it
                login.session.close()


def _sign(key: Any, data: bytes, digest: str) -> bytes:
    if key.key_type == pkcs11.KeyType.EC:  # not every token hashes for elliptic keys
        signature = key.sign(hashlib.new(digest, data).digest(), mechanism=pkcs11.Mechanism.ECDSA)
        return bytes(encode_ecdsa_signature(signature))
    return bytes(key.sign(data, mechanism=_RSA[digest]))


_opened: dict[tuple[str, str, str], Signer] = {}
_refused: set[tuple[str, str, str | None]] = set()
"""PINs a token has refused: tried once a process, for a token locks after a few."""
_opening = Lock()


def open_token_signer(settings: Pkcs11Settings) -> Signer:
    """The signer of a token, its session opened once a process and given back by `close`.

    Open it after forking. Raises `SigningError`; neither it nor anything else says the PIN.
    """
    place = (str(settings.module), settings.token_label, settings.key_label)
    with _opening:
        if place not in _opened:
            token = TokenSigner(settings)

            def close() -> None:
                with _opening:
                    _opened.pop(place, None)
                token.close()

            roots = (other.dump() for other in token.others if other.self_issued)
            _opened[place] = Signer(token, token.leaf.dump(), next(roots, None), close)
        return _opened[place]


def _log_in(settings: Pkcs11Settings) -> _Login:
    pin = _read_pin(settings)
    refusal = (str(settings.module), settings.token_label, pin)
    if refusal in _refused:
        raise SigningError(f"the token {settings.token_label!r} refused this PIN", advice="correct the PIN")
    try:
        token = pkcs11.lib(str(settings.module)).get_token(token_label=settings.token_label)
        session = token.open(user_pin=pin)
    except (pkcs11.PKCS11Error, RuntimeError) as error:
        if isinstance(error, pkcs11.PinIncorrect | pkcs11.PinInvalid | pkcs11.PinLenRange | pkcs11.PinLocked):
            _refused.add(refusal)
        raise SigningError(
            f"the token {settings.token_label!r} cannot be opened ({type(error).__name__})",
            advice="check pkcs11.module, pkcs11.token_label and the PIN",
        ) from None
    try:
        key = session.get_key(object_class=pkcs11.ObjectClass.PRIVATE_KEY, label=settings.key_label)
        return _Login(session, key, *_read_certificates(session, key))
    except (pkcs11.PKCS11Error, ValueError) as error:
        session.close()
        raise SigningError(
            f"the token has no key {settings.key_label!r} with its certificate ({type(error).__name__})",
            advice="check pkcs11.key_label",
        ) from error


def _read_certificates(session: pkcs11.Session, key: Any) -> tuple[x509.Certificate, list[x509.Certificate]]:
    """The certificate of `key` (the one with its id, else its label) and the others on the token."""
    held = [
        (item, x509.Certificate.load(item[pkcs11.Attribute.VALUE]))
        for item in session.get_objects({pkcs11.Attribute.CLASS: pkcs11.ObjectClass.CERTIFICATE})
    ]
    for kind in (pkcs11.Attribute.ID, pkcs11.Attribute.LABEL):
        for item, certificate in held:
            if key[kind] and item[kind] == key[kind]:
                return certificate, [other for _, other in held if other is not certificate]
    raise ValueError("no certificate of this key")


def _read_pin(settings: Pkcs11Settings) -> str | None:
    if settings.pin_file is not None:
        try:
            return settings.pin_file.read_text(encoding="utf-8").strip()
        except OSError as error:
            raise SigningError(
                f"{settings.pin_file}: cannot be read: {error.strerror}", advice="check pkcs11.pin_file"
            ) from error
    return settings.pin.get_secret_value() if settings.pin is not None else None
