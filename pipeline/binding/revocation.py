# mypy: disable-error-code="no-untyped-call, import-untyped"
"""Was a certificate of this chain revoked? By the answers kept in the file, else by asking its authority.

Judged at the time that is proven for the signature, never at the one its signer claims: who holds a stolen
key can write any date. An answer that came after the certificate ran out counts for nothing: authorities
drop such certificates from their lists (RFC 5280, 3.3).
"""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Literal

from asn1crypto import crl, ocsp, x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation.dss import DocumentSecurityStore
from pyhanko.sign.validation.errors import NoDSSFoundError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import PathValidationError, RevokedError
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.validate import async_validate_path

from pipeline.binding.services import Connection


class RevocationState(StrEnum):
    """What is known of the certificates of one chain, its root left out."""

    GOOD = "good"  # none was revoked at the moment judged
    REVOKED_LATER = "revoked_later"  # one was, after that moment: what was signed before still holds
    REVOKED = "revoked"
    NOT_CHECKED = "not_checked"  # nobody said


@dataclass(frozen=True, slots=True)
class Revocation:
    """The answer for one chain. `certificate`: whose was revoked, `revoked_at` when. `why`: not checked."""

    state: RevocationState
    source: Literal["file", "online"] | None = None
    certificate: str | None = None
    revoked_at: datetime | None = None
    why: str | None = None

    @property
    def day(self) -> str:
        """When it was revoked, ISO 8601."""
        return self.revoked_at.isoformat() if self.revoked_at else ""


NO_ROOT = Revocation(RevocationState.NOT_CHECKED, why="its chain leads to no trusted root")


@dataclass(frozen=True, slots=True)
class KeptAnswers:
    """The document security store: certificates and what their authorities said of them."""

    certificates: tuple[x509.Certificate, ...] = ()
    crls: tuple[crl.CertificateList, ...] = ()
    ocsps: tuple[ocsp.OCSPResponse, ...] = ()


def read_kept_answers(reader: PdfFileReader) -> KeptAnswers:
    """Those of the file's newest revision. Raises asn1crypto's `ValueError` and pyHanko's errors."""
    try:
        store = DocumentSecurityStore.read_dss(reader)
    except NoDSSFoundError:
        return KeptAnswers()
    return KeptAnswers(
        certificates=tuple(store.load_certs()),
        crls=tuple(crl.CertificateList.load(held.get_object().data) for held in store.crls),
        ocsps=tuple(ocsp.OCSPResponse.load(held.get_object().data) for held in store.ocsps),
    )


async def find_revocation(
    path: ValidationPath, moment: datetime, kept: KeptAnswers, connection: Connection | None
) -> Revocation:
    """The state of `path` at `moment`: by `kept`, and where that does not tell, through `connection`."""
    by_file = await _judge(path, moment, kept)
    if by_file.state is not RevocationState.NOT_CHECKED:
        return by_file
    certificates = list(path.iter_certs(include_root=False))
    end = min(certificate.not_valid_after for certificate in certificates)
    if end < datetime.now(UTC):
        why = f"{by_file.why}, and a certificate ran out {end:%Y-%m-%d}"
        return Revocation(RevocationState.NOT_CHECKED, why=why)
    if not all(held.ocsp_urls or held.crl_distribution_points for held in certificates):
        return Revocation(RevocationState.NOT_CHECKED, why="the certificate names nobody to ask")
    return by_file if connection is None else await _ask(path, moment, connection)


async def _ask(path: ValidationPath, moment: datetime, connection: Connection) -> Revocation:
    try:
        await connection.check_revocation(path)
    except RevokedError as error:
        return _tell_revoked(error, path, moment, "online")
    except (PathValidationError, TimeoutError):
        return Revocation(RevocationState.NOT_CHECKED, why="its authority gives no answer")
    return Revocation(RevocationState.GOOD, "online")


async def _judge(path: ValidationPath, moment: datetime, kept: KeptAnswers) -> Revocation:
    """By answers that are fresh now, for they know most; in an old file by those fresh at `moment`."""
    timely = _keep_timely(path, kept)
    for asked in (datetime.now(UTC), moment):
        try:
            await async_validate_path(_ask_only(path, timely, asked), path)
        except RevokedError as error:
            return _tell_revoked(error, path, moment, "file")
        except PathValidationError:  # no answer that fits, or a certificate out of date
            continue
        return Revocation(RevocationState.GOOD, "file")
    return Revocation(RevocationState.NOT_CHECKED, why="the file holds no answer that fits the time")


def _keep_timely(path: ValidationPath, kept: KeptAnswers) -> KeptAnswers:
    """Without the answers given after the first certificate of `path` ran out."""
    end = min(certificate.not_valid_after for certificate in path.iter_certs(include_root=False))
    return replace(
        kept,
        crls=tuple(held for held in kept.crls if held["tbs_cert_list"]["this_update"].native <= end),
        ocsps=tuple(
            held
            for held in kept.ocsps
            if held["response_status"].native == "successful"
            and held.response_data["produced_at"].native <= end
        ),
    )


def _ask_only(path: ValidationPath, kept: KeptAnswers, moment: datetime) -> ValidationContext:
    return ValidationContext(
        trust_roots=[path.trust_anchor],
        other_certs=kept.certificates,
        moment=moment,
        crls=kept.crls,
        ocsps=kept.ocsps,
        allow_fetching=False,
        revocation_mode="require",
        retroactive_revinfo=True,  # who is not revoked later was not revoked then
    )


def _tell_revoked(
    error: RevokedError, path: ValidationPath, moment: datetime, source: Literal["file", "online"]
) -> Revocation:
    later = error.revocation_dt > moment
    chain = list(path.iter_certs(include_root=False))
    named = chain[-1:] if error.is_ee_cert or len(chain) == 1 else chain[:-1]
    return Revocation(
        RevocationState.REVOKED_LATER if later else RevocationState.REVOKED,
        source,
        " or ".join(str(certificate.subject.native.get("common_name", "?")) for certificate in named),
        error.revocation_dt,
    )
