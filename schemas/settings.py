"""Settings: environment (`SOHOA_*`) or a TOML file (`SOHOA_CONFIG`); the embedded default needs none.

No step reads these from the air: the command line builds them once and hands them down.
"""

import os
from pathlib import Path
from typing import Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from schemas.delivery_settings import DeliverySettings
from schemas.gateway_settings import GatewaySettings
from schemas.reprocess import ComparePolicy
from schemas.signing import AppearanceProfile, CopyForm, OnFailure, SignatureLevel
from schemas.stack_settings import StackRules

QualityPolicy = Literal["strict", "normal", "lenient"]


class Limits(BaseModel):
    """What one incoming file may cost. Decoding beyond any of these is refused (exit code 3)."""

    model_config = ConfigDict(frozen=True)

    max_bytes: int = Field(default=500 * 2**20, description="size of one input file")
    max_pages: int = Field(default=2000, description="pages of one document")
    max_pixels: int = Field(
        default=120_000_000, description="pixels of one page; A3 at 600 dpi has 70 million"
    )
    decode_memory_bytes: int = Field(
        default=1536 * 2**20, description="address space of the decoding child beyond its start"
    )
    decode_cpu_s: int = Field(default=30, description="CPU seconds of the decoding child for one request")
    decode_timeout_s: float = Field(
        default=45.0, description="wall-clock seconds for one request to the child"
    )


class Pkcs11Settings(BaseModel):
    """A signing token or HSM: `SOHOA_SIGNING__PKCS11__MODULE` and so on."""

    model_config = ConfigDict(frozen=True)

    module: Path = Field(description="the vendor's PKCS#11 library (.so)")
    token_label: str
    key_label: str = Field(description="label of the private key and of its certificate")
    pin_file: Path | None = Field(default=None, description="file that holds the PIN; goes before `pin`")
    pin: SecretStr | None = Field(default=None, description="the PIN itself; never in a settings file")


class SigningSettings(BaseModel):
    """How renditions are signed: by `pkcs11`, else `pkcs12_file`, else the test certificate of `home`."""

    model_config = ConfigDict(frozen=True)

    signer_name: str = "Nhân viên bưu chính (thử nghiệm)"
    time_zone: str = "Asia/Ho_Chi_Minh"
    appearance: AppearanceProfile = "ca-nhan"
    agency_name: str = Field(default="", description="shown by `sao-y` and `luu-tru`")
    copy_form: CopyForm = "SAO Y"
    seal_file: Path | None = Field(
        default=None, description="PNG of the red seal; its dpi gives its true size"
    )

    pkcs12_file: Path | None = Field(default=None, description="key, certificate and chain (.p12, .pfx)")
    pkcs12_password_file: Path | None = None
    pkcs11: Pkcs11Settings | None = None

    signature_level: SignatureLevel = SignatureLevel.B_B
    tsa_url: str | None = Field(default=None, description="RFC 3161 time-stamping service")
    tsa_policy: str | None = Field(default=None, description="OID of the policy asked of it")
    trust_roots: Path | None = Field(default=None, description="folder of root certificates, PEM or DER")
    service_timeout_s: float = Field(
        default=10.0, gt=0, description="for one request to a TSA, OCSP or CRL server"
    )
    service_attempts: int = Field(default=3, ge=1, description="requests before a service counts as down")
    on_tsa_failure: OnFailure = Field(
        default="fail",
        description="a service is down: fail (the job is tried again), or sign now and say what is due",
    )
    revocation_online: bool = Field(
        default=False,
        description="`sohoa verify` asks authorities over HTTP where a file does not tell; else --online",
    )


class S3Settings(BaseModel):
    """An S3 service in place of the folder store: `SOHOA_S3__ENDPOINT` and so on.

    The bucket is made at first use; it has versions and an object lock, or it is refused.
    """

    model_config = ConfigDict(frozen=True)

    endpoint: str = Field(description="host, or host:port")
    bucket: str = "sohoa"
    access_key_file: Path
    secret_key_file: Path
    region: str = "us-east-1"
    secure: bool = Field(default=True, description="HTTPS; off only inside one machine or a private network")
    retention_days: int = Field(
        default=3650, ge=1, description="for so long no object can be deleted or overwritten"
    )
    retention_mode: Literal["GOVERNANCE", "COMPLIANCE"] = Field(
        default="GOVERNANCE", description="compliance: not even the owner of the bucket can shorten it"
    )
    connect_timeout_s: float = Field(default=5.0, gt=0)
    read_timeout_s: float = Field(default=30.0, gt=0, description="longest silence of the service")
    attempts: int = Field(default=3, ge=1, description="of one request before the service counts as down")


