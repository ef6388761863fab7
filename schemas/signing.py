"""How strongly a PDF is signed: the PAdES baseline levels, and what a signing reached of what was asked."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal, TypeAlias


class SignatureLevel(StrEnum):
    """PAdES baseline levels (ETSI EN 319 142-1, 6.1); each holds what the one before it holds."""

    B_B = "B-B"  # the signature alone
    B_T = "B-T"  # and a trusted time
    B_LT = "B-LT"  # and the chain with its revocation status, inside the file
    B_LTA = "B-LTA"  # and a time over all of that, which can be renewed for ever

    @property
    def rung(self) -> int:
        """0 for B-B to 3 for B-LTA."""
        return list(SignatureLevel).index(self)


AppearanceProfile: TypeAlias = Literal["ca-nhan", "sao-y", "luu-tru", "invisible"]
"""`ca-nhan`: digitiser, top left (TT 01/2023/TT-VPCP, Điều 8). `sao-y`: agency's copy, top right
(NĐ 30/2020/NĐ-CP). `luu-tru`: archive with the red seal, top right (TT 02/2019/TT-BNV)."""

OnFailure: TypeAlias = Literal["fail", "sign-b-b"]
"""A service is down: fail, or sign at the level that can be had and say so."""

CopyForm: TypeAlias = Literal["SAO Y", "SAO LỤC", "TRÍCH SAO"]
"""Forms of a copy (NĐ 30/2020/NĐ-CP, Điều 25)."""


@dataclass(frozen=True, slots=True)
class AgencyMark:
    """What an agency's visible signature says. `seal_png` is drawn at the size its resolution gives."""

    name: str = ""
    copy_form: CopyForm = "SAO Y"
    seal_png: bytes | None = None


NO_AGENCY = AgencyMark()


@dataclass(frozen=True, slots=True)
class SignatureOutcome:
    """Level asked and level reached; `shortfall` says why where they differ, and is None otherwise."""

    asked: SignatureLevel
    reached: SignatureLevel
    shortfall: str | None = None


@dataclass(frozen=True, slots=True)
class TrustServices:
    """Where trusted time comes from, and which roots (DER) a chain must lead to.

    Without `trust_roots` a token's chain is not judged, and levels above B-T cannot be reached.
    """

    tsa_url: str | None = None
    tsa_policy: str | None = None
    trust_roots: tuple[bytes, ...] = ()
    timeout_s: float = 10.0
    attempts: int = 3
