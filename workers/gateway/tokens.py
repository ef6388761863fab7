"""Short-lived access tokens of one-stop clients: JWTs signed with Ed25519, one algorithm, keys by `kid`.

A token names its client only. What the client may see is read from the ledger at each request, so that a
revoked client's token, replayed, opens nothing.
"""

import hashlib
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from schemas.errors import StoreError, UnauthenticatedError
from schemas.gateway_settings import GatewaySettings

ALGORITHM = "EdDSA"
_TYPE = "at+jwt"  # RFC 9068: an access token is no other kind of JWT
_KID = re.compile(r"[0-9a-f]{16}", re.ASCII)
_LEEWAY_S = 5


@dataclass(frozen=True, slots=True)
class TokenClaims:
    """What a valid token says. `thumbprint`: of the key it is bound to (RFC 9449), if any."""

    client: str
    thumbprint: str | None


class TokenKeys:
    """The signing keys in one folder: the newest signs, all of them verify."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._keys: dict[str, Ed25519PrivateKey] = {}
        self._newest = ""
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._load()
            if not self._keys:
                self.rotate()
        except OSError as error:
            raise StoreError(f"the token keys cannot be read: {error.strerror}") from error

    def signer(self) -> tuple[str, Ed25519PrivateKey]:
        """The newest key and its `kid`."""
        return self._newest, self._keys[self._newest]

    def verifier(self, kid: object) -> Ed25519PublicKey | None:
        """The key a token says it was signed with; looked for on disk where it is new."""
        if not isinstance(kid, str) or not _KID.fullmatch(kid):
            return None
        if not (self._folder / f"{kid}.pem").is_file():
            self._keys.pop(kid, None)
            return None
        if kid not in self._keys:
            self._load()
        key = self._keys.get(kid)
        return key.public_key() if key else None

    def verifiers(self) -> tuple[tuple[str, Ed25519PublicKey], ...]:
        """Every public key there is and its `kid`, oldest first."""
        self._load()
        return tuple((kid, key.public_key()) for kid, key in self._keys.items())

    def rotate(self) -> str:
        """Make a new key that signs from now on; returns its `kid`. Old ones verify until retired."""
        key = Ed25519PrivateKey.generate()
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        kid = _name(key)
        draft = self._folder / f".{kid}.draft"
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as out:
            out.write(pem)
            out.flush()
            os.fsync(out.fileno())
        draft.rename(self._folder / f"{kid}.pem")
        self._load()
        return kid

    def retire(self, older_than_s: float, now: float) -> tuple[str, ...]:
        """Remove keys older than that, but the newest: their tokens are worth nothing from now on."""
        gone = []
        for path in self._folder.glob("*.pem"):
            if path.stem != self._newest and path.stat().st_mtime < now - older_than_s:
                path.unlink(missing_ok=True)
                gone.append(path.stem)
        return tuple(gone)

    def _load(self) -> None:
        found = sorted(self._folder.glob("*.pem"), key=lambda path: (path.stat().st_mtime_ns, path.name))
        for path in found:
            key = serialization.load_pem_private_key(path.read_bytes(), None)
            if isinstance(key, Ed25519PrivateKey) and _name(key) == path.stem:
                self._keys[path.stem] = key
                self._newest = path.stem


class Tokens:
    """Gives out and checks tokens, with this gateway's issuer and audience."""

    def __init__(self, keys: TokenKeys, settings: GatewaySettings) -> None:
        self._keys = keys
        self._settings = settings

    def name_key(self) -> str:
        """The `kid` that signs now."""
        return self._keys.signer()[0]

    def issue(self, client: str, thumbprint: str | None = None) -> str:
        """A token for `client`, good for `token_lifetime_s`; bound to a key where `thumbprint` names one."""
        kid, key = self._keys.signer()
        now = int(time.time())
        claims = {
            "iss": self._settings.issuer,
            "aud": self._settings.audience,
            "sub": client,
            "client_id": client,
            "iat": now,
            "nbf": now,
            "exp": now + self._settings.token_lifetime_s,
            "jti": uuid4().hex,
        }
        if thumbprint is not None:
            claims["cnf"] = {"jkt": thumbprint}
        return jwt.encode(claims, key, ALGORITHM, headers={"kid": kid, "typ": _TYPE})

    def check(self, token: str) -> TokenClaims:
        """What the token says. Raises `UnauthenticatedError` for anything but a token of ours, in time."""
        try:
            header = jwt.get_unverified_header(token)
            key = self._keys.verifier(header.get("kid"))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ") != _TYPE:
                raise UnauthenticatedError("the token is not one of this gateway")
            claims = jwt.decode(
                token,
                key,
                algorithms=[ALGORITHM],
                audience=self._settings.audience,
                issuer=self._settings.issuer,
                leeway=_LEEWAY_S,
                options={"require": ["exp", "iat", "nbf", "sub", "aud", "iss", "jti"], "strict_aud": True},
            )
        except jwt.ExpiredSignatureError as error:
            raise UnauthenticatedError("the token has expired", advice="ask for a new one") from error
        except (jwt.PyJWTError, ValueError, UnicodeError) as error:
            raise UnauthenticatedError("the token is not valid", advice="ask for a new one") from error
        bound = claims.get("cnf")
        thumbprint = bound.get("jkt") if isinstance(bound, dict) else None
        return TokenClaims(str(claims["sub"]), thumbprint)


def _name(key: Ed25519PrivateKey) -> str:
    raw = key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    return hashlib.sha256(raw).hexdigest()[:16]
