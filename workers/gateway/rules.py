"""Who may do what: role x endpoint x ownership, in one table that a test walks completely."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from schemas.access import Owner, Principal, Role


class Scope(StrEnum):
    """Of which dossiers, records and files a role may use an endpoint."""

    NONE = "none"
    OWN = "own"
    """A station: those it opened itself."""
    AGENCY = "agency"
    """A one-stop client: those of its agencies' records."""
    ALL = "all"


@dataclass(frozen=True, slots=True)
class Rule:
    """One endpoint's row. `public`: no key is asked for."""

    station: Scope = Scope.NONE
    onestop: Scope = Scope.NONE
    operator: Scope = Scope.NONE
    supervisor: Scope = Scope.NONE
    public: bool = False

    def of(self, role: Role) -> Scope:
        """The cell of one role."""
        scope: Scope = getattr(self, role.value)
        return scope


_PUBLIC = Rule(public=True)
_STATION = Rule(station=Scope.OWN)
_READERS = Rule(station=Scope.OWN, onestop=Scope.AGENCY, operator=Scope.ALL, supervisor=Scope.ALL)
_OFFICE = Rule(station=Scope.OWN, operator=Scope.ALL, supervisor=Scope.ALL)
_FEED = Rule(onestop=Scope.AGENCY, operator=Scope.ALL, supervisor=Scope.ALL)
_STAFF = Rule(operator=Scope.ALL, supervisor=Scope.ALL)

_DOSSIER = "/v1/dossiers/{dossier_id}"
_DOCUMENT = f"{_DOSSIER}/documents/{{ordinal}}"

RULES: Mapping[tuple[str, str], Rule] = {
    ("POST", "/v1/dossiers"): _STATION,
    ("GET", "/v1/dossiers"): _OFFICE,
    ("GET", _DOSSIER): _READERS,
    ("PUT", f"{_DOCUMENT}/pages/{{number}}"): _STATION,
    ("PATCH", f"{_DOCUMENT}/pages/{{number}}"): _STATION,
    ("PUT", f"{_DOCUMENT}/file"): _STATION,
    ("PATCH", f"{_DOCUMENT}/file"): _STATION,
    ("POST", f"{_DOSSIER}/submit"): _STATION,
    ("GET", f"{_DOSSIER}/events"): _OFFICE,
    ("POST", f"{_DOCUMENT}/pages/{{number}}/acceptance"): Rule(supervisor=Scope.ALL),
    ("POST", f"{_DOSSIER}/retry"): _STAFF,
    ("GET", "/v1/records/{record_code}/files"): _READERS,
    ("POST", "/v1/milestones"): Rule(station=Scope.OWN, onestop=Scope.AGENCY),
    ("GET", "/v1/records/{record_code}/milestones"): _READERS,
    ("GET", "/v1/files/{file_id}/content"): _READERS,
    ("HEAD", "/v1/files/{file_id}/content"): _READERS,
    ("GET", "/v1/links/{token}"): _PUBLIC,  # the token is the right
    ("HEAD", "/v1/links/{token}"): _PUBLIC,
    ("GET", "/v1/receipt-keys"): _PUBLIC,
    ("GET", "/v1/events"): _FEED,
    ("POST", "/v1/acks"): Rule(onestop=Scope.AGENCY),
    ("GET", "/v1/acks"): _FEED,
    ("GET", "/v1/statistics"): _FEED,
    ("POST", "/v1/oauth/token"): _PUBLIC,
    ("GET", "/healthz"): _PUBLIC,
    ("GET", "/readyz"): _PUBLIC,
    ("GET", "/openapi.json"): _PUBLIC,
    ("GET", "/metrics"): _STAFF,
}


def may_touch(principal: Principal, scope: Scope, owner: Owner) -> bool:
    """Does this dossier lie within the scope?"""
    if scope is Scope.ALL:
        return True
    if scope is Scope.OWN:
        return owner.office is not None and (owner.office, owner.station) == (
            principal.office,
            principal.station,
        )
    return scope is Scope.AGENCY and principal.serves(owner.record_code)
