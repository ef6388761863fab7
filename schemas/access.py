"""Who may ask the gateway: roles, and what a key or token is bound to."""

import re
from dataclasses import dataclass
from enum import StrEnum

AGENCY_CODE = re.compile(r"[A-Z0-9]{1,8}(?:\.[A-Z0-9]{1,8}){0,7}", re.ASCII)
"""The part of a record code before its date: `H21.65`, `000.00.01.H21`; a prefix of whole parts."""

OFFICE_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}", re.ASCII)
"""A post office (its postal code, as a rule) or a station in it."""


class Role(StrEnum):
    """What a key is for."""

    STATION = "station"
    ONESTOP = "onestop"
    OPERATOR = "operator"
    SUPERVISOR = "supervisor"


KEY_MARKS = {
    Role.STATION: "sohoa_st",
    Role.ONESTOP: "sohoa_os",
    Role.OPERATOR: "sohoa_op",
    Role.SUPERVISOR: "sohoa_su",
}
"""What a key of the role begins with, so that one that was leaked is known at sight."""


@dataclass(frozen=True, slots=True)
class KeyBinding:
    """What a key is bound to: a station to its `office` (and its `station` there, `1` if not told), a
    one-stop client to `agencies`."""

    office: str | None = None
    station: str | None = None
    agencies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AccessKey:
    """One issued key as the ledger keeps it; the secret itself is kept nowhere."""

    id: str
    role: Role
    label: str
    office: str | None
    station: str | None
    agencies: tuple[str, ...]
    created_at: float
    revoked_at: float | None


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Stations have `office` and `station`, one-stop clients `agencies`."""

    key_id: str
    role: Role
    office: str | None = None
    station: str | None = None
    agencies: tuple[str, ...] = ()

    @property
    def actor(self) -> str:
        """As the audit log names it."""
        return f"{self.role}:{self.key_id}"

    def serves(self, record_code: str) -> bool:
        """Is the record one of this one-stop client's agencies?"""
        return any(
            record_code.startswith((f"{agency}-", f"{agency}.")) and "-" in record_code
            for agency in self.agencies
        )


@dataclass(frozen=True, slots=True)
class Owner:
    """To whom a dossier belongs: the station that opened it, and the record it is of."""

    dossier_id: str
    record_code: str
    office: str | None
    station: str | None
