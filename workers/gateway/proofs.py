"""Proofs of possession (DPoP, RFC 9449): a token bound to the client's own key is of no use to who copied it.

A proof is for one request: its `jti` is taken once. What was seen is kept in this process, for as long as
the proof could be taken at all.
"""

import base64
import hashlib
import hmac
import json
import threading
import time
from typing import Any

import jwt
from fastapi import Request

from schemas.errors import UnauthenticatedError

ALGORITHMS = ("ES256", "EdDSA")
PROOF_LIFETIME_S = 60
"""How old a proof may be, and how far ahead the client's clock."""

_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x")}  # RFC 7638, RFC 8037
_MOST_SEEN = 100_000
_MOST_PROOF_CHARS = 4096


class Proofs:
    """Checks proofs and remembers those that were used."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}
        self._lock = threading.Lock()

    def check(self, request: Request, token: str | None) -> str:
        """The thumbprint of the key that made the request's proof; `token`: the one it must be for.

        Raises `UnauthenticatedError` for a proof that is missing, for another request or token, too old, or
        was used before.
        """
        proofs = request.headers.getlist("dpop")
        if len(proofs) != 1 or len(proofs[0]) > _MOST_PROOF_CHARS:
            raise UnauthenticatedError("one DPoP proof must come with the request")
        try:
            header = jwt.get_unverified_header(proofs[0])
            key = header.get("jwk")
            if (
                header.get("typ") != "dpop+jwt"
                or header.get("alg") not in ALGORITHMS
                or not isinstance(key, dict)
            ):
                raise UnauthenticatedError("the DPoP proof is not one")
            thumbprint = find_thumbprint(key)
            claims = jwt.decode(
                proofs[0],
                jwt.PyJWK(key, algorithm=header["alg"]).key,
                algorithms=[header["alg"]],
                options={"require": ["iat", "jti", "htm", "htu"], "verify_aud": False, "verify_iat": False},
            )
        except (jwt.PyJWTError, ValueError, TypeError, KeyError) as error:
            raise UnauthenticatedError("the DPoP proof is not valid") from error
        self._check_claims(request, claims, token)
        self._take(f"{thumbprint}:{claims['jti']}", time.time())
        return thumbprint

    def _check_claims(self, request: Request, claims: dict[str, Any], token: str | None) -> None:
        now, made = time.time(), claims["iat"]
        if not isinstance(made, int | float) or not abs(now - made) <= PROOF_LIFETIME_S:
            raise UnauthenticatedError("the DPoP proof is too old", advice="set the clock, make a new one")
        path = str(claims["htu"]).partition("?")[0]
        ours = f"{request.scope['scheme']}://{request.headers.get('host', '')}{request.url.path}"
        if claims["htm"] != request.method or path != ours:
            raise UnauthenticatedError("the DPoP proof is for another request")
        if token is not None:
            digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest()).rstrip(b"=").decode()
            if not hmac.compare_digest(str(claims.get("ath", "")).encode(), digest.encode()):
                raise UnauthenticatedError("the DPoP proof is for another token")

    def _take(self, name: str, now: float) -> None:
        with self._lock:
            if len(self._seen) > _MOST_SEEN:
                self._seen = {seen: at for seen, at in self._seen.items() if at > now - 2 * PROOF_LIFETIME_S}
            if self._seen.get(name, 0.0) > now - 2 * PROOF_LIFETIME_S:
                raise UnauthenticatedError("the DPoP proof was used before")
            self._seen[name] = now


def find_thumbprint(key: dict[str, Any]) -> str:
    """RFC 7638: SHA-256 over the public members in order. Raises `UnauthenticatedError` for a private key."""
    members = _MEMBERS.get(str(key.get("kty")))
    if members is None or "d" in key or not all(isinstance(key.get(name), str) for name in members):
        raise UnauthenticatedError("the DPoP proof carries no public key that is taken here")
    packed = json.dumps({name: key[name] for name in members}, sort_keys=True, separators=(",", ":"))
    return base64.urlsafe_b64encode(hashlib.sha256(packed.encode()).digest()).rstrip(b"=").decode()
