"""Everything a process needs to sign, opened once from the settings: key, look, level, services."""

from dataclasses import dataclass
from pathlib import Path

from pipeline.binding.keys import load_roots, open_signer
from pipeline.binding.sign import SignatureText, SignedPdf, sign_plainly
from pipeline.binding.signer import Signer
from schemas.errors import SigningError
from schemas.settings import SigningSettings
from schemas.signing import AgencyMark, AppearanceProfile, OnFailure, SignatureLevel, TrustServices


@dataclass(frozen=True, slots=True)
class Signing:
    """How this process signs. `close` it when the process is done with it."""

    signer: Signer
    signer_name: str
    appearance: AppearanceProfile
    agency: AgencyMark
    level: SignatureLevel
    services: TrustServices
    on_failure: OnFailure

    def sign(self, pdf: bytes, scan_time: str) -> SignedPdf:
        """See `levels.sign_to_level`; `scan_time` is ISO 8601 with zone."""
        text = SignatureText(self.signer_name, scan_time, self.appearance, self.agency)
        if self.level is SignatureLevel.B_B:
            return sign_plainly(pdf, self.signer, text)
        from pipeline.binding.levels import sign_to_level  # noqa: PLC0415 -- 0.15 s that B-B need not pay

        return sign_to_level(
            pdf,
            self.signer,
            text,
            level=self.level,
            services=self.services,
            on_failure=self.on_failure,
        )

    def close(self) -> None:
        """Give back what the key holds open."""
        self.signer.close()


def open_signing(settings: SigningSettings, test_keys: Path) -> Signing:
    """Open the key, the seal and the roots that `settings` name.

    Raises `SigningError` for what is missing or does not fit together, so that it shows before any work.
    """
    services = open_services(settings)
    if settings.signature_level is not SignatureLevel.B_B and not services.tsa_url:
        raise SigningError(
            f"the level {settings.signature_level} needs a time-stamping service",
            advice="set signing.tsa_url",
        )
    if settings.signature_level.rung > SignatureLevel.B_T.rung and not services.trust_roots:
        raise SigningError(
            f"the level {settings.signature_level} needs root certificates", advice="set signing.trust_roots"
        )
    return Signing(
        signer=open_signer(settings, test_keys),
        signer_name=settings.signer_name,
        appearance=settings.appearance,
        agency=AgencyMark(settings.agency_name, settings.copy_form, _read_seal(settings.seal_file)),
        level=settings.signature_level,
        services=services,
        on_failure=settings.on_tsa_failure,
    )


def open_services(settings: SigningSettings) -> TrustServices:
    """The services that `settings` name. Raises `SigningError` where the roots cannot be read."""
    return TrustServices(
        tsa_url=settings.tsa_url,
        tsa_policy=settings.tsa_policy,
        trust_roots=load_roots(settings.trust_roots) if settings.trust_roots else (),
        timeout_s=settings.service_timeout_s,
        attempts=settings.service_attempts,
    )


def _read_seal(file: Path | None) -> bytes | None:
    if file is None:
        return None
    try:
        return file.read_bytes()
    except OSError as error:
        raise SigningError(
            f"{file}: cannot be read: {error.strerror}", advice="check signing.seal_file"
        ) from error