class ReprocessSettings(BaseModel):
    """How `sohoa reprocess` goes about it: `SOHOA_REPROCESS__WINDOW` and so on."""

    model_config = ConfigDict(frozen=True)

    policy: ComparePolicy = ComparePolicy()
    pages_per_hour: float | None = Field(
        default=None, gt=0, description="default rate of a run; none: no limit"
    )
    window: int = Field(
        default=64, ge=1, description="pages of runs that wait or are worked on at a time, over all workers"
    )


class Settings(BaseSettings):
    """Everything a deployment may set."""

    model_config = SettingsConfigDict(
        env_prefix="SOHOA_",
        env_nested_delimiter="__",
        toml_file=os.environ.get("SOHOA_CONFIG"),
        frozen=True,
        extra="ignore",
    )

    home: Path = Field(default_factory=lambda: platformdirs.user_data_path("sohoa"))
    engine: Literal["auto", "tesserocr", "pytesseract"] = "auto"
    ocr_model: str = "vie"
    layout: Literal["own", "tesseract"] = Field(
        default="own", description="who finds the lines; tesseract: its own layout on every page"
    )
    profile: Literal["compact", "faithful"] = "compact"
    quality_policy: QualityPolicy = Field(
        default="normal",
        description="how soon a page is sent back: strict asks for more rescans, lenient for fewer",
    )
    signed_inputs: Literal["beside", "embedded"] = Field(
        default="beside",
        description="where a signed or born-digital input is kept; embedded makes the copy PDF/A-3u",
    )
    station: str | None = Field(
        default=None, max_length=64, description="name of this scanning station, written into PDFs"
    )
    jobs: int = Field(default=0, ge=0, description="worker processes or threads; 0 means one per core")
    reading_timeout_s: float = 60.0
    limits: Limits = Limits()
    signing: SigningSettings = SigningSettings()
    gateway: GatewaySettings = GatewaySettings()
    delivery: DeliverySettings = DeliverySettings()
    stacks: StackRules = StackRules()
    job_lease_s: float = Field(default=120.0, description="how long a worker may hold a job without renewing")
    job_max_attempts: int = 3
    job_retry_delay_s: float = Field(
        default=2.0, description="first delay after a failure; doubles each attempt"
    )
    outage_delay_s: float = Field(
        default=30.0,
        description="first delay of a job whose time-stamping, OCSP or CRL service is down; it then waits as "
        "long again as it has waited, and its attempts do not count",
    )
    outage_max_delay_s: float = Field(
        default=3600.0, description="longest such delay: a service that is back is used within the hour"
    )
    sweep_interval_s: float = 1.0
    database_url: SecretStr | None = Field(
        default=None, description="postgresql://...; the ledger is a SQLite file of `home` without"
    )
    database_url_file: Path | None = Field(default=None, description="file that holds it; goes before it")
    broker_url: SecretStr | None = Field(
        default=None, description="amqp://... or amqps://...; jobs stay in the one server's process without"
    )
    broker_url_file: Path | None = Field(default=None, description="file that holds it; goes before it")
    s3: S3Settings | None = Field(default=None, description="objects are files of `home` without")
    spool_bytes: int = Field(
        default=2 * 2**30,
        ge=0,
        description="originals from S3 kept on this machine while their pages are read",
    )
    hints_ahead: int = Field(
        default=64, ge=1, description="messages of one kind and priority that wait in RabbitMQ at a time"
    )
    stop_timeout_s: float = Field(
        default=30.0, gt=0, description="how long a worker told to stop finishes the job it is at"
    )
    reprocess: ReprocessSettings = ReprocessSettings()
    check_objects_per_hour: float = Field(
        default=3600.0,
        ge=0,
        description="objects of the store that are read against the ledger in the background; 0: none",
    )

    @classmethod
    def settings_customise_sources(  # noqa: D102
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings, env_settings, TomlConfigSettingsSource(settings_cls))
