"""Receipts: event, SHA-256 of each rendition and who acknowledged it when, signed by this system's own key.

A receipt is a JWS (RFC 7515, EdDSA). It says nothing that the ledger does not, so that it can be made again
at any time, and anyone who has the public key can check it without asking us.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import Connection

from pipeline.ledger.acks import read_acked_files
from pipeline.ledger.audit import read_audit
from schemas.errors import BadInputError
from schemas.handover import AckedFile, AckReceipt
from schemas.settings import Settings
from workers.gateway.tokens import ALGORITHM, TokenKeys

TYPE = "sohoa-receipt+jwt"


class _Claims(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ReceiptFile(_Claims):
    """One acknowledged rendition; `acked_at` in seconds since the epoch."""

    ordinal: int
    rendition: int
    sha256: str
    acked_at: float


class ReceiptClaims(_Claims):
    """What a receipt says. `iat`: when the last file of it was acknowledged."""

    iss: str
    iat: int
    event: str
    record_code: str
    client: str
    complete: bool
    files: tuple[ReceiptFile, ...]


@dataclass(frozen=True, slots=True)
class ReceiptCheck:
    """What a check found. `signed_by`: the key; `problems`: empty where everything holds."""

    claims: ReceiptClaims
    signed_by: str
    problems: tuple[str, ...]


class ReceiptSigner:
    """Signs receipts with the newest key of a folder; the earlier ones verify for ever."""

    def __init__(self, keys: TokenKeys, issuer: str) -> None:
        self._keys = keys
        self._issuer = issuer

    def sign(self, receipt: AckReceipt) -> str | None:
        """The receipt in compact form; None while nothing of the event is acknowledged."""
        if not receipt.files:
            return None
        kid, key = self._keys.signer()
        claims = ReceiptClaims(
            iss=self._issuer,
            iat=int(max(file.acked_at for file in receipt.files)),
            event=receipt.event_id,
            record_code=receipt.record_code,
            client=receipt.client,
            complete=receipt.complete,
            files=tuple(
                ReceiptFile(
                    ordinal=file.ordinal,
                    rendition=file.rendition,
                    sha256=file.sha256,
                    acked_at=file.acked_at,
                )
                for file in receipt.files
            ),
        )
        return jwt.encode(claims.model_dump(), key, ALGORITHM, headers={"kid": kid, "typ": TYPE})

    def read(self, text: str) -> tuple[ReceiptClaims, str]:
        """What a receipt says, and the key that signed it. Raises `BadInputError` for any but one of ours."""
        try:
            header = jwt.get_unverified_header(text)
            key = self._keys.verifier(header.get("kid"))
            if key is None or header.get("alg") != ALGORITHM or header.get("typ") != TYPE:
                raise BadInputError("the receipt is not signed by this system", advice="it proves nothing")
            told = jwt.decode(text, key, algorithms=[ALGORITHM], options={"verify_iat": False})
            return ReceiptClaims.model_validate(told), str(header["kid"])
        except (jwt.PyJWTError, ValidationError, ValueError) as error:
            raise BadInputError("the receipt was changed, or is none", advice="it proves nothing") from error

    def list_public(self) -> list[dict[str, Any]]:
        """The public keys as a JSON Web Key Set has them (RFC 8037)."""
        return [
            {
                "kty": "OKP",
                "crv": "Ed25519",
                "use": "sig",
                "alg": ALGORITHM,
                "kid": kid,
                "x": base64.urlsafe_b64encode(
                    key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
                )
                .rstrip(b"=")
                .decode(),
            }
            for kid, key in self._keys.verifiers()
        ]


def open_receipts(settings: Settings) -> ReceiptSigner:
    """The signer of a home; its key is made at first use. Raises `StoreError`."""
    folder = settings.delivery.receipt_keys or settings.home.absolute() / "keys" / "receipts"
    return ReceiptSigner(TokenKeys(folder), settings.gateway.issuer)


def check_receipt(connection: Connection, signer: ReceiptSigner, text: str) -> ReceiptCheck:
    """Is the receipt ours, does the ledger say the same, and does the audit log? Raises `BadInputError`."""
    claims, kid = signer.read(text)
    known = {file.ordinal: file for file in read_acked_files(connection, claims.client, claims.event)}
    dossier_id = claims.event.rpartition(".")[0]
    logged = {
        (entry.details.get("document"), entry.details.get("rendition"), entry.details.get("sha256"))
        for entry in read_audit(connection, dossier_id)
        if entry.action == "file.acknowledged" and entry.details.get("event") == claims.event
    }
    problems = list(_compare(claims.files, known))
    problems += [
        f"paper {file.ordinal}: not on the audit log"
        for file in claims.files
        if (file.ordinal, file.rendition, file.sha256) not in logged
    ]
    return ReceiptCheck(claims, kid, tuple(problems))


def _compare(files: Sequence[ReceiptFile], known: dict[int, AckedFile]) -> list[str]:
    problems = []
    for file in files:
        kept = known.get(file.ordinal)
        if kept is None:
            problems.append(f"paper {file.ordinal}: the ledger has no acknowledgement")
        elif (kept.rendition, kept.sha256, kept.acked_at) != (file.rendition, file.sha256, file.acked_at):
            problems.append(f"paper {file.ordinal}: the ledger says otherwise")
    return problems
